"""What people decided about pairs and exam questions, read from a file of lines and applied to what the teacher wrote.

A decision is keyed by content, so it holds for the same question, answer and quote however often they are written
again. Later lines win, `undo` takes the last one back, and no line is ever changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from understudy.artifact import from_plain
from understudy.errors import InputError
from understudy.generate.screen import masked
from understudy.normal import folded
from understudy.types import MCQItem, OpenQuestion, QAPair

What = Literal["accept", "reject", "edit", "undo"]
WHATS: tuple[str, ...] = typing.get_args(What)
REFUSED = "rejected in review"
REJECTED_PAIRS = "pairs rejected"
SEEN = "questions gone after a benchmark had asked them"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the file.

    id: of the content, see `content_id`. reason: why it is rejected. question, answer: the text after an edit.
    of, said: question and answer as they stood. when: UTC. who: a name, or nothing.
    alike: the id of the decision that was carried over to this one, which nobody may have read.
    seen: a benchmark had already asked the question.
    """

    id: str
    what: What
    reason: str = ""
    question: str = ""
    answer: str = ""
    of: str = ""
    said: str = ""
    when: str = ""
    who: str = ""
    alike: str = ""
    seen: bool = False


Decided = Mapping[str, Decision]


def content_id(record: QAPair | MCQItem | OpenQuestion) -> str:
    """`p-` (pair) or `q-` (exam question, with options or without) and a digest of question, answer (or key) and quote,
    white space folded."""
    answer = record.options[record.correct] if isinstance(record, MCQItem) else record.answer
    return digest_id("p" if isinstance(record, QAPair) else "q", record.question, answer, record.quote)


def digest_id(mark: str, *parts: str) -> str:
    """`mark-` and a digest of the texts, white space folded."""
    text = "\x1f".join(map(folded, parts))
    return f"{mark}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def read_decisions(path: Path) -> list[Decision]:
    """All lines in order. Raises InputError naming file and line for one that is no decision."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return [_decision(f"{path}:{n}", line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def fold(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The decision that holds for each id, after what was taken back."""
    made: dict[str, list[Decision]] = {}
    for decision in decisions:
        stack = made.setdefault(decision.id, [])
        if decision.what != "undo":
            stack.append(decision)
        elif stack:
            stack.pop()
    return {id_: stack[-1] for id_, stack in made.items() if stack}


def decision_on(record: QAPair | MCQItem | OpenQuestion, decided: Decided) -> Decision | None:
    """The decision that holds for a record, also for a pair whose secrets were masked when it was read."""
    found = decided.get(content_id(record))
    if found is None and decided and isinstance(record, QAPair):
        found = decided.get(content_id(masked(record)[0]))
    return found


def settle(pair: QAPair, decided: Decided) -> QAPair | None:
    """The pair as it is after review; None where it is rejected. An edit of an edited pair applies in turn."""
    seen: set[str] = set()
    while (decision := decision_on(pair, decided)) is not None and decision.id not in seen:
        seen.add(decision.id)
        if decision.what == "reject":
            return None
        if decision.what != "edit":
            break
        pair = replace(pair, question=decision.question or pair.question, answer=decision.answer or pair.answer)
    return pair


def review_pairs(pairs: Sequence[QAPair], decided: Decided) -> tuple[list[QAPair], dict[str, int]]:
    """Pairs after review, and how many were rejected and edited."""
    if not decided:
        return list(pairs), {}
    counts: Counter[str] = Counter()
    kept = []
    for pair in pairs:
        settled = settle(pair, decided)
        if settled is None:
            counts[REJECTED_PAIRS] += 1
            continue
        counts["pairs edited"] += settled is not pair and settled != pair
        kept.append(settled)
    return kept, {name: n for name, n in sorted(counts.items()) if n}


def review_items(
    items: Sequence[MCQItem], pairs: Sequence[QAPair], decided: Decided
) -> tuple[list[MCQItem], dict[str, int]]:
    """Exam questions without the rejected ones, and how many went, by reason; the others stay as they are.

    pairs: as the teacher wrote them. A question goes too where the pair with the same question and quote was rejected
    or edited: it asks for the old text.
    """
    if not decided:
        return list(items), {}
    changed = {(p.question, p.quote): decision_on(p, decided) for p in pairs if settle(p, decided) != p}
    counts: Counter[str] = Counter()
    kept = []
    for item in items:
        own, pair = decision_on(item, decided), changed.get((item.question, item.quote))
        if own is not None and own.what == "reject":
            counts["questions rejected"] += 1
            counts[SEEN] += own.seen
        elif pair is not None:
            counts["questions whose pair was rejected or edited"] += 1
            counts[SEEN] += pair.seen
        else:
            kept.append(item)
    return kept, {name: n for name, n in sorted(counts.items()) if n}


def _decision(where: str, line: str) -> Decision:
    try:
        plain: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}; take the line out, or write it again") from error
    known = {f.name: f.type for f in dataclasses.fields(Decision)}
    if not isinstance(plain, dict) or not plain.keys() <= known.keys() or not {"id", "what"} <= plain.keys():
        raise InputError(f"{where}: not a decision: it has an id, a what, and of {', '.join(known)} what applies")
    if any(not isinstance(value, bool if name == "seen" else str) for name, value in plain.items()):
        raise InputError(f"{where}: not a decision: every value is a text, and `seen` is true or false")
    if plain["what"] not in WHATS:
        raise InputError(f"{where}: what is '{plain['what']}'; use one of {', '.join(WHATS)}")
    if plain["what"] == "edit" and plain["id"].startswith("q-"):
        raise InputError(f"{where}: an exam question can be rejected, never edited")
    if plain["what"] == "edit" and not (plain.get("question", "").strip() or plain.get("answer", "").strip()):
        raise InputError(f"{where}: an edit needs the new question or answer")
    return typing.cast(Decision, from_plain(Decision, plain))
