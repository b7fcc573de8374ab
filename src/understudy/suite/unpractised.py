"""The four skills in templates that nothing practises: neither the bundled models, nor replay, nor preference pairs.

The general suite and the practice share their templates and differ in what fills them. These templates are others, so
that what is kept on them is kept beyond the kinds of question that were practised. Nothing is chosen by them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.phrasing import HELD_OUT
from understudy.lab.relations import RELATIONS
from understudy.lab.worlds import grid
from understudy.prompts import with_passages
from understudy.suite.general import as_items
from understudy.suite.skills import SKILLS, Draft, different_words, pair_of_numbers
from understudy.types import MCQItem

MORE = (
    "Add {b} to {a}.",
    "{a} plus {b} equals what?",
    "Calculate the sum of {a} and {b}.",
    "In the morning {a} {t} came in, in the afternoon another {b}. What is the total for the day?",
    "The list had {a} {t} before {b} new ones were appended. What is its length?",
)
FEWER = (
    "Take {b} away from {a}.",
    "{a} minus {b} equals what?",
    "Out of {a} {t}, {b} got lost. What number is still there?",
    "By how much does {a} exceed {b}?",
)
OTHER = (
    ("Continue the sequence: {x}, {y}, {z}, ...", 3),
    ("Pick the bigger number: {a} or {z}.", 2),
)


def _arithmetic(rng: random.Random) -> Draft:
    a, b = pair_of_numbers(rng, measured=True)
    thing = lx.pick(rng, lx.OBJECTS).split()[-1]
    style = rng.randrange(5)
    if style < 2:
        question, answer = rng.choice(MORE).format(a=a, b=b, t=thing), a + b
    elif style < 4:
        question, answer = rng.choice(FEWER).format(a=a, b=b, t=thing), a - b
    else:
        template, place = rng.choice(OTHER)
        question = template.format(a=a, x=a, y=a + b, z=a + 2 * b)
        answer = a + place * b
    near = [answer + d for d in (-11, -10, -9, -2, -1, 1, 2, 9, 10, 11) if answer + d > 0]
    return question, str(answer), [str(n) for n in near]


def _code(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    names = rng.sample(["host", "user", "zone", "mode", "path", "role"], 4)
    x, y = rng.sample(range(1, 10), 2)
    quoted = ", ".join(f"'{w}'" for w in words)
    style = rng.randrange(6)
    if style == 0:
        return f"const list = [{quoted}];\nconsole.log(list[{k}]);\nWhat does the console show?", words[k], words
    if style == 1:
        body = "\n".join(f"{n}: {w}" for n, w in zip(names, words, strict=True))
        return f"{body}\nWhich value belongs to the key {names[k]} in this YAML?", words[k], words
    if style == 2:
        body = "\n".join(f"export {n.upper()}={w}" for n, w in zip(names, words, strict=True))
        return f"{body}\nWhat does `echo ${names[k].upper()}` write?", words[k], words
    if style == 3:
        body = f"let n = {x};\nif (n > {y}) {{\n  show('{words[0]}');\n}} else {{\n  show('{words[1]}');\n}}"
        return f"{body}\nWhich word is shown?", words[0] if x > y else words[1], words
    if style == 4:
        body = f"def pick(first, second, third):\n    return {('first', 'second', 'third')[k % 3]}"
        called = ", ".join(f"'{w}'" for w in words[:3])
        return f"{body}\nprint(pick({called}))\nWhat does the program output?", words[k % 3], words
    body = f"result = ''\nfor item in [{quoted}]:\n    result = item\nprint(result)"
    return f"{body}\nWhich word stands on the screen in the end?", words[3], words


ASKED = (
    "Could you tell me the {a} of {s}?",
    "I need to know the {a} for {s}.",
    "Do you know which {a} {s} has?",
    "Look up the {a} of {s} for me.",
)


def _reading(rng: random.Random) -> Draft:
    product = lx.name(rng)
    nouns = [r for r in RELATIONS if r.kind != "description"]
    names, relations = sx.subjects(rng, 4, product), rng.sample(nouns, 2)
    values = grid(rng, names, relations)
    rows = [list(zip(relations, row, strict=True)) for row in values]
    parts = [sx.prose(rng, name, row, phrasing=HELD_OUT) for name, row in zip(names, rows, strict=True)]
    claims = [c for part in parts for c in part.claims]
    claim = rng.choice(claims)
    passages = [f"{product} manual › {part.title}\n{part.text}" for part in parts]
    asked = sx.fill(rng.choice(ASKED), claim.subject, claim.attribute, claim.value)
    return (
        with_passages(asked, passages)[0].content,
        claim.value,
        [c.value for c in claims if c.attribute == claim.attribute],
    )


def _instructions(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    word, other = words[:2]
    style = rng.randrange(6)
    if style == 0:
        order = rng.choice(["Reply with only this word: {w}", "Echo {w}", "Your whole reply must be {w}"])
        return order.format(w=word), word, [*words, f"{word} {word}"]
    if style == 1:
        number = ("one", "two", "three", "four")[k]
        return f"From {', '.join(words)} take word number {number}.", words[k], words
    if style == 2:
        while len({w[0] for w in words}) < 4:
            words = different_words(rng)
        return f"Find the word that starts with {words[0][0]} in: {', '.join(sorted(words))}", words[0], words
    if style == 3:
        marks = {"quotation marks": f'"{word}"', "round brackets": f"({word})", "asterisks": f"*{word}*"}
        how = rng.choice(list(marks))
        return f"Put {how} around {word}.", marks[how], [*(v for n, v in marks.items() if n != how), word]
    if style == 4:
        ways = {"a comma": f"{word}, {other}", "a slash": f"{word}/{other}", "the word or": f"{word} or {other}"}
        how = rng.choice(list(ways))
        wrong = [*(v for n, v in ways.items() if n != how), f"{other} {word}"]
        return f"Between {word} and {other} put {how}.", ways[how], wrong
    forms = {
        "a polite request": f"Please close the {word}.", "a question": f"Can you close the {word}?",
        "a prohibition": f"Do not close the {word}.", "a promise": f"I will close the {word}.",
    }  # fmt: skip
    how = rng.choice(list(forms))
    return f"Turn this into {how}: close the {word}", forms[how], [v for n, v in forms.items() if n != how]


_MAKERS: dict[str, Callable[[random.Random], Draft]] = dict(
    zip(SKILLS, (_arithmetic, _code, _reading, _instructions), strict=True)
)


def unpractised_suite(per_skill: int = 100, seed: int = 0) -> list[MCQItem]:
    """`per_skill` items of each skill in templates of their own, all different; as `general_suite` otherwise."""
    items: list[MCQItem] = []
    for skill in SKILLS:
        rng = random.Random(f"unpractised:{seed}:{skill}")
        items += as_items(rng, _MAKERS[skill], skill, per_skill, f"unpractised-{seed}")
    return items
