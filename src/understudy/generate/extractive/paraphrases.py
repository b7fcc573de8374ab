"""From a claim to its asks: the templates of its form filled in, and the answer as pair and as option."""

from __future__ import annotations

import re

from understudy.generate.base import Ask
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.relations import RELATIONS
from understudy.generate.extractive.templates import BACKWARD, FORWARD
from understudy.generate.text import bare, clip, lower_first, upper_first
from understudy.generate.values import PRECISE
from understudy.normal import normal


def asks(claim: Claim, context: str, one_way: bool) -> tuple[Ask, ...]:
    """The asks of a claim with a context in its questions.

    one_way: the value does not determine the subject in this corpus, so that nothing is asked in reverse.
    """
    fields = {"s": claim.subject, "a": claim.attribute, "v": claim.value, "n": "one", "be": "is", "c": context}
    fields["p"] = f"{upper_first(context.strip())}: " if context else ""
    fields |= claim.words
    if "goal" in fields:
        fields["Goal"] = upper_first(fields["goal"])
    if "prep" in fields:
        fields["Prep"] = upper_first(fields["prep"])
    found = [_forward(claim, fields)]
    if not one_way:
        found += _backward(claim, fields)
    return tuple(ask for ask in found if ask.questions)


def _forward(claim: Claim, fields: dict[str, str]) -> Ask:
    form, _, number = claim.form.partition(":")
    templates = RELATIONS[int(number)].forward if number else FORWARD[form]
    if form == "attribute" and claim.type not in PRECISE and len(claim.value.split()) > 2:
        templates = tuple(t for t in templates if not t.startswith(("What value", "Which")))
    kind = {"howto": "howto", "command": "howto", "advice": "howto", "condition": "applied", "gap": "cloze"}.get(
        form, "forward"
    )
    option = bare(claim.value) if claim.type in PRECISE else clip(claim.value).replace("`", "")
    if claim.type in ("definition", "action"):
        option = upper_first(option)
    answer = claim.answer or (option if claim.type in PRECISE else _spoken(claim))
    topic = normal(
        f"{form} {claim.subject or fields.get('goal', '') or fields.get('question', '')} {claim.attribute}{fields['c']}"
    )
    about = (
        claim.attribute
        if claim.type in PRECISE
        else claim.subject or fields.get("goal") or fields.get("question") or ""
    )
    return Ask(kind, fill(templates, fields), answer, option, claim.type, topic, normal(about))


def _backward(claim: Claim, fields: dict[str, str]) -> list[Ask]:
    form, _, number = claim.form.partition(":")
    value = fields["v"]
    fields = {**fields, "v": lower_first(clip(value)) if form in ("definition", "does") else clip(value)}
    found: list[Ask] = []
    templates = (
        RELATIONS[int(number)].backward
        if number
        else BACKWARD.get("noun" if form == "attribute" and fields["n"] != "one" else form, ())
    )
    if form == "purpose":
        fields["does_this"] = does_this(value)
    if form == "command":
        if "\n" in value:
            return []
        answer, kind, back = f"To {fields['goal']}.", "goal", "reversed"
    elif form == "step":
        answer, kind, back = f"Step {fields['n']}", "step number", "reversed"
        if fields.get("before"):
            option = clip(claim.value).replace("`", "")
            topic = normal(f"follows {fields['before']} {claim.subject} {fields['c']}")
            after = fill(BACKWARD["follows"], fields)
            found.append(Ask("sequence", after, claim.value, option, "step", topic, normal(claim.value)))
    else:
        subject = bare(claim.subject.removeprefix(f"the {fields['n']} "))
        named = " " in subject and "`" not in claim.subject
        answer, back = upper_first(subject) if named else subject, "reversed"
        kind = f"subject {fields['n']}" if fields["n"] != "one" else "subject"
    if form == "attribute" and claim.type not in PRECISE and len(value.split()) > 4:
        return []
    if templates and answer:
        topic = normal(f"back {form} {claim.attribute} {value}{fields['c']}")
        found.append(Ask(back, fill(templates, fields), answer, clip(answer), kind, topic, normal(value)))
    return found


def does_this(description: str) -> str:
    """A description as what follows `Which option ...`: `sets the number of layers`, `decides whether ...`."""
    text = lower_first(clip(description))
    first = text.split(" ", 1)[0]
    if first in ("the", "a", "an", "number", "maximum", "minimum", "path"):
        return f"stands for {text}"
    if first in ("whether", "if", "how", "where", "which", "what", "when"):
        return f"decides {text}"
    if first.endswith("s") and not first.endswith(("ss", "us")):
        return text
    return f'has the description "{clip(description)}"'


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
    told = re.fullmatch(r" according to the (.+) docs", fields["c"])
    for template in templates:
        if told and "the documentation" in template:  # say it once
            template = template.replace("the documentation", f"the {told.group(1)} documentation").replace("{c}", "")
        text = template.format_map(fields)
        text = re.sub(r"\?( (?:in|on) [^?]+)$", r"\1?", text)  # a context after a question that has its own mark
        filled.append(re.sub(r"([.?!])\1+$", r"\1", upper_first(text)))
    return tuple(dict.fromkeys(filled))
