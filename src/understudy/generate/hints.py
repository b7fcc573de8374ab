"""What of a question stands in an option: words, their stems, and the parts of identifiers.

A key that shares such a part with the question which no wrong option shares is found without knowing anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_ASKING = re.compile(
    r"^(?:What is the name of the|I am looking for the|Can you tell me|Can you explain|Do you know|I need to know|"
    r"I would like to know:|I want to know|Can you name|Can you list|Why do I see|I get|I see|I want to)\b|"
    r"\b(?:Which one is it|What is it|What does it mean|Which command do I need|What do I have to do)\?|"
    r"\baccording to the\b|\bin the section\b|\bof the page\b",
    re.IGNORECASE,
)
_SILENT = frozenset(
    """
    the and for are was were has have had does did can could may might must will would should what which who whom whose
    when where why how with without from into onto over under than then that this these those there here not but its
    his her their your you one two only also any all each every some other such use used uses using purpose effect mean
    means meaning meant call called control controls explain tell know looking find get got want need default value
    type stand stands between about against through per via
    """.split()  # noqa: SIM905
)
_PARTS = re.compile(r"[A-Z]+[a-z]*|[a-z]+|\d+")
_ENDINGS = re.compile(
    r"(?:ational|ations?|itions?|ments?|ities|ity|ables?|ibles?|ances?|ences?|ings?|ives?|ions?|ers?|ors?|"
    r"als?|ies|ed|(?<!ss)es|ly|(?<!s)s|y|e)$"
)
_ALIKE = {
    "output": "print", "display": "print", "show": "print", "writ": "print", "emit": "print", "echo": "print",
    "summar": "messag", "informat": "messag", "inform": "messag", "text": "messag", "help": "messag",
    "delet": "remov", "creat": "mak", "direct": "fold", "specif": "set", "defin": "set",
}  # fmt: skip
"""Stems that say the same in a description."""
_THING = re.compile(r"(?:The )?([^ ]+)(?: [a-z]+)?$")
_LEAST = 4  # letters that a shared beginning or part has at least
EQUAL, AKIN, FAINT = 3, 2, 1  # the same stem; one within the other; three letters of a short name
WORD, NAMED, GLUED = 0, 1, 2  # of the text; a part of an identifier; a name in capitals, `ENOMEM`
Part = tuple[str, int]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without its ending: `remov` of remove, removes, removed and removal."""
    for _ in range(2):
        shorter = _ENDINGS.sub("", word)
        if len(shorter) < (3 if len(word) - len(shorter) < 3 else 4) or shorter == word:
            break
        word = shorter
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


@lru_cache(maxsize=1 << 16)
def parts(text: str, all_words: bool = False, spans: frozenset[str] = frozenset()) -> frozenset[Part]:
    """The parts of all words of a text: words of three letters and more, numbers.

    all_words: function words too, which an identifier of the other text may be made of. spans: words that are names.
    """
    found: set[Part] = set()
    thing = _THING.match(text) if all_words else None
    spans |= {thing[1]} if thing else set()  # a single word as an option is a name, and `X` of `The X module`
    for token in re.findall(r"[^\s,;:?!\"“”()\[\]]+(?:\(\))?", text.replace("`", "")):
        pieces = _PARTS.findall(token)
        name = (
            len(pieces) > 1
            or "_" in token
            or token.isupper()
            or token[0] == "-"
            or token.endswith("()")
            or token in spans
        )
        how = GLUED if len(pieces) == 1 and token.isupper() and token.isalpha() else NAMED if name else WORD
        for piece in pieces:
            part = piece.lower()
            if (
                part.isdigit()
                or (how != WORD and len(part) == 2)
                or (len(part) > 2 and (all_words or name or part not in _SILENT))
            ):
                found.add((part, how))
    return frozenset(found)


@lru_cache(maxsize=1 << 18)
def _match(a: Part, b: Part) -> int:
    (one, in_name), (other, in_other) = a, b
    if one == other or (not one.isdigit() and not other.isdigit() and stem(one) == stem(other)):
        return EQUAL
    if one.isdigit() or other.isdigit() or min(len(one), len(other)) < 3:
        return 0
    short, long = sorted((one, other), key=len)
    if len(short) >= _LEAST and (long.startswith(short) or ((in_name or in_other) and short in long)):
        return AKIN
    if (in_name or in_other) and len(stem(short)) >= _LEAST and stem(short) in long:
        return AKIN
    if (in_name or in_other) and len(one) > 3 and len(other) > 3 and (one[:4] in other or other[:4] in one):
        return AKIN  # `sqldiff`: differences
    common = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), len(short))
    if common > _LEAST and common >= 0.7 * len(short):
        return AKIN
    # Names are built of beginnings: `ENOMEM`, `STDOUT`.
    for (glued, named), (word, _) in ((a, b), (b, a)):
        if named and word[:3] in (glued if len(glued) < 9 else glued[1:] if named == GLUED else ""):
            return FAINT
    return 0


def asked_parts(question: str) -> frozenset[Part]:
    """The parts of a question, without the words that only ask."""
    return parts(_ASKING.sub(" ", question), spans=frozenset(re.findall(r"`([A-Za-z]+)`", question)))


@lru_cache(maxsize=1 << 16)
def shared(question: str, option: str) -> Mapping[str, int]:
    """The parts of the question that an option repeats, in an order that is always the same: 3 for the same word or
    stem, 2 for one within the other, 1 for a beginning of three letters."""
    told = parts(option, all_words=True)
    found: dict[str, int] = {}
    for part in sorted(asked_parts(question)):
        most = max((_match(part, other) for other in told), default=0)
        if most:
            found[part[0]] = max(most, found.get(part[0], 0))
    initials = "".join(word[0] for word in re.findall(r"[A-Za-z]+", option)).lower()
    for word, how in sorted(asked_parts(question)):
        if how == GLUED and word in initials:
            found[f"{word} spelled out"] = EQUAL
    if _same_initial(question, option):
        found["initial"] = AKIN
    return found


def _same_initial(question: str, option: str) -> bool:
    """Whether a flag of one letter is the initial of what it is for: `-r` removes, `--remove`."""
    flag = re.fullmatch(r"-([A-Za-z])", option)
    if flag:
        return any(part[0] == flag[1].lower() for part, _ in asked_parts(question))
    asked = re.search(r"(?<![\w-])-([A-Za-z])\b(?!-)", question)
    return bool(asked and option.lstrip("-")[:1].lower() == asked[1].lower())


@lru_cache(maxsize=1 << 16)
def weight(question: str, option: str) -> int:
    """How many parts of an option and of the question are the same, or one within the other: the larger count."""
    asked = asked_parts(question)
    return max(
        sum(any(_match(part, other) >= AKIN for other in asked) for part in parts(option, all_words=True)),
        len(shared(question, option)),
    )


def given_away(question: str, key: str, wrong: Iterable[str]) -> str:
    """A part of the question that stands in the key more plainly than in every wrong option, or all that it repeats
    where no wrong option repeats as much; empty where nothing tells."""
    wrong = list(wrong)
    others = [shared(question, option) for option in wrong]
    if max((weight(question, option) for option in wrong), default=0) < weight(question, key):
        return " ".join(sorted(shared(question, key)))
    for part, level in sorted(shared(question, key).items()):
        if all(other.get(part, 0) < level for other in others):
            return part
    return ""


@lru_cache(maxsize=1 << 16)
def gist(text: str) -> frozenset[str]:
    """The stems of what a text says, without function words: two options with the same mean the same."""
    return frozenset(_ALIKE.get(stem(part), stem(part)) for part, _ in parts(text))
