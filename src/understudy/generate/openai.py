"""The teacher that is a model, behind an API or in this process: asked by schema, checked by quote, never twice."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from understudy.artifact import digest_json
from understudy.errors import Interrupted, TeacherError
from understudy.generate.base import Ask, Coverage, Fact, Page, Taught
from understudy.generate.config import RemoteTeacher
from understudy.generate.filters import AGREES, agreement, answer_problem, find_quote, question_problem
from understudy.generate.prompting import read_prompts
from understudy.generate.taught import RoundTrip, TaughtFact, TaughtFacts, narrow_schema, read_answers, read_facts
from understudy.generate.text import statements
from understudy.generate.values import value_type
from understudy.models.answers import strict_schema
from understudy.models.batches import BatchedEndpoint
from understudy.models.client import ModelClient, NotKept, RequestFailed, Unreachable
from understudy.models.throttle import BudgetSpent
from understudy.normal import normal
from understudy.stage import ProgressFunction
from understudy.types import Chunk, Message

_EVERY = 2.0  # seconds between two looks at what is being written
_ASKED = "\n\nAlready asked, do not ask again:\n{questions}"


@dataclass(slots=True)
class _Work:
    """What has been made of one chunk."""

    page: Page
    chunk: Chunk
    facts: list[Fact] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    problem: str = ""
    seen: set[str] = field(default_factory=set)
    questions: list[str] = field(default_factory=list)
    rounds: int = 0  # that are done


class ModelTeacher:
    """Asks a model for facts of each chunk in several rounds and keeps what passes the filters.

    A chunk fails with its reason and the others go on; what was answered is in the model's ledger, so that a
    second run asks only for what is missing. All that the ledger holds is read, and counted against the cap,
    before anything is sent.
    """

    def __init__(
        self, endpoint: ModelClient, config: RemoteTeacher, progress: ProgressFunction, logger: logging.Logger
    ) -> None:
        self.name = endpoint.teacher
        self.endpoint, self.config, self.progress, self.logger = endpoint, config, progress, logger
        prompts = read_prompts(config.prompts)
        self.system, self.user, self.check, self.focus = prompts.teach, prompts.chunk, prompts.round_trip, prompts.focus
        self.template = digest_json([self.system, self.user, self.check, list(self.focus), _ASKED])

    def teach(self, pages: Sequence[Page]) -> Taught:
        """Facts of all pages. Raises TeacherError naming endpoint and next step where every chunk failed."""
        work = [_Work(page, chunk) for page in pages for chunk in page.chunks]
        self.progress("chunks", 0, len(work))
        missing = self._kept(work)
        if self.endpoint.budget is not None and self.endpoint.budget.cap is not None:
            missing = _pages_in_turn(missing)  # what the money does not reach is not the last pages
        if isinstance(self.endpoint, BatchedEndpoint):
            self._in_batches(self.endpoint, missing)
        else:
            if missing and (there := self.endpoint.in_batches):
                self.logger.warning(
                    "generate: %d requests are in batches under way at the endpoint; what of them is wanted is asked "
                    "for again now, and paid twice. `remote: {batch: true}` takes up their answers", there,
                )  # fmt: skip
            self._side_by_side(missing, len(work))
        outcomes = {w.chunk.chunk_id: _outcome(w) for w in work}
        failed = [o for o in outcomes.values() if o.status == "failed"]
        if work and len(failed) == len(work):
            raise TeacherError(
                f"generate: the teacher answered for none of {len(work)} chunks. {work[-1].problem.rstrip('.')}. "
                "What was paid for is kept, and the same command asks only for what is missing."
            )
        if failed:
            self.logger.warning("generate: %d of %d chunks failed: %s", len(failed), len(work), failed[0].reason)
        dropped: Counter[str] = sum((w.dropped for w in work), Counter())
        used = self.endpoint.used
        usage = {"requests_sent": float(self.endpoint.sent), "prompt_tokens": float(used.prompt),
                 "completion_tokens": float(used.completion)}  # fmt: skip
        if self.endpoint.usd is not None:
            usage["usd"] = round(self.endpoint.usd, 6)
        return Taught(tuple(f for w in work for f in w.facts), outcomes, dict(dropped), usage=usage)

    def _side_by_side(self, missing: Sequence[_Work], total: int) -> None:
        """Ask about chunks, several at once, each to its end."""
        # More threads than requests at once: those that wait to ask again leave their place to others.
        pool = ThreadPoolExecutor(max_workers=_threads(self.endpoint.concurrency))
        try:
            ended: SimpleQueue[Future[bool]] = SimpleQueue()  # to wait for the set of all looks at each of them again
            for one in missing:
                pool.submit(self._chunk, one).add_done_callback(ended.put)
            left = len(missing)
            while left:
                finished = 0
                with contextlib.suppress(Empty):
                    ended.get(timeout=_EVERY).result()
                    finished = 1
                left -= finished
                doing = f" ({self.endpoint.doing})" if self.endpoint.doing else ""
                if finished or doing:
                    self.progress(f"chunks{doing}", total - left, total)
        except BaseException:
            self.endpoint.stop()  # on Ctrl-C requests under way are answered and kept; none is begun
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _in_batches(self, endpoint: BatchedEndpoint, missing: Sequence[_Work]) -> None:
        """Ask about all chunks as far as can be told what to ask, and again with the answers, until all are done."""
        steps = self.config.rounds * (2 if self.config.round_trip else 1)
        left = list(missing)
        try:
            while left := [w for w in left if not self._chunk(w)]:
                steps -= 1
                endpoint.answer(lambda how_far: self.progress(how_far, 0, None), later=max(0, steps))
        except KeyboardInterrupt as error:
            if not endpoint.under_way:
                raise
            raise Interrupted(
                f"generate: stopped. At the endpoint, {endpoint.under_way}; the same command takes up the answers. "
                "Everything finished is kept."
            ) from error

    def _kept(self, work: Sequence[_Work]) -> list[_Work]:
        """Take what the ledger holds; gives the work that is missing something."""
        asked = self.config.model_dump(
            exclude={"price", "prompts", "max_usd", "batch", "concurrency", "timeout_seconds", "max_retries"}
        )
        chunks = sorted(
            w.chunk.chunk_id + hashlib.sha256(w.chunk.text.encode("utf-8", "replace")).hexdigest() for w in work
        )
        self.endpoint.begin(digest_json([self.endpoint.content, self.template, asked, chunks]))
        if self.endpoint.ledger is None:
            return list(work)
        self.endpoint.only_kept = True
        try:
            missing = [w for w in work if not self._chunk(w)]
        finally:
            self.endpoint.only_kept = False
        self.progress("chunks", len(work) - len(missing), len(work))
        return missing

    def _chunk(self, work: _Work) -> bool:
        """Ask all rounds that are not done; whether the chunk is."""
        while work.rounds < self.config.rounds:
            try:
                self._round(work, work.rounds)
            except NotKept:
                return False
            except BudgetSpent as error:
                work.problem = f"budget: {error}"
                return True
            except Unreachable as error:
                work.problem = str(error)
                return True
            except RequestFailed as error:
                work.problem = str(error)
            work.rounds += 1
        return True

    def _round(self, work: _Work, number: int) -> None:
        chunk, config = work.chunk, self.config
        n_facts = math.ceil(config.pairs_per_round / config.wordings)
        asked = _ASKED.format(questions="\n".join(f"- {q}" for q in work.questions)) if work.questions else ""
        user = self.user.format(
            title=chunk.title, section=" › ".join(chunk.heading_path) or chunk.title, text=chunk.text.strip(),
            facts=n_facts, wordings=config.wordings, focus=self.focus[number % len(self.focus)], asked=asked,
        )  # fmt: skip
        messages = (Message("system", self.system.format(wordings=config.wordings)), Message("user", user))
        taught, dropped = self.endpoint.complete_read(
            messages,
            lambda reply: read_facts(reply.text, cut=reply.finish_reason == "length"),
            self._schema(chunk, n_facts),
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            template=self.template,
        )
        seen, lost = set(work.seen), work.dropped.copy()
        try:
            work.dropped += dropped
            kept = [fact for told in taught if (fact := self._checked(work, told)) is not None]
            if config.round_trip and kept:
                kept = self._round_trip(work, kept)
        except TeacherError:
            work.seen, work.dropped = seen, lost  # the round is asked again, or lost as a whole
            raise
        work.facts += kept
        work.questions += [ask.questions[0] for fact in kept for ask in fact.asks]

    def _schema(self, chunk: Chunk, facts: int) -> dict[str, Any]:
        """What a reply looks like. A model that is held to it can quote nothing but a statement of the chunk."""
        quotes = statements(chunk.text) if self.endpoint.held else ()
        return narrow_schema(facts, self.config.wordings, quotes) if quotes else strict_schema(TaughtFacts)

    def _checked(self, work: _Work, taught: TaughtFact) -> Fact | None:
        """The fact if its quote stands in the chunk and its answer stands alone, with the questions that do."""
        quote = find_quote(taught.quote, work.chunk.text)
        problem = "quote not in the chunk" if quote is None else answer_problem(taught.answer)
        if quote is None or problem:
            work.dropped[problem or ""] += len(taught.questions)
            return None
        questions = []
        for question in (q.strip() for q in taught.questions):
            wrong = question_problem(question) or ("duplicate question" if normal(question) in work.seen else None)
            if wrong:
                work.dropped[wrong] += 1
                continue
            work.seen.add(normal(question))
            questions.append(question)
        if not questions:
            return None
        option = taught.option.strip().rstrip(".") or taught.answer.strip().rstrip(".")
        ask = Ask(taught.kind, tuple(questions), taught.answer.strip(), option, value_type(option),
                  normal(questions[0]), normal(questions[0]))  # fmt: skip
        identity = hashlib.sha256(f"{work.chunk.chunk_id}\x00{quote}\x00{questions[0]}".encode()).hexdigest()[:16]
        return Fact(identity, work.chunk.chunk_id, work.chunk.doc_id, quote, (ask,))

    def _round_trip(self, work: _Work, facts: list[Fact]) -> list[Fact]:
        """Facts whose question another call answers the same way from the chunk alone."""
        asked = "\n".join(f"{i}. {fact.asks[0].questions[0]}" for i, fact in enumerate(facts, 1))
        messages = (
            Message("system", self.check),
            Message("user", f"<excerpt>\n{work.chunk.text.strip()}\n</excerpt>\n\n{asked}"),
        )
        answers = self.endpoint.complete_read(
            messages,
            lambda reply: read_answers(reply.text),
            strict_schema(RoundTrip),
            max_tokens=self.config.max_tokens,
            temperature=0.0,
            template=self.template,
        )
        kept = []
        for i, fact in enumerate(facts):
            ask = fact.asks[0]
            said = answers[i] if i < len(answers) else "unknown"
            if max(agreement(said, ask.answer), agreement(said, ask.option)) >= AGREES:
                kept.append(fact)
            else:
                work.dropped["round trip disagrees"] += len(ask.questions)
        return kept


def _pages_in_turn(work: Sequence[_Work]) -> list[_Work]:
    """The first chunk of each page, then the second of each, and so on."""
    turn: Counter[str] = Counter()
    turns = []
    for place, one in enumerate(work):
        turns.append((turn[one.chunk.doc_id], place))
        turn[one.chunk.doc_id] += 1
    return [work[place] for _, place in sorted(turns)]


def _threads(concurrency: int) -> int:
    """One at a time stays one after another."""
    return 1 if concurrency == 1 else min(512, 4 * concurrency)


def _outcome(work: _Work) -> Coverage:
    chunk = work.chunk
    if work.facts:
        return Coverage(chunk.chunk_id, chunk.doc_id, "accepted", work.problem, facts=len(work.facts))
    if work.problem:
        return Coverage(chunk.chunk_id, chunk.doc_id, "failed", work.problem)
    most = work.dropped.most_common(1)
    return Coverage(chunk.chunk_id, chunk.doc_id, "rejected", most[0][0] if most else "the teacher found no fact in it")
