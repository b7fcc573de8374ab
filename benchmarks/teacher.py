"""What the offline teacher finds in manuals whose every fact is known, in templates beside which it was written and in
templates that are held out.

    python benchmarks/teacher.py [--seeds 20] [--examples 0]

Manuals of one seed hold the same facts in the same layouts, so the difference is the phrasing's. A fact counts as
*asked* where a question of the teacher, from the words that state the fact, has the fact's value for its answer; as
*gap* where the only such question is the sentence with a gap; else as *missed*. The last columns: of the teacher's
questions from words that state a known fact (gaps, assertions and reversed ones aside), the share whose answer is a
value stated there, and the share whose answer holds such a value among other words.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Sequence

from understudy.generate.base import Ask, Fact, Page
from understudy.generate.extractive.teacher import ExtractiveTeacher
from understudy.lab.phrasing import HELD_OUT, HELD_OUT_FREE, PUBLISHED, Phrasing
from understudy.lab.worlds import Fact as Known
from understudy.lab.worlds import World, make_world
from understudy.normal import strict
from understudy.types import Chunk, Document

FIRST_SEED = 5000  # of no test and no study
LAYOUTS = ("sentence", "list item", "table row", "configuration line")
KINDS = {"written beside the teacher": PUBLISHED, "held out, common": HELD_OUT, "held out, rare": HELD_OUT_FREE}
FORWARD = ("forward", "howto", "applied")


def pages(world: World) -> list[Page]:
    """The manual with one chunk a page: what is measured is the teacher, not the cutting."""
    found = []
    for doc_id, text in world.documents.items():
        title = text.split("\n", 1)[0].removeprefix("# ")
        chunk = Chunk(f"{doc_id}#0", doc_id, text, 0, len(text), 1, text.count("\n") + 1, len(text) // 4, title)
        found.append(Page(Document(doc_id, text, title, "markdown", "0" * 64), (chunk,)))
    return found


def layout(known: Known, text: str) -> str:
    """In which layout the fact is stated."""
    begin = text.rfind("\n", 0, known.start) + 1
    line = text[begin : known.end]
    if text.count("```", 0, known.start) % 2:
        return "configuration line"
    if line.startswith("|"):
        return "table row"
    item = re.match(r"([-*+:]|\d+\.)\s|\*\*[^*]+\*\* |.*\n:  ", line)
    return "list item" if item else "sentence"


def answers(known: Known, ask: Ask) -> bool:
    return strict(known.value) in (strict(ask.option), strict(ask.answer))


def measure(phrasing: Phrasing, seeds: Sequence[int], examples: int = 0) -> dict[str, Counter[str]]:
    """Layout → counts of asked, gap, missed facts, and of questions by what their answer is."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in LAYOUTS}
    shown: list[str] = []
    for seed in seeds:
        world = make_world(seed, phrasing=phrasing)
        by_page: dict[str, list[Fact]] = {}
        for fact in ExtractiveTeacher().teach(pages(world)).facts:
            by_page.setdefault(fact.doc_id, []).append(fact)
        judged: set[tuple[str, int]] = set()
        for known in world.facts:
            text = world.documents[known.doc_id]
            row = counts[layout(known, text)]
            there = [f for f in by_page.get(known.doc_id, ()) if f.quote in known.sentence or known.sentence in f.quote]
            right = [ask for fact in there for ask in fact.asks if answers(known, ask)]
            how = "asked" if any(a.kind != "cloze" for a in right) else "gap" if right else "missed"
            row[how] += 1
            if how == "missed":
                shown.append(f"missed  {known.sentence!r} [{known.value}]")
            stated = [k for k in world.facts if k.doc_id == known.doc_id and k.start == known.start]
            for fact in there:
                for number, ask in enumerate(fact.asks):
                    if ask.kind not in FORWARD or (fact.fact_id, number) in judged:
                        continue
                    judged.add((fact.fact_id, number))
                    fits = any(answers(k, ask) for k in stated)
                    holds = any(strict(k.value) in strict(ask.answer) for k in stated)
                    row["value" if fits else "longer" if holds else "other"] += 1
                    if not fits:
                        shown.append(f"other   {fact.quote!r}: {ask.questions[0]} -> {ask.answer}")
    for line in random.Random(0).sample(shown, min(examples, len(shown))):
        print(line)
    return counts


def share(part: int, whole: int) -> str:
    """A share with its 95 % Wilson interval, in percent."""
    if not whole:
        return "–"
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * (p * (1 - p) / whole + z * z / (4 * whole * whole)) ** 0.5 / (1 + z * z / whole)
    return f"{100 * p:.1f} % ({100 * (middle - half):.1f}–{100 * (middle + half):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--examples", type=int, default=0, help="print so many facts that were missed or asked wrongly")
    given = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + given.seeds)
    print("| templates | layout | facts | asked | gap only | missed | questions | answer is a value | holds a value |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, phrasing in KINDS.items():
        counts = measure(phrasing, seeds, given.examples)
        total = sum(counts.values(), Counter[str]())
        for title, row in [*counts.items(), ("all", total)]:
            facts = row["asked"] + row["gap"] + row["missed"]
            asked = row["value"] + row["longer"] + row["other"]
            cells = [f"{facts:,}", *(share(row[k], facts) for k in ("asked", "gap", "missed"))]
            cells += [f"{asked:,}", *(share(row[k], asked) for k in ("value", "longer"))]
            print(f"| {name} | {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
