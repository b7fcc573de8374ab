"""The loop: what would run and what it would take, and the running itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from understudy import network
from understudy.artifact import Artifact, digest_json
from understudy.config import StageConfig
from understudy.errors import InputError, RecipeError
from understudy.facts import FactChanges
from understudy.index.config import IndexConfig
from understudy.memory import give_back
from understudy.models.resolve import at_hand, identity, local_folder, parameters
from understudy.pipeline.budget import Hours
from understudy.pipeline.keys import differences, key_fields, unknown
from understudy.pipeline.previous import (
    PageChanges,
    Previous,
    fact_changes,
    page_changes,
    previous_run,
)
from understudy.pipeline.progress import noted
from understudy.pipeline.runs import RunRecord, begin, begin_again, previous_keys, save
from understudy.pipeline.sample import READ, counted, look
from understudy.pipeline.steps import Step, model_before, steps_of
from understudy.pipeline.store import Store
from understudy.pipeline.timings import Timings
from understudy.pipeline.upkeep import sweep
from understudy.recipe import Recipe
from understudy.sft.estimate import MOVED
from understudy.stage import SAMPLE, Engine, Estimate, Inputs, ProgressFunction, RunContext, execute, silent

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the plan.

    status: `cached`, `to do` (never made), `changed` (made before under other settings: `why` names the fields),
    or `waits` (its inputs must be made before its key is known).
    """

    step: Step
    config: StageConfig
    status: str
    why: tuple[str, ...] = ()
    key: str | None = None
    key_fields: Mapping[str, Any] = field(default_factory=dict)
    artifact: Artifact | None = None
    estimate: Estimate = field(default_factory=Estimate)


class Pipeline:
    """A recipe bound to a store: it can be planned without cost, and run."""

    def __init__(self, recipe: Recipe, store: Path, *, recipe_text: str = "", command: str = "") -> None:
        self.recipe = recipe
        self.store = Store(store.absolute())
        self.recipe_text = recipe_text
        self.command = command
        self.steps = [(step, config.settled(self.store.root)) for step, config in steps_of(recipe)]
        self._where: tuple[Engine, int | None] = ("local", 1)
        self.record: RunRecord | None = None
        """The record under which it ran; None before `run`."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(step.name for step, _ in self.steps)

    def plan(self, *, closely: bool = True) -> list[Planned]:
        """What would run, what is cached and why, with estimates. Loads no model and asks none.

        closely: read a sample of the documentation first, where it was not read whole, and count by it; it is kept.
        """
        previous = previous_keys(self.store.root, self.recipe.name)
        done: dict[str, Artifact] = {}
        upstream = self._upstream(done)
        lines: list[Planned] = []
        timings = Timings(self.store.root)
        spent = held = 0.0
        for step, config in self.steps:
            missing: tuple[str, ...] = ()
            upstream |= self._moved(step, config, done)
            try:
                config = self._within_hours(step, config, done, upstream, spent)
            except RecipeError as error:
                missing = (str(error),)
            planned = self._plan_step(step, config, done, previous)
            if planned.artifact is not None:
                done[step.name] = planned.artifact
                upstream[step.name] = planned.artifact.counts
            else:
                if closely and step.name in READ and SAMPLE not in upstream:
                    upstream[SAMPLE] = look(self.steps, self.recipe.base_model, self.recipe.seed, self.store.root)
                planned = replace(planned, estimate=timings.scaled(config, step.estimate(config, upstream), held))
                held = timings.left(config, planned.estimate, held)
                planned = replace(
                    planned, estimate=replace(planned.estimate, missing=planned.estimate.missing + missing)
                )
                upstream[step.name] = planned.estimate.counts
            spent += _taken(planned.artifact) if planned.artifact else planned.estimate.seconds or 0.0
            lines.append(planned)
        return lines

    def _within_hours(
        self,
        step: Step,
        config: StageConfig,
        done: Mapping[str, Artifact],
        upstream: Mapping[str, Mapping[str, Any]],
        spent: float,
    ) -> StageConfig:
        """The settings of a stage within the budget's hours; see `Hours.settled`."""
        hours = None if self.recipe.budget is None else self.recipe.budget.hours
        if step.name != "sft" or hours is None:
            return config
        fields = key_fields(self.recipe, step, config, done)
        known = None if unknown(fields) else fields
        return Hours(self.store.root, hours).settled(config, self.steps, upstream, spent, known)

    def pages(self) -> PageChanges | None:
        """The pages of the folder against the newest run of the name; None where there is none. Reads each file."""
        return None if self.recipe.docs is None else page_changes(self.store, self.recipe.name, self.recipe.docs)

    def facts(self, lines: Sequence[Planned]) -> tuple[str, FactChanges] | None:
        """The facts of the planned documentation, where they are in the store, against the newest run that was taught
        others, with its label."""
        done = {line.step.name: line.artifact for line in lines if line.artifact is not None}
        return fact_changes(self.store, self.recipe.name, done)

    def _plan_step(
        self, step: Step, config: StageConfig, done: Mapping[str, Artifact], previous: Mapping[str, str]
    ) -> Planned:
        before = self.previous(step, config, done)
        follows = {} if before is None or before.unfit else before.artifacts
        fields = key_fields(self.recipe, step, config, done, {n: follows[n] for n in step.follows if n in follows})
        missing = unknown(fields)
        if missing:
            return Planned(step, config, "waits", tuple(f"{m} is not known yet" for m in missing))
        key = digest_json(fields)
        artifact = self.store.find(step.name, key)
        if artifact is not None:
            return Planned(step, config, "cached", (), key, fields, artifact)
        old = self.store.find(step.name, previous.get(step.name))
        unfit: tuple[str, ...] = ()
        if step.name == "sft" and before is not None and before.unfit:
            unfit = (f"cannot go on from {before.label}: {before.unfit}",)
        if old is None:
            return Planned(step, config, "to do", unfit, key, fields)
        why = (*unfit, *differences(old.manifest, fields, config))
        return Planned(step, config, "changed", why, key, fields)

    def previous(self, step: Step, config: StageConfig, done: Mapping[str, Artifact]) -> Previous | None:
        """The run that the stage goes on from; None where it starts afresh, or what it reads is not there."""
        if not step.follows:
            return None
        sft = next(((s, c) for s, c in self.steps if s.name == "sft"), None)
        if sft is None:
            return None
        reads = tuple(name for name in sft[0].reads(sft[1]) if name in self.names)
        if not all(name in done for name in reads):
            return None
        fields = key_fields(self.recipe, *sft, done)
        return previous_run(self.store, self.recipe, done, fields.get("model"), reads)

    def run(
        self,
        *,
        only: str | None = None,
        until: str | None = None,
        device: str = "auto",
        engine: Engine = "local",
        workers: int | None = 1,
        progress: Callable[[str], ProgressFunction] | None = None,
        on_stage: Callable[[Planned, Artifact | None], None] = lambda planned, artifact: None,
        say: Callable[[str], None] = logger.info,
    ) -> dict[str, Artifact]:
        """Run what is not cached, in order, and record the run after each stage. Returns artifacts by stage.

        engine, workers: where shards of the work run, and how many at once; no key holds them.
        only: run this stage alone, from cached inputs. until: stop after this stage.
        on_stage: called with (plan, None) when a stage starts and (plan, artifact) when it is there.
        """
        for wanted in (only, until):
            if wanted is not None and wanted not in self.names:
                raise RecipeError(f"this recipe has no stage '{wanted}'; it has {', '.join(self.names)}")
        hosts = () if self.store.remote is None else self.store.remote.hosts
        with network.only([*self.recipe.contacts(), *hosts]):
            self._where = engine, workers
            return self._run(only, until, device, progress, on_stage, say)

    def _run(
        self,
        only: str | None,
        until: str | None,
        device: str,
        progress: Callable[[str], ProgressFunction] | None,
        on_stage: Callable[[Planned, Artifact | None], None],
        say: Callable[[str], None],
    ) -> dict[str, Artifact]:
        sweep(self.store.root)
        previous = previous_keys(self.store.root, self.recipe.name)
        self.record = begin(self.store, self.recipe, self.names, text=self.recipe_text, command=self.command)
        done: dict[str, Artifact] = {}
        for step, config in self.steps:
            if step.refresh is not None and only in (None, step.name):
                step.refresh(config, say)
            spent = sum(map(_taken, done.values()))
            upstream = self._upstream(done) | self._moved(step, config, done)
            settled = self._within_hours(step, config, done, upstream, spent)
            planned = self._plan_step(step, settled, done, previous)
            if planned.key is None:
                self._fetch_models(config, say)  # a model's size, and whether an earlier run had it, are known now
                upstream = self._upstream(done) | self._moved(step, config, done)
                settled = self._within_hours(step, config, done, upstream, spent)
                planned = self._plan_step(step, settled, done, previous)
            if planned.key is None:
                raise RecipeError(f"{step.name}: cannot start: {'; '.join(planned.why)}")
            artifact = planned.artifact
            if artifact is None and only is not None and only != step.name:
                raise RecipeError(
                    f"--only {only}: its input '{step.name}' is not in the store; run `--until {step.name}` first"
                )
            if artifact is None:
                before = self.previous(step, config, done)
                if step.name == "sft" and before is not None and before.unfit:
                    say(f"sft: cannot go on from {before.label}: {before.unfit}; it is trained from the base model")
                on_stage(planned, None)
                with self.store.lock(step.name, planned.key, say):
                    artifact = self.store.find(step.name, planned.key)
                    if artifact is None:
                        watch = progress(step.name) if progress else silent
                        with noted(self._listed(), step.name, watch) as watched:
                            artifact = self._execute(planned, done, device, watched)
                        self._note(planned, upstream, done, artifact)
                    artifact = self.store.share(artifact)
            else:
                artifact = self.store.share(artifact)
            on_stage(planned, artifact)
            done[step.name] = artifact
            self._keep(done, until or only)
            if step.name in (only, until):
                break
            if step.name == "generate" and until in (None, "benchmark"):
                self._check_exam(artifact)
        return done

    def _check_exam(self, generated: Artifact) -> None:
        """Raises InputError where the benchmark would have nothing to ask: before the training, not after it."""
        asks = next((config for step, config in self.steps if step.name == "benchmark"), None)
        if asks is not None and not getattr(asks, "questions", None) and generated.counts.get("items") == 0:
            skipped = ", ".join(f"{n} × {why}" for why, n in generated.counts.get("items_skipped", {}).items())
            raise InputError(
                f"generate: no exam question could be made of this documentation ({skipped or 'no fact was found'}), "
                "so the benchmark has nothing to ask; name a file of questions with benchmark.questions, give more "
                "pages or a model as teacher (generate.teacher), or run `--until sft` to train without a benchmark"
            )

    def _listed(self) -> Path:
        """The run's folder. A run is listed from its first stage on, not only once that is done."""
        assert self.record is not None
        folder = self.record.folder(self.store.root)
        if not (folder / "run.json").is_file():
            save(self.store, self.record, {})
        return folder

    def _note(
        self,
        planned: Planned,
        upstream: Mapping[str, Mapping[str, Any]],
        done: Mapping[str, Artifact],
        artifact: Artifact,
    ) -> None:
        """Keep what the stage took beside what it is estimated to take, by what it made, for the next plan."""
        whole = counted({**done, planned.step.name: artifact})
        estimate = planned.step.estimate(planned.config, {**upstream, SAMPLE: whole})
        Timings(self.store.root).note(planned.config, estimate, artifact)

    def _upstream(self, done: Mapping[str, Artifact]) -> dict[str, Mapping[str, Any]]:
        """Counts by stage, as estimates take them."""
        index = self.recipe.section("index")
        read = {"passages": index.search.top_k} if isinstance(index, IndexConfig) else {}
        known = {"model": _model(self.recipe.base_model), "search": read}
        return known | {n: a.counts for n, a in done.items()}

    def _moved(self, step: Step, config: StageConfig, done: Mapping[str, Artifact]) -> dict[str, Mapping[str, Any]]:
        """For a training that goes on from another also how many facts are new, changed, unchanged and withdrawn."""
        before = self.previous(step, config, done) if step.name == "sft" else None
        if before is None or before.unfit:
            return {}
        return {MOVED: {str(kind): n for kind, n in before.changes(done).counts.items()}}

    def _keep(self, done: Mapping[str, Artifact], until: str | None) -> None:
        """Note what is there. A finished run stays one, also where only its first stages were looked at again."""
        assert self.record is not None
        keys = {name: artifact.key for name, artifact in done.items()}
        if self.record.finished and keys.items() <= self.record.artifacts.items():
            return
        finished = len(done) == len(self.names)
        if self.record.finished:  # the documents changed under the same recipe: another run of it
            self.record = begin_again(self.store, self.record)
        self.record = replace(self.record, artifacts=keys, finished=finished, until=None if finished else until)
        save(self.store, self.record, done)

    def _fetch_models(self, config: StageConfig, say: Callable[[str], None]) -> None:
        """Download the hub models whose commit is not known yet; it is part of the stage's key."""
        for reference in (self.recipe.base_model, *config.models().values()):
            if reference is not None and identity(reference) is None:
                say(f"{reference}: downloading")
                local_folder(reference)

    def _execute(
        self, planned: Planned, done: Mapping[str, Artifact], device: str, progress: ProgressFunction
    ) -> Artifact:
        step, key = planned.step, str(planned.key)
        work = self.store.work(step.name, key)
        ctx = RunContext(
            out=work / "out",
            work=work,
            root=self.store.root,
            seed=self.recipe.seed,
            device=device,
            logger=logging.getLogger(f"understudy.{step.name}"),
            progress=progress,
            engine=self._where[0],
            workers=self._where[1],
        )
        before = self.previous(step, planned.config, done)
        before = None if before is None or before.unfit else before
        inputs = Inputs(
            artifacts={n: done[n] for n in step.reads(planned.config) if n in done},
            model=model_before(step.name, self.recipe.base_model, self.names, done) or "",
            base_model=self.recipe.base_model or "",
            previous={n: before.artifacts[n] for n in step.follows if n in before.artifacts} if before else {},
        )
        try:
            return execute(
                step.load(),
                planned.config,
                inputs,
                key=key,
                key_fields=planned.key_fields,
                target=self.store.artifact(step.name, key),
                ctx=ctx,
            )
        finally:
            give_back(collect=True)


def _model(reference: str | None) -> dict[str, Any]:
    """What estimates take of a model: its `parameters`, and those `to_unpack` before it can be read."""
    size = parameters(reference) if reference else None
    packed = reference is not None and reference.startswith("gguf:") and not at_hand(reference)
    return {"parameters": size, "to_unpack": size if packed else 0}


def _taken(artifact: Artifact) -> float:
    """Seconds that it took when it was made."""
    return float(artifact.manifest["wall_seconds"])
