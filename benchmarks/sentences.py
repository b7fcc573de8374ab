"""How often what is told without any model's words is right: the passages' own sentences, on a run's exam questions.

    python benchmarks/sentences.py RUN [--store STORE] [--top-k 3]

For each question that can be understood without its options: the sentences that `understudy ask` tells of a model that
wrote nothing, and whether one of them says the same as the right option (`evaluation/judge.py`, which calls more right
answers wrong than the other way round). Then the same questions with their page, and whatever else may answer them,
taken out of what is searched: there refusing is right.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from understudy import api
from understudy.answer import FOUND
from understudy.benchmark.free import without_page
from understudy.evaluation import intervals
from understudy.evaluation.open_questions import of_exam, right, taken_out
from understudy.evaluation.response import Response, reading
from understudy.evaluation.support import Topic
from understudy.types import Answerer, Arm, Chunk, MCQItem, Prompt

_READS = Arm.parse("base+rag")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("run")
    reader.add_argument("--store", type=Path, default=Path(".understudy"))
    reader.add_argument("--top-k", type=int)
    asked = reader.parse_args()
    run = api.open_run(asked.run, store=asked.store)
    chunks = run.artifact("chunk").records("chunks", Chunk)
    index = api.load_index(run)
    top_k = asked.top_k or index.config.top_k
    topic = Topic(chunks)
    questions = of_exam(run.artifact("generate").records("items", MCQItem))

    asker = cast(Answerer, SimpleNamespace(reader=SimpleNamespace(parameters=0), retriever=index))

    def told(question: str, prompt: Prompt) -> Response:
        return reading(topic, question, prompt, _READS, asker).told()

    def found(question: str) -> Prompt:
        hits = tuple(index.search(question, max(top_k, FOUND)))
        return Prompt((), hits[:top_k], further=hits[top_k:])

    def show(what: str, values: Sequence[bool], pages: Sequence[str]) -> None:
        share = intervals.interval(list(map(float, values)), pages, paired=False, confidence=0.95, seed=0)
        if share.value is None or share.low is None or share.high is None:
            return
        print(f"{what}: {100 * share.value:.1f} % ({100 * share.low:.1f}-{100 * share.high:.1f}), n = {share.n}")

    pages = [q.doc_id for q in questions]
    answers = [told(q.question, found(q.question)) for q in questions]
    lengths = [len(a.text) for a in answers if a.quoted]
    both = list(zip(questions, answers, strict=True))
    show("first sentence right", [bool(a.quotes) and right(q, a.parts[0]) for q, a in both], pages)
    show("one of those told right", [any(right(q, part) for part in a.parts) for q, a in both], pages)
    show("refused", [a.abstained for a in answers], pages)
    linked = taken_out(questions)
    without = [told(q.question, without_page(index, top_k, q, chunks, topic, q.question)) for q in linked]
    show("refused without its page", [a.abstained for a in without], [q.doc_id for q in linked])
    print(f"characters told: {sum(lengths) / max(1, len(lengths)):.0f}")


if __name__ == "__main__":
    main()
