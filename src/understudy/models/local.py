"""A model of this process behind a ledger: its answers are written together, held to the schema that is asked for.

No money is spent. An answer's draws hang on its request alone, so that the same request gets the same answer whatever
is written beside it (but for the last digits of a batch's arithmetic).
"""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from pathlib import Path

from understudy.errors import ModelError
from understudy.failures import first_line
from understudy.models.answers import scrub
from understudy.models.client import ModelClient, NothingSaid, Request, RequestFailed, Unreachable
from understudy.models.ledger import Ledger, Reply, Tokens
from understudy.models.open import open_language_model
from understudy.models.reader import TransformersModel, Turn
from understudy.models.ref import ModelRef
from understudy.models.resolve import identity
from understudy.models.together import Together
from understudy.redact import redact
from understudy.types import Completion

_CACHE_BYTES = 1 << 30  # keys and values of the rows that are written at once, on a processor
_FEWEST_TOKENS, _MOST_TOKENS = 8192, 65536


@dataclass(slots=True)
class _Job:
    turn: Turn
    done: Future[Completion] = field(default_factory=Future)
    gone: bool = False


class LocalModel(ModelClient):
    """Answers by a model of this process. reader: opened. label: as people call it; content: stands for what it is."""

    held = True

    def __init__(
        self, reader: TransformersModel, content: str, label: str, *, ledger: Ledger | None, concurrency: int = 8
    ) -> None:
        super().__init__(label, label, content=f"local:{content}", ledger=ledger, budget=None, concurrency=concurrency)
        if not reader.flows:
            raise ModelError(
                f"{label}: it keeps no key of every token, so that its answers cannot be held to a schema; "
                "serve it and name the address, openai:model@http://127.0.0.1:8000/v1"
            )
        self.reader = reader
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._all: dict[int, _Job] = {}
        self._pieces = 0
        self._thread = threading.Thread(target=self._work, name=f"teacher {label}", daemon=True)
        self._thread.start()

    @property
    def usd(self) -> float:
        return 0.0

    @property
    def doing(self) -> str:
        return f"{self._pieces:,} tokens written"

    def stop(self) -> None:
        """Write nothing more: what was begun is given up."""
        super().stop()
        with self._lock:
            for job in self._all.values():
                self._end(job, Unreachable(f"{self.name}: stopped"))

    def close(self) -> None:
        """Stop, and let go of the model."""
        self.stop()
        self._waiting.put(None)
        self._thread.join(timeout=30)

    def _ask(self, request: Request) -> Reply:
        params = request.params
        try:
            guide = None if request.schema is None else self.reader.constrainer.guide(request.schema)
        except ModelError as error:
            raise Unreachable(f"{self.model}: {error}") from error
        job = _Job(
            Turn(
                request.messages,
                params["max_tokens"],
                params.get("temperature", 0.0),
                tuple(params.get("stop", ())),
                guide,
                int(request.key[:15], 16),
            )
        )
        charge = None
        if self.ledger is not None:
            charge = self.ledger.charge(request.key, self._scope or "", self.model, Tokens())
        with self._lock:
            if self._stopped.is_set():
                raise Unreachable(f"{self.name}: stopped")
            self.sent += 1
            self._all[id(job)] = job
        self._waiting.put(job)
        try:
            said = job.done.result()
        except ModelError as error:
            if self.ledger is not None and charge is not None:
                self.ledger.settle(charge, Tokens(), redact(str(error)))
            raise RequestFailed(f"{self.model}: {error}") from error
        finally:
            with self._lock:
                self._all.pop(id(job), None)
        reply = Reply(scrub(said.text), said.finish_reason, said.prompt_tokens, said.completion_tokens)
        with self._lock:
            self.used = Tokens(self.used.prompt + said.prompt_tokens, self.used.completion + said.completion_tokens)
        if not reply.text.strip():
            raise NothingSaid(f"{self.model}: an empty answer")
        if self.ledger is not None:
            self.ledger.put(request.key, self.model, reply, charge)
        return reply

    # ── the thread that writes ──────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            if job.gone:
                continue
            together = Together(self.reader, self._waiting)
            try:
                for each, text, done in together.answers(job):
                    self._pieces += bool(text)
                    if done is not None:
                        self._end(each, done)
            except BaseException as error:
                for each in (job, *together.open.values()):
                    self._end(each, Unreachable(f"{self.model}: cannot go on writing: {first_line(error)[:200]}"))

    @staticmethod
    def _end(job: _Job, done: Completion | Exception) -> None:
        job.gone = True
        with contextlib.suppress(InvalidStateError):  # it was given up meanwhile
            if isinstance(done, Exception):
                job.done.set_exception(done)
            else:
                job.done.set_result(done)


def open_local(ref: str, *, ledger: Ledger | None, concurrency: int = 8, device: str = "auto") -> LocalModel:
    """The model behind a reference with weights: folder, hub, GGUF or bundled.

    Raises InputError and ModelError as `open_language_model` does, ModelError for one whose answers cannot be held to
    a schema.
    """
    reader = open_language_model(ref, device=device)
    assert isinstance(reader, TransformersModel)
    if reader.device.type == "cpu":
        reader.batch_tokens = max(_FEWEST_TOKENS, min(_MOST_TOKENS, _CACHE_BYTES // cache_bytes(reader)))
    return LocalModel(reader, str(identity(ref)), label(ref), ledger=ledger, concurrency=concurrency)


def label(ref: str) -> str:
    """The model as people call it, without the folders of this machine."""
    parsed = ModelRef.parse(ref)
    if parsed.scheme in ("folder", "gguf"):
        return f"{parsed.scheme}:{Path(parsed.name).name}"
    return str(parsed)


def cache_bytes(reader: TransformersModel) -> int:
    """Bytes of keys and values of one token."""
    config = reader.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * reader.model.dtype.itemsize)
