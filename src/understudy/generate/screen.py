"""What a pair must stand up to before it is trained on, whoever wrote it; each refusal has a reason that is counted.

Secrets and personal data are masked, and said so. Near-duplicates within one fact are paraphrases, and stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import overload

from understudy.evaluation.similar import similar_pairs
from understudy.generate.filters import answer_problem, question_problem
from understudy.generate.splits import text_key
from understudy.normal import words
from understudy.types import Chunk, QAPair

DUPLICATE = 0.95
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|language model)\b|\bI(?:'m| am) (?:sorry|unable|not able)\b|"
    r"\bI (?:can(?:not|'t)|do(?: not|n't)) (?:help|assist|answer|provide|access|have (?:access|information|enough))\b|"
    r"\b(?:text|context|passage|document(?:ation)?|excerpt) (?:provided |given )?does(?: not|n't) "
    r"(?:say|mention|provide|contain|specify)\b|\bno (?:answer|information) (?:is|was) (?:given|provided|available)\b",
    re.IGNORECASE,
)
_SECRETS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        ("access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bxox[abprs]-[A-Za-z0-9-]{10,}\b|"
                       r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}\b|\bhf_[A-Za-z0-9]{30,}\b|\bAIza[A-Za-z0-9_-]{30,}\b"),
        ("token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\b"),
        ("password", r"(?<=://)[^\s/:@]{1,40}:[^\s/:@]{3,60}(?=@)"),
        ("e-mail address", r"\b[\w.+-]+@(?!(?:[\w-]+\.)*(?:example|test|invalid|localhost|local)\b|example\.)"
                           r"[\w-]+(?:\.[\w-]+)+\b"),
        ("card number", r"(?<![\w-])(?:\d[ -]?){12,18}\d(?!-?\w)"),
    )
)  # fmt: skip
_ROLES = re.compile(r"(?:info|support|help|contact|security|admin|abuse|postmaster|webmaster|sales|root|git|noreply)@")
_FUNCTION_WORDS = {
    "en": "the of and to is in that it for with as on are this be from by not or which can a an what does do how i",
    "de": "der die das und ist nicht ein eine den dem mit von zu auf für im werden wird sich als",
    "fr": "le la les de des et est dans un une que pour qui sur pas au avec par du sont",
    "es": "el la los las de y es en un una que para por con no se del al lo como",
    "it": "il la le di e che un una per non con del della in sono si da dei nel come",
    "pt": "o a os as de e que um uma para com não por do da em se dos ao como",
    "nl": "de het een en van is niet dat op voor met zijn aan te in die door wordt ook er",
}
_STOP = {name: frozenset(text.split()) for name, text in _FUNCTION_WORDS.items()}
_LANGUAGE_WORDS = 8


def screened(
    pairs: Sequence[QAPair], chunks: Sequence[Chunk], warn: Callable[[str], None]
) -> tuple[list[QAPair], dict[str, int]]:
    """Pairs that pass, with what is secret or personal in them masked, and counts by reason (refused and masked)."""
    texts = {chunk.chunk_id: chunk.text for chunk in chunks}
    spoken = language(" ".join(chunk.text for chunk in chunks[:400]))
    counts: Counter[str] = Counter()
    kept: list[QAPair] = []
    for pair in pairs:
        reason = _problem(pair, texts, spoken)
        if reason:
            counts[reason] += 1
            continue
        cleaned, found = masked(pair)
        counts.update(f"masked: {name}" for name in found)
        kept.append(cleaned)
    hidden = {name: n for name, n in counts.items() if name.startswith("masked: ")}
    if hidden:
        warn(
            "pairs hold what looks secret or personal, and it was masked: "
            + ", ".join(f"{n} × {name.removeprefix('masked: ')}" for name, n in sorted(hidden.items()))
            + ". Take it out of the documentation too: passages are shown as they stand."
        )
    kept, doubled = without_duplicates(kept)
    return kept, {k: v for k, v in sorted((counts + Counter(doubled)).items()) if v}


def without_duplicates(pairs: Sequence[QAPair]) -> tuple[list[QAPair], dict[str, int]]:
    """Pairs without repetitions of another fact's pair: the same words, or nearly (cosine of words at least 0.95)."""
    counts: Counter[str] = Counter()
    seen: set[bytes] = set()
    single: list[QAPair] = []
    for pair in pairs:
        key = text_key(pair.question, pair.answer)
        if key in seen:
            counts["exact duplicate"] += 1
            continue
        seen.add(key)
        single.append(pair)
    del seen
    said = _Said(single)
    gone: set[int] = set()
    for i, j, _ in similar_pairs(said, said, DUPLICATE):
        a, b = single[i], single[j]
        if i < j and i not in gone and j not in gone and a.fact_id != b.fact_id and _same_values(said[i], said[j]):
            gone.add(j)
    counts["near-duplicate"] += len(gone)
    return [pair for k, pair in enumerate(single) if k not in gone], dict(counts)


class _Said(Sequence[str]):
    """Questions with their answers, put together when they are read: as texts they would take as much memory again."""

    def __init__(self, pairs: Sequence[QAPair]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> _Said: ...
    def __getitem__(self, place: int | slice) -> str | _Said:
        if isinstance(place, slice):
            return _Said(self._pairs[place])
        pair = self._pairs[place]
        return f"{pair.question} {pair.answer}"


def masked(pair: QAPair) -> tuple[QAPair, list[str]]:
    """A pair with secrets and personal data replaced by `<what it was>`, and the names of what was found."""
    found: list[str] = []

    def clean(text: str) -> str:
        for name, pattern in _SECRETS:

            def hide(match: re.Match[str], name: str = name) -> str:
                text = match.group()
                if (name == "card number" and not _luhn(text)) or (name == "e-mail address" and _ROLES.match(text)):
                    return text
                found.append(name)
                return f"<{name}>"

            text = pattern.sub(hide, text)
        return text

    question, answer = clean(pair.question), clean(pair.answer)
    return (replace(pair, question=question, answer=answer) if found else pair), found


def refuses(answer: str) -> bool:
    """Whether an answer says that it cannot be given."""
    return _REFUSAL.search(answer) is not None


def language(text: str) -> str:
    """The language whose commonest words a text has most of; empty where there are too few to tell."""
    tokens = re.findall(r"[^\W\d_]+", text.lower())
    if len(tokens) < _LANGUAGE_WORDS:
        return ""
    if sum(token.isascii() for token in tokens) < 0.5 * len(tokens):
        return "another script"
    hits = {name: sum(token in stop for token in tokens) for name, stop in _STOP.items()}
    best, second = sorted(hits.values(), reverse=True)[:2]
    return max(hits, key=lambda name: hits[name]) if best >= 2 * second and best - second >= 3 else ""


def _problem(pair: QAPair, texts: dict[str, str], spoken: str) -> str | None:
    if pair.quote and pair.chunk_id in texts and pair.quote not in texts[pair.chunk_id]:
        return "quote does not stand in its chunk"
    if refuses(pair.answer):
        return "answer is a refusal"
    told = language(f"{pair.question} {pair.answer}")
    if told and spoken and told != spoken:
        return "another language than the documentation"
    return question_problem(pair.question) or answer_problem(pair.answer)


def _same_values(a: str, b: str) -> bool:
    """Whether two texts have the same numbers and identifiers: where one differs they are different facts."""
    return _values(a) == _values(b)


def _values(text: str) -> set[str]:
    return {token for token in words(text) if re.search(r"[\d_./:-]", token)}


def _luhn(text: str) -> bool:
    digits = [int(d) for d in text if d.isdigit()]
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2]]
    return not (sum(digits[-1::-2]) + sum(doubled)) % 10
