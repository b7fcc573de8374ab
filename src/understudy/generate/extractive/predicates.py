"""Sentences whose verb is asked for with its object: what a thing deletes, depends on, results in; what it is called,
what it is the same as, and since which version there is one.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from understudy.generate.extractive.grammar import base_form, clean_clause, is_noun_phrase, split_at_verb
from understudy.generate.extractive.lexicon import NOT_SUBJECT, NOUNS_TOO, OBJECT_VERBS, STATIVE, VERBS
from understudy.generate.extractive.sentence_forms import Draft
from understudy.normal import words

_OBJECT = re.compile(r"(?:the|an?|all|any|each|every|both|only|[A-Z`\"\d][^ ]*|[a-z-]+s)\b ?")
_NO_ACTS = STATIVE | frozenset(
    """
    causes makes means gives gets takes lets helps allows enables keeps holds starts begins ends tries fails works looks
    has says knows wants turns covers follows tells fits suits matches reaches shares joins
    """.split()  # noqa: SIM905
)
_WITH_PREPOSITION = {
    "depends on": "depend on", "results in": "result in", "consists of": "consist of", "refers to": "refer to",
    "corresponds to": "correspond to", "applies to": "apply to", "leads to": "lead to", "relies on": "rely on",
    "belongs to": "belong to", "evaluates to": "evaluate to", "expands to": "expand to",
    "resolves to": "resolve to", "maps to": "map to", "points to": "point to", "listens on": "listen on",
    "connects to": "connect to", "is based on": "", "is equivalent to": "", "is limited to": "",
    "is derived from": "", "is composed of": "", "is followed by": "", "is required for": "", "is required by": "",
    "is responsible for": "", "is measured in": "", "is identical to": "", "is associated with": "",
}  # fmt: skip
_PREPOSITIONAL = re.compile(
    rf"^(?P<s>[^,;:]{{2,70}}?) (?P<v>{'|'.join(_WITH_PREPOSITION)}) (?P<o>[A-Za-z`\"\d].{{3,150}})$"
)
_CALLED = re.compile(
    r"^(?P<s>An? [^,;:]{4,90}?) (?P<b>is|are) (?:called|known as|referred to as|termed) "
    r"(?P<v>(?:(?:an?|the) )?[\w`\"' -]{3,50})$"
)
_SAME = re.compile(
    r"^(?P<s>[^,;:]{2,70}?) (?P<b>is|are) "
    r"(?P<f>an? (?:alias|synonym|shorthand|abbreviation|short form|alternative name) (?:for|of)|"
    r"short for|another name for) (?P<v>[A-Za-z`\"].{2,110})$"
)
_SINCE = re.compile(
    r"^(?:Support for )?(?P<s>[^,;:]{2,70}?) (?P<b>is|are|was|were|has been|have been) (?:first |only )?"
    r"(?P<f>supported|available|possible|enabled by default|disabled by default|deprecated|introduced|added|removed|"
    r"recognized) "
    r"(?:as of|since|in|with|from|starting (?:with|in|from)|beginning (?:with|in)) "
    r"(?:the )?(?:[A-Z]\w+ )?(?:(?:version|release) )?v?(?P<v>\d+(?:\.\d+)+)(?: \([^)]*\))?"
    r"(?: (?:and later|and newer|onwards?|release))?$"
)
_NEW = re.compile(
    r"^(?:[A-Z]\w+ )?(?:[Vv]ersion |[Rr]elease )?(?P<v>\d+(?:\.\d+)+)(?: \([^)]*\))? "
    r"(?P<f>introduced|added|removed|deprecated|dropped) (?:support for )?(?P<s>(?:the |an? )?[A-Za-z`][^,;:]{3,70})$"
)


def by_since(statement: str) -> Draft | None:
    """Since which version there is a thing, or there is none any more."""
    match = _SINCE.match(statement) or _NEW.match(statement)
    if match is None or re.search(r"\b(?:and|or)$", match["s"]) or "Table" in statement or "Section" in statement:
        return None
    be = match.groupdict().get("b") or "was"
    if not is_noun_phrase(match["s"]):
        return None
    asked = {"be": "were" if be in ("are", "were", "have been") else "was", "participle": _participle(match["f"])}
    return Draft("version", match["s"], "version", match["v"], "version", "", "", asked)


def _participle(told: str) -> str:
    return {"supported": "first supported", "available": "first available", "possible": "first possible",
            "recognized": "first recognized"}.get(told, told)  # fmt: skip


def by_relation_verb(statement: str) -> Draft | None:
    """`X depends on Y`: what does X depend on?"""
    match = _PREPOSITIONAL.match(statement)
    if match is None or not is_noun_phrase(match["s"]) or not clean_clause(match["o"]):
        return None
    if len(words(match["o"])) > 22 or re.match(r"(?:how|what|that|this|it|these|being)\b", match["o"]):
        return None
    base = _WITH_PREPOSITION[match["v"]]
    asked = {"aux": "does", "base": base} if base else {"aux": "is", "base": match["v"].removeprefix("is ")}
    return Draft("relates", match["s"], match["v"], match["o"], "definition", f"{statement}.", "", asked)


def by_name(statement: str) -> Draft | None:
    """`An X that does Y is called Z`: what is it called?"""
    match = _CALLED.match(statement)
    if match is None or len(words(match["s"])) < 3 or len(words(match["v"])) > 5:
        return None
    return Draft("called", match["s"], "called", match["v"].strip('"'), "name", f"{statement}.", "", {"be": match["b"]})


def by_same(statement: str) -> Draft | None:
    """`X is an alias for Y`: what is it an alias for?"""
    match = _SAME.match(statement)
    if match is None or not is_noun_phrase(match["s"]):
        return None
    return Draft(
        "same",
        match["s"],
        match["f"],
        match["v"],
        "definition",
        f"{statement}.",
        "",
        {"be": match["b"], "as": match["f"]},
    )


_MANNER = re.compile(
    r"^(?P<o>.{3,90}?),? (?P<m>(?:by [a-z]+ing|using|via|through|with the help of|by means of) .{4,150})$"
)
_AIM = re.compile(
    r"^(?P<o>.{3,90}?),? (?P<m>(?:in order (?:not )?to|so that|so as to|"
    r"to (?:prevent|avoid|ensure|guarantee|reduce|improve|make sure)) .{6,150})$"
)
_TIMING = re.compile(
    r"^(?P<o>.{3,90}?) (?P<m>(?:only )?(?:if|when|whenever|unless|until|as soon as|after|before) .{8,150})$"
)


def by_adjunct(statement: str, verbs: Container[str]) -> Iterator[Draft]:
    """`X does Y by Z`, `X does Y in order to Z`, `X does Y when Z`: how, why and when does X do Y?"""
    parts = split_at_verb(statement, verbs)
    if parts is None:
        return
    subject, verb, rest = parts
    if (
        verb in _NO_ACTS - {"keeps", "allows", "enables"}
        or verb in STATIVE
        or (verb not in VERBS and verb not in verbs)
    ):
        return
    for form, ask, kind, pattern in (
        ("manner", "How", "means", _MANNER), ("aim", "Why", "use", _AIM), ("timing", "When", "condition", _TIMING),
    ):  # fmt: skip
        match = pattern.match(rest)
        if match is None or not is_noun_phrase(re.sub(r"^(?:all|any|each|every) ", "the ", match["o"])):
            continue
        asked = {
            "base": f"{base_form(verb)} {match['o']}",
            "Ask": ask,
            "ask": ask.lower(),
            "be": f"{verb} {match['o']}",
        }
        yield Draft(form, subject, f"{verb} {match['o']}", match["m"], kind, f"{statement}.", "", asked)
        return


def by_act(statement: str, verbs: Container[str]) -> Draft | None:
    """`X deletes Y`: what does X delete? verbs: third-person verbs of the corpus."""
    parts = split_at_verb(statement, verbs)
    if parts is None:
        return None
    subject, verb, rest = parts
    if verb not in VERBS or verb in _NO_ACTS or verb in OBJECT_VERBS or not _OBJECT.match(rest):
        return None
    first = rest.split()[0].lower().strip('`"')
    if first in NOT_SUBJECT - {"all", "any", "each", "every", "both"} or len(words(rest)) > 22:
        return None
    if subject.split()[-1] in NOUNS_TOO and " " not in subject:
        return None
    return Draft("acts", subject, verb, rest, "action", f"{statement}.", "", {"base": base_form(verb)})
