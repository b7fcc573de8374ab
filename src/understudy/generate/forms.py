"""The grammatical form of an option, and whether it is a whole phrase: options of one question are alike in both."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from understudy.generate.extractive.grammar import (
    BASE_VERBS,
    FINITE,
    OPENERS,
    PREPOSITIONS,
    base_form,
    clean_clause,
    has_pronoun,
    is_identifier,
    points_away,
    third_person,
)
from understudy.generate.extractive.lexicon import DETERMINERS, IMPERATIVE, NOUNS_TOO, STATIVE, VERBS
from understudy.generate.values import PRECISE, value_type

_THIRD = VERBS | STATIVE | {third_person(verb) for verb in IMPERATIVE}
_THIRD |= {"causes", "shows", "defaults", "points", "corresponds", "relies", "acts", "contributes", "proves"}
_ARTICLES = frozenset({"the", "a", "an", "any", "each", "every", "all", "no", "one"})
_CLAUSE = frozenset({"if", "when", "whenever", "unless", "until", "while", "as", "once", "after", "before", "only"})
_MEANS = frozenset({"by", "using", "with", "via", "through"})
_NEGATED = frozenset({"isn't", "aren't", "wasn't", "doesn't", "don't", "didn't", "can't", "won't", "hasn't", "haven't"})
_LINKS = PREPOSITIONS | OPENERS | {"the", "a", "an", "is", "are", "was", "were", "be", "not", "also", "its", "their"}
_LINKS |= {"otherwise", "too", "instead", "again", "etc", "respectively", "only", "always", "never", "then", "now"}
_WITH = frozenset(
    """
    depends:on relies:on points:to refers:to applies:to belongs:to corresponds:to consists:of results:in listens:on
    connects:to switches:to searches:for looks:for waits:for checks:for works:with works:on works:in runs:in runs:on
    returns:to defaults:to converts:to resolves:to maps:to expands:to evaluates:to responds:to writes:to reads:from
    differs:from inherits:from serves:as acts:as stays:in takes:over turns:on turns:off binds:to adds:to
    """.split()  # noqa: SIM905
)
_PREDICATE = re.compile(
    r"[A-Za-z]?[a-z]{2,}(?<![su])s (?:(?:the|an?|all|any|each|every|its|whether|how|which)\b|[A-Z\"'<\d]|[a-z]+[_.(])"
)
_NO_ANSWER = re.compile(
    r"(?:Defaults? |Same as|The same as|Like |See |Deprecated|Obsolete|(?:An )?alias |Short for)", re.IGNORECASE
)
_AND_IS = re.compile(r"\b(?:and|or) (?:is|are|was|were|can|cannot|must|will|has|have|does|do|should)\b")
_HANGS_ON = re.compile(
    r"\b(?:and|or) be \w+|, (?:and|or) (?:is|are|can|will|must|when|if)\b|\band (?:True|False|None|zero) otherwise$"
)
_MARKUP = re.compile(r":\w+:|\\[A-Za-z]|(?:^|\s)\[[A-Za-z][\w -]*\](?!\()")
_PAST = re.compile(r"(?:first|last|also|only|still|never|\w+ly) \w+ed\b")
_NAMES = frozenset({"word", "name", "identifier", "key", "env", "code", "file"})
_SEVERAL = re.compile(r"[.;!?] [A-Z]")


@lru_cache(maxsize=1 << 16)
def form_of(text: str) -> str:
    """`verb` for `Sets the port`, `noun`, `sentence`, `clause` for `If it is set, ...`, `means` for `by ...`, `place`,
    `infinitive`, `imperative`, `participle`, `gerund`, `reason`; the shape of an identifier or value where it is one.
    A text of several sentences is of another form than one of a single one."""
    tokens = text.replace("`", "").split()
    if not tokens:
        return ""
    kind = value_type(text)
    if kind in _NAMES:
        return f"name {_shape(text, kind)}"
    if kind in PRECISE or len(tokens) == 1:
        return f"{kind} {_shape(text, kind)}"
    return _form(tokens, text) + (" and more" if _SEVERAL.search(text) else "")


def _form(tokens: list[str], text: str) -> str:
    first, second = tokens[0].strip("\"'(,").lower(), tokens[1].lower().strip(",.")
    if (
        first in _THIRD
        and (second not in FINITE)
        and not (base_form(first) in NOUNS_TOO and (second in ("of", "that") or second.endswith("ly")))
    ):
        return "verb"
    if first == "does" or _PREDICATE.match(text):
        return "verb"
    if first in _CLAUSE:
        return "clause"
    if first in _MEANS:
        return "means"
    if first == "because":
        return "reason"
    if first == "to":
        return "infinitive"
    if first in PREPOSITIONS:
        return "place"
    if first.endswith("ed") and second in PREPOSITIONS:
        return "participle"
    if finite(text):
        return "sentence"
    if first in IMPERATIVE | BASE_VERBS and (first not in NOUNS_TOO or second in DETERMINERS):
        return "imperative"
    if first.endswith("ing") and second in _ARTICLES:
        return "gerund"
    return "noun"


def _shape(text: str, kind: str) -> str:
    """How an identifier or value looks: its dashes, capitals, dots, brackets; the unit of a quantity."""
    if kind in ("time", "size", "percent"):
        return kind
    if kind in ("number", "port", "version", "date", "url", "email", "path", "address", "endpoint", "boolean"):
        return "fraction" if kind == "number" and re.search(r"\d\.\d", text) else kind
    if text[:1] in "\"'":
        return "quoted"
    if text[:1] in "[{(<":
        return "bracketed"
    if text.startswith("-"):
        return "--" if text.startswith("--") else "-"
    shape = "CAPITALS" if text.isupper() and len(text) > 1 else "Capital" if text[:1].isupper() else "small"
    return f"{shape}{'.' if '.' in text.strip('.') else ''}{'()' if text.endswith('()') else ''}"


@lru_cache(maxsize=1 << 16)
def finite(text: str) -> bool:
    """Whether a text has a finite verb of its own, before another clause opens."""
    tokens = [token.strip("`,;()\"'").lower() for token in _SEVERAL.split(text)[0].split()]
    for i, token in enumerate(tokens):
        if i and token in OPENERS - {"and", "or", "as", "than", "so"}:
            return False
        if token in FINITE or token in _NEGATED:
            return i > 0
        before = tokens[i - 1] if i else ""
        if i > 1 and token in BASE_VERBS - NOUNS_TOO and re.search(r"[^s]s$", before) and before not in _THIRD:
            return True  # `The two forms yield the same`
        if i and token in _THIRD and tokens[i - 1] not in PREPOSITIONS | _ARTICLES | {"and", "or", "to"}:
            following = tokens[i + 1] if i + 1 < len(tokens) else ""
            if base_form(token) not in NOUNS_TOO or following in DETERMINERS:
                return True
    return False


@lru_cache(maxsize=1 << 16)
def is_whole(text: str, read: bool = False) -> bool:
    """Whether a text is a whole phrase: nothing begun is left open, and nothing of another clause hangs on.

    read: it was read as the answer to a question; else it was cut out of a sentence, and must be surer.
    """
    plain = text.replace("`", "").strip()
    tokens = plain.split()
    if not tokens or "\n" in text or (plain[0] == "(" and len(tokens) > 1) or not _balanced(plain):
        return False
    if (
        plain[-1] in ",;:-"
        or re.search(r"\b(?:and|or) \w+ing (?:the|an?|your)\b", plain)
        or re.search(r"\w\.\d+ =", plain)
    ):
        return False
    if (
        _HANGS_ON.search(plain)
        or (len(tokens) > 1 and _MARKUP.search(plain))
        or (len(tokens) > 1 and _NO_ANSWER.match(plain))
    ):
        return False
    last = tokens[-1].strip("\"')").lower()
    if len(tokens) > 1 and last in (_ARTICLES | OPENERS if read else _LINKS):
        return False
    form = form_of(plain)
    if form == "verb":
        return _whole_predicate(tokens, read)
    if form in ("noun", "means", "place", "infinitive", "participle") and _AND_IS.search(plain):
        return False  # `By a call to open() and is destroyed by close()`
    if read or form.partition(" ")[0] in PRECISE or len(tokens) == 1:
        return True
    if plain.endswith(".") or re.search(r"\b(?:if|when) (?:is|are)\b|\band (?:if|when)\b|[)\]] \d+$", plain):
        return False
    if points_away(plain) or has_pronoun(plain) or re.search(r"\byour?\b|n't\b|, and whether ", plain):
        return False
    if form == "noun":
        return _whole_thing(tokens)
    return form in ("means", "place", "infinitive", "clause") and (form == "clause" or not finite(plain))


def _whole_predicate(tokens: list[str], read: bool) -> bool:
    """`Sets the port`, but not `Creates for any query`, `Names and types that ...` or `Changes to the format`."""
    verb, following = tokens[0].lower(), tokens[1].strip("\"'").lower()
    rest = " ".join(tokens[1:])
    if verb == "does":
        return following == "not"
    if following in PREPOSITIONS and f"{verb}:{following}" not in _WITH:
        return read and following not in ("of", "for")
    if following in OPENERS - {"whether", "how", "what", "which", "when", "where", "why", "if"} or rest[0] in "()":
        return False
    if following in FINITE or not clean_clause(rest) or _PAST.match(rest):
        return False  # `Calls first appeared in version 2`
    sure = following in DETERMINERS or is_identifier(tokens[1]) or tokens[1][:1].isupper()
    if base_form(verb) in NOUNS_TOO and not (sure or read):
        return False
    return read or not (points_away(rest) or has_pronoun(rest) or re.search(r"\byour?\b", rest))


def _whole_thing(tokens: list[str]) -> bool:
    """`The address of the server`, but not `The address and allow clients` or `The other tables by naming them`."""
    lower = [token.strip(",()\"'").lower() for token in tokens]
    if finite(" ".join(tokens)) or "instead" in lower or "there" in lower:
        return False
    for a, b in pairwise(lower):
        if a in ("and", "or", "to") and b in (BASE_VERBS | IMPERATIVE) - NOUNS_TOO:
            return False
        if (a == "by" and b.endswith("ing")) or (a in ("and", "or") and b in _THIRD and base_form(b) not in NOUNS_TOO):
            return False
    return lower[0] in _ARTICLES or len(tokens) < 6


def _balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            return False
    return depth == 0 and text.count('"') % 2 == 0
