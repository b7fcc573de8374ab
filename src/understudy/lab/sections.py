"""Sections of a made-up manual: Markdown in the layouts that real manuals use, each fact at a known place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from understudy.lab import lexicon as lx
from understudy.lab.phrasing import PUBLISHED, Phrasing
from understudy.lab.relations import CELL, QUESTIONS, REVERSED, Relation


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact inside a section: `text[start:end]` is the sentence, row or item that states it."""

    subject: str
    attribute: str
    value: str
    kind: str
    questions: tuple[str, ...]
    reversed: tuple[str, ...]
    start: int
    end: int


@dataclass(slots=True)
class Section:
    """A heading, its text and the claims made in it; grows by `add`."""

    title: str
    text: str = ""
    claims: list[Claim] = field(default_factory=list)

    def add(self, line: str, *claims: tuple[str, Relation, str], within: str = "", also: Sequence[str] = ()) -> None:
        """Append `line`; each claim (subject, relation, value) spans it, or its part `within`.

        also: paraphrases that ask for the value in this layout only.
        """
        start = len(self.text) + (line.index(within) if within else 0)
        end = start + len(within or line.strip("\n"))
        self.text += line
        for subject, relation, value in claims:
            asked, back = questions(relation, subject, value)
            asked += tuple(fill(q, subject, relation.attribute, value) for q in also)
            self.claims.append(Claim(subject, relation.attribute, value, relation.kind, asked, back, start, end))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def fill(template: str, subject: str, attribute: str, value: str) -> str:
    """A template with its subject, attribute and value; a sentence begins with a capital."""
    text = template.replace("{S}", upper_first(subject)).replace("{s}", subject).replace("{a}", attribute)
    text = text.replace("{V}", value).replace("{v}", value)
    return upper_first(text) if not text.startswith(("/", "-", "`")) and "{V}" not in template else text


def questions(relation: Relation, subject: str, value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All paraphrases that ask for the value, and those that ask for the subject."""
    forward = [fill(q, subject, relation.attribute, value) for q in relation.questions]
    # An attribute that is no noun phrase of its own (`default`, `method`) has its own questions only.
    generic = relation.kind != "description" and (relation.statements or not relation.questions)
    if generic:
        forward += [fill(q, subject, relation.attribute, value) for q in QUESTIONS]
    back = relation.reversed or (REVERSED if generic else ())
    return tuple(forward), tuple(fill(q, subject, relation.attribute, value) for q in back)


def shown(rng: random.Random, kind: str, value: str) -> str:
    """A value as Markdown shows it: code mostly between backticks."""
    return f"`{value}`" if kind in lx.CODED and rng.random() < 0.7 else value


def subjects(rng: random.Random, n: int, product: str) -> list[str]:
    """`n` different things of one product, named in one of the ways manuals name things."""
    style = rng.randrange(5)
    chosen: dict[str, None] = {}
    while len(chosen) < n:
        component = lx.pick(rng, lx.COMPONENTS)
        if style == 0:
            subject = f"the {component} {lx.pick(rng, lx.CLASSES)}"
        elif style == 1:
            subject = f"the {component}"
        elif style == 2:
            subject = f"{product} {component.capitalize()}"
        elif style == 3:
            subject = lx.name(rng)
        else:
            subject = f"the {lx.pick(rng, lx.MODIFIERS)} {component}"
        chosen.setdefault(subject)
    return list(chosen)


Facts = Sequence[tuple[Relation, str]]


def prose(
    rng: random.Random, subject: str, facts: Facts, filler: float = 0.3, phrasing: Phrasing = PUBLISHED
) -> Section:
    """Sentences, with some that say nothing of note between them."""
    section = Section(heading(subject))
    for i, (relation, value) in enumerate(facts):
        own = phrasing.own.get(relation.attribute, relation.statements)
        own_words = own and (relation.kind == "description" or rng.random() < 0.6)
        template = lx.pick(rng, own if own_words else phrasing.generic)
        sentence = fill(template, subject, relation.attribute, shown(rng, relation.kind, value))
        if i:
            section.add("\n\n" if rng.random() < 0.15 else " ")
        if rng.random() < filler:
            section.add(lx.pick(rng, lx.GENERAL) + " ")
        section.add(sentence, (subject, relation, value))
    return section


def bullets(rng: random.Random, subject: str, facts: Facts, phrasing: Phrasing = PUBLISHED) -> Section:
    """A list whose items name attribute and value; the subject stands in the heading alone."""
    section = Section(heading(subject))
    if rng.random() < 0.5:
        section.add(f"Settings of {subject}:\n\n")
    style = rng.choice(phrasing.bullets)
    capital = rng.random() < 0.5
    for i, (relation, value) in enumerate(facts):
        attribute = upper_first(relation.attribute) if capital and "The" not in style else relation.attribute
        line = style.replace("{a}", attribute).replace("{v}", shown(rng, relation.kind, value))
        if i:
            section.add("\n")
        section.add(line, (subject, relation, value))
    return section


def config(rng: random.Random, subject: str, facts: Facts, phrasing: Phrasing = PUBLISHED) -> Section:
    """A configuration file: the subject names the block, keys are the attributes in snake case."""
    section = Section(heading(subject))
    block = subject.removeprefix("the ").replace(" ", rng.choice("_-.")).lower()
    section.add(f"```toml\n[{block}]")
    for relation, value in facts:
        key = relation.attribute.replace(" ", "_").replace("-", "_")
        quoted = value if value.replace(".", "").isdigit() else f'"{value}"'
        section.add("\n")
        section.add(f"{key} = {quoted}", (subject, relation, value))
    section.add("\n```")
    return section


def table(
    rng: random.Random, names: Sequence[str], relations: Sequence[Relation], values: Sequence[Sequence[str]]
) -> Section:
    """One row a subject, one column an attribute; values[i][j] belongs to subject i and relation j."""
    section = Section(rng.choice(["Overview", "Summary", "At a glance", "Comparison", "Reference"]))
    columns = [rng.choice(["Name", "Component", "Part"]), *(upper_first(r.attribute) for r in relations)]
    section.add("| " + " | ".join(columns) + " |\n" + "|" + " --- |" * len(columns))
    for subject, row in zip(names, values, strict=True):
        cells = [
            upper_first(subject.removeprefix("the ")),
            *(shown(rng, r.kind, v) for r, v in zip(relations, row, strict=True)),
        ]
        section.add("\n")
        section.add(
            "| " + " | ".join(cells) + " |", *((subject, r, v) for r, v in zip(relations, row, strict=True)), also=CELL
        )
    return section


DEFAULT = Relation("default", "number", (), (
    "What is the default value of {s}?", "What is the default of {s}?", "Which value does {s} have by default?",
    "If {s} is not given, which value is used?", "What does {s} default to?",
    "Which value does {s} take if it is not set?", "Unless it is changed, what is {s}?"),
    ("Which {n} has the default {v}?", "Which {n} defaults to {v}?", "For which {n} is {v} the default?"))  # fmt: skip
MEANING = Relation("meaning", "description", (), (
    "What does {s} do?", "What is {s} for?", "What is the purpose of {s}?", "Describe {s}.",
    "Explain {s}.", "What is the meaning of {s}?", "How does the documentation describe {s}?"),
    ("Which {n} does this: {v}?", "Which {n}: {v}?", 'Which {n} is described by "{v}"?', '"{v}": which {n} is meant?',
     'Name the {n} with the description "{v}".'))  # fmt: skip
METHOD = Relation("method", "method", (), (
    "Which HTTP method does {s} use?", "Which method does {s} need?", "With which method is {s} called?",
    "What is the HTTP method of {s}?", "With which HTTP method is {s} called?"))  # fmt: skip
CAUSE = Relation("cause", "description", (), (
    "What does {s} mean?", "What is the cause of {s}?", "When does {s} appear?", "Why do I see {s}?"),
    ("Which {n} means this: {v}?", "Which {n}: {v}?", 'Which {n} stands for "{v}"?'))  # fmt: skip
NOUNS = {"flag": "option", "param": "parameter", "key": "setting", "env": "variable"}


def named(relation: Relation, noun: str) -> Relation:
    """The relation asked of one kind of thing: `{n}` filled in; each question also with the noun before its subject."""
    asked = relation.questions + tuple(q.replace("{s}", f"the {noun} {{s}}") for q in relation.questions)
    return replace(relation, questions=asked, reversed=tuple(q.replace("{n}", noun) for q in relation.reversed))


def options(rng: random.Random, product: str, n: int, phrasing: Phrasing = PUBLISHED) -> Section:
    """Command-line options or parameters with what they do and their defaults, as a list or a table."""
    kind = rng.choice(["flag", "flag", "param", "key", "env"])
    section = Section(rng.choice(["Options", "Command-line options", "Parameters", f"{product} settings"]))
    default_of, meaning_of = named(DEFAULT, NOUNS[kind]), named(MEANING, NOUNS[kind])
    style = rng.randrange(4)
    before, entry = phrasing.options[style]
    section.add(before)
    seen: set[str] = set()
    for i in range(n):
        option = lx.value(rng, kind)
        if option in seen:
            continue
        seen.add(option)
        default = lx.value(rng, rng.choice(["number", "number", "time", "size", "word", "path", "percent"]))
        meaning = upper_first(lx.description(rng))
        if i or before:
            section.add("\n\n" if style == 2 and i else "\n")
        line = entry.format(s=option, v=default, m=meaning)
        mention = f"`{option}`" if rng.random() < 0.5 else option
        section.add(line, (mention, default_of, default), (mention, meaning_of, meaning))
    return section


def endpoints(rng: random.Random, product: str, n: int, phrasing: Phrasing = PUBLISHED) -> Section:
    """HTTP endpoints with method and purpose, as a table or a list."""
    section = Section(rng.choice(["HTTP API", "Endpoints", f"{product} API", "Requests"]))
    method_of, purpose_of = named(METHOD, "path"), replace(named(MEANING, "endpoint"), attribute="purpose")
    before, entry = phrasing.endpoints[rng.randrange(2)]
    section.add(before)
    seen: set[str] = set()
    for i in range(n):
        path = lx.value(rng, "endpoint")
        if path in seen:
            continue
        seen.add(path)
        method, purpose = lx.pick(rng, lx.METHODS), upper_first(lx.description(rng))
        if i or before:
            section.add("\n")
        line = entry.format(s=path, v=method, m=purpose)
        mention = f"`{path}`" if rng.random() < 0.5 else path
        section.add(line, (mention, method_of, method), (mention, purpose_of, purpose))
    return section


def errors(rng: random.Random, product: str, n: int, phrasing: Phrasing = PUBLISHED) -> Section:
    """Error codes and what they mean."""
    section = Section(rng.choice(["Errors", "Error codes", "Troubleshooting", f"Messages of {product}"]))
    cause_of = named(CAUSE, "error code")
    before, entry = phrasing.errors[rng.randrange(2)]
    section.add(before)
    seen: set[str] = set()
    for i in range(n):
        code = lx.value(rng, "error")
        if code in seen:
            continue
        seen.add(code)
        fault = rng.choice(["were lost", "are locked", "cannot be read", "are missing", "do not match"])
        cause = f"{upper_first(lx.pick(rng, lx.OBJECTS))} {fault}"
        if i or before:
            section.add("\n")
        section.add(entry.format(s=code, v=cause), (code, cause_of, cause))
    return section


ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
COMMAND = Relation("command", "command", (), (
    "Which command helps to {s}?", "How do I {s}?", "With which command does one {s}?", "How can I {s}?",
    "What do I run to {s}?", "Which command do I use to {s}?", "What must be entered to {s}?"),
    ("What does {v} do?", "What is `{v}` for?", "When do I run `{v}`?", "What does the command `{v}` do?"))  # fmt: skip


def _in_order(rng: random.Random, how_to: str, i: int, before: str) -> tuple[str, Relation]:
    """Subject and relation that ask for step `i` (from 0) of a how-to: by its number, or by the step before it."""
    if not before or rng.random() < 0.5:
        asked = (
            f"What is step {i + 1} of {how_to}?", f"What is done in step {i + 1} of {how_to}?",
            f"Which step comes {ORDINALS[i]} in {how_to}?",
        )  # fmt: skip
        return f"step {i + 1} of {how_to}", Relation("step", "step", (), asked)
    asked = (
        f'What comes after "{before}" in {how_to}?', f'Which step of {how_to} follows "{before}"?',
        f'Once "{before}" is done, what is next in {how_to}?',
    )  # fmt: skip
    return f"what follows {before} in {how_to}", Relation("step", "step", (), asked)


def steps(rng: random.Random, product: str, n: int, phrasing: Phrasing = PUBLISHED) -> Section:
    """A numbered how-to; what is asked is which command does a step."""
    goal = f"{lx.infinitive(lx.pick(rng, lx.VERBS))} {lx.pick(rng, lx.OBJECTS)}"
    section = Section(f"How to {goal}")
    section.add(f"To {goal} in {product}:\n")
    how_to, before = f'"{section.title}"', ""
    for i in range(min(n, len(ORDINALS))):
        verb, thing, command = lx.infinitive(lx.pick(rng, lx.VERBS)), lx.pick(rng, lx.OBJECTS), lx.value(rng, "command")
        said = phrasing.step.format(v=f"{upper_first(verb)} {thing}", c=command)
        claims = [(f"{verb} {thing}", COMMAND, command), (*_in_order(rng, how_to, i, before), said)]
        section.add("\n")
        section.add(f"{i + 1}. {said}.", *claims)
        before = said.replace("`", "")
    return section


def heading(subject: str) -> str:
    return upper_first(subject.removeprefix("the "))
