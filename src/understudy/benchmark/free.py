"""Free answers: what a person is told who asks an arm, on questions with an answer and on such that have none.

An arm is asked as `understudy ask` asks it (`evaluation/response.py`): the model's words count as the answer where it
may speak and a passage supports them, else the passages' own sentences, of which one must be right, else the
abstention. A question without an answer is one whose page, and whatever else may hold its answer, was taken out of what
is searched: it is as near to the documentation as a question can be, and nothing that is read answers it. So only arms
that search can be asked such questions. A person's own questions say themselves which have no answer, and every arm is
asked them.

The questions are those that `generate` wrote (`open_questions.jsonl`), a person's own, or, of an imported exam, its.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from understudy.answer import asked_freely
from understudy.artifact import read_records, write_records
from understudy.benchmark.arms import ArmRun, slug
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.summary import Free, FreeDifference, FreeRow
from understudy.errors import UnderstudyError
from understudy.evaluation import intervals
from understudy.evaluation.items import spread
from understudy.evaluation.judge import judged
from understudy.evaluation.open_questions import NOT_TREATED, missing, of_exam, read_open, right, taken_out
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.evaluation.response import Response, reading
from understudy.evaluation.support import Topic
from understudy.normal import normal
from understudy.prompts import ABSTAIN, with_passages
from understudy.prompts import passage as shown
from understudy.stage import RunContext
from understudy.types import Answerer, Arm, Chunk, Hit, LanguageModel, OpenQuestion, Prompt, Retriever

FREE_FILE = "free.jsonl"
_SPARE = 30  # hits beyond those that are taken out
_HELD = 0.6  # of the answer's telling words: a passage that holds as many may answer the question
_BLOCK = 8  # questions asked between two savings
_PAIRED = (("sft", "base"), ("sft+rag", "base+rag"), ("sft+rag", "sft"), ("base+rag", "base"))


Sort = Literal["answered", "not answered", "not treated"]


@dataclass(frozen=True, slots=True)
class FreeAnswer:
    """One question that an arm was asked freely.

    answerable: whether what is searched holds its answer. told: what the person reads; own: what the model wrote.
    sentence, place: what stands behind it. right, own_right: whether that says the same as the reference; of two
    sentences of the documentation, one of them. missing: key terms and numbers of the reference that what is told does
    not say. source: why it has no answer, or which facts it is about.
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
    missing: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Material:
    """What free questions are made of. exam: the questions that the arms were asked with options. written: those of
    `generate`; None where the exam is not its, or where it wrote none."""

    exam: Sequence[Question]
    written: Sequence[OpenQuestion] | None


@dataclass(frozen=True)
class _Asked:
    """What every arm is asked, and what the report calls it."""

    questions: Sequence[OpenQuestion]
    source: str


def measure_free(
    config: BenchmarkConfig,
    material: Material,
    chunks: Sequence[Chunk],
    runs: Sequence[ArmRun],
    labels: Mapping[str, str],
    open_arm: Callable[[Arm], Answerer],
    ctx: RunContext,
) -> tuple[Free | None, list[FreeAnswer]]:
    """What each arm that a person could ask is worth to them, and every answer; None where it is switched off.

    labels: what the exam's questions depend on together, by item_id. Raises InputError for own questions that cannot
    be read.
    """
    asked = _questions(config, material)
    arms = [run.arm for run in runs if not run.error and run.arm.context in ("closed-book", "rag")]
    if not asked.questions or not arms:
        return None, []
    topic = Topic(chunks)
    answers: list[FreeAnswer] = []
    for arm in arms:
        try:
            answers += _of_arm(config, arm, open_arm, topic, chunks, asked.questions, ctx)
        except UnderstudyError as error:  # its choices among options are measured all the same
            ctx.logger.warning("%s gave no free answers: %s", arm.name, error)
    if config.judge != "match" and answers:
        answers = _judged(open_arm(Arm.parse(config.judge)).reader, answers)
    asked_freely = list(dict.fromkeys(a.arm for a in answers))
    if not asked_freely:
        return None, answers
    clusters = {a.item_id: labels.get(a.item_id, a.doc_id or a.item_id) for a in answers}
    return _summed(config, asked_freely, answers, clusters, asked.source, ctx.seed), answers


def _sort(answer: FreeAnswer) -> Sort:
    if answer.answerable:
        return "answered"
    return "not treated" if answer.source == NOT_TREATED else "not answered"


def write_free(folder: Path, answers: Sequence[FreeAnswer]) -> None:
    """Write every free answer for a person to read."""
    if answers:
        write_records(folder / FREE_FILE, answers)


def _questions(config: BenchmarkConfig, material: Material) -> _Asked:
    if config.open_questions:
        path = Path(config.open_questions).expanduser()
        return _Asked(read_open(path), path.name)
    exam = [q.item for q in material.exam]
    written = material.written
    if written is None:
        able = of_exam(exam)
        written = [*able, *taken_out(able)]
    kept = {item.item_id for item in exam}
    usable = [q for q in written if not q.in_exam or q.item_id in kept]
    able = [q for q in usable if q.answerable]
    out = [q for q in usable if q.without][::-1]
    untreated = [q for q in usable if q.source == NOT_TREATED]
    chosen = [*_first(able, config.free.answerable), *_first(out, config.free.unanswerable)]
    return _Asked([*chosen, *_first(untreated, config.free.untreated)], "exam")


def _first(questions: Sequence[OpenQuestion], n: int) -> list[OpenQuestion]:
    """At most n: of the exam's, and of the others what these leave."""
    found = spread([q for q in questions if q.in_exam], n)
    return [*found, *spread([q for q in questions if not q.in_exam], n - len(found))] if len(found) < n else found


def _of_arm(
    config: BenchmarkConfig,
    arm: Arm,
    open_arm: Callable[[Arm], Answerer],
    topic: Topic,
    chunks: Sequence[Chunk],
    questions: Sequence[OpenQuestion],
    ctx: RunContext,
) -> list[FreeAnswer]:
    """An arm's answers, in blocks, each saved when it is done."""
    folder = ctx.work / "free" / slug(arm.name)
    todo = [q for q in questions if not q.without or arm.context == "rag"]
    answers: list[FreeAnswer] = []
    answerer: Answerer | None = None
    for start in range(0, len(todo), _BLOCK):
        file = folder / f"{start:05}.jsonl"
        if not file.is_file():
            ctx.progress(f"{arm.name}, free answers", start, len(todo))
            answerer = answerer or open_arm(arm)
            block = todo[start : start + _BLOCK]
            write_records(file, _ask(config, arm.name, answerer, topic, chunks, block))
        answers += read_records(file, FreeAnswer)
    return answers


def _ask(
    config: BenchmarkConfig,
    name: str,
    answerer: Answerer,
    topic: Topic,
    chunks: Sequence[Chunk],
    block: Sequence[OpenQuestion],
) -> list[FreeAnswer]:
    retriever: Retriever | None = getattr(answerer, "retriever", None)
    top_k = int(getattr(answerer, "top_k", 5))
    arm = Arm.parse(name)
    prompts = []
    for question in block:
        asked = asked_freely(question.question, arm, answerer.reader)
        if retriever is not None and question.without:
            prompts.append(without_page(retriever, top_k, question, chunks, topic, asked))
        else:
            prompts.append(answerer.prepare(question.question, shown=asked))
    readings = [
        reading(topic, question.question, prompt, arm, answerer)
        for question, prompt in zip(block, prompts, strict=True)
    ]
    to_write = [k for k, read in enumerate(readings) if not read.beside]
    completions = answerer.reader.generate([prompts[k].messages for k in to_write], max_tokens=config.free.max_tokens)
    written = {k: completion.text for k, completion in zip(to_write, completions, strict=True)}
    return [_answer(name, question, readings[k].told(written.get(k, ""))) for k, question in enumerate(block)]


def without_page(
    retriever: Retriever, top_k: int, question: OpenQuestion, chunks: Sequence[Chunk], topic: Topic, asked: str
) -> Prompt:
    """The question with the passages that are found where its page, and what may hold its answer, does not exist.

    asked: what the arm is asked (`answer.asked_freely`).
    """
    key, quote = normal(question.answer), normal(question.quote)

    def holds(chunk: Chunk) -> bool:
        text = normal(chunk.text)
        verbatim = bool(key and key in text) or bool(quote and quote in text)
        return chunk.doc_id == question.without or verbatim or topic.held(question.answer, chunk) >= _HELD

    of_page = sum(chunk.doc_id == question.without for chunk in chunks)
    found = retriever.search(question.question, top_k + of_page + _SPARE)
    left = tuple(Hit(h.chunk, h.score) for h in found if not holds(h.chunk))
    kept = left[:top_k]
    return Prompt(with_passages(asked, [shown(h.chunk) for h in kept][::-1]), kept, further=left[top_k:])


def _answer(arm: str, question: OpenQuestion, told: Response) -> FreeAnswer:
    support, answerable = told.support, question.answerable
    return FreeAnswer(
        arm=arm,
        item_id=question.item_id,
        doc_id=question.doc_id,
        question=question.question,
        reference=question.answer or "; ".join(question.must),
        answerable=answerable,
        told=told.text,
        own=told.own,
        sentence=support.sentence if support else "",
        place=support.chunk.where if support else "",
        quoted=told.quoted,
        abstained=told.abstained,
        right=answerable and not told.abstained and any(right(question, part) for part in told.parts),
        own_right=answerable and not told.own.startswith(ABSTAIN) and right(question, told.own),
        missing=missing(question, told.text) if answerable else (),
        source=question.source,
    )


def _judged(judge: LanguageModel, answers: Sequence[FreeAnswer]) -> list[FreeAnswer]:
    """The answers with what a judging model finds right."""

    def of(told: Callable[[FreeAnswer], str]) -> list[bool]:
        given = [told(a) if a.answerable and not told(a).startswith(ABSTAIN) else "" for a in answers]
        return judged(judge, [(a.question, a.reference, text) for a, text in zip(answers, given, strict=True)])

    found = zip(answers, of(lambda a: a.told), of(lambda a: a.own), strict=True)
    return [replace(a, right=right, own_right=own) for a, right, own in found]


def _summed(
    config: BenchmarkConfig,
    arms: Sequence[str],
    answers: Sequence[FreeAnswer],
    labels: Mapping[str, str],
    source: str,
    seed: int,
) -> Free:
    def share(arm: str, sort: Sort, of: Callable[[FreeAnswer], bool]) -> Interval:
        mine = [a for a in answers if a.arm == arm and _sort(a) == sort]
        values = [float(of(a)) for a in mine]
        clusters = [labels[a.item_id] for a in mine]
        return intervals.interval(values, clusters, paired=False, confidence=config.confidence, seed=seed)

    rows = tuple(
        FreeRow(
            arm=arm,
            right=share(arm, "answered", lambda a: a.right),
            own_right=share(arm, "answered", lambda a: a.own_right),
            supported=share(arm, "answered", lambda a: bool(a.sentence)),
            right_and_supported=share(arm, "answered", lambda a: a.right and bool(a.sentence)),
            refused=share(arm, "answered", lambda a: a.abstained),
            refused_without_answer=share(arm, "not answered", lambda a: a.abstained),
            refused_untreated=share(arm, "not treated", lambda a: a.abstained),
        )
        for arm in arms
    )
    pairs = [pair for pair in config.comparisons or _PAIRED if set(pair) <= set(arms)]
    differences = tuple(
        found
        for first, second in pairs
        for found in paired_free(
            [a for a in answers if a.arm == first], [a for a in answers if a.arm == second],
            first, second, labels, confidence=config.confidence, seed=seed,
        )
    )  # fmt: skip
    judge = "text" if config.judge == "match" else config.judge
    return Free(rows, differences, judge, source)


def paired_free(
    first: Sequence[FreeAnswer],
    second: Sequence[FreeAnswer],
    first_name: str,
    second_name: str,
    labels: Mapping[str, str],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[FreeDifference]:
    """Two arms on the questions that both were asked: what is right, and what is refused where there is no answer."""

    def difference(sort: Sort, of: Callable[[FreeAnswer], bool]) -> Interval:
        one, two = ({a.item_id: a for a in side if _sort(a) == sort} for side in (first, second))
        both = [i for i in one if i in two]
        values = [float(of(one[i])) - float(of(two[i])) for i in both]
        return intervals.interval(values, [labels[i] for i in both], paired=True, confidence=confidence, seed=seed)

    found = (
        FreeDifference(first_name, second_name, difference("answered", lambda a: a.right), "right"),
        FreeDifference(
            first_name, second_name, difference("not answered", lambda a: a.abstained), "refused without an answer"
        ),
        FreeDifference(
            first_name, second_name, difference("not treated", lambda a: a.abstained), "refused what is not treated"
        ),
    )
    return [one for one in found if one.difference.n]
