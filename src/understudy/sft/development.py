"""Development questions: held-out wordings with four options, by which a training's strength is chosen.

They are none of the benchmark's questions: their wordings are those kept for development, and their wrong options
are drawn here, from other answers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from understudy.normal import normal
from understudy.sft.rows import split
from understudy.types import MCQItem, QAPair

_DRAWN = 24  # other answers among which the most alike are chosen
_OPTIONS = 4


def development_items(
    pairs: Sequence[QAPair], items: Sequence[MCQItem], *, dev_rows: int, limit: int, seed: int
) -> list[MCQItem]:
    """At most `limit` four-option questions on what was taught, none of them trained on or asked in the benchmark.

    items: the benchmark's. dev_rows: as the training was prepared with, which decides what it held out where the
    data set has no wordings for development. A pair without three different wrong answers is left out.
    """
    given = [p for p in pairs if p.split == "dev"]
    held = given or split(pairs, items, dev_rows=dev_rows, seed=seed).dev
    asked = {normal(item.question) for item in items}
    usable: dict[str, QAPair] = {}
    for pair in held:
        question = normal(pair.question)
        if question and question not in asked and pair.answer.strip():
            usable.setdefault(question, pair)
    order = sorted(usable.values(), key=lambda p: p.pair_id)
    random.Random(f"{seed}|development").shuffle(order)
    true: dict[str, set[str]] = {}
    pools: dict[str, dict[str, str]] = {}
    for pair in pairs:
        true.setdefault(pair.fact_id or pair.pair_id, set()).add(normal(pair.answer))
        if pair.answer.strip():
            pools.setdefault(pair.kind, {}).setdefault(normal(pair.answer), pair.answer.strip())
    found: list[MCQItem] = []
    for pair in order:
        if len(found) == limit:
            break
        item = _item(pair, list(pools[pair.kind].values()), true[pair.fact_id or pair.pair_id], seed)
        if item is not None:
            found.append(item)
    return found


def _item(pair: QAPair, pool: Sequence[str], true: set[str], seed: int) -> MCQItem | None:
    """The question with the three most alike of `_DRAWN` other answers, or None where there are too few."""
    rng = random.Random(f"{seed}|{pair.pair_id}|{pair.question}")
    answer = pair.answer.strip()
    asked, like = f" {normal(pair.question)} ", _shape(answer)
    drawn = [
        other
        for other in rng.sample(pool, min(_DRAWN, len(pool)))
        if normal(other) not in true and f" {normal(other)} " not in asked and not _contains(answer, other)
    ]
    drawn.sort(key=lambda other: (_shape(other) != like, abs(len(other) - len(answer)), other))
    wrong: list[str] = []
    for other in drawn:
        if len(wrong) < _OPTIONS - 1 and not any(_contains(other, one) for one in wrong):
            wrong.append(other)
    if len(wrong) < _OPTIONS - 1:
        return None
    place = rng.randrange(_OPTIONS)
    return MCQItem(
        item_id=f"dev-{pair.pair_id}",
        question=pair.question,
        options=(*wrong[:place], answer, *wrong[place:]),
        correct=place,
        chunk_id=pair.chunk_id,
        doc_id=pair.doc_id,
        kind=pair.kind,
        fact_id=pair.fact_id,
        source="development",
    )


def _shape(text: str) -> str:
    """What an answer looks like: a number, a code-like word, or the number of its words up to three."""
    if re.fullmatch(r"[\d.,:%]+", text):
        return "number"
    words = text.split()
    if len(words) == 1:
        return "code" if re.search(r"[\d_/.=<>-]", text) else "word"
    return f"{min(len(words), 3)} words" + (" with a number" if re.search(r"\d", text) else "")


def _contains(one: str, other: str) -> bool:
    """Whether one of two answers stands whole within the other."""
    a, b = f" {normal(one)} ", f" {normal(other)} "
    return a in b or b in a
