"""The pipeline: what runs, in which order, under which key.

STAGES is the whole list, in order. Data flows down it: a stage reads the artifacts of earlier stages and
writes one of its own, found again by a key that is computed from everything that can change the result.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from understudy import network
from understudy.artifact import MANIFEST, Artifact, digest_file, digest_json, digest_tree, write_json, write_text
from understudy.config import StageConfig
from understudy.errors import InputError, RecipeError, StoreError
from understudy.models.resolve import identity, local_folder, parameters, tokenizer_identity
from understudy.recipe import Recipe, section_of
from understudy.redact import redact
from understudy.retrieval.config import SearchConfig
from understudy.stage import (
    Estimate,
    Inputs,
    ProgressFunction,
    RunContext,
    StageModule,
    execute,
    silent,
)
from understudy.types import Answerer, Arm, Chunk, LanguageModel, MCQItem, Retriever

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A stage's place in the pipeline.

    needs: stages without whose artifact it cannot run. wants: stages whose artifact it uses where there is one.
    model: whether the model enters its key as `weights`, as `tokenizer` only, as the recipe's own `base` where it
        names one, or not at all.
    makes_model: its artifact's `model/` folder is the model for the stages below.
    """

    name: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    model: str = ""
    makes_model: bool = False


STAGES: tuple[Step, ...] = (
    Step("merge", model="base", makes_model=True),
    Step("align", model="weights", makes_model=True),
    Step("ingest"),
    Step("chunk", needs=("ingest",), model="tokenizer"),
    Step("generate", needs=("ingest", "chunk")),
    Step("index", needs=("chunk",)),
    Step("sft", needs=("chunk", "generate"), wants=("index",), model="weights"),
    Step("benchmark", needs=("chunk",), wants=("ingest", "generate", "index", "sft"), model="weights"),
)


@dataclass(frozen=True, slots=True)
class Store:
    """The `.understudy` folder: finished artifacts, work in progress, runs and locks."""

    root: Path

    def artifact(self, stage: str, key: str) -> Path:
        return self.root / "store" / stage / key

    def work(self, stage: str, key: str) -> Path:
        return self.root / "work" / stage / key

    def run_folder(self, name: str) -> Path:
        return self.root / "runs" / name

    def find(self, stage: str, key: str | None) -> Artifact | None:
        """The finished artifact of a key, or None."""
        if key is None or not (self.artifact(stage, key) / MANIFEST).exists():
            return None
        return Artifact.open(self.artifact(stage, key))

    @contextlib.contextmanager
    def lock(self, stage: str, key: str, wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the key: a second process waits for the first and then finds its artifact finished."""
        folder = self.root / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held = FileLock(folder / f"{stage}-{key[:16]}.lock")
            try:
                held.acquire(timeout=0)
            except Timeout:
                wait(f"{stage}: another run is making this artifact; waiting for it")
                held.acquire()
        except OSError as error:
            raise StoreError(f"{self.root}: cannot be written: {error}; name another place with --store") from error
        try:
            yield
        finally:
            held.release()


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


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `runs/<name>/run.json` holds: the recipe as it ran and the key of each stage's artifact."""

    name: str
    recipe: Mapping[str, Any]
    recipe_text: str
    command: str
    created: str
    artifacts: Mapping[str, str]
    finished: bool = False


def steps_of(recipe: Recipe) -> list[tuple[Step, StageConfig]]:
    """The stages that this recipe has, in order. Raises RecipeError where one lacks a stage that it needs."""
    chosen = [(step, config) for step in STAGES if (config := recipe.section(step.name)) is not None]
    present = {step.name for step, _ in chosen}
    for step, _ in chosen:
        for need in step.needs:
            if need not in present:
                raise RecipeError(f"{step.name}: needs the stage '{need}'; add `{need}: {{}}` to the recipe")
    return chosen


def digest_path(path: str, where: str) -> str:
    """Digest of a file or folder named in a recipe. Raises InputError naming key and path where it is missing."""
    place = Path(path).expanduser()
    if place.is_dir():
        return digest_tree(place, skip=())
    if place.is_file():
        return digest_file(place)
    raise InputError(f"{where}: {path}: no such file or folder (looked at {place.absolute()})")


class Pipeline:
    """A recipe bound to a store: it can be planned without cost, and run."""

    def __init__(self, recipe: Recipe, store: Path, *, recipe_text: str = "", command: str = "") -> None:
        self.recipe = recipe
        self.store = Store(store.absolute())
        self.recipe_text = recipe_text
        self.command = command
        self.steps = steps_of(recipe)

    # ── planning ────────────────────────────────────────────────────────────────────────────────────────

    def plan(self) -> list[Planned]:
        """What would run, what is cached and why, with estimates. Computes nothing and loads no model."""
        previous = load_run(self.store.root, self.recipe.name)
        done: dict[str, Artifact] = {}
        base = self.recipe.base_model
        upstream: dict[str, Mapping[str, Any]] = {"model": {"parameters": parameters(base) if base else None}}
        lines: list[Planned] = []
        for step, config in self.steps:
            planned = self._plan_step(step, config, done, previous)
            if planned.artifact is not None:
                done[step.name] = planned.artifact
                upstream[step.name] = planned.artifact.counts
            else:
                planned = _with_estimate(planned, upstream)
                upstream[step.name] = planned.estimate.counts
            lines.append(planned)
        return lines

    def _plan_step(
        self, step: Step, config: StageConfig, done: Mapping[str, Artifact], previous: RunRecord | None
    ) -> Planned:
        fields = self.key_fields(step, config, done)
        missing = [place for place, value in _leaves(fields) if value is _UNKNOWN]
        if missing:
            return Planned(step, config, "waits", tuple(f"{m} is not known yet" for m in missing))
        key = digest_json(fields)
        artifact = self.store.find(step.name, key)
        if artifact is not None:
            return Planned(step, config, "cached", (), key, fields, artifact)
        old_key = previous.artifacts.get(step.name) if previous else None
        old = self.store.find(step.name, old_key)
        if old is None:
            return Planned(step, config, "to do", (), key, fields)
        return Planned(step, config, "changed", tuple(_differences(old.manifest["key_fields"], fields)), key, fields)

    def key_fields(self, step: Step, config: StageConfig, done: Mapping[str, Artifact]) -> dict[str, Any]:
        """Everything that enters a stage's key; what is not known before an earlier stage has run is _UNKNOWN."""
        present = {s.name for s, _ in self.steps}
        inputs = {
            name: done[name].digest if name in done else _UNKNOWN
            for name in (*step.needs, *step.wants)
            if name in present
        }
        fields: dict[str, Any] = {
            "stage": config.NAME,
            "version": config.VERSION,
            "config": config.identity(),
            "inputs": inputs,
            "files": {n: digest_path(p, f"{section_of(step.name)}.{n}") for n, p in config.files().items()},
            "models": {n: _or_unknown(identity(m)) for n, m in config.models().items()},
        }
        if config.USES_SEED:
            fields["seed"] = self.recipe.seed
        if step.model == "base":
            fields["model"] = _or_unknown(identity(self.recipe.base_model)) if self.recipe.base_model else None
        elif step.model:
            model = self._model_before(step, done)
            known = None if model is None else (identity if step.model == "weights" else tokenizer_identity)(model)
            fields["model"] = _or_unknown(known)
        return fields

    def _model_before(self, step: Step, done: Mapping[str, Artifact]) -> str | None:
        """The model as it reaches a stage: the recipe's, or what the last model-making stage made of it."""
        model = self.recipe.base_model
        for earlier, _ in self.steps:
            if earlier.name == step.name:
                break
            if earlier.makes_model:
                model = str(done[earlier.name].path / "model") if earlier.name in done else None
        return model

    # ── running ─────────────────────────────────────────────────────────────────────────────────────────

    def run(
        self,
        *,
        only: str | None = None,
        until: str | None = None,
        device: str = "auto",
        progress: Callable[[str], ProgressFunction] | None = None,
        on_stage: Callable[[Planned, Artifact | None], None] = lambda planned, artifact: None,
        say: Callable[[str], None] = logger.info,
    ) -> dict[str, Artifact]:
        """Run what is not cached, in order, and record the run after each stage. Returns artifacts by stage.

        only: run this stage alone, from cached inputs. until: stop after this stage.
        on_stage: called with (plan, None) when a stage starts and (plan, artifact) when it is there.
        """
        names = [step.name for step, _ in self.steps]
        for wanted in (only, until):
            if wanted is not None and wanted not in names:
                raise RecipeError(f"this recipe has no stage '{wanted}'; it has {', '.join(names)}")
        with network.only(self.recipe.contacts()):
            return self._run(names[-1], only, until, device, progress, on_stage, say)

    def _run(
        self,
        last: str,
        only: str | None,
        until: str | None,
        device: str,
        progress: Callable[[str], ProgressFunction] | None,
        on_stage: Callable[[Planned, Artifact | None], None],
        say: Callable[[str], None],
    ) -> dict[str, Artifact]:
        previous = load_run(self.store.root, self.recipe.name)
        done: dict[str, Artifact] = {}
        for step, config in self.steps:
            planned = self._plan_step(step, config, done, previous)
            if planned.key is None:
                self._fetch_models(config, say)
                planned = self._plan_step(step, config, done, previous)
            if planned.key is None:
                raise RecipeError(f"{step.name}: cannot start: {'; '.join(planned.why)}")
            artifact = planned.artifact
            if artifact is None and only is not None and only != step.name:
                raise RecipeError(
                    f"--only {only}: its input '{step.name}' is not in the store; run `--until {step.name}` first"
                )
            if artifact is None:
                on_stage(planned, None)
                with self.store.lock(step.name, planned.key, say):
                    artifact = self.store.find(step.name, planned.key)
                    if artifact is None:
                        watch = progress(step.name) if progress else silent
                        artifact = self._execute(planned, done, device, watch)
            on_stage(planned, artifact)
            done[step.name] = artifact
            self._record(done, finished=step.name == last)
            if step.name in (only, until):
                break
        return done

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
        )
        inputs = Inputs(
            artifacts={n: done[n] for n in (*step.needs, *step.wants) if n in done},
            model=self._model_before(step, done) or "",
            base_model=self.recipe.base_model or "",
            open_retriever=_retriever_opener(done, None),
            open_answerer=answerer_opener(self.recipe, self._model_before(step, done), done, device),
            open_suite=_open_suite,
            open_practice=_open_practice,
            score_model=_score_model,
            examiner=_Examiner(),
        )
        return execute(
            cast(StageModule, importlib.import_module(f"understudy.{step.name}.stage")),
            planned.config,
            inputs,
            key=key,
            key_fields=planned.key_fields,
            target=self.store.artifact(step.name, key),
            ctx=ctx,
        )

    def _record(self, done: Mapping[str, Artifact], *, finished: bool) -> None:
        """Write the run's record and its links to the artifacts."""
        folder = self.store.run_folder(self.recipe.name)
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            "name": self.recipe.name,
            "recipe": self.recipe.resolved(),
            "command": redact(self.command),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "artifacts": {name: artifact.key for name, artifact in done.items()},
            "finished": finished,
        }
        write_text(folder / "recipe.yaml", redact(self.recipe_text))
        write_json(folder / "run.json", record)
        for name, artifact in done.items():
            _link(folder / name, artifact.path)


# ── runs on disk ────────────────────────────────────────────────────────────────────────────────────────


def load_run(root: Path, name: str) -> RunRecord | None:
    """The record of a run by its name, or None where there is no such run."""
    folder = Store(root.absolute()).run_folder(name)
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StoreError(f"{folder / 'run.json'}: damaged ({error}); run the recipe again to write it anew") from error
    return RunRecord(recipe_text=text, **record)


def list_runs(root: Path) -> list[RunRecord]:
    """All runs of a store, newest first."""
    folder = root / "runs"
    names = sorted(p.name for p in folder.iterdir() if (p / "run.json").exists()) if folder.is_dir() else []
    found = [run for name in names if (run := load_run(root, name)) is not None]
    return sorted(found, key=lambda run: run.created, reverse=True)


def artifacts_of(run: RunRecord, root: Path) -> dict[str, Artifact]:
    """The artifacts of a run that are still in the store, by stage."""
    store = Store(root.absolute())
    found = {stage: store.find(stage, key) for stage, key in run.artifacts.items()}
    return {stage: artifact for stage, artifact in found.items() if artifact is not None}


def open_run(name: str, root: Path) -> tuple[RunRecord, dict[str, Artifact]]:
    """A run and its artifacts. Raises InputError naming the runs there are."""
    run = load_run(root, name)
    if run is None:
        known = [r.name for r in list_runs(root)]
        there = f"there are: {', '.join(known)}" if known else "there are none yet; `understudy run RECIPE` makes one"
        raise InputError(f"no run '{name}' in {root}; {there}")
    return run, artifacts_of(run, root)


def answerer_opener(
    recipe: Recipe, model: str | None, done: Mapping[str, Artifact], device: str = "auto"
) -> Callable[[Arm], Answerer] | None:
    """A function that opens the arms of a run. Readers are kept only while arms of the same model follow."""
    if model is None:
        return None
    kept: dict[str, Any] = {}

    def open_arm(arm: Arm) -> Answerer:
        from understudy.answer import open_answerer
        from understudy.models.open import open_language_model

        reference, adapter = _model_of(arm, model, done)
        identity_of_reader = f"{reference}|{adapter}"
        if identity_of_reader not in kept:
            kept.clear()
            kept[identity_of_reader] = open_language_model(reference, adapter=adapter, device=device)
        opener = _retriever_opener(done, recipe.index.search if recipe.index else None)
        needs_index = arm.context == "rag"
        if needs_index and opener is None:
            raise RecipeError(f"benchmark.arms: '{arm.name}' needs an index; add `index: {{}}` to the recipe")
        return open_answerer(
            arm,
            model=reference,
            adapter=adapter,
            retriever=opener() if needs_index and opener else None,
            chunks=done["chunk"].records("chunks", Chunk) if "chunk" in done else (),
            top_k=recipe.index.search.top_k if recipe.index else 5,
            reader=kept[identity_of_reader],
        )

    return open_arm


def _model_of(arm: Arm, model: str, done: Mapping[str, Artifact]) -> tuple[str, Path | None]:
    """The model reference and adapter folder behind an arm's name."""
    if arm.model == "base":
        return model, None
    if arm.model == "sft":
        if "sft" not in done:
            raise RecipeError(f"benchmark.arms: '{arm.name}' needs a fine-tuned model; add `sft: {{}}` to the recipe")
        folder = done["sft"].path
        whole = folder / "model"
        return (str(whole), None) if whole.is_dir() else (model, folder / "adapter")
    made = {"merged": "merge", "aligned": "align"}.get(arm.model)
    if made is None:
        return arm.model, None
    if made not in done:
        raise RecipeError(f"benchmark.arms: '{arm.name}' needs the stage '{made}'; add `{made}:` to the recipe")
    return str(done[made].path / "model"), None


def _retriever_opener(done: Mapping[str, Artifact], search: SearchConfig | None) -> Callable[[], Retriever] | None:
    if "index" not in done:
        return None
    kept: list[Retriever] = []

    def open_retriever() -> Retriever:
        from understudy.retrieval.open import open_index

        if not kept:
            kept.append(open_index(done["index"].path, search))
        return kept[0]

    return open_retriever


def _open_suite() -> Sequence[MCQItem]:
    from understudy.suite import general_suite

    return general_suite()


def _open_practice(count: int, seed: int) -> Sequence[tuple[str, str]]:
    from understudy.suite import practice

    return practice(count, seed)


def _score_model(questions: str, folder: Path) -> float | None:
    """Closed-book accuracy of a model on the bundled suite or on a file of development questions."""
    from understudy.answer import open_answerer
    from understudy.evaluation.development import accuracy, load_development

    items = _open_suite() if questions == "suite" else load_development(Path(questions), "merge.search.questions")
    arm = Arm.parse(str(folder))
    return accuracy(open_answerer(arm, model=str(folder), adapter=None, retriever=None, chunks=(), top_k=1), items)


class _Examiner:
    """The benchmark's cloze scoring and statistics. See `understudy.stage.Examiner`."""

    @property
    def probe(self) -> Sequence[str]:
        from understudy.evaluation.probe import PROBE

        return PROBE

    def suite(self, per_skill: int) -> Sequence[MCQItem]:
        from understudy.suite import general_suite

        asked = {item.question for item in _open_suite()}
        found: dict[str, list[MCQItem]] = {}
        for item in general_suite(2 * per_skill, seed=1):  # twice as many, since some stand in the benchmark's
            if item.question not in asked:
                found.setdefault(item.kind, []).append(item)
        return [item for items in found.values() for item in items[:per_skill]]

    def ask(self, reader: LanguageModel, items: Sequence[MCQItem]) -> list[float | None]:
        from understudy.answer import open_answerer
        from understudy.evaluation.cloze import Cloze
        from understudy.evaluation.question import Question

        arm = Arm.parse("development")
        answerer = open_answerer(arm, model="", adapter=None, retriever=None, chunks=(), top_k=1, reader=reader)
        return [r.acc for r in Cloze("char", None).score(arm.name, answerer, [Question(item) for item in items])]

    def accuracy(self, right: Sequence[float | None], labels: Sequence[str]) -> Mapping[str, Any]:
        from understudy.evaluation.intervals import interval

        known = [(r, label) for r, label in zip(right, labels, strict=True) if r is not None]
        return _shown(interval([r for r, _ in known], [label for _, label in known], paired=False))

    def change(
        self,
        before: Sequence[float | None],
        after: Sequence[float | None],
        labels: Sequence[str],
        margin: float,
    ) -> Mapping[str, Any]:
        from understudy.evaluation.intervals import interval
        from understudy.evaluation.statistics.cluster import Clusters
        from understudy.evaluation.statistics.significance import non_inferiority

        rows = zip(before, after, labels, strict=True)
        known = [(a - b, label) for b, a, label in rows if a is not None and b is not None]
        values, clusters = [v for v, _ in known], [label for _, label in known]
        verdict = non_inferiority(Clusters.of(values, clusters), margin) if known else "inconclusive"
        return {**_shown(interval(values, clusters, paired=True)), "verdict": verdict}


def _shown(interval: Any) -> dict[str, Any]:
    return {name: getattr(interval, name) for name in ("value", "low", "high", "n", "clusters")}


# ── keys and estimates ──────────────────────────────────────────────────────────────────────────────────


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


_UNKNOWN = _Unknown()


def _or_unknown(value: str | None) -> Any:
    return _UNKNOWN if value is None else value


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings and lists with its dotted place."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}.{index}")
    else:
        yield place, value


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """The fields in which two keys differ, old and new value beside each other."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for place in sorted(before.keys() | after.keys()):
        if place not in before:
            yield f"{place}: now {_short(after[place])}"
        elif place not in after:
            yield f"{place}: no longer {_short(before[place])}"
        elif before[place] != after[place]:
            yield f"{place}: {_short(before[place])} → {_short(after[place])}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _with_estimate(planned: Planned, upstream: Mapping[str, Mapping[str, Any]]) -> Planned:
    module = importlib.import_module(f"understudy.{planned.step.name}.estimate")
    estimate: Estimate = module.estimate(planned.config, upstream)
    return Planned(
        planned.step, planned.config, planned.status, planned.why, planned.key, planned.key_fields, None, estimate
    )


def _link(link: Path, target: Path) -> None:
    """Point a relative symlink at an artifact, replacing an older one in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(os.path.relpath(target, link.parent))
        temporary.replace(link)
    except OSError:  # a file system without symlinks: run.json still names the keys
        temporary.unlink(missing_ok=True)
