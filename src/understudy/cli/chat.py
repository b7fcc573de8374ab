"""`understudy chat`: talk to an arm of a run; the model stays loaded, and answers appear as they are written."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import Annotated

import typer

from understudy.cli.answering import (
    introduce,
    open_run_arm,
    reading,
    show_abstention,
    show_answer,
    show_support,
)
from understudy.cli.console import DEFAULT_STORE, StoreOption, console, error_console
from understudy.errors import UnderstudyError
from understudy.redact import redact
from understudy.types import Message

_LEAVE = ("exit", "quit", "/exit", "/quit")


def chat(
    run: Annotated[str, typer.Argument(help="The run's name, as `understudy runs` lists it.")],
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm answers, for example sft+rag; else the best that can cite.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Ask a run's best arm one question after another. `/new` forgets the conversation, Ctrl-C stops an answer; an
    empty line leaves."""
    opened = open_run_arm(run, store, arm, device)
    introduce(opened)
    error_console.print("Ask; /new begins anew, Ctrl-C stops an answer, an empty line leaves.")
    history: list[Message] = []
    while (question := _read()) and question not in _LEAVE:
        if question == "/new":
            history.clear()
            continue
        try:
            prompt, pieces = opened.answerer.converse(question, history)
            read = reading(opened, question, prompt, follows=bool(history))
            if read.beside:
                show_abstention(prompt.hits)
                continue
            said: list[str] = []
            if not opened.speaks and prompt.hits:
                console.print("(the model's own words) ", end="")
            for piece in pieces:
                console.print(piece, end="", soft_wrap=True)
                said.append(piece)
            text = "".join(said).strip()
            response = read.told(text)
            console.print()
            if response.quoted or not text:
                if text and opened.speaks:
                    console.print("(no passage supports these words)")
                show_answer(replace(response, own=""))  # its words stand there already
            elif response.abstained and response.own != response.text:
                console.print(f"(no passage supports these words) {response.text}", soft_wrap=True)
            show_support(opened, response, prompt)
        except KeyboardInterrupt:
            console.print("\n(stopped)")
            continue
        except UnderstudyError as error:  # an endpoint in a bad hour ends no conversation
            error_console.print(redact(str(error)), style="red", soft_wrap=True)
            continue
        history += [Message("user", question), Message("assistant", response.text)]


def _read() -> str:
    """The next question, without the blanks around it; empty at the end of the input and after Ctrl-C."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    with contextlib.suppress(ImportError):  # not everywhere; with it the line can be edited, and arrows bring old ones
        import readline  # noqa: F401
    try:
        return input("\n> ").strip()
    except (EOFError, KeyboardInterrupt):
        return ""
