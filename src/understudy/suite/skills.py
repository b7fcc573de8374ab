"""Four skills, drafted from a generator: arithmetic, code and commands, reading, following instructions.

A draft is a question, its answer and candidates for the other options. None of the answers is a fact of any
documentation; reading and some instruction drafts carry their passages inside the question.

What is asked here is never trained on: a hash of an item's content (for arithmetic, of its pair of numbers,
whatever is done with them) says whether it may be practised or only measured.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import draw_relations
from understudy.lab.worlds import grid
from understudy.prompts import with_passages

SKILLS = ("arithmetic", "code", "reading", "instructions")
Draft = tuple[str, str, list[str]]
# One item in five measures.
_PARTS = 5


def held_out(content: str) -> bool:
    """Whether an item of this content measures only, and is never practised."""
    return hashlib.sha256(content.encode()).digest()[0] % _PARTS == 0


def pair_of_numbers(rng: random.Random, measured: bool) -> tuple[int, int]:
    """A number of two digits and one of one digit, of the part that is measured or practised."""
    while True:
        a, b = rng.randrange(10, 90), rng.randrange(2, 10)
        if held_out(f"{a}:{b}") == measured:
            return a, b


_MORE = (
    "What is {a} + {b}?",
    "A queue holds {a} {t}. {b} more arrive. How many {t} does it hold now?",
    "One server has {a} {t} and another has {b}. How many {t} do they have together?",
    "There were {a} {t}. Then {b} were added. How many are there now?",
    "On Monday {a} {t} were found, on Tuesday {b}. How many {t} were found in all?",
)
_FEWER = (
    "What is {a} - {b}?",
    "There are {a} {t}. {b} are removed. How many {t} are left?",
    "A disk holds {a} {t}. {b} of them are deleted. How many {t} remain?",
    "Of {a} {t}, {b} have expired. How many {t} are still valid?",
    "One node has {a} {t}, another has {b}. How many {t} more does the first have?",
)
_LARGER = ("Which is larger, {x} or {y}?", "Two nodes hold {x} and {y} {t}. How many does the fuller one hold?")
_SERIES = ("What comes next: {a}, {c}, {d}?", "The {t} are numbered {a}, {c}, {d}. Which number comes next?")


def _arithmetic(rng: random.Random, measured: bool) -> Draft:
    a, b = pair_of_numbers(rng, measured)
    thing = lx.pick(rng, lx.OBJECTS).split()[-1]
    style = rng.randrange(8)
    if style < 3:
        x, y = (a, b) if rng.random() < 0.5 else (b, a)
        question, answer = rng.choice(_MORE).format(a=x, b=y, t=thing), a + b
    elif style < 6:
        question, answer = rng.choice(_FEWER).format(a=a, b=b, t=thing), a - b
    elif style == 6:
        x, y = (a, a + b) if rng.random() < 0.5 else (a + b, a)
        question, answer = rng.choice(_LARGER).format(x=x, y=y, t=thing), a + b
        return question, str(answer), [str(n) for n in (a, a + b + 1, a + b - 1, a + b + 10, a + b - 10) if n > 0]
    else:
        a = max(a, 2 * b + 1)
        if held_out(f"{a}:{b}") != measured:
            return _arithmetic(rng, measured)
        question, answer = rng.choice(_SERIES).format(a=a - 2 * b, c=a - b, d=a, t=thing), a + b
    near = [answer + d for d in (-11, -10, -9, -2, -1, 1, 2, 9, 10, 11) if answer + d > 0]
    return question, str(answer), [str(n) for n in near]


def different_words(rng: random.Random, n: int = 4) -> list[str]:
    """Different words of the lexicon, none the beginning of another."""
    return rng.sample([w for w in lx.COMPONENTS if len(w) > 4], n)


def _code(rng: random.Random, measured: bool) -> Draft:
    """A program or a command, and what it gives."""
    while True:
        found = rng.choice(_PROGRAMS)(rng)
        if held_out(found[0]) == measured:
            return found


def _listing(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    listed = ", ".join(f'"{w}"' for w in words)
    shown = rng.choice([str(k), str(k - 4)])
    return f"names = [{listed}]\nWhat is names[{shown}]?", words[k], words


def _printed(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    values = [str(lx.number(rng)) for _ in words]
    body = "\n".join(f"{w} = {v}" for w, v in zip(words, values, strict=True))
    return f"{body}\nprint({words[k]})\nWhat is printed?", values[k], values


def _flags(rng: random.Random) -> Draft:
    flags, values = [lx.value(rng, "flag") for _ in range(4)], [lx.value(rng, "word") for _ in range(4)]
    k, joint = rng.randrange(4), rng.choice(["=", " "])
    command = " ".join(f"{f}{joint}{v}" for f, v in zip(flags, values, strict=True))
    return f"Command: {different_words(rng)[0]} {command}\nWhich value is given to {flags[k]}?", values[k], values


def _branching(rng: random.Random) -> Draft:
    a, b = rng.randrange(1, 10), rng.randrange(1, 10)
    sign = rng.choice(["<", ">"])
    words = different_words(rng)
    true = a < b if sign == "<" else a > b
    body = f'x = {a}\nif x {sign} {b}:\n    print("{words[0]}")\nelse:\n    print("{words[1]}")'
    return f"{body}\nWhat is printed?", words[0] if true else words[1], words


def _mapping(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    values = [lx.value(rng, "word") for _ in words]
    body = ", ".join(f'"{w}": "{v}"' for w, v in zip(words, values, strict=True))
    return f'd = {{{body}}}\nWhat is d["{words[k]}"]?', values[k], values


def _call(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(3)
    names = "abc"
    body = f"def f(a, b, c):\n    return {names[k]}"
    arguments = ", ".join(f'"{w}"' for w in words[:3])
    return f"{body}\nWhat does f({arguments}) return?", words[k], words


def _assigned(rng: random.Random) -> Draft:
    words = different_words(rng)
    first, second, third = rng.sample("abcxyz", 3)
    body = f'{first} = "{words[0]}"\n{second} = "{words[1]}"\n{third} = {first}\n{first} = {second}'
    asked = rng.choice([first, second, third])
    answer = words[0] if asked == third else words[1]
    return f"{body}\nprint({asked})\nWhat is printed?", answer, words


def _shell(rng: random.Random) -> Draft:
    words = different_words(rng)
    files = [f"{w}.{rng.choice(['txt', 'log', 'conf'])}" for w in words]
    style = rng.randrange(3)
    if style == 0:
        verb, what = rng.choice([("cp", "copy"), ("mv", "new name")])
        return f"$ {verb} {files[0]} {files[1]}\nWhat is the {what}?", files[1], files
    if style == 1:
        return f"$ cat {files[0]} | grep {words[1]} > {files[2]}\nWhich file is written?", files[2], [*files, words[1]]
    end, number = rng.choice([("head", 1), ("tail", 1)])
    listed = "\\n".join(words[:3])
    return f"$ printf '{listed}' | {end} -n {number}\nWhat is printed?", words[0 if end == "head" else 2], words


_PROGRAMS: tuple[Callable[[random.Random], Draft], ...] = (
    _listing, _printed, _flags, _branching, _mapping, _call, _assigned, _shell,
)  # fmt: skip


def _reading(rng: random.Random, measured: bool) -> Draft:
    while True:
        product = lx.name(rng)
        if held_out(product) == measured:
            break
    names, relations = sx.subjects(rng, 4, product), draw_relations(rng, 2)
    values = grid(rng, names, relations)
    parts = [sx.prose(rng, s, list(zip(relations, v, strict=True))) for s, v in zip(names, values, strict=True)]
    claims = [c for part in parts for c in part.claims]
    claim = rng.choice(claims)
    passages = [f"{product} manual › {part.title}\n{part.text}" for part in parts]
    question = with_passages(rng.choice(claim.questions), passages)[0].content
    return question, claim.value, [c.value for c in claims if c.attribute == claim.attribute]


def _instructions(rng: random.Random, measured: bool) -> Draft:
    """An order, and the answer that obeys it to the letter."""
    while True:
        found = rng.choice(_ORDERS)(rng)
        if held_out(found[0]) == measured:
            return found


def _repeat(rng: random.Random) -> Draft:
    words = different_words(rng)
    order = rng.choice(["Repeat this word: {w}", "Say {w}.", "Answer with the word {w} and nothing else."])
    return order.format(w=words[0]), words[0], [*words, f"{words[0]} {words[0]}"]


def _place(rng: random.Random) -> Draft:
    words, k = different_words(rng), rng.randrange(4)
    ordinal = ("first", "second", "third", "last")[k]
    return f"Answer with the {ordinal} word of this list: {' '.join(words)}", words[k], words


def _initial(rng: random.Random) -> Draft:
    words = different_words(rng)
    while len({w[0] for w in words}) < 4:
        words = different_words(rng)
    return f"Which of these words begins with {words[0][0].upper()}? {' '.join(sorted(words))}", words[0], words


def _marked(rng: random.Random) -> Draft:
    word = different_words(rng)[0]
    marks = {
        "with an exclamation mark": f"{word}!", "in quotation marks": f'"{word}"', "in brackets": f"({word})",
        "with a question mark": f"{word}?", "between stars": f"*{word}*", "as a list item": f"- {word}",
    }  # fmt: skip
    how = rng.choice(list(marks))
    return f"Write {word} {how}.", marks[how], [v for k, v in marks.items() if k != how]


def _joined(rng: random.Random) -> Draft:
    a, b = different_words(rng, 2)
    ways = {
        "with a comma": f"{a}, {b}", "with and": f"{a} and {b}", "with or": f"{a} or {b}",
        "with a slash": f"{a}/{b}", "in reverse order": f"{b} {a}", "as a pair key: value": f"{a}: {b}",
    }  # fmt: skip
    how = rng.choice(list(ways))
    return f"Write {a} {b} {how}.", ways[how], [v for k, v in ways.items() if k != how]


def _polite(rng: random.Random) -> Draft:
    word, other = different_words(rng, 2)
    tones = {
        "politely": f"Please open the {word}.", "as a question": f"Can you open the {word}?",
        "as a refusal": f"Do not open the {word}.", "as a plan": f"I will open the {word}.",
        "in the past": f"I opened the {word}.",
    }  # fmt: skip
    how = rng.choice(list(tones))
    wrong = [v for k, v in tones.items() if k != how] + [tones[how].replace(word, other)]
    return f"Say it {how}: open the {word}", tones[how], wrong


_ORDERS: tuple[Callable[[random.Random], Draft], ...] = (_repeat, _place, _initial, _marked, _joined, _polite)


MAKERS: dict[str, Callable[[random.Random, bool], Draft]] = {
    "arithmetic": _arithmetic,
    "code": _code,
    "reading": _reading,
    "instructions": _instructions,
}


def draft(rng: random.Random, skill: str, *, measured: bool = False) -> Draft:
    """(question, answer, wrong or right candidates) of one skill, to practise; KeyError for an unknown one.

    measured: of the part that the suite asks, which is never practised.
    """
    return MAKERS[skill](rng, measured)
