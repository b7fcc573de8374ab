"""Free answers: what a person is told who asks an arm, on questions with an answer and on such that have none.

An arm is asked as `understudy ask` asks it: the model's words count as the answer where a passage supports them, else
the passage's own sentence, else the abstention. A question without an answer is one whose page, and whatever else holds
its answer, was taken out of what is searched: it is as near to the documentation as a question can be, and nothing that
is read answers it. So only arms that search can be asked such questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.artifact import read_records, write_records
from understudy.benchmark.arms import ArmRun, slug
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.questions import spread
from understudy.benchmark.summary import Free, FreeDifference, FreeRow
from understudy.errors import UnderstudyError
from understudy.evaluation import intervals
from understudy.evaluation.judge import match
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.evaluation.response import Response, respond
from understudy.evaluation.support import Topic
from understudy.normal import normal
from understudy.prompts import ABSTAIN, with_passages
from understudy.prompts import passage as shown
from understudy.stage import RunContext
from understudy.types import Answerer, Arm, Chunk, Hit, MCQItem, Prompt, Retriever

FREE_FILE = "free.jsonl"
_SPARE = 30  # hits beyond those that are taken out
_POINTS_AT_OPTIONS = re.compile(r"\b(of these|of the following|following|which one|option)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FreeAnswer:
    """One question that an arm was asked freely.

    answerable: whether what is searched holds its answer. told: what the person reads; own: what the model wrote.
    sentence, place: what stands behind it. right, own_right: whether that says the same as the reference.
    """

    arm: str
    item_id: str
    doc_id: str
    question: str
    reference: str
    answerable: bool
    told: str
    own: str
    sentence: str
    place: str
    quoted: bool
    abstained: bool
    right: bool
    own_right: bool


def measure_free(
    config: BenchmarkConfig,
    questions: Sequence[Question],
    chunks: Sequence[Chunk],
    runs: Sequence[ArmRun],
    labels: Mapping[str, str],
    open_arm: Callable[[Arm], Answerer],
    ctx: RunContext,
) -> tuple[Free | None, list[FreeAnswer]]:
    """What each arm that a person could ask is worth to them, and every answer; None where it is switched off."""
    able = [q.item for q in questions if not _POINTS_AT_OPTIONS.search(q.item.question)]
    asked = spread(able, config.free.answerable) if config.free.answerable else []
    beyond = spread(able[::-1], config.free.unanswerable) if config.free.unanswerable else []
    arms = [run.arm for run in runs if not run.error and run.arm.context in ("closed-book", "rag")]
    if not (asked or beyond) or not arms:
        return None, []
    topic = Topic(chunks)
    answers: list[FreeAnswer] = []
    for arm in arms:
        file = ctx.work / "free" / f"{slug(arm.name)}.jsonl"
        if not file.is_file():
            ctx.progress(f"{arm.name}, free answers", 0, None)
            try:
                write_records(file, _ask(config, arm.name, open_arm(arm), topic, chunks, asked, beyond))
            except UnderstudyError as error:  # its choices among options are measured all the same
                ctx.logger.warning("%s gave no free answers: %s", arm.name, error)
                continue
        answers += read_records(file, FreeAnswer)
    asked_freely = list(dict.fromkeys(a.arm for a in answers))
    return (_summed(config, asked_freely, answers, labels, ctx.seed) if asked_freely else None), answers


def write_free(folder: Path, answers: Sequence[FreeAnswer]) -> None:
    """Write every free answer for a person to read."""
    if answers:
        write_records(folder / FREE_FILE, answers)


def _ask(
    config: BenchmarkConfig,
    name: str,
    answerer: Answerer,
    topic: Topic,
    chunks: Sequence[Chunk],
    asked: Sequence[MCQItem],
    beyond: Sequence[MCQItem],
) -> list[FreeAnswer]:
    prompts = [(item, True, answerer.prepare(item.question)) for item in asked]
    retriever: Retriever | None = getattr(answerer, "retriever", None)
    if retriever is not None:
        top_k = int(getattr(answerer, "top_k", 5))
        prompts += [(item, False, _without(retriever, top_k, item, chunks)) for item in beyond]
    spoken = [not p.hits or topic.covers_in(item.question, [h.chunk for h in p.hits]) for item, _, p in prompts]
    to_write = [k for k, found in enumerate(spoken) if found]
    completions = answerer.reader.generate([prompts[k][2].messages for k in to_write], max_tokens=config.max_tokens)
    written = {k: completion.text for k, completion in zip(to_write, completions, strict=True)}
    found = []
    for k, (item, answerable, prompt) in enumerate(prompts):
        if k in written:
            told = respond(topic, answerer.reader, item.question, written[k], prompt)
        else:
            told = Response(ABSTAIN, "", abstained=True)
        found.append(_answer(name, item, answerable, told))
    return found


def _without(retriever: Retriever, top_k: int, item: MCQItem, chunks: Sequence[Chunk]) -> Prompt:
    """The question with the passages that are found where its page, and what holds its answer, does not exist."""
    key, quote = normal(item.options[item.correct]), normal(item.quote)

    def holds(chunk: Chunk) -> bool:
        text = normal(chunk.text)
        return chunk.doc_id == item.doc_id or key in text or bool(quote and quote in text)

    of_page = sum(chunk.doc_id == item.doc_id for chunk in chunks)
    hits = [h for h in retriever.search(item.question, top_k + of_page + _SPARE) if not holds(h.chunk)][:top_k]
    kept = tuple(Hit(h.chunk, h.score) for h in hits)
    return Prompt(with_passages(item.question, [shown(h.chunk) for h in kept][::-1]), kept)


def _answer(arm: str, item: MCQItem, answerable: bool, told: Response) -> FreeAnswer:
    right = {text: match(text, item.options) == item.correct for text in (told.text, told.own)}
    support = told.support
    return FreeAnswer(
        arm=arm,
        item_id=item.item_id,
        doc_id=item.doc_id,
        question=item.question,
        reference=item.options[item.correct],
        answerable=answerable,
        told=told.text,
        own=told.own,
        sentence=support.sentence if support else "",
        place=support.chunk.where if support else "",
        quoted=told.quoted,
        abstained=told.abstained,
        right=answerable and right[told.text],
        own_right=answerable and right[told.own],
    )


def _summed(
    config: BenchmarkConfig, arms: Sequence[str], answers: Sequence[FreeAnswer], labels: Mapping[str, str], seed: int
) -> Free:
    def share(arm: str, answerable: bool, of: Callable[[FreeAnswer], bool]) -> Interval:
        mine = [a for a in answers if a.arm == arm and a.answerable == answerable]
        values = [float(of(a)) for a in mine]
        clusters = [labels[a.item_id] for a in mine]
        return intervals.interval(values, clusters, paired=False, confidence=config.confidence, seed=seed)

    rows = tuple(
        FreeRow(
            arm=arm,
            right=share(arm, True, lambda a: a.right),
            own_right=share(arm, True, lambda a: a.own_right),
            supported=share(arm, True, lambda a: bool(a.sentence)),
            right_and_supported=share(arm, True, lambda a: a.right and bool(a.sentence)),
            refused=share(arm, True, lambda a: a.abstained),
            refused_without_answer=share(arm, False, lambda a: a.abstained),
        )
        for arm in arms
    )
    right = {(a.arm, a.item_id): float(a.right) for a in answers if a.answerable}
    differences = []
    for first, second in (("sft", "base"), ("sft+rag", "base+rag"), ("sft+rag", "sft"), ("base+rag", "base")):
        both = [i for arm, i in right if arm == first and (second, i) in right]
        if both:
            values = [right[first, i] - right[second, i] for i in both]
            found = intervals.interval(
                values, [labels[i] for i in both], paired=True, confidence=config.confidence, seed=seed
            )
            differences.append(FreeDifference(first, second, found))
    return Free(rows, tuple(differences), "text")
