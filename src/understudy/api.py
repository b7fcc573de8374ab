"""The Python interface: run, plan, open, ask and compare. The command line parses, calls one of these, and prints.

run = understudy.run("recipe.yaml", set={"sft.r": 16})
run.verdict, run.arms, run.items.to_pandas(), run.report_path
run.ask("Which port does the server listen on?", arm="sft+rag")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.artifact import Artifact, to_plain
from understudy.errors import UnderstudyError
from understudy.facts import FactChanges
from understudy.opened import Rows, Run, Verdict
from understudy.pipeline.loop import Pipeline, Planned
from understudy.pipeline.previous import PageChanges
from understudy.pipeline.remote import place
from understudy.pipeline.runs import OpenedRun, carried
from understudy.pipeline.runs import list_runs as _list_runs
from understudy.pipeline.runs import open_run as _open_run
from understudy.recipe import Recipe, load, parse
from understudy.stage import Engine, ProgressFunction
from understudy.types import LanguageModel

if TYPE_CHECKING:
    from understudy.benchmark.across_runs import Compared, Side
    from understudy.retrieval.open import Index

__all__ = [
    "Plan",
    "Rows",
    "Run",
    "Verdict",
    "compare",
    "list_runs",
    "load_index",
    "load_model",
    "open_run",
    "plan",
    "run",
]

STORE = Path(".understudy")
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe would run, stage by stage, and what it would take. Undefined is None.

    pages: the pages of the folder against the newest run of the name; None where it has read none.
    facts: the label of the newest run that was taught other facts, and how these differ from its; None where there is
    none, or the facts are not in the store yet.
    """

    lines: tuple[Planned, ...]
    pages: PageChanges | None = None
    facts: tuple[str, FactChanges] | None = None

    @property
    def to_do(self) -> tuple[Planned, ...]:
        """The lines whose artifact is not in the store."""
        return tuple(line for line in self.lines if line.artifact is None)

    @property
    def seconds(self) -> float:
        """What is known of the time, in seconds."""
        return sum(line.estimate.seconds or 0.0 for line in self.to_do)

    @property
    def usd(self) -> float:
        """What is known of the money, in US dollars."""
        return sum(line.estimate.usd or 0.0 for line in self.to_do)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Stages that cost money of an unknown price."""
        return tuple(line.step.name for line in self.to_do if line.estimate.unpriced)


def _recipe(recipe: str | Path | Mapping[str, Any] | Recipe, settings: Settings | Iterable[str]) -> tuple[Recipe, str]:
    """The recipe with its settings applied, and its text."""
    pairs = settings.items() if isinstance(settings, Mapping) else ()
    given = [f"{key}={json.dumps(value)}" for key, value in pairs] if isinstance(settings, Mapping) else list(settings)
    if isinstance(recipe, Recipe):
        recipe = recipe.resolved()
    if isinstance(recipe, Mapping):
        text = json.dumps(to_plain(dict(recipe)), indent=2)
        return parse(text, given), text
    path = Path(recipe)
    return load(path, given), path.read_text(encoding="utf-8-sig")


def plan(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    set: Settings | Iterable[str] = (),
    store: str | Path = STORE,
    closely: bool = True,
) -> Plan:
    """What a recipe would run, what is cached and why, with estimates. Loads no model and asks none.

    recipe: a YAML file, a mapping or a Recipe. set: dotted keys and values (`{"sft.r": 16}`), as `--set` takes them.
    closely: read a sample of documentation that was not read yet, which takes seconds, and count by it.
    Raises RecipeError naming file, line and key.
    """
    loaded, _ = _recipe(recipe, set)
    pipeline = Pipeline(loaded, place(store))
    lines = tuple(pipeline.plan(closely=closely))
    return Plan(lines, pipeline.pages(), pipeline.facts(lines))


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    set: Settings | Iterable[str] = (),
    store: str | Path = STORE,
    only: str | None = None,
    until: str | None = None,
    device: str = "auto",
    engine: Engine = "local",
    workers: int | None = 1,
    progress: Callable[[str], ProgressFunction] | None = None,
    on_stage: Callable[[Planned, Artifact | None], None] = lambda planned, artifact: None,
    say: Callable[[str], None] | None = None,
    command: str = "understudy.run",
) -> Run:
    """Run what is not in the store, in order, and write the report; interrupted, the same call goes on.

    recipe, set: as `plan` takes them. only: this stage alone. until: stop after this stage.
    engine, workers: `local` processes or a `ray` cluster (RAY_ADDRESS) for the shards of the work, and how many at
    once; None takes all processors. The artifacts are the same.
    progress: stage → function (what, done, total) called as it goes on. on_stage: called with (line of the plan, None)
    when a stage starts and with its artifact when it is there. Money that the recipe's teacher asks for is spent:
    see `plan(...).usd` first.
    Raises RecipeError for a mistake in the recipe, another UnderstudyError where a stage failed.
    """
    loaded, text = _recipe(recipe, set)
    folder = place(store)
    pipeline = Pipeline(loaded, folder, recipe_text=text, command=command)
    heard = {"say": say} if say is not None else {}
    done = pipeline.run(
        only=only,
        until=until,
        device=device,
        engine=engine,
        workers=workers,
        progress=progress,
        on_stage=on_stage,
        **heard,
    )
    assert pipeline.record is not None
    finished = Run(OpenedRun(pipeline.record, done), folder, device)
    try:
        finished.write_report()
    except (UnderstudyError, OSError) as error:  # what was found can be read all the same; `report_path` tells
        finished._unwritten = error
    return finished


def open_run(name: str, *, store: str | Path = STORE, device: str = "auto") -> Run:
    """A run by `name` (the newest finished one) or `name@number`, or the folder of one that was exported to be served.
    Raises InputError naming the runs there are."""
    if (said := carried(Path(name))) is not None:
        return Run(_open_run(said["run"], Path(name)), Path(name), device)
    folder = place(store)
    return Run(_open_run(name, folder), folder, device)


def list_runs(*, store: str | Path = STORE) -> list[Run]:
    """All runs of a store, newest first."""
    folder = place(store)
    return [open_run(record.label, store=folder) for record in _list_runs(folder)]


def compare(*runs: str | Path | Run, store: str | Path = STORE, same_options: bool = True) -> Compared:
    """Pair runs on their common questions, later ones against the first.

    runs: a Run, `name`, `name@number` or either with `:ARM`; a benchmark's folder; a samples_*.jsonl of lm_eval or a
    JSON log of inspect_ai. same_options: a question is the same only with the same options, else with the same right
    answer: an edit of the documentation changes wrong options elsewhere. Raises InputError where nothing can be paired.
    """
    from understudy.benchmark.across_runs import compare_sides

    folder = place(store)
    return compare_sides([_sides(one, folder, same_options) for one in runs])


def _sides(named: str | Path | Run, store: Path, same_options: bool = True) -> Sequence[Side]:
    from understudy.benchmark.across_runs import choose_arms, content_key, question_key, read_side

    key = content_key if same_options else question_key

    if isinstance(named, Run):
        return read_side(named.artifact("benchmark").path, named.label, key)
    name = str(named)
    head, _, arm = name.partition(":")
    for path, wanted in ((name, ""), (head, arm)):
        if Path(path).exists():
            return choose_arms(read_side(Path(path), Path(path).stem, key), wanted)
    opened = open_run(head, store=store)
    return choose_arms(read_side(opened.artifact("benchmark").path, head, key), arm)


def load_model(reference: str, *, adapter: str | Path | None = None, device: str = "auto") -> LanguageModel:
    """A language model by its reference (`hf:org/name`, `./folder`, `gguf:x.gguf`, `openai:…`, `lab:reader`)."""
    from understudy.models.open import open_language_model

    return open_language_model(reference, adapter=Path(adapter) if adapter else None, device=device)


def load_index(run: Run | str | Path, *, store: str | Path = STORE, device: str = "auto") -> Index:
    """The index of a run (or in an artifact's folder), ready to be searched."""
    from understudy.retrieval.open import open_index

    if isinstance(run, Path) or (isinstance(run, str) and (Path(run) / "settings.json").is_file()):
        return open_index(Path(run), device=device)
    opened = open_run(run, store=store) if isinstance(run, str) else run
    index = opened.recipe.index
    return open_index(opened.artifact("index").path, index.search if index else None, device=device)
