"""General prompts of the project's own: what a model is asked, and answers itself, so that it forgets nothing.

Everyday topics, and templates by skill: arithmetic, code, instructions, and reading short invented notes. A seed
fills the templates, so that there are as many prompts as a training asks for.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

from understudy import prompts

_TOPICS = (
    "the seasons", "a bicycle", "bread", "the moon", "music", "a library", "rain", "friendship", "a garden",
    "football", "the heart", "a bridge", "coffee", "volcanoes", "photography", "a small town", "the ocean",
    "learning a language", "a good night's sleep", "public transport", "bees", "chess", "the alphabet", "glass",
    "mountains", "an elevator", "rice", "the printing press", "trees in a city", "honesty", "a thunderstorm",
    "cooking for many people", "maps", "a first day at school", "electricity", "time zones", "paper", "rivers",
    "a museum", "walking",
)  # fmt: skip
_TASKS = (
    "Explain {t} to a child.", "Write two sentences about {t}.", "List three facts about {t}.",
    "Why does {t} matter to people?", "Give a short definition of {t}.", "Write a question about {t}.",
    "What are a good and a bad side of {t}?", "Write the first line of a story about {t}.",
    "Which five words come to mind with {t}?", "How would you describe {t} to someone who has never met it?",
)  # fmt: skip
_SINGLE = (
    "What is 17 plus 26?", "What is 9 times 8?", "Put these words in alphabetical order: pear, apple, fig.",
    "Which is larger, 0.9 or 0.11?", "Write the word 'window' backwards.", "How many minutes are three hours?",
    "Continue: Monday, Tuesday, Wednesday,", "What is the opposite of 'early'?", "Name four colours.",
    "Translate 'good morning' into French.", "Correct this sentence: She go to school yesterday.",
    "Write a polite request to move a meeting to Thursday.", "Write a Python function that adds two numbers.",
    "Turn this into a question: The train leaves at six.", "What comes next: 2, 4, 8, 16?",
    "Summarise in five words: The cat slept all day and woke only to eat.",
    "Is a whale a fish?", "What does a baker do?", "Say thank you in three different ways.",
    "Rewrite more formally: Hey, can you send me that file?",
)  # fmt: skip
_WORDS = (
    "apple", "basket", "candle", "dragon", "engine", "forest", "guitar", "hammer", "island", "jacket", "kitchen",
    "lantern", "market", "needle", "orange", "pencil", "quilt", "rocket", "saddle", "table", "umbrella", "violin",
    "window", "yarn", "zebra", "bottle", "camera", "desert", "feather", "garden", "harbour", "ladder", "mirror",
    "notebook", "ocean", "parcel", "ribbon", "silver", "ticket", "village", "wagon", "barrel", "copper", "donkey",
)  # fmt: skip
_THINGS = ("apples", "books", "chairs", "coins", "cups", "eggs", "letters", "seats", "stamps", "tickets", "trees")
_NAMES = ("Anna", "Ben", "Clara", "David", "Emma", "Finn", "Grace", "Henry", "Iris", "Jack", "Lena", "Martin")
_PLACES = ("bakery", "museum", "library", "theatre", "swimming pool", "post office", "school", "market hall", "zoo")
_NOTES = (
    ("opening hour", "The {p} opens at {a} o'clock.", "When does the {p} open?"),
    ("staff", "{a} people work in the {p}.", "How many people work in the {p}?"),
    ("price", "A ticket for the {p} costs {a} euros.", "What does a ticket for the {p} cost?"),
    ("head", "The {p} is run by {n}.", "Who runs the {p}?"),
    ("door", "The door of the {p} has the colour {c}.", "Which colour has the door of the {p}?"),
    ("founded", "The {p} was built in {y}.", "In which year was the {p} built?"),
    ("sign", "On the sign of the {p} stands a picture of a {w}.", "What is to be seen on the sign of the {p}?"),
    ("key", "The key of the {p} lies behind the {w}.", "Where is the key of the {p}?"),
)
_COLOURS = ("red", "green", "blue", "yellow", "white", "black", "brown", "grey")


def general_prompts(count: int, seed: int) -> list[str]:
    """`count` different prompts (a text that a user would send); a longer list begins with the shorter one.

    A fifth each is everyday talk, arithmetic, code, instructions and reading; the few hundred everyday prompts
    run out first.
    """
    everyday = [*_SINGLE, *(task.format(t=topic) for topic in _TOPICS for task in _TASKS)]
    random.Random(f"{seed}|general").shuffle(everyday)
    waiting = iter(everyday)
    rng = random.Random(f"{seed}|skills")
    found: dict[str, None] = {}
    for maker in itertools.cycle((None, *_MAKERS)):
        if len(found) >= count:
            return list(found)
        prompt = next(waiting, None) if maker is None else maker(rng)
        if prompt is not None:
            found[prompt] = None
    raise AssertionError("unreachable: the cycle has no end")


def _arithmetic(rng: random.Random) -> str:
    a, b, c = rng.randrange(2, 100), rng.randrange(2, 100), rng.randrange(2, 13)
    thing, name, other = rng.choice(_THINGS), *rng.sample(_NAMES, 2)
    return rng.choice(
        (
            f"Add {a} and {b}.",
            f"What is {a} plus {b}?",
            f"What is {a + b} minus {a}?",
            f"Subtract {b} from {a + b}.",
            f"How much is {c} times {b}?",
            f"Compute {c} * {a}.",
            f"Divide {c * b} by {c}.",
            f"{name} has {a} {thing} and finds {b} more. How many {thing} does {name} have?",
            f"{name} has {a + b} {thing} and gives {b} of them to {other}. How many {thing} remain?",
            f"A box takes {c} {thing}. How many {thing} go into {b} boxes?",
            f"Which number is larger, {a} or {b + 100}?",
            f"What comes next: {a}, {a + c}, {a + 2 * c}, {a + 3 * c}?",
        )
    )


def _code(rng: random.Random) -> str:
    words = rng.sample(_WORDS, 4)
    a, b = rng.randrange(2, 100), rng.randrange(2, 100)
    listed, place = ", ".join(repr(w) for w in words), rng.randrange(4)
    return rng.choice(
        (
            f"items = [{listed}]\nWhat is the value of items[{place}]?",
            f"items = [{listed}]\nitems.append('{rng.choice(_WORDS)}')\nHow long is items now?",
            f"prices = {{'{words[0]}': {a}, '{words[1]}': {b}}}\nWhat does print(prices['{words[place % 2]}']) show?",
            f"{words[0]} = {a}\n{words[1]} = {b}\nWhich value has {words[place % 2]}?",
            f"n = {a}\nn = n + {b}\nprint(n)\nWhat does this program print?",
            f"Given the command `copy --from {words[0]} --to {words[1]} --limit {a}`, what is the value of --limit?",
            f"Given the command `send --name={words[0]} --color={rng.choice(_COLOURS)}`, what is the name?",
            f"Write a Python list with the words {words[0]}, {words[1]} and {words[2]}.",
            f"Write a Python function that multiplies a number by {a}.",
            f"What does len('{words[0]}') return?",
            f"for i in range({a % 9 + 2}):\n    print('{words[0]}')\nHow often is the word printed?",
            f'Read the JSON {{"{words[0]}": {a}, "{words[1]}": {b}}}. What stands under "{words[place % 2]}"?',
        )
    )


def _instructions(rng: random.Random) -> str:
    words = rng.sample(_WORDS, rng.randrange(3, 6))
    listed = ", ".join(words)
    return rng.choice(
        (
            f"Say the word {words[0]} and nothing else.",
            f"Copy this line: {' '.join(words)}",
            f"Which word stands first here: {listed}?",
            f"Which word stands last here: {listed}?",
            f"From the words {listed}, give me the second.",
            f"Put these words in alphabetical order: {listed}.",
            f"Which of the words {listed} is the longest?",
            f"Find the word that starts with the letter {words[0][0]}: {', '.join(sorted(words))}.",
            f"Write the words {listed} in capital letters.",
            f"How many words are in this list: {listed}?",
            f"Replace {words[0]} by {rng.choice(_COLOURS)} in: The {words[0]} is next to the {words[1]}.",
            f"Answer with yes or no: does {words[0]} have more letters than {words[1]}?",
        )
    )


def _reading(rng: random.Random) -> str:
    places = rng.sample(_PLACES, rng.randrange(1, 4))
    notes = rng.sample(_NOTES, rng.randrange(2, 5))
    passages = []
    for place in places:
        lines = [
            told.format(
                p=place, a=rng.randrange(2, 25), n=rng.choice(_NAMES), c=rng.choice(_COLOURS),
                y=rng.randrange(1700, 2000), w=rng.choice(_WORDS),
            )
            for _, told, _ in notes
        ]  # fmt: skip
        passages.append(f"Notes › The {place}\n{' '.join(lines)}")
    _, _, question = rng.choice(notes)
    return prompts.with_passages(question.format(p=rng.choice(places)), passages)[0].content


_MAKERS: tuple[Callable[[random.Random], str], ...] = (_arithmetic, _code, _instructions, _reading)
