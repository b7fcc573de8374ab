"""Sections of a made-up manual: Markdown in the layouts that real manuals use, each fact at a known place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from understudy.lab import lexicon as lx
from understudy.lab.relations import QUESTIONS, REVERSED, STATEMENTS, Relation


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

    def add(self, line: str, *claims: tuple[str, Relation, str], within: str = "") -> None:
        """Append `line`; each claim (subject, relation, value) spans it, or its part `within`."""
        start = len(self.text) + (line.index(within) if within else 0)
        end = start + len(within or line.strip("\n"))
        self.text += line
        for subject, relation, value in claims:
            asked, back = questions(relation, subject, value)
            self.claims.append(Claim(subject, relation.attribute, value, relation.kind, asked, back, start, end))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def fill(template: str, subject: str, attribute: str, value: str) -> str:
    """A template with its subject, attribute and value; a sentence begins with a capital."""
    text = template.replace("{S}", upper_first(subject)).replace("{s}", subject).replace("{a}", attribute)
    text = text.replace("{V}", value).replace("{v}", value)
    return upper_first(text) if not text.startswith(("/", "-", "`")) and "{V}" not in template else text


def questions(relation: Relation, subject: str, value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All wordings that ask for the value, and those that ask for the subject."""
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


def prose(rng: random.Random, subject: str, facts: Facts, filler: float = 0.3) -> Section:
    """Sentences, with some that say nothing of note between them."""
    section = Section(heading(subject))
    for i, (relation, value) in enumerate(facts):
        own = relation.statements
        own_words = own and (relation.kind == "description" or rng.random() < 0.6)
        template = lx.pick(rng, own if own_words else STATEMENTS)
        sentence = fill(template, subject, relation.attribute, shown(rng, relation.kind, value))
        if i:
            section.add("\n\n" if rng.random() < 0.15 else " ")
        if rng.random() < filler:
            section.add(lx.pick(rng, lx.GENERAL) + " ")
        section.add(sentence, (subject, relation, value))
    return section


def bullets(rng: random.Random, subject: str, facts: Facts) -> Section:
    """A list whose items name attribute and value; the subject stands in the heading alone."""
    section = Section(heading(subject))
    if rng.random() < 0.5:
        section.add(f"Settings of {subject}:\n\n")
    style = rng.choice(
        ["- {a}: {v}", "* **{a}**: {v}", "- The {a} is {v}.", "- {a} = {v}", "{a}\n:   {v}", "- `{a}`: {v}"]
    )
    capital = rng.random() < 0.5
    for i, (relation, value) in enumerate(facts):
        attribute = upper_first(relation.attribute) if capital and "The" not in style else relation.attribute
        line = style.replace("{a}", attribute).replace("{v}", shown(rng, relation.kind, value))
        if i:
            section.add("\n")
        section.add(line, (subject, relation, value))
    return section


def config(rng: random.Random, subject: str, facts: Facts) -> Section:
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
        section.add("| " + " | ".join(cells) + " |", *((subject, r, v) for r, v in zip(relations, row, strict=True)))
    return section


DEFAULT = Relation("default", "number", (), (
    "What is the default value of {s}?", "What is the default of {s}?", "Which value does {s} have by default?",
    "If {s} is not given, which value is used?", "What does {s} default to?"))  # fmt: skip
MEANING = Relation("meaning", "description", (), (
    "What does {s} do?", "What is {s} for?", "What is the purpose of {s}?", "Describe {s}.",
    "What does the option {s} do?"),
    ("Which option does this: {v}?", "Which option: {v}?"))  # fmt: skip
ROUTE = Relation("purpose", "description", (), (
    "What does {s} do?", "What is {s} for?", "What does the endpoint {s} do?", "What does a request to {s} do?"),
    ("Which endpoint does this: {v}?", "Which request: {v}?"))  # fmt: skip
METHOD = Relation("method", "method", (), (
    "Which HTTP method does {s} use?", "Which method does {s} need?", "With which method is {s} called?"))  # fmt: skip
CAUSE = Relation("cause", "description", (), (
    "What does {s} mean?", "What is the cause of {s}?", "When does {s} appear?"),
    ("Which error means this: {v}?", "Which code: {v}?"))  # fmt: skip


def options(rng: random.Random, product: str, n: int) -> Section:
    """Command-line options or parameters with what they do and their defaults, as a list or a table."""
    kind = rng.choice(["flag", "flag", "param", "key", "env"])
    section = Section(rng.choice(["Options", "Command-line options", "Parameters", f"{product} settings"]))
    style = rng.randrange(4)
    if style == 0:
        section.add("| Option | Default | Description |\n| --- | --- | --- |")
    seen: set[str] = set()
    for i in range(n):
        option = lx.value(rng, kind)
        if option in seen:
            continue
        seen.add(option)
        default = lx.value(rng, rng.choice(["number", "number", "time", "size", "word", "path", "percent"]))
        meaning = upper_first(lx.description(rng))
        if i or style == 0:
            section.add("\n\n" if style == 2 and i else "\n")
        line = (
            f"| `{option}` | {default} | {meaning} |",
            f"- `{option}`: {meaning}. Default: `{default}`.",
            f"`{option}`\n:   {meaning}. The default is {default}.",
            f"* `{option}` ({default}) - {meaning}",
        )[style]
        mention = f"`{option}`" if rng.random() < 0.5 else option
        section.add(line, (mention, DEFAULT, default), (mention, MEANING, meaning))
    return section


def endpoints(rng: random.Random, product: str, n: int) -> Section:
    """HTTP endpoints with method and purpose, as a table or a list."""
    section = Section(rng.choice(["HTTP API", "Endpoints", f"{product} API", "Requests"]))
    style = rng.randrange(2)
    if style == 0:
        section.add("| Method | Path | Purpose |\n| --- | --- | --- |")
    seen: set[str] = set()
    for i in range(n):
        path = lx.value(rng, "endpoint")
        if path in seen:
            continue
        seen.add(path)
        method, purpose = lx.pick(rng, lx.METHODS), upper_first(lx.description(rng))
        if i or style == 0:
            section.add("\n")
        line = (f"| {method} | `{path}` | {purpose} |", f"- `{method} {path}`: {purpose}.")[style]
        mention = f"`{path}`" if rng.random() < 0.5 else path
        section.add(line, (mention, METHOD, method), (mention, ROUTE, purpose))
    return section


def errors(rng: random.Random, product: str, n: int) -> Section:
    """Error codes and what they mean."""
    section = Section(rng.choice(["Errors", "Error codes", "Troubleshooting", f"Messages of {product}"]))
    style = rng.randrange(2)
    if style == 0:
        section.add("| Code | Meaning |\n| --- | --- |")
    seen: set[str] = set()
    for i in range(n):
        code = lx.value(rng, "error")
        if code in seen:
            continue
        seen.add(code)
        fault = rng.choice(["were lost", "are locked", "cannot be read", "are missing", "do not match"])
        cause = f"{upper_first(lx.pick(rng, lx.OBJECTS))} {fault}"
        if i or style == 0:
            section.add("\n")
        section.add((f"| {code} | {cause} |", f"- **{code}**: {cause}.")[style], (code, CAUSE, cause))
    return section


def steps(rng: random.Random, product: str, n: int) -> Section:
    """A numbered how-to; what is asked is which command does a step."""
    goal = f"{lx.pick(rng, lx.VERBS).rstrip('s')} {lx.pick(rng, lx.OBJECTS)}"
    section = Section(f"How to {goal}")
    section.add(f"To {goal} in {product}:\n")
    ordinals = ["first", "second", "third", "fourth", "fifth", "sixth"]
    for i in range(min(n, len(ordinals))):
        verb, thing, command = lx.pick(rng, lx.VERBS).rstrip("s"), lx.pick(rng, lx.OBJECTS), lx.value(rng, "command")
        relation = Relation("command", "command", (), (
            f"Which command helps to {verb} {thing}?", f"How do I {verb} {thing}?",
            f"With which command does one {verb} {thing}?"), ("What does {v} do?",))  # fmt: skip
        section.add("\n")
        section.add(f"{i + 1}. {upper_first(verb)} {thing} with `{command}`.", (f"{verb} {thing}", relation, command))
    return section


def heading(subject: str) -> str:
    return upper_first(subject.removeprefix("the "))
