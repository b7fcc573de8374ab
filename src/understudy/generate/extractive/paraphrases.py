"""From a claim to its asks: the templates of its form filled in, and the answer as pair and as option."""

from __future__ import annotations

import re
from dataclasses import replace

from understudy.generate.base import Ask
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.descriptions import does_this, in_third_person
from understudy.generate.extractive.grammar import BASE_VERBS, has_pronoun, is_identifier
from understudy.generate.extractive.lexicon import IMPERATIVE, NOUNS
from understudy.generate.extractive.relations import RELATIONS
from understudy.generate.extractive.templates import BACKWARD, FORWARD
from understudy.generate.forms import form_of
from understudy.generate.text import bare, clip, lower_first, upper_first
from understudy.generate.values import PRECISE
from understudy.normal import normal, words

_KINDS = {"howto": "howto", "command": "howto", "steps": "howto", "advice": "howto", "condition": "applied"}
_SETS = frozenset({"parameter", "option", "setting", "flag", "variable", "environment variable", "argument"})
_SENTENCES = ("definition", "action", "means", "location", "condition", "use", "reason")
_LIKE = (
    ("returns", "produces", "generates", "prints"), ("contains", "includes", "stores"), ("provides", "offers"),
    ("uses", "employs"), ("requires", "needs"), ("accepts", "expects", "reads"),
)  # fmt: skip
"""Verbs whose objects can stand beside each other."""
_PART = "argument|parameter|key|keyword|field|attribute|property|column|variable|value|label|part|member|element"
_OF_WHAT = re.compile(
    rf"\b(?:{_PART}) `?[a-z]+`?$|(?:^|[ `])[a-z_]+`? (?:{_PART})s?$|\bargument `?\w+`?$|`?\w+`? arguments?$|"
    r"^(?:the )?`[a-z]+`$|(?:^|[ `])[a-zA-Z]+(?:\[\d+\])?`? (?:parameter|argument)s?$|\bE[A-Z0-9]{3,}`?$|"
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
_CALLED = re.compile(
    rf"[Tt]he `?[^ ]+`? (?P<n>{'|'.join(NOUNS)}|function|pragma|statement|clause|class|module|interface)"
)


def asks(claim: Claim, context: str, one_way: bool) -> tuple[Ask, ...]:
    """The asks of a claim with a context in its questions.

    one_way: the value does not determine the subject in this corpus, so that nothing is asked in reverse.
    """
    fields = {
        "s": claim.subject,
        "a": claim.attribute,
        "v": claim.value,
        "n": "one",
        "be": "is",
        "if": "if",
        "c": context,
    }
    fields["p"] = f"{upper_first(context.strip())}, " if context else ""
    fields |= claim.words
    if "goal" in fields:
        fields["Goal"] = upper_first(fields["goal"])
    found = [] if _says_nothing(claim) else [_forward(claim, fields)]
    if not one_way:
        found += _backward(claim, fields)
    if not _examinable(claim, context):
        found = [replace(ask, examined=False) for ask in found]
    return tuple(ask for ask in found if ask.questions)


def _examinable(claim: Claim, context: str) -> bool:
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
    if "according to" in context or "in the section" in context or (program and program in context):
        return True
    bare_name = claim.form in ("purpose", "term", "type", "default", "attribute") and _BARE_NAME.match(claim.subject)
    return not (bare_name or _TINY.search(claim.subject) or _OF_WHAT.search(claim.subject))


def kind_of(claim: Claim) -> str:
    """The name under which the precision of a claim is measured: its form, `relation` for all relations."""
    return claim.form.partition(":")[0]


def option_of(claim: Claim) -> str:
    """The value of a claim as an option of a multiple-choice item: of a description its first sentence."""
    value = claim.words.get("head", claim.value) if claim.form in ("purpose", "term") else claim.value
    option = bare(value) if claim.type in PRECISE else clip(value).replace("`", "")
    first, _, rest = option.partition(" ")
    opens = rest and first.isalpha() and first.islower() and form_of(option) != "sentence"
    return upper_first(option) if claim.type in _SENTENCES or (opens and claim.type != "command") else option


def sort_of(claim: Claim) -> str:
    """The type that an answer and its distractors share: that of the value where it is exact, else also what is asked
    for by name, so that what one function returns stands beside what others return."""
    if claim.type in PRECISE or claim.type in _SENTENCES:
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


def _forward(claim: Claim, fields: dict[str, str]) -> Ask:
    form, _, number = claim.form.partition(":")
    asked_as = "howto" if form == "faq" and "goal" in fields else form
    if form == "term" and (fields["n"] in _SETS or fields.get("head", "").lower().startswith(("whether", "how "))):
        asked_as = "sets"
    templates = RELATIONS[int(number)].forward if number else FORWARD[asked_as]
    option = option_of(claim)
    if form in ("purpose", "term") and not claim.answer:
        answer = f"{upper_first(clip(claim.value))}."
    else:
        answer = claim.answer or (option if claim.type in PRECISE else _spoken(claim))
    topic = normal(
        f"{form} {claim.subject or fields.get('goal', '') or fields.get('question', '')} {claim.attribute}{fields['c']}"
    )
    about = (
        claim.attribute
        if claim.type in PRECISE
        else claim.subject or fields.get("goal") or fields.get("question") or ""
    )
    kind = _KINDS.get(form, "forward")
    return Ask(kind, fill(templates, fields), answer, option, sort_of(claim), topic, normal(about))


def _backward(claim: Claim, fields: dict[str, str]) -> list[Ask]:
    form, _, number = claim.form.partition(":")
    value = fields["v"]
    if number:
        templates = RELATIONS[int(number)].backward
    else:
        name = {"attribute": "noun", "term": "purpose"}.get(form, form)
        templates = BACKWARD.get(name, ())
    subject = bare(claim.subject.removeprefix(f"the {fields['n']} "))
    kind = f"subject {fields['n']}" if fields["n"] != "one" else "subject"
    answer, back = upper_first(subject) if " " in subject and "`" not in claim.subject else subject, "reversed"
    fields = {**fields, "v": clip(value)}
    if form in ("purpose", "term"):
        fields["does_this"] = does_this(fields.get("head", ""), fields.get("style", "condition"), fields["n"])  # type: ignore[arg-type]
        if fields["n"] == "one" or not fields["does_this"] or _gives_away(fields["n"], subject, fields["does_this"]):
            return []
    elif form in ("attribute", "default"):
        if fields["n"] == "one" or claim.type not in PRECISE:
            return []
    elif form in ("object", "does"):
        fields["n"] = called(claim.subject)
        if not fields["n"] or has_pronoun(value) or len(words(value)) > 16:
            return []
        fields["v"] = lower_first(clip(value)) if form == "does" else clip(value)
        kind = f"subject {fields['n']}"
    elif form == "command":
        if "\n" in value or "`" in value:
            return []
        if fields["goal"].split()[0] not in BASE_VERBS | IMPERATIVE:
            return []
        answer, kind = f"{upper_first(in_third_person(fields['goal']))}.", "goal"
    elif form == "meaning":
        fields["v"] = lower_first(clip(value))
        sentence = len(words(value)) <= 12 and re.search(r"\b(?:is|are|was|were|has|have|do|does|can|cannot)\b", value)
        templates = templates if sentence and fields["n"] != "one" else ()
    if templates and answer:
        topic = normal(f"back {form} {claim.attribute} {value}{fields['c']}")
        option = upper_first(clip(answer)) if answer.startswith(("the ", "a ", "an ")) else clip(answer)
        many = form in ("attribute", "default") and normal(value) in _MANY
        return [Ask(back, fill(templates, fields), answer, option, kind, topic, normal(value), not many)]
    return []


_MANY = frozenset(["true", "false", "yes", "no", "on", "off", "none", "null", "0", "1", "", "empty", "unset"])
"""Values that too many things have for one to be asked for."""
_GENERIC = frozenset(
    """
    a an the of to for in on its new existing define defines change changes definition remove removes create creates set
    sets specify specifies value name named current
    """.split()  # noqa: SIM905
)


def _says_nothing(claim: Claim) -> bool:
    """Whether a description holds nothing beyond the name: `DROP ROLE` removes a role."""
    if claim.form not in ("purpose", "term"):
        return False
    name = {word.rstrip("s") for word in words(claim.subject)} | set(re.findall(r"[a-z]+", claim.subject.lower()))
    return {word.rstrip("s") for word in set(words(claim.value)) - _GENERIC} <= name


def _gives_away(noun: str, name: str, description: str) -> bool:
    """Whether a description holds all of a placeholder's name: `new_owner`, the new owner."""
    parts = set(re.findall(r"[a-z]+", bare(name).lower()))
    return noun in ("parameter", "argument", "field", "column", "one") and parts <= set(words(description))


def called(subject: str) -> str:
    """What a subject is called by its own words: `function` of `` `open()` ``, `pragma` of `the mmap_size pragma`."""
    if re.fullmatch(r"`?[\w.:]+\(\)`?", subject):
        return "function"
    match = _CALLED.fullmatch(subject)
    return match["n"] if match and is_identifier(subject) else ""


def _spoken(claim: Claim) -> str:
    """A value of words as an answer: a sentence starts with a capital; a full stop ends what has a verb."""
    text = claim.value.strip()
    if re.match(r"[A-Za-z'’-]+[ ,]", text):
        text = upper_first(text)
    if len(text.split()) == 1:
        return claim.value.strip()
    long = len(text.split()) > 5 and claim.type not in ("command", "code")
    return f"{clip(text)}." if long and not text.endswith((".", "!", "?")) else text


def fill(templates: tuple[str, ...], fields: dict[str, str]) -> tuple[str, ...]:
    """Templates as questions, each different."""
    filled = []
    for template in templates:
        text = template.format_map(fields)
        text = re.sub(
            r"\?( (?:in|according to) [^?]+)$", r"\1?", text
        )  # a context after a question that has its own mark
        filled.append(re.sub(r"([.?!])\1+$", r"\1", upper_first(text)))
    return tuple({normal(q): q for q in reversed(filled)}.values())[::-1]
