"""General prompts of the project's own: what a model is asked, and answers itself, so that it forgets nothing."""

from __future__ import annotations

import random

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


def general_prompts(count: int, seed: int) -> list[str]:
    """At most `count` different prompts, shuffled by the seed; there are several hundred."""
    every = [*_SINGLE, *(task.format(t=topic) for topic in _TOPICS for task in _TASKS)]
    random.Random(f"{seed}|general").shuffle(every)
    return every[:count]
