"""What `ask` and `chat` share: opening an arm of a run, and showing an answer with what supports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.cli.console import console, count, error_console

if TYPE_CHECKING:
    from understudy.answer import ModelAnswerer
    from understudy.evaluation.response import Reading, Response
    from understudy.evaluation.support import Topic
    from understudy.types import Hit, Prompt

_SHOWN = 10  # citations printed; a whole-corpus arm has read every chunk
_SMALL = 20_000_000  # parameters below which hardly a sentence of a model can be read


@dataclass
class Opened:
    """An arm of a run, ready to answer. topic: what its documentation speaks of, None without one."""

    run: str
    arm: str
    answerer: ModelAnswerer
    topic: Topic | None
    parameters: int | None
    model: str

    @property
    def speaks(self) -> bool:
        """Whether the model's own words may be the answer: to passages that it read, not those of a small model."""
        from understudy.evaluation.response import speaks

        return speaks(self.answerer.reader)

    @property
    def writes_poorly(self) -> bool:
        """So small that the best passage is shown whole."""
        return self.parameters is not None and self.parameters < _SMALL


def open_run_arm(name: str, store: Path, arm: str | None, device: str) -> Opened:
    """Open an arm of a run, the best that can cite unless one is named. Raises InputError where there is none."""
    from understudy import api
    from understudy.evaluation.support import Topic
    from understudy.models.resolve import parameters
    from understudy.types import Chunk

    run = api.open_run(name, store=store, device=device)
    chosen = arm or run.best_arm
    answerer = run.answerer(chosen)
    chunks = run.artifacts["chunk"].records("chunks", Chunk) if "chunk" in run.artifacts else []
    base = run.recipe.base_model or ""
    return Opened(
        run.label, chosen, answerer, Topic(chunks) if chunks else None, parameters(base) if base else None, base
    )


def introduce(opened: Opened) -> None:
    """Say which arm answers, and what to expect of a very small model."""
    size = "" if opened.parameters is None else f", {count(opened.parameters)} parameters"
    error_console.print(f"answered by {opened.arm} of {opened.run} ({opened.model}{size})")
    if not opened.speaks:
        error_console.print(
            "A model of this size tells the right answer among several, and writes sentences poorly: "
            "where it reads passages, their own sentences are the answer.",
            soft_wrap=True,
        )


def reading(opened: Opened, question: str, prompt: Prompt, *, follows: bool = False) -> Reading:
    """The question with what is read for it, from which what is told comes."""
    from understudy.evaluation import response

    return response.reading(opened.topic, question, prompt, opened.answerer.arm, opened.answerer, follows=follows)


def show_abstention(hits: Sequence[Hit]) -> None:
    """Print the abstention, and where it was looked."""
    from understudy.prompts import ABSTAIN

    console.print(ABSTAIN)
    if hits:
        console.print("\nnearest, and not about it:")
        _list([hit.chunk.where + "  " + hit.chunk.breadcrumb for hit in hits[:3]])


def show_answer(response: Response) -> None:
    """Print what is told as the answer, and whose words it is."""
    if response.quoted:
        for start, quote in zip(("The documentation says: ", "and: "), response.quotes, strict=False):
            console.print(f'{start}"{quote.sentence}"', soft_wrap=True)
        if response.own:
            console.print(f"(the model's own words: {response.own})", soft_wrap=True)
    else:
        console.print(response.text or "(the model answered with nothing)", soft_wrap=True)


def show_support(opened: Opened, response: Response, prompt: Prompt) -> None:
    """Print the sentence that supports an answer word for word, and the places that were read."""
    if not prompt.hits:
        return
    chunks = [hit.chunk for hit in prompt.hits]
    places = [f"{chunk.where}  {chunk.breadcrumb}" for chunk in chunks]
    if response.abstained:
        console.print("\nread, and not found there:")
        _list(places)
        return
    if response.support is not None:
        found = response.support
        if not response.quoted:
            console.print(f'\nsupported by: "{found.sentence}"', soft_wrap=True)
        for place in dict.fromkeys(f"{s.chunk.where}  {s.chunk.breadcrumb}" for s in response.quotes or (found,)):
            console.print(f"    {place}", soft_wrap=True)
    if opened.writes_poorly:
        console.print(f"\nbest passage: {places[0]}\n{chunks[0].text.strip()}", soft_wrap=True)
    console.print("\nread:")
    _list(places)


def _list(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines[:_SHOWN], 1):
        console.print(f"{number}. {line}", soft_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"and {len(lines) - _SHOWN} more")
