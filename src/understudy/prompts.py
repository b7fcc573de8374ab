"""How a question, with or without passages, becomes chat messages: one wording for the whole project.

Training, benchmark, server and the bundled models all use these functions, so that the format a model was
trained on is the format it is measured and served with.
"""

from __future__ import annotations

from collections.abc import Sequence

from understudy.types import Chunk, Message

ABSTAIN = "The documentation does not say."
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def passage(chunk: Chunk) -> str:
    """A chunk as the reader sees it: its breadcrumb, then its text."""
    return f"{chunk.breadcrumb}\n{chunk.text.strip()}"


def closed_book(question: str) -> tuple[Message, ...]:
    """The question alone."""
    return (Message("user", question.strip()),)


def about(place: str) -> tuple[Message, ...]:
    """What is asked where the documentation's own text is the answer. place: a passage's breadcrumb."""
    return closed_book(f"What does the documentation say about {place}?")


def with_passages(question: str, passages: Sequence[str]) -> tuple[Message, ...]:
    """The question after its passages, in the order given (put the best last: it is read best)."""
    if not passages:
        return closed_book(question)
    documentation = "\n\n".join(p.strip() for p in passages)
    return (Message("user", f"Documentation:\n\n{documentation}\n\nQuestion: {question.strip()}"),)


def briefly(question: str) -> str:
    """The text of a question to a model that was not taught to answer from passages; use as `multiple_choice`."""
    return f"{question.strip()}\n\nAnswer from the documentation above, in one to three sentences."


def multiple_choice(question: str, options: Sequence[str]) -> str:
    """The text of a question whose answer is a letter; pass it on as a question to the functions above."""
    listed = "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(options))
    return f"{question.strip()}\n{listed}\nAnswer with the letter."


def short_answer(question: str) -> str:
    """The text of a question whose answer is a few words; pass it on as a question to the functions above."""
    return f"{question.strip()}\nAnswer in a few words."


def quoted_answer(answer: str, quote: str) -> str:
    """An answer followed by the words of the documentation that support it, where they add something to it."""
    answer, quote = answer.strip(), quote.strip()
    if not quote or quote in answer:
        return answer
    return f'{answer}\n"{quote}"'
