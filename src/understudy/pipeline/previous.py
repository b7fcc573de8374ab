"""The run from whose model the next training goes on, and what changed in the documentation since a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.artifact import Artifact
from understudy.facts import FactChanges, compare_facts, taught_pairs
from understudy.ingest.base import SkipFile, Skipped
from understudy.ingest.config import IngestConfig
from understudy.ingest.walk import read_bytes, walk
from understudy.pipeline.runs import RunRecord, artifacts_of, runs_of
from understudy.pipeline.store import Store
from understudy.recipe import Recipe
from understudy.types import Chunk, Document, QAPair


@dataclass(frozen=True, slots=True)
class Previous:
    """An earlier finished run. artifacts: by stage. unfit: why its training cannot be gone on with, or empty."""

    label: str
    artifacts: Mapping[str, Artifact]
    unfit: str = ""

    def changes(self, done: Mapping[str, Artifact]) -> FactChanges:
        """How the facts of the documentation as it is stand to what this run was taught."""
        after = done["generate"].records("pairs", QAPair)
        return compare_facts(taught_pairs(self.artifacts), after, done["chunk"].records("chunks", Chunk))


@dataclass(frozen=True, slots=True)
class PageChanges:
    """The folder as it is, against the pages of a run (`since`). renamed: old name and new one, content the same."""

    since: str
    added: tuple[str, ...]
    edited: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    unchanged: int


def previous_run(
    store: Store, recipe: Recipe, done: Mapping[str, Artifact], model: Any, reads: tuple[str, ...]
) -> Previous | None:
    """The newest finished run of the recipe's name that was taught something else than `done` holds.

    A run that was taught the same is passed over, so that the same recipe on the same documentation goes on from
    the same run each time, and is found in the store. model: the identity of the model as it reaches fine-tuning.
    reads: the stages that fine-tuning reads.
    """
    if recipe.sft is None or recipe.sft.start != "previous":
        return None
    wanted = {name: done[name].digest for name in reads if name in done}
    for record in reversed(runs_of(store.root, recipe.name)):
        artifacts = artifacts_of(record, store.root) if record.finished else {}
        sft = artifacts.get("sft")
        if sft is None or not {"generate", "chunk"} <= artifacts.keys() or sft.manifest.get("inputs") == wanted:
            continue
        return Previous(record.label, artifacts, _unfit(recipe, sft, model))
    return None


def _unfit(recipe: Recipe, sft: Artifact, model: Any) -> str:
    """Why training cannot go on from an adapter or model; empty where it can."""
    assert recipe.sft is not None
    if sft.manifest["key_fields"].get("model") != model:
        return "it was made of another base model"
    old, new = sft.manifest["config"], recipe.sft.model_dump(mode="json")
    shape = ("method",) if new["method"] == "full" else ("method", "r", "lora_alpha", "lora_dropout", "target_modules")
    other = [f"sft.{name} was {old.get(name)} and is {new[name]}" for name in shape if old.get(name) != new[name]]
    return "; ".join(other)


def page_changes(store: Store, name: str, docs: IngestConfig) -> PageChanges | None:
    """The files of the folder now against the newest run that has read one; None where no run has, and for a site.

    By the digests of their bytes; nothing is converted. A file that the run could not read counts neither way.
    """
    newest = _newest(store, name, "ingest")
    if newest is None or docs.path is None:
        return None
    record, artifact = newest
    before = {d.doc_id: d.digest for d in artifact.records("documents", Document)}
    unread = {s.path for s in artifact.records("skipped", Skipped)} - before.keys()
    now: dict[str, str] = {}
    for found in walk(docs.path, docs.include, docs.exclude, docs.gitignore, docs.max_bytes)[0]:
        try:
            now[found.doc_id] = hashlib.sha256(read_bytes(found.path, docs.max_bytes)).hexdigest()
        except (OSError, SkipFile):
            continue
    gone = {doc: digest for doc, digest in before.items() if doc not in now}
    by_digest = {digest: doc for doc, digest in sorted(gone.items(), reverse=True)}
    added: list[str] = []
    renamed: list[tuple[str, str]] = []
    for doc, digest in sorted(now.items()):
        if doc in before or doc in unread:
            continue
        old = by_digest.pop(digest, None)
        if old is None:
            added.append(doc)
        else:
            renamed.append((old, doc))
            del gone[old]
    edited = [doc for doc in sorted(before.keys() & now.keys()) if before[doc] != now[doc]]
    same = len(before.keys() & now.keys()) - len(edited)
    return PageChanges(record.label, tuple(added), tuple(edited), tuple(sorted(gone)), tuple(renamed), same)


def fact_changes(store: Store, name: str, done: Mapping[str, Artifact]) -> tuple[str, FactChanges] | None:
    """The facts of the documentation as it is, where they are in the store, against the newest run that was taught
    others, with its label; None where there is none."""
    if "generate" not in done or "chunk" not in done:
        return None
    for record in reversed(runs_of(store.root, name)):
        old = artifacts_of(record, store.root) if record.finished else {}
        if "generate" in old and old["generate"].digest != done["generate"].digest:
            return record.label, Previous(record.label, old).changes(done)
    return None


def _newest(store: Store, name: str, stage: str) -> tuple[RunRecord, Artifact] | None:
    for record in reversed(runs_of(store.root, name)):
        artifact = artifacts_of(record, store.root).get(stage)
        if artifact is not None:
            return record, artifact
    return None
