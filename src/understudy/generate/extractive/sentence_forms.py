"""The forms of sentences that are understood: each reader takes a statement without its full stop, and gives a draft
of a claim or nothing. The first that gives one is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from understudy.generate.extractive.grammar import (
    has_pronoun,
    is_clause,
    is_identifier,
    is_noun_phrase,
    split_at_verb,
)
from understudy.generate.extractive.lexicon import (
    ATTRIBUTE_NOUNS,
    DETERMINERS,
    IMPERATIVE,
    NOT_SUBJECT,
    NOUNS_TOO,
    OBJECT_VERBS,
    STATIVE,
    VERBS,
)
from understudy.generate.extractive.relations import ATTRIBUTES, DEFAULTS, RELATIONS
from understudy.generate.text import bare, lower_first, upper_first
from understudy.generate.values import PRECISE, value_type
from understudy.normal import words

_SUBJECT = r"(?P<s>[^,;:]{2,70}?)"
_PROPERTY = re.compile(r"^(?:By default, )?[Tt]he (?P<a>[a-z][\w -]{1,40}?) (?:is|are) (?:set to )?(?P<v>[^,;]{1,60})$")
_QUANTITY = re.compile(
    r"^The (?P<a>(?:default |hard |soft |absolute |theoretical |recommended )?(?:maximum|minimum|largest|"
    r"smallest|highest|"
    r"lowest|longest|upper|lower|default)\b[\w `()/.'-]{3,80}?) (?:is|defaults to) (?:set to )?(?P<v>[^,;]{1,40})$"
)
_DEFINITION = re.compile(rf"^{_SUBJECT} (?P<b>is|are) (?P<v>(?:an?|the|one of the) .{{10,}})$")
_NO_DEFINITION = re.compile(
    r"(?:an?|the|one of the) (?:\w+ )?(?:example|idea|problem|bug|mistake|matter|result|reason|few|lot|bit|"
    r"good|bad|great|case|"
    r"question|number|little|same|only|first|last|most|best|consequence|exception|way|difference|default|easy|simple|"
    r"preferred|following|better|more|different|violation|synonym|total|recommended|key|main|primary|issue|"
    r"limit|maximum|minimum)\b",
    re.IGNORECASE,
)
_USED = re.compile(
    rf"^{_SUBJECT} (?P<b>is|are) (?:used|intended|designed|meant)(?: by [\w -]{{2,30}}?)? (?P<v>(?:to|"
    rf"for) [a-z`].{{6,160}})$"
)
_LOCATED = re.compile(
    rf"^{_SUBJECT} (?P<b>is|are) (?:\w+ly )?(?P<f>stored|kept|located|found|saved|placed|installed|defined|"
    rf"declared|recorded|"
    r"logged|held|written|cached|moved) (?P<v>(?:in|at|under|on|to|into|inside) .{3,120})$"
)
_CONTROLLED = re.compile(
    rf"^{_SUBJECT} (?P<b>is|are|can be|may be|must be|should be) (?P<f>set|controlled|determined|configured|"
    rf"specified|enabled|disabled|chosen|"
    r"limited|started|stopped|created|removed|deleted|changed|activated|deactivated|turned off|turned on|"
    r"invoked|selected|"
    r"overridden|adjusted|altered|modified|registered|locked|installed|restored|checked|verified|built|compiled|run|"
    r"loaded|lowered|raised|increased|reduced|retrieved|obtained) "
    r"(?P<v>(?:by|with|using|via|through|at (?:run|compile|start|build|link|load)[- ]?time) .{4,140})$"
)
_WHEN = re.compile(
    rf"^{_SUBJECT} (?P<b>is|are) (?:\w+ly )?(?P<f>\w+ed|run|set|built|sent|read|made|written|taken|given|thrown) "
    r"(?P<v>(?:only )?(?:if|when|whenever|unless|until|as soon as) (?!possible|necessary|any\b|not\b|so\b|"
    r"needed|required|desired|appropriate|applicable).{8,160})$"
)
_BECAUSE = re.compile(
    rf"^{_SUBJECT} (?P<b>is|are|can|cannot|must|should|does not|"
    rf"do not) (?P<r>[a-z`][^,;:]{{3,80}}?),? because (?P<v>.{{10,170}})$"
)
_VERSION = re.compile(
    rf"^(?:Support for )?{_SUBJECT} (?P<b>was|were|is|has been) (?:first )?(?P<f>added|introduced|removed|deprecated|"
    r"dropped) (?:in|with|as of|since|by) (?:the )?(?:[A-Z]\w+ )?(?:(?:version|release) )?(?P<v>\d+(?:\.\d+)+)"
    r"(?: \([^)]*\))?(?: release)?$"
)
_STANDS = re.compile(
    r"^(?P<s>\"?`?[A-Z][A-Za-z0-9]{1,9}`?\"?) (?:stands for|is short for|is an abbreviation (?:of|"
    r"for)) \"?(?P<v>[A-Za-z][\w -]{4,70}?)\"?$"
)
_TO = re.compile(r"^(?:[Ii]n order )?[Tt]o (?P<g>[a-z][^,:;]{6,90}), (?P<v>[a-z`].{8,170})$")
_DO_TO = re.compile(
    r"^(?P<v>(?:Use|Run|Call|Set|Specify|Pass|Enter|Type|Execute|Add|Choose|Select|Press|Invoke|Enable|"
    r"Disable) [^,;:]{3,90}?)"
    r",? (?:in order )?to (?P<g>[a-z][^,;:]{6,90})$"
)
_IF = re.compile(r"^(?P<o>If|When|Whenever) (?P<g>[^,:;]{8,120}), (?:then )?(?P<v>[a-z`A-Z].{8,170})$")
_RUN_TO = re.compile(
    r"^(?:[Rr]un|[Uu]se|[Tt]ype|[Ee]nter|[Ee]xecute) (?P<v>`[^`]+ [^`]+`),? (?:in order )?to (?P<g>[a-z][^,:;`]{4,80})$"
)
_TYPED = re.compile(r"(?:[a-z][\w./-]* \S|[a-z]+-[a-z-]+$)")  # what is typed: a program with arguments, or `pg-dump`
_PLAINLY_TYPED = re.compile(r"^[A-Z]{3,}\b| --?\w|^[a-z]+[-.][\w.-]+ ")  # `DROP TABLE`, `tool --all`, `tool.py x`
_DO_WITH = re.compile(
    r"^(?P<g>[A-Z][a-z]+ [^,:;`]{2,70}?) (?:with|using|by running|by typing|via)(?: the command)? (?P<v>`[^`]+`)$"
)


@dataclass(slots=True)
class Draft:
    """A claim before its subject was checked. goal: an infinitive or a clause that the question repeats."""

    form: str
    subject: str
    attribute: str
    value: str
    type: str = ""
    answer: str = ""
    goal: str = ""
    words: dict[str, str] = field(default_factory=dict)


def first_person(text: str) -> str:
    """`your model` becomes `my model`: the asker speaks."""
    swaps = (("you are", "I am"), ("you're", "I'm"), ("you've", "I have"), ("yourself", "myself"), ("yours", "mine"),
             ("your", "my"), ("you", "I"))  # fmt: skip
    for old, new in swaps:
        text = re.sub(rf"\b{old}\b", new, text, flags=re.IGNORECASE)
    return lower_first(text)


def read_statement(statement: str, verbs: Container[str], about: str, first: bool) -> Iterator[Draft]:
    """The drafts of a statement, the surest form first.

    verbs: third-person verbs of the corpus. about: the subject of the section. first: whether it opens a paragraph.
    """
    yield from (draft for read in _READERS if (draft := read(statement)) is not None)
    draft = (_by_property(statement, about) if about else None) or _by_verb(statement, verbs, first)
    if draft is not None:
        yield draft


def _by_command(statement: str) -> Draft | None:
    match = _RUN_TO.match(statement)
    if match:
        command = bare(match["v"])
        said = {"use": ""} if statement[:4].lower() == "use " and not _PLAINLY_TYPED.search(command) else {}
        return Draft("command", "", "command", command, "command", command, first_person(match["g"]), said)
    match = _DO_WITH.match(statement)
    if match is None or match["g"].split()[0].lower() not in IMPERATIVE | {"pause", "list", "show", "print"}:
        return None
    command, second = bare(match["v"]), match["g"].split()[1].lower()
    typed = _TYPED.match(command) and command[0] != "-"
    if (match["g"].split()[0].lower() in NOUNS_TOO and second not in DETERMINERS) or not typed:
        return None
    return Draft("command", "", "command", command, "command", command, first_person(match["g"]))


def _by_relation(statement: str) -> Draft | None:
    for index, relation in enumerate(RELATIONS):
        for pattern in relation.patterns:
            match = pattern.fullmatch(statement)
            if match and is_noun_phrase(match["s"]):
                return Draft(f"relation:{index}", match["s"], relation.attribute, match["v"].strip())
    return None


def _by_attribute(statement: str) -> Draft | None:
    for pattern in DEFAULTS:
        match = pattern.fullmatch(statement)
        if match and is_noun_phrase(match["s"]):
            return Draft("default", match["s"], "default", match["v"].strip())
    for pattern in ATTRIBUTES:
        match = pattern.fullmatch(statement)
        if not match or not is_noun_phrase(match["s"]):
            continue
        attribute, value = match["a"].lower(), match["v"].strip()
        measured = value_type(value) in (
            "number",
            "port",
            "time",
            "size",
            "percent",
            "path",
            "address",
            "version",
            "date",
        )
        if (words(attribute)[-1] not in ATTRIBUTE_NOUNS and not measured) or words(attribute)[-1] in ("value", "name"):
            continue
        if set(words(attribute)) & (NOT_SUBJECT | VERBS) or len(words(attribute)) > 4:
            continue
        if value_type(value) not in PRECISE and not re.fullmatch(r"`[^`]+`|(?:[A-Z][\w.-]*)(?: [A-Z][\w.-]*)*", value):
            continue
        if attribute.startswith("default ") and len(words(attribute)) == 2 and "`" in match["s"]:
            return Draft("default", match["s"], "default", value)
        return Draft("attribute", match["s"], attribute, value)
    return None


def _by_quantity(statement: str) -> Draft | None:
    match = _QUANTITY.match(statement)
    if match is None or value_type(match["v"]) not in PRECISE or not is_noun_phrase(f"the {match['a']}"):
        return None
    if not re.search(r" (?:of|per|in|for) ", match["a"]) and not is_identifier(match["a"]):
        return None
    return Draft("quantity", match["a"], "quantity", match["v"])


def _by_property(statement: str, about: str) -> Draft | None:
    match = _PROPERTY.match(statement)
    if match is None or set(words(match["a"])) & (NOT_SUBJECT | VERBS) or value_type(match["v"]) not in PRECISE:
        return None
    return Draft("attribute", about, match["a"].lower(), match["v"])


def _by_abbreviation(statement: str) -> Draft | None:
    match = _STANDS.match(statement)
    return Draft("abbreviation", match["s"].strip('"`'), "abbreviation", match["v"], "name") if match else None


def _by_version(statement: str) -> Draft | None:
    match = _VERSION.match(statement)
    return (
        Draft(
            "version",
            match["s"],
            "version",
            match["v"],
            "version",
            "",
            "",
            {"be": "were" if match["b"] == "were" else "was", "participle": match["f"]},
        )
        if match
        else None
    )


def _by_definition(statement: str) -> Draft | None:
    match = _DEFINITION.match(statement)
    if match is None or _NO_DEFINITION.match(match["v"]) or has_pronoun(" ".join(match["v"].split()[:4])):
        return None
    if len(words(match["v"])) < 5 or re.search(r"\bas well\b|\btoo$", match["v"]) or '"' in match["v"][:30]:
        return None
    if match["v"].startswith("the ") and " of " not in match["v"][:40] and " that " not in match["v"][:60]:
        return None
    return Draft(
        "definition", match["s"], "definition", match["v"], "definition", f"{statement}.", "", {"be": match["b"]}
    )


def _passive(pattern: re.Pattern[str], form: str, kind: str) -> Callable[[str], Draft | None]:
    def read(statement: str) -> Draft | None:
        match = pattern.match(statement)
        if match is None or re.match(
            r"(?:by|in|to|at|with) (?:default|general|particular|case|order|addition)\b|with \w+ arguments|"
            r".*, and the\b",
            match["v"],
        ):
            return None
        parts = {k: v for k, v in match.groupdict().items() if k in ("b", "f")}
        extra = {"be": parts["b"].split()[0], "participle": " ".join([*parts["b"].split()[1:], parts.get("f", "used")])}
        return Draft(form, match["s"], extra["participle"], match["v"], kind, f"{statement}.", "", extra)

    return read


def _by_reason(statement: str) -> Draft | None:
    match = _BECAUSE.match(statement)
    if match is None:
        return None
    be, rest = match["b"], match["r"]
    be, rest = (
        (be[:-4], f"not {rest}") if be.endswith(" not") else ("can", f"not {rest}") if be == "cannot" else (be, rest)
    )
    extra = {"be": be, "rest": rest}
    return Draft("why", match["s"], rest, f"Because {match['v']}", "reason", f"{statement}.", "", extra)


def _by_goal(statement: str) -> Draft | None:
    match = _TO.match(statement)
    if match and (
        match["v"].split()[0].lower() in IMPERATIVE or re.match(r"you (?:must|should|can|need|have to)\b", match["v"])
    ):
        return Draft("howto", "", "howto", f"{upper_first(match['v'])}.", "instruction", "", first_person(match["g"]))
    match = _DO_TO.match(statement)
    if match and is_identifier(match["v"]):
        return Draft("howto", "", "howto", f"{match['v']}.", "instruction", "", first_person(match["g"]))
    return None


def _by_condition(statement: str) -> Draft | None:
    match = _IF.match(statement)
    if match is None or not is_clause(re.sub(r"^you\b", "users", match["g"])):
        return None
    first = match["v"].split()[0].lower()
    tells = first in IMPERATIVE and (first not in NOUNS_TOO or match["v"].split()[1] in DETERMINERS)
    form = "advice" if tells or re.match(r"you (?:must|should|need|have to)\b", match["v"]) else "condition"
    if form == "condition" and not (is_clause(match["v"]) or re.match(r"(?:it|they) [a-z]+", match["v"])):
        return None
    joint = "if" if match["o"] == "If" else "when"
    return Draft(
        form, "", form, f"{upper_first(match['v'])}.", "instruction", "", first_person(match["g"]), {"if": joint}
    )


def _by_verb(statement: str, verbs: Container[str], first: bool) -> Draft | None:
    parts = split_at_verb(statement, verbs)
    if parts is None:
        return None
    subject, verb, rest = parts
    base = OBJECT_VERBS.get(verb)
    if base and (rest.startswith("only ") or f" always {verb} " in statement):
        return None
    if base and len(words(rest)) <= 16 and not re.match(r"(?:to|only|in|as|for|by|it|them)\b", rest):
        return Draft("object", subject, verb, rest, "", f"{statement}.", "", {"base": base})
    if (
        verb in STATIVE | {"supports", "provides", "offers", "includes", "uses", "needs", "contains"} or not first
    ):  # a later sentence adds a detail; the first says what a thing does
        return None
    return Draft("does", subject, "does", f"{verb} {rest}", "action", f"{statement}.")


_READERS: tuple[Callable[[str], Draft | None], ...] = (
    _by_command,
    _by_relation,
    _by_attribute,
    _by_quantity,
    _by_abbreviation,
    _by_version,
    _passive(_USED, "used", "use"),
    _passive(_LOCATED, "located", "location"),
    _passive(_WHEN, "when", "condition"),
    _passive(_CONTROLLED, "controlled", "means"),
    _by_reason,
    _by_definition,
    _by_goal,
    _by_condition,
)
