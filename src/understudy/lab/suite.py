"""The general suite: what a model could do before it was taught, as four-option questions, seeded.

Four skills: arithmetic, code and commands, reading documents it never saw, and following instructions. The
forgetting check asks them before and after each step; none of the answers is a fact of any documentation.
Reading and some instruction items carry their passages inside the question.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import draw_relations
from understudy.lab.worlds import grid
from understudy.prompts import with_passages
from understudy.types import MCQItem

SKILLS = ("arithmetic", "code", "reading", "instructions")
Draft = tuple[str, str, list[str]]


def _arithmetic(rng: random.Random) -> Draft:
    a, b = rng.randrange(2, 50), rng.randrange(2, 50)
    thing = lx.pick(rng, lx.OBJECTS).split()[-1]
    style = rng.randrange(4)
    if style == 0:
        question, answer = f"What is {a} + {b}?", a + b
    elif style == 1:
        a, b = max(a, b) + 1, min(a, b)
        question, answer = f"There are {a} {thing}. {b} are removed. How many {thing} are left?", a - b
    elif style == 2:
        a, b = rng.randrange(2, 10), rng.randrange(2, 10)
        question, answer = f"Each of {a} servers holds {b} {thing}. How many {thing} are there in all?", a * b
    else:
        question = f"A queue holds {a} {thing}. {b} more arrive. How many {thing} does it hold now?"
        answer = a + b
    near = [answer + d for d in (-11, -10, -2, -1, 1, 2, 9, 10) if answer + d > 0]
    return question, str(answer), [str(n) for n in near]


def _code(rng: random.Random) -> Draft:
    words = rng.sample([w for w in lx.COMPONENTS if len(w) > 4], 4)
    style = rng.randrange(4)
    if style == 0:
        chosen = rng.randrange(4)
        listed = ", ".join(f'"{w}"' for w in words)
        return f"names = [{listed}]\nWhat is names[{chosen}]?", words[chosen], words
    if style == 1:
        values = [str(lx.number(rng)) for _ in words]
        body = "\n".join(f"{w} = {v}" for w, v in zip(words, values, strict=True))
        chosen = rng.randrange(4)
        return f"{body}\nprint({words[chosen]})\nWhat is printed?", values[chosen], values
    if style == 2:
        flags = [lx.value(rng, "flag") for _ in words]
        values = [lx.value(rng, "word") for _ in words]
        chosen = rng.randrange(4)
        command = " ".join(f"{f}={v}" for f, v in zip(flags, values, strict=True))
        return f"Command: {words[0]} {command}\nWhich value is given to {flags[chosen]}?", values[chosen], values
    a, b = rng.randrange(2, 30), rng.randrange(2, 30)
    return f"x = {a}\ny = x + {b}\nWhat is y?", str(a + b), [str(a), str(b), str(abs(a - b)), str(a + b + 1)]


def _reading(rng: random.Random) -> Draft:
    product = lx.name(rng)
    names, relations = sx.subjects(rng, 4, product), draw_relations(rng, 2)
    values = grid(rng, names, relations)
    parts = [sx.prose(rng, s, list(zip(relations, v, strict=True))) for s, v in zip(names, values, strict=True)]
    claims = [c for part in parts for c in part.claims]
    claim = rng.choice(claims)
    passages = [f"{product} manual › {part.title}\n{part.text}" for part in parts]
    question = with_passages(rng.choice(claim.questions), passages)[0].content
    return question, claim.value, [c.value for c in claims if c.attribute == claim.attribute]


def _instructions(rng: random.Random) -> Draft:
    words = rng.sample([w for w in lx.COMPONENTS if len(w) > 4], 4)
    style = rng.randrange(3)
    if style == 0:
        return f"Repeat this word: {words[0]}", words[0], words
    if style == 1:
        place = rng.randrange(4)
        ordinal = ("first", "second", "third", "last")[place]
        return f"Answer with the {ordinal} word of this list: {' '.join(words)}", words[place], words
    letters = [w[0].upper() for w in words]
    if len(set(letters)) < 4:
        return _instructions(rng)
    return f"Which of these words begins with {letters[0]}? {' '.join(sorted(words))}", words[0], words


MAKERS: dict[str, Callable[[random.Random], Draft]] = {
    "arithmetic": _arithmetic,
    "code": _code,
    "reading": _reading,
    "instructions": _instructions,
}


def draft(rng: random.Random, skill: str) -> Draft:
    """(question, answer, wrong or right candidates) of one skill; KeyError for an unknown one."""
    return MAKERS[skill](rng)


def general_suite(per_skill: int = 100, seed: int = 0) -> list[MCQItem]:
    """`per_skill` items of each skill, all different; `kind` and `doc_id` name the skill."""
    items: list[MCQItem] = []
    for skill in SKILLS:
        rng = random.Random(f"suite:{seed}:{skill}")
        seen: set[str] = set()
        while len(seen) < per_skill:
            question, answer, candidates = draft(rng, skill)
            wrong = [c for c in dict.fromkeys(candidates) if c != answer]
            if question in seen or len(wrong) < 3:
                continue
            seen.add(question)
            options = [answer, *rng.sample(wrong, 3)]
            rng.shuffle(options)
            items.append(
                MCQItem(
                    item_id=f"suite-{seed}-{skill}-{len(seen):04d}",
                    question=question,
                    options=tuple(options),
                    correct=options.index(answer),
                    doc_id=skill,
                    kind=skill,
                    source="lab",
                )
            )
    return items
