"""Statements that answer a question of yes or no: what is not so, what must be, what is so only, always or by default.

The question turns the subject and the auxiliary round; the answer is the sentence itself, so that it is as right as the
documentation. A bare `X is a Y` is left to definitions: nobody asks whether it is.
"""

from __future__ import annotations

import re

from understudy.generate.extractive.grammar import has_pronoun, is_noun_phrase, points_away, third_person
from understudy.generate.extractive.sentence_forms import Draft, first_person
from understudy.normal import words

_NEGATIVE = re.compile(
    r"^(?:By default, )?(?P<s>[^,;:]{2,70}?) (?:(?P<b>is|are|do|does|can) ?not|(?P<n>is|are) never) "
    r"(?!only\b|just\b|yet\b|even\b|all\b|every\b|merely\b|simply\b|so\b|as\b|necessarily\b|always\b|be only\b|"
    r"guaranteed\b|likely\b|sure\b|that\b|too\b|very\b|really\b|actually\b|generally\b|usually\b|normally\b|quite\b)"
    r"(?P<r>[a-z`\"(].{6,160})$"
)
_CANNOT = re.compile(
    r"^(?P<s>[^,;:]{2,70}?) cannot (?!only\b|be sure\b|yet\b|just\b|always\b|simply\b)(?P<r>[a-z`].{6,160})$"
)
_NONE = re.compile(
    r"^(?P<s>[^,;:]{2,70}?) (?P<b>has|have) no (?P<r>(?!more\b|other\b|further\b|such\b)[A-Za-z`].{3,120})$"
)
_POSITIVE = re.compile(
    r"^(?:By default, )?(?P<s>[^,;:]{2,70}?) (?P<b>is|are|can|must) "
    r"(?!not\b|never\b|a\b|an\b|the\b|one\b|only a\b|that\b|to\b|set to\b|also\b|now\b|currently\b|either\b)"
    r"(?P<r>[a-z`].{4,160})$"
)
_ASKED = re.compile(
    r"^(?:only|always|automatically|implicitly|required|optional|mandatory|allowed|permitted|forbidden|prohibited|"
    r"case[- ](?:in)?sensitive|enabled|disabled|ignored|thread[- ]?safe|read-only|"
    r"on|off|unique|persistent|reserved|inherited|sorted|escaped|cached|encrypted|compressed|validated|"
    r"be (?:nested|used|changed|modified|combined|shared|overridden|disabled|enabled|omitted|repeated|empty|null|"
    r"unique|set|given|specified|installed|called|run|declared|defined|created|deleted|removed|renamed|restored|running|"
    r"loaded|present|absolute|relative|quoted|escaped|owned|superuser|a superuser))\b"
)
_CUT = re.compile(
    r",? (?:but|so|because|since|and so|hence|although|even though|though|as it|as they|unless otherwise)\b.*$|"
    r", (?:and|or|which|whereas|while|even|just|only|nor|rather|not|as|in which|at which|where|if|when|unless)\b.*$|"
    r" \([^)]*\)$| - .*$|; .*$"
)
_LONGEST = 20


def by_polar(statement: str) -> Draft | None:
    """A draft of form `polar`, or `possible` for what can be: its value is the answer, its words the question."""
    match = _NEGATIVE.match(statement)
    if match:
        return _draft(statement, match, match["b"] or match["n"], "No")
    match = _CANNOT.match(statement)
    if match:
        return _draft(statement, match, "can", "No")
    match = _NONE.match(statement)
    if match:
        return _draft(statement, match, "does" if match["b"] == "has" else "do", "No", "have any ")
    match = _POSITIVE.match(statement)
    if match and _ASKED.match(match["r"]):
        return _draft(statement, match, match["b"], "Yes", form="possible" if match["b"] == "can" else "polar")
    return None


def _told(be: str, rest: str) -> str:
    """What follows a subject after `whether`: `is read`, `has any key`."""
    if be not in ("do", "does"):
        return f"{be} {rest}"
    verb, _, objects = rest.partition(" ")
    return rest if be == "do" else f"{'has' if verb == 'have' else third_person(verb)} {objects}"


def _draft(
    statement: str, match: re.Match[str], be: str, says: str, verb: str = "", form: str = "polar"
) -> Draft | None:
    subject, rest = match["s"], _CUT.sub("", match["r"])
    by_default = statement.startswith("By default, ")
    if not is_noun_phrase(subject) or not 1 <= len(words(rest)) <= _LONGEST or (says == "Yes" and "," in rest):
        return None
    if has_pronoun(rest) or points_away(rest) or rest.count("(") != rest.count(")") or rest.count('"') % 2:
        return None
    if re.search(r"\band (?:disabled|not)\b|\bexcept\b", rest):
        return None
    if "," in rest and not re.search(r", \S.*,? (?:and|or) ", rest):
        return None
    if re.search(r"\b(?:and|or) (?:no )?[\w-]+(?: [\w-]+){0,4} (?:is|are|was|were|has|have|can|may|must|will)\b", rest):
        return None  # two statements
    if re.search(r"\b(?:and|or) (?:is|are|was|were|has|have|can|cannot|may|must|should|will|do|does)\b", rest):
        return None
    if re.search(r"\b(?:and|or) (?:\w+ly )?(?:[a-z]{3,}s|not) (?:to|the|an?|in|on|as|by|for)\b", rest):
        return None
    if re.search(r"\b(?:a handful|do|does)\b|n't\b|—|\[", subject):
        return None
    if re.match(r"(?:[Nn]one|[Nn]either|[Nn]othing|[Nn]o|[Nn]ot)\b", subject) or re.fullmatch(r"`[a-z]+`", subject):
        return None
    if says == "No" and len(words(rest)) < 2 and not _ASKED.match(rest):
        return None
    if says == "No" and re.search(r"\b(?:until|unless|any more)\b", rest):
        return None
    if (
        re.search(
            r"\b(?:such|others?|documented|document|too|known|clear|true|meant|intended|recommended|yet|anymore|longer|particularly)\b",
            rest,
        )
        or not be
    ):
        return None
    whole = f"{verb}{rest}{' by default' if by_default else ''}"
    told = first_person(whole) if re.search(r"\byou", whole) else whole
    return Draft(
        form, subject, f"{be} {rest}", statement, "boolean", "", "",
        {"be": be, "Be": be.capitalize(), "rest": told, "yes": says, "told": _told(be, told)},
    )  # fmt: skip
