"""Enough English grammar to know when a sentence is understood: closed classes, and verbs by the corpus's evidence.

Nothing here guesses. A sentence whose clauses cannot be told apart with certainty is left alone: a teacher that
says nothing costs one fact, a teacher that says something wrong costs trust.
"""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import pairwise

from understudy.generate.extractive.lexicon import NOT_FIRST, NOUNS_TOO, VERBS

BE = frozenset({"is", "are", "was", "were"})
MODALS = frozenset(
    {"can", "could", "may", "might", "must", "shall", "should", "will", "would", "cannot", "need", "ought"}
)
FINITE = BE | MODALS | {"has", "have", "had", "does", "do", "did"}
OPENERS = frozenset(
    """
    that which who whom whose if when whenever because while where wherever unless until so and but or nor as since
    after before whether than how what why though although once
    """.split()  # noqa: SIM905
)
"""Words after which another clause may begin."""
PREPOSITIONS = frozenset(
    """
    of in on at by for with from to into onto over under within without between through during against about via per
    """.split()  # noqa: SIM905
)
_VAGUE = re.compile(
    r"\b(?:this|these|those|above|below|following|previous|latter|former|aforementioned|here|as follows|such|"
    r"respective(?:ly)?|corresponding|same|other|others|another|first|second|third|next|last|two|three|four|both|"
    r"returned|passed|given|more|fewer|additional|extra|certain|particular|important|documentation|tutorial|manual|subsequent|multiple|several|various|different|specified|"
    r"right|left|new|old|original|resulting|former|example|examples|section|chapter|figure|table \d[\d.]*|appendix|"
    r"page \d+|step|otherwise|thus|therefore|however|also|either|else|instead|again|too|later|earlier|"
    r"mentioned|described|shown|discussed|listed|question|above-mentioned|current|currently|"
    r"else|one|ones|thing|things|case|cases|way|ways|situation|approach|reason|fact|note|"
    r"e\.g|i\.e|etc)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:[Tt]his|[Tt]hese|[Tt]hose|(?:above|below)(?! -?\d)|"
    r"following|read more|learn more|previous|latter|former|aforementioned|here|as follows|"
    r"(?:see|in|and|or) (?:section|chapter|figure|table|appendix) [\dA-Z]|section \d|table \d|mentioned|"
    r"that (?:kind|sort|way|type|point|time|case|reason|fact|page|section|setting|value|behaviou?r|situation|"
    r"function|method|option|command|object|class|file|directory|parameter|argument|table|field|column|thread)s?\b|"
    r"just (?:that|this)|for example|for instance|e\.g|we|our|us|let's|I(?!/))\b|"
    r"\(see |\b[Ss]ee [A-Z`]|\bSee |\bas (?:shown|described|discussed)\b|"
    r"\b[Ss]uch an?\b|:$",
)
_PRONOUN = re.compile(r"\b(?:it|its|they|their|them|he|she|his|her|itself|themselves)\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:we|our|us|let's|let us|my|I(?!/))\b")
_STARTERS = re.compile(
    r"(?:and|but|or|so|yet|nor|however|thus|hence|therefore|moreover|furthermore|also|then|otherwise|instead|"
    r"for example|for instance|in this|in that|in these|in other words|note|remember|recall|suppose|consider|imagine|"
    r"again|similarly|likewise|conversely|additionally|finally|first|second|third|next|now|unfortunately|"
    r"fortunately|of course|in addition|as a result|in fact|see|compare|perhaps|maybe|what|why|how)\b",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"`|[_/]|\(\)|\w\.\w|--\w|\b[A-Z]{2,}|[a-z][A-Z]|\d|\w=(?= |$)")
_BEGINS = re.compile(r"[A-Z`\"“]|[a-z]\w*(?:_\w|\(\))")  # a capital, or a name in code
_LONGEST = 260


def is_statement(sentence: str) -> bool:
    """Whether a sentence is whole and speaks for itself: capital, full stop, balanced marks, nobody speaking."""
    if not 12 <= len(sentence) <= _LONGEST or not _BEGINS.match(sentence) or not sentence.endswith("."):
        return False
    if sentence.endswith("..") or _STARTERS.match(sentence) or _PERSON.search(sentence) or "?" in sentence:
        return False
    pairs = (("(", ")"), ("[", "]"), ("“", "”"))
    if any(sentence.count(a) != sentence.count(b) for a, b in pairs):
        return False
    return not (sentence.count('"') % 2 or sentence.count("`") % 2 or "|" in sentence or "\x00" in sentence)


def points_away(text: str) -> bool:
    """Whether a text leans on what stands elsewhere: `this`, `the following`, `see section 4`."""
    return bool(_POINTS.search(text))


_ANY_PART = re.compile(
    r"(?:(?:The|the|An?|an?) )?(?:\w+ )?(?:values?|results?|contents?|output|format|syntax|argument|body|failure|name|"
    r"rest|first|second|last|start|end|remainder|effect|use) of (?:the|an?|this|that|each|any) \w+$"
)
_SO_MANY = re.compile(
    r"(?:an? )?(?:one or more|several|many|some|(?:number|set|series|list|sequence|variety|couple|group) of) "
    r"[a-z-]+(?: [a-z]+)?"
)


def says_little(subject: str, value: str) -> bool:
    """Whether nobody would ask: `the value of the option` is anything's, `a number of statements` is no answer."""
    return bool(_ANY_PART.match(subject) or _SO_MANY.fullmatch(value))


def has_pronoun(text: str) -> bool:
    return bool(_PRONOUN.search(text))


def is_identifier(text: str) -> bool:
    """Whether a text holds a name that means one thing: code, a path, a flag, an acronym, camel case."""
    return bool(_IDENTIFIER.search(text))


def is_noun_phrase(text: str) -> bool:
    """Whether a text can stand as a subject: short, whole, without a verb, a pronoun or a clause of its own."""
    tokens = text.replace("`", "").split()
    if not 0 < len(tokens) <= 9 or re.search(r"[:;,?!\"“]", text) or text.count("`") % 2:
        return False
    lower = [t.lower().strip("*_()") for t in tokens]
    if lower[0] in NOT_FIRST or lower[0] in PREPOSITIONS or lower[-1] in PREPOSITIONS | OPENERS | {"the", "a", "an"}:
        return False
    if re.search(r"\w(?:ly|ing)$", lower[0]) and lower[0] not in _NOUNS_FIRST:
        return False  # `Assuming the library`, `Deliberately changing`
    if any(t in FINITE or (t in OPENERS and t not in ("and", "or")) for t in lower):
        return False
    if text.count("(") != text.count(")") or _VAGUE.search(text) or _PRONOUN.search(text):
        return False
    if any(t == "to" and u in BASE_VERBS for t, u in pairwise(lower)):
        return False  # `definitions used to extract file`
    return not re.search(r"\w(?:ly|ing)$", lower[-1]) or len(lower) == 1 or lower[-1] in _NOUNS_IN_ING


_NOUNS_IN_ING = frozenset(
    """
    string setting warning mapping encoding binding heading padding logging caching indexing locking routing processing
    testing tracing sampling scheduling ordering quoting sharing timing collating checking rendering
    """.split()  # noqa: SIM905
)


_NOUNS_FIRST = frozenset(
    [
        "string",
        "setting",
        "warning",
        "logging",
        "routing",
        "caching",
        "locking",
        "padding",
        "encoding",
        "mapping",
        "family",
    ]
)


def clean_clause(rest: str) -> bool:
    """Whether what follows a verb is its object: no second finite verb before another clause opens."""
    for token in re.split(r"\s+", rest.replace("`", " ` ")):
        bare = token.strip("()\"'").lower()
        if bare in OPENERS:
            return True
        if bare.rstrip(",;") in FINITE:
            return False
        if bare.endswith((",", ";")):
            return True
    return True


_OBJECT = re.compile(
    r"(?:the|an?|all|any|each|every|its|their|whether|how|which|what|one|no|only|more|up|out|if|additional|true|false|"
    r"none|null|"
    r"information|[A-Z`\"'\d(-]\S*) ?",
)


def split_at_verb(statement: str, verbs: Container[str]) -> tuple[str, str, str] | None:
    """(subject, verb, rest) of a sentence with a singular subject and a verb in the third person; None if unsure.

    verbs: third-person verbs that the corpus uses as verbs only; those of the lexicon are taken too.
    """
    tokens = statement.split(" ")
    for i in range(1, min(10, len(tokens) - 1)):
        word = tokens[i]
        if word.lower() in FINITE or word.lower() in OPENERS - {"and", "or"}:
            return None
        if word in verbs or word in VERBS:
            head, rest = " ".join(tokens[:i]), " ".join(tokens[i + 1 :])
            if head.endswith((" only", " also", " sometimes", " now", " still", " currently")):
                return None  # a detail beside what was said before
            adverb = re.search(r" (?:always|never|automatically|simply|usually|normally|then)$", head)
            head = head[: adverb.start()] if adverb else head
            if base_form(word) in NOUNS_TOO and i > 1 and not (_OBJECT.match(rest) or is_identifier(tokens[i - 1])):
                return None  # `file names vary`
            if not is_noun_phrase(head) or not clean_clause(rest) or re.match(r"(?:of|and|or|that|which)\b", rest):
                return None
            return head, word, rest
    return None


def is_clause(text: str) -> bool:
    """Whether a condition is a whole clause: a noun phrase, then a finite verb or a verb in the third person."""
    tokens = text.split(" ")
    for i in range(1, min(10, len(tokens))):
        word = tokens[i].lower()
        if word in FINITE or word in VERBS:
            return is_noun_phrase(" ".join(tokens[:i])) and i + 1 < len(tokens)
    return False


def third_person(verb: str) -> str:
    """`fetches` from `fetch`, `copies` from `copy`."""
    if re.search(r"(?:s|sh|ch|x|z|o)$", verb):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"


def base_form(verb: str) -> str:
    """`make` from `makes`, `try` from `tries`, `watch` from `watches`."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    if verb.endswith(("izes", "yzes", "aches")) and not verb.endswith(("eaches", "ttaches", "etaches")):
        return verb[:-1]  # `caches`, `analyzes`
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "zes", "oes")) else verb[:-1]


BASE_VERBS = frozenset(base_form(verb) for verb in VERBS)
