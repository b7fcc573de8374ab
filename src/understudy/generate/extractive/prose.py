"""Claims of prose: known relations, attributes and defaults, definitions, what things do, how-to, conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.lexicon import IMPERATIVE, NOT_FIRST, NOT_SUBJECT, OBJECT_VERBS, VERBS
from understudy.generate.extractive.relations import ATTRIBUTES, DEFAULTS, RELATIONS
from understudy.generate.text import bare, clip, lower_first, plain, sentences, upper_first
from understudy.generate.values import PRECISE, gap, value_type
from understudy.normal import words

_VAGUE = re.compile(
    r"\b(?:this|these|those|above|below|following|previous|latter|former|aforementioned|here|as follows|such)\b",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"(?: (?:currently|only|also|already|always|never|now|often|usually|automatically|simply|then|still))+$"
)
_POINTS = re.compile(r"\b(?:it|its|they|their|them|him|her|so)\b", re.IGNORECASE)
_PART = re.compile(
    r"^(?:in short, )?(?P<s>[^,;:]{2,60}?) is the (?:part|component|one|tool|module|program) "
    r"(?:that|which) (?P<v>\w+s .{3,})$",
    re.IGNORECASE,
)
_PROPERTY = re.compile(r"^(?:By default, )?[Tt]he (?P<a>[a-z][\w -]{1,40}?) (?:is|are) (?:set to )?(?P<v>[^,;]{1,80})$")
_DEFINITION = re.compile(
    r"^(?P<s>[^,;:]{2,60}?) (?P<b>is|are) (?P<v>(?:an?|one of|the \w+|lists? of|any|part of) .{8,})$"
)
_REFERS = re.compile(r"^(?P<s>[^,;:]{2,60}?) (?:refers to|denotes|stands for|means) (?P<v>.{8,})$")
_PASSIVE = re.compile(
    r"^(?P<s>[^,;:]{2,60}?) (?P<b>is|are|was|were) (?P<f>(?:\w+ly )?(?:\w+ed|written|kept|built|known|given|shown|"
    r"found|run|sent|read|set|made|held|taken|chosen|hidden|stored|meant)) (?P<p>by|in|on|to|with|from|into|at|for|"
    r"as|under|after|using) (?P<v>.{2,120})$"
)
_LETS = re.compile(
    r"^(?P<s>[^,;:]{2,60}?) (?P<f>lets|allows|enables|helps) (?P<w>you|users|developers)(?: to)? (?P<v>.{6,})$"
)
_MEANS = re.compile(
    r"^(?P<s>[^,;:]{2,60}?) (?:can|may|is to) be (?P<f>\w+ed|run|set|built|sent|read|made) "
    r"(?P<v>(?:by|using|with|via|through) .{4,120})$"
)
_MODAL = re.compile(r"^(?P<s>[^,;:]{2,60}?) (?P<f>should|must) be (?P<v>.{4,140})$")
_CAN = re.compile(r"^(?P<s>[^,;:]{2,60}?) can (?!be\b)(?P<v>[a-z]+ .{4,140})$")
_FOR = re.compile(r"^for (?P<s>[^,;:]{4,60}), (?P<v>[a-z`].{6,200})$", re.IGNORECASE)
_NO_CASE = re.compile(r"(?:example|instance|more|further|this|that|details?|additional)\b", re.IGNORECASE)
_HOW_TO = re.compile(r"^(?:in order )?to (?P<g>[a-z][^,:;]{4,90}), (?P<v>[a-z`].{6,})$", re.IGNORECASE)
_CAN_BY = re.compile(r"^you can (?P<g>[a-z][^,:;]{4,90}?) (?P<v>(?:by|using|through|via) .{4,})$", re.IGNORECASE)
_IF = re.compile(r"^(?:in case|if|when) (?P<g>[^,:;]{4,110}), (?P<v>.{6,})$", re.IGNORECASE)
_RUN_TO = re.compile(
    r"^(?:run|use|type|enter|execute|call|with) (?P<v>`[^`]+`),? (?:in order )?to (?P<g>[a-z][^,:;`]{4,80})$",
    re.IGNORECASE,
)
_DO_WITH = re.compile(
    r"^(?P<g>[A-Z][a-z]+ [^,:;`]{2,70}?) (?:with|using|by running|by typing|via)(?: the command)? (?P<v>`[^`]+`)$"
)


def prose_claims(
    text: str, offset: int, location: Location, known: frozenset[str] = frozenset(), about: str = ""
) -> Iterator[Claim]:
    """Claims of a paragraph; `text` stands in the document at `offset`, as it is.

    about: the subject of the section, which `The port is 80.` speaks of.
    known: subjects that may begin a sentence (headings, terms), lower case, as they are written.
    """
    for start, end in sentences(text):
        source = text[start:end]
        flat = plain(source)
        if len(flat) < 12 or len(flat) > 400 or flat.endswith(("?", ":")) or "\x00" in flat or "|" in flat:
            continue
        closed = flat.endswith((".", "!"))
        statement = clip(re.sub(r"^(?:NOTE|Note|Tip|Warning|Important|Caution):\s*", "", flat).rstrip("!"))
        yield from _claims(statement, offset + start, offset + end, location, known, closed, about)


def _claims(
    statement: str, start: int, end: int, location: Location, known: frozenset[str], closed: bool, about: str = ""
) -> Iterator[Claim]:
    found = (
        _by_command(statement)
        or _by_relation(statement)
        or _by_attribute(statement)
        or (_by_property(statement, about) if about else [])
        or _by_purpose(statement, known)
        or (_by_condition(statement) if closed else [])
        or (_by_gap(statement) if closed else [])
    )
    for form, head, attribute, value, extra in found:
        subject = named(head, location)
        weak = bool(extra.pop("weak", "")) or not _strong(subject or extra.get("goal", ""))
        answer = extra.pop("answer", "")
        kind = extra.pop("type", "") or value_type(value, attribute)
        yield Claim(form, subject, attribute, bare(value) if kind in PRECISE else value, start, end, location, kind,
                    weak, answer, extra)  # fmt: skip


Parts = list[tuple[str, str, str, str, dict[str, str]]]


def is_subject(subject: str) -> bool:
    """Whether a text can stand as the subject of a question: short, no pronoun, nothing pointing elsewhere."""
    tokens = subject.replace("`", "").split()
    return (
        0 < len(tokens) <= 8
        and tokens[0].lower().strip("*_") not in NOT_FIRST
        and not _VAGUE.search(subject)
        and not re.search(r"[:;,?!]", subject)
        and subject.count("`") % 2 == 0
        and subject.count("(") == subject.count(")")
    )


def base_form(verb: str) -> str:
    """`make` from `makes`, `try` from `tries`, `watch` from `watches`."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "zes", "oes")) else verb[:-1]


def named(subject: str, location: Location) -> str:
    """A subject in the middle of a question: `The relay` becomes `the relay`, names stay."""
    first, _, rest = subject.partition(" ")
    if first in ("The", "A", "An"):
        return f"{first.lower()} {rest}"
    if first.removesuffix("'s") in location.names:
        return subject
    if not rest:  # one capitalised word may be a name
        return lower_first(subject) if subject.lower() in location.common else subject
    return lower_first(subject) if rest[:1].islower() else subject


def clear_goal(goal: str) -> bool:
    """Whether a goal can be asked for alone: no pronoun that points elsewhere, more than a verb."""
    return len(words(goal)) > 1 and not _VAGUE.search(goal) and not _POINTS.search(goal)


def _strong(subject: str) -> bool:
    return len(words(subject)) > 1 or subject[:1].isupper() or bool(re.search(r"[`\d_./-]", subject))


def _by_command(statement: str) -> Parts:
    for pattern in (_RUN_TO, _DO_WITH):
        match = pattern.match(statement)
        if match is None or not clear_goal(match["g"]) or (pattern is _DO_WITH and not _starts_a_step(match["g"])):
            continue
        command = bare(match["v"])
        return [
            (
                "command",
                "",
                "command",
                command,
                {"goal": first_person(match["g"]), "type": "command", "answer": command},
            )
        ]
    return []


def _starts_a_step(goal: str) -> bool:
    first, _, rest = goal.partition(" ")
    return (
        bool(rest)
        and first.lower() not in NOT_SUBJECT - {"set", "use", "run", "let", "make"}
        and not first.endswith("s")
    )


def _by_relation(statement: str) -> Parts:
    for index, relation in enumerate(RELATIONS):
        for pattern in relation.patterns:
            match = pattern.fullmatch(statement)
            if match and is_subject(match["s"]):
                return [(f"relation:{index}", match["s"], relation.attribute, match["v"].strip(), {})]
    return []


def _by_attribute(statement: str) -> Parts:
    for pattern in DEFAULTS:
        match = pattern.fullmatch(statement)
        if match and is_subject(match["s"]):
            return [("default", match["s"], "default", match["v"].strip(), {})]
    for pattern in ATTRIBUTES:
        match = pattern.fullmatch(statement)
        if not match or not is_subject(match["s"]):
            continue
        attribute, value = match["a"].lower(), match["v"].strip()
        if set(words(attribute)) & (NOT_SUBJECT | VERBS) or len(words(attribute)) > 4:
            continue
        if value_type(value) not in PRECISE and len(words(value)) > 6:
            continue
        if attribute.startswith("default ") and len(words(attribute)) == 2 and "`" in match["s"]:
            return [("default", match["s"], "default", value, {})]
        return [("attribute", match["s"], attribute, value, {})]
    return []


def _by_property(statement: str, about: str) -> Parts:
    match = _PROPERTY.match(statement)
    if match is None or set(words(match["a"])) & (NOT_SUBJECT | VERBS):
        return []
    value = match["v"]
    if value_type(value) not in PRECISE and len(words(value)) > 3:
        return []
    return [("attribute", about, match["a"].lower(), value, {})]


def _by_purpose(statement: str, known: frozenset[str]) -> Parts:
    found: Parts = []
    match = _PART.match(statement)
    if match and is_subject(match["s"]):
        return [("does", match["s"], "does", match["v"], {"type": "action"})]
    statement = re.sub(r"^(?:In short|In brief|Basically|In general|Generally), ", "", statement)
    for pattern in (_DEFINITION, _REFERS):
        match = pattern.match(statement)
        if match and is_subject(match["s"]) and not _VAGUE.search(match["v"]):
            be = match["b"] if "b" in match.groupdict() else "is"
            found.append(
                (
                    "definition",
                    match["s"],
                    "definition",
                    match["v"],
                    {"be": be, "answer": f"{statement}.", "type": "definition"},
                )
            )
            return found
    match = _LETS.match(statement)
    if match and is_subject(match["s"]):
        return [
            ("lets", match["s"], match["f"], match["v"], {"base": match["f"][:-1], "who": match["w"], "type": "action"})
        ]
    match = _PASSIVE.match(statement)
    if match and is_subject(match["s"]) and not _VAGUE.search(match["v"]) and len(words(match["v"])) <= 12:
        words_ = {"be": match["b"], "participle": match["f"], "prep": match["p"]}
        return [("passive", match["s"], f"{match['f']} {match['p']}", match["v"], words_)]
    for form, pattern in (("means", _MEANS), ("be", _MODAL), ("can", _CAN)):
        match = pattern.match(statement)
        if match and is_subject(match["s"]) and not _VAGUE.search(match["v"]):
            words_ = {"participle": match["f"], "modal": match["f"]} if form != "can" else {}
            return [(form, match["s"], form, match["v"], {**words_, "type": "action"})]
    split = _subject_and_verb(statement, known)
    if split is None:
        return []
    subject, verb, rest = split
    adverbs = _ADVERBS.search(subject)
    if adverbs:
        subject, verb = subject[: adverbs.start()], f"{adverbs.group().strip()} {verb}"
        if not is_subject(subject):
            return []
    if _VAGUE.search(rest) or len(rest) < 3:
        return []
    base = OBJECT_VERBS.get(verb)
    plain_object = base and not re.search(r"\b(?:and|or|which|that|to|by|for|if|when|as)\b \w+|,", rest)
    if base and plain_object and len(words(rest)) <= 10:
        return [("object", subject, verb, rest, {"base": base})]
    return [("does", subject, "does", f"{verb} {rest}", {"type": "action"})]


def _subject_and_verb(statement: str, known: frozenset[str]) -> tuple[str, str, str] | None:
    tokens = statement.split(" ")
    for i in range(1, min(9, len(tokens) - 1)):
        head = " ".join(tokens[:i])
        if "," in head or ":" in head:
            return None
        told = re.sub(r"^(?:the|a|an) ", "", head.lower()).replace("`", "") in known
        verb = tokens[i]
        if (
            verb in VERBS or (told and re.fullmatch(r"[a-z]{2,}s", verb) and verb not in ("is", "has", "was"))
        ) and is_subject(head):
            return head, verb, " ".join(tokens[i + 1 :])
    return None


def _by_condition(statement: str) -> Parts:
    match = _HOW_TO.match(statement)
    if match and not _VAGUE.search(statement) and clear_goal(match["g"]):
        return [
            (
                "howto",
                "",
                "howto",
                f"{upper_first(match['v'])}.",
                {"goal": first_person(match["g"]), "type": "instruction"},
            )
        ]
    match = _CAN_BY.match(statement)
    if match and not _VAGUE.search(statement) and clear_goal(match["g"]):
        return [
            (
                "howto",
                "",
                "howto",
                f"{upper_first(match['v'])}.",
                {"goal": first_person(match["g"]), "type": "instruction"},
            )
        ]
    match = _FOR.match(statement)
    if match and not (_VAGUE.search(statement) or _POINTS.search(match["s"]) or _NO_CASE.match(match["s"])):
        return [("for", first_person(match["s"]), "for", f"{upper_first(match['v'])}.", {"type": "instruction"})]
    match = _IF.match(statement)
    if match and not _VAGUE.search(statement) and clear_goal(match["g"]):
        first = match["v"].split()[0].lower()
        form = "advice" if first in IMPERATIVE or first == "you" else "condition"
        return [
            (form, "", form, f"{upper_first(match['v'])}.", {"goal": first_person(match["g"]), "type": "instruction"})
        ]
    return []


def first_person(text: str) -> str:
    """`your model` becomes `my model`: the asker speaks."""
    swaps = (
        ("you are", "I am"),
        ("you're", "I'm"),
        ("you've", "I have"),
        ("yourself", "myself"),
        ("yours", "mine"),
        ("your", "my"),
        ("you", "I"),
    )
    for old, new in swaps:
        text = re.sub(rf"\b{old}\b", new, text, flags=re.IGNORECASE)
    return lower_first(text)


def _by_gap(statement: str) -> Parts:
    """The last resort: a sentence with exactly one precise value becomes a sentence with a gap."""
    n = len(words(statement))
    value = gap(statement)
    if (
        value is None
        or not 5 <= n <= 32
        or _VAGUE.search(statement)
        or statement.split()[0].lower() in ("it", "they", "you")
    ):
        return []
    if value_type(value) not in PRECISE:
        return []
    extra = {"sentence": statement.replace(value, "___"), "weak": "1"}
    if value.isdigit() and re.search(rf"(?:\bport |localhost:|\d:){value}", statement):
        extra["type"] = "port"
    return [("gap", "", "gap", value, extra)]
