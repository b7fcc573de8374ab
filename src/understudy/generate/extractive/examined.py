"""Which claims an exam can ask, and which answers stand beside each other as options."""

from __future__ import annotations

import re

from understudy.generate.extractive.claims import Claim
from understudy.generate.values import PRECISE
from understudy.normal import words

SENTENCES = ("definition", "action", "means", "location", "condition", "use", "reason")
_LIKE = (
    ("returns", "produces", "generates", "prints"), ("contains", "includes", "stores"), ("provides", "offers"),
    ("uses", "employs"), ("requires", "needs"), ("accepts", "expects", "reads"),
)  # fmt: skip
"""Verbs whose objects can stand beside each other."""
_PART = "argument|parameter|key|keyword|field|attribute|property|column|variable|value|label|part|member|element"
_OF_WHAT = re.compile(
    rf"\b(?:{_PART}) `?[a-z]+`?$|(?:^|[ `])[a-z_]+`? (?:{_PART})s?$|\bargument `?\w+`?$|`?\w+`? arguments?$|"
    r"^(?:the )?`[a-z]+`$|(?:^|[ `])[a-zA-Z]+(?:\[\d+\])?`? (?:parameter|argument|field|member)s?$|\bE[A-Z0-9]{3,}`?$|"
    r"\b(?:identifier|code|number|id|byte|row|category) `?[\w.:-]{1,8}`?$"
)
_SERIAL = re.compile(r"\d{8}|\d+-\d+-\d+")  # a number that nobody knows a thing by
_USUALLY = re.compile(r"\b(?:normally|usually|typically|often|sometimes|generally)\b")
_NO_PURPOSE = re.compile(r"[Dd]efaults? |[A-Z]{2,}s?\b|[A-Z]?[a-z]+ly (?:for|to|of|in)\b")
_ONLY_IF = re.compile(
    r" (?:if|when|while|unless) (?!.*\b(?:otherwise|and (?:zero|-1|0|NULL|False)|or (?:NULL|None|0|-1|zero))\b)"
)
_BARE_NAME = re.compile(r"`[a-z][a-z0-9_]*`$")
_TINY = re.compile(r"(?:^|[ `])(?:-?[A-Za-z]|[a-z]{2}|[\d.,:x-]+)`?$")  # a subject that says nothing without its page
MANY = frozenset(["true", "false", "yes", "no", "on", "off", "none", "null", "0", "1", "", "empty", "unset"])
"""Values that too many things have for one to be asked for."""


def examinable(claim: Claim, context: str) -> bool:
    """Whether an exam can ask it: the question names its thing so that it is known without the page, and what is said
    first answers it. `a` and `14..15` say too little, and so does an argument whose function is not named."""
    told = claim.location.document.text[claim.start : claim.end]
    if claim.form in ("purpose", "term"):
        head = claim.words.get("head", claim.value)
        if _NO_PURPOSE.match(head) or _USUALLY.search(head) or " by default," in head:
            return False  # `Defaults to 80`, `SET TRANSACTION`, `Usually the order is kept. With this it is not.`
    if claim.form == "object" and _USUALLY.search(told):
        return False
    if claim.form in ("definition", "does", "object") and _ONLY_IF.search(claim.value):
        return False  # what it is in one case
    if claim.form == "command" and len(words(told)) < len(words(claim.value)) + 3:
        return False  # a listing, whose goal stands in the text around it
    if _SERIAL.search(claim.subject):
        return False
    program = claim.location.program
    if program and program in context:
        return True
    bare_name = claim.form in ("purpose", "term", "type", "default", "attribute") and _BARE_NAME.match(claim.subject)
    return not (bare_name or _TINY.search(claim.subject) or _OF_WHAT.search(claim.subject))


def sort_of(claim: Claim) -> str:
    """The type that an answer and its distractors share: that of the value where it is exact, else also what is asked
    for by name, so that what one function returns stands beside what others return."""
    if claim.type in PRECISE or claim.type in SENTENCES:
        return claim.type
    if claim.form == "meaning":
        return "meaning"
    if claim.form == "attribute":  # what else stands in the page's column
        return f"attribute {claim.attribute} {claim.location.document.doc_id}"
    if claim.form in ("list", "set", "default", "relates", "quantity"):
        return f"{claim.form} {claim.attribute}"
    if claim.form == "object":
        return f"object {next((names[0] for names in _LIKE if claim.attribute in names), claim.attribute)}"
    return claim.type
