"""llama.cpp, as users of a GGUF file run it: templates, tokens, next-token distributions, answers.

It runs in a process of its own through the package xllamacpp, reached over this machine's loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from understudy.errors import MissingExtraError, ModelError
from understudy.types import Completion, Message

TOP = 4096
"""Likeliest tokens asked for; all of them where the vocabulary is no larger."""
_LOWEST = -1e9
_SECONDS = 600.0  # for an answer, and for loading a file
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is asked stays on this machine


def need_runtime() -> None:
    """Raise MissingExtraError where the package that runs llama.cpp is missing."""
    if util.find_spec("xllamacpp") is None:
        raise MissingExtraError(
            "running the written GGUF file needs llama.cpp; install it with  pip install 'understudy[llamacpp]'  "
            "or write the file without proof with --force"
        )


class LlamaCpp:
    """A GGUF file in llama.cpp, as a LanguageModel; a context manager that ends its process.

    Raises ModelError where llama.cpp refuses the file.
    """

    def __init__(self, file: Path, *, window: int = 2048, threads: int | None = None, blank: str = "") -> None:
        """window: tokens of prompt and answer. threads: of llama.cpp; None: as many as torch takes.
        blank: what stands before an answer in the model's template."""
        need_runtime()
        self.name, self.window, self._blank = file.name, window, blank
        threads = threads or torch.get_num_threads()  # more than there are cores wait for each other
        command = [sys.executable, "-m", "understudy.export.server_process", str(file), str(window), str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            errors="replace",
        )  # fmt: skip
        self._address = ""
        self._letter: int | None = None
        assert self._process.stdout is not None
        late = threading.Timer(_SECONDS, self._process.kill)
        late.start()
        for line in self._process.stdout:
            if line.startswith("listening "):
                self._address = line.split()[1]
                break
        late.cancel()
        if not self._address:
            self.close()
            raise ModelError(f"{file.name}: llama.cpp does not load this file")

    def __enter__(self) -> LlamaCpp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as the file's own template writes it, up to where the assistant begins."""
        turns = [{"role": m.role, "content": m.content} for m in messages]
        return str(self._post("/apply-template", {"messages": turns})["prompt"])

    def tokens(self, text: str) -> list[int]:
        """Tokens of rendered text as a chat is cut, with those that the file has put before it (a BOS)."""
        asked = {"content": text, "add_special": True, "parse_special": True}
        return [int(i) for i in self._post("/tokenize", asked)["tokens"]]

    def chat_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the chat address itself reads for a conversation."""
        turns = [{"role": m.role, "content": m.content} for m in messages]
        found = self._post("/v1/chat/completions", {"messages": turns, "max_tokens": 1, "temperature": 0})
        return int(found["usage"]["prompt_tokens"])

    def next_token(self, ids: Sequence[int], top: int = TOP) -> dict[int, float]:
        """Log-probabilities of the `top` likeliest next tokens after these, by token."""
        if self._letter is None:
            self._letter = self.tokens("a")[-1]
        # Nothing is told with a token that ends the turn or is half a character, so the one written is always a letter;
        # the probabilities are those before any such wish.
        asked = {"prompt": list(ids), "n_predict": 1, "n_probs": top, "temperature": 0.0, "cache_prompt": True,
                 "logit_bias": [[self._letter, 1e6]]}  # fmt: skip
        found = self._post("/completion", asked)["completion_probabilities"][0]["top_logprobs"]
        return {int(one["id"]): float(one["logprob"]) for one in found}

    def next_tokens(self, ids: Sequence[int], places: Sequence[int]) -> list[dict[int, float]]:
        """`next_token` after the first `place` tokens, for each place in rising order: each goes on from the last."""
        return [self.next_token(ids[:place]) for place in places]

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        """At most `count` tokens written at temperature 0 after these; one that ends the turn may stand last."""
        asked = {"prompt": list(ids), "n_predict": count, "temperature": 0.0, "return_tokens": True,
                 "cache_prompt": True}  # fmt: skip
        return [int(i) for i in self._post("/completion", asked)["tokens"]]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(self.tokens(self.render(messages)))

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
    ) -> list[Completion]:
        """One completion a conversation, through the chat's template; with `choices`, the likeliest of them."""
        if choices:
            rows = self.loglikelihoods(conversations, [choices] * len(conversations))
            return [Completion(choices[max(range(len(choices)), key=row.__getitem__)], "stop", 0, 0) for row in rows]
        done = []
        for conversation in conversations:
            asked = {"prompt": self.tokens(self.render(conversation)), "n_predict": max_tokens,
                     "temperature": temperature, "stop": list(stop)}  # fmt: skip
            found = self._post("/completion", asked)
            ended: Any = "length" if found.get("stop_type") == "limit" else "stop"
            done.append(Completion(found["content"], ended, found["tokens_evaluated"], found["tokens_predicted"]))
        return done

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """Sum of log-probabilities (nats) of each option, read from the next-token distributions along it."""
        rows = []
        for conversation, each in zip(conversations, options, strict=True):
            prompt = self.render(conversation)
            seen: dict[tuple[int, ...], dict[int, float]] = {}
            start = self.tokens(prompt)
            row = []
            for option in each:
                whole = self.tokens(prompt + self._blank + option)
                at = next((i for i, (a, b) in enumerate(zip(start, whole, strict=False)) if a != b), len(start))
                total = 0.0
                for i in range(min(at, len(whole) - 1), len(whole)):
                    before = tuple(whole[:i])
                    if before not in seen:
                        seen[before] = self.next_token(before)
                    total += seen[before].get(whole[i], _LOWEST)
                row.append(total)
            rows.append(row)
        return rows

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            self._address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with _OPENER.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace")[:300]
            raise ModelError(f"{self.name}: llama.cpp refuses {path}: {said}") from error
        except OSError as error:
            raise ModelError(f"{self.name}: llama.cpp stopped while it was asked ({error})") from error
