"""`understudy ask`: put a question to an arm of a run, and see where the answer comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from understudy import network
from understudy.cli.console import DEFAULT_STORE, StoreOption, console, error_console
from understudy.errors import InputError

if TYPE_CHECKING:
    from understudy.artifact import Artifact

_SHOWN = 10  # citations printed; a whole-corpus arm has read every chunk


def ask(
    run: Annotated[str, typer.Argument(help="The run's name, as `understudy runs` lists it.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    arm: Annotated[
        str | None, typer.Option("--arm", help="Which arm answers, for example sft+rag; else the best one.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Answer a question with a run's best arm and print the places in the documentation that it read."""
    from understudy.pipeline import STAGES, answerer_opener, open_run
    from understudy.prompts import ABSTAIN
    from understudy.recipe import Recipe
    from understudy.types import Arm

    record, artifacts = open_run(run, store)
    recipe = Recipe.model_validate(dict(record.recipe))
    network.allow(recipe.contacts())
    makers = [step.name for step in STAGES if step.makes_model and step.name in artifacts]
    model = str(artifacts[makers[-1]].path / "model") if makers else recipe.base_model
    opener = answerer_opener(recipe, model, artifacts, device)
    if opener is None:
        raise InputError(f"run '{run}' has no model that is in the store; run its recipe again")
    name = arm or best_arm(artifacts)
    answer = opener(Arm.parse(name)).answer(question)
    console.print(answer.text or "(the reader answered with nothing)", soft_wrap=True)
    error_console.print(f"answered by {name} of {run}")
    if not answer.citations:
        return
    console.print("\nread, and not found there:" if answer.text == ABSTAIN else "\nsources:")
    for number, citation in enumerate(answer.citations[:_SHOWN], 1):
        console.print(f"{number}. {citation.where}  {citation.breadcrumb}", soft_wrap=True)
    if len(answer.citations) > _SHOWN:
        console.print(f"and {len(answer.citations) - _SHOWN} more")


def best_arm(artifacts: Mapping[str, Artifact]) -> str:
    """The most accurate arm of the benchmark that can answer a new question, or else what the run's stages
    allow: fine-tuned before base, with passages before without."""
    if "benchmark" in artifacts:
        from understudy.benchmark.summary import Summary

        path = Path(artifacts["benchmark"].path) / "summary.json"
        arms = [
            a for a in Summary.read(path).arms if a.kind == "arm" and a.context != "oracle" and a.acc.value is not None
        ]
        if arms:
            return max(arms, key=lambda a: a.acc.value or 0.0).name  # of equals the one named first
    return ("sft" if "sft" in artifacts else "base") + ("+rag" if "index" in artifacts else "")
