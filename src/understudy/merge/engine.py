"""The merge itself: plan from headers, stream the tensors, publish the folder.

report = merge(config, Path("merged"), max_memory=2_000_000_000, threads=2)
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from understudy.artifact import digest_json
from understudy.errors import InputError, RecipeError
from understudy.merge.blocks import BLOCK
from understudy.merge.companions import write_companions
from understudy.merge.methods import METHODS
from understudy.merge.parents import Resolve, as_folder, open_parents
from understudy.merge.plan import MergePlan, make_plan
from understudy.merge.schema import Merge
from understudy.merge.stream import Progress, open_sources, stream
from understudy.merge.survey import Likeness, survey
from understudy.merge.writer import ShardWriter, Slot

ENGINE = 3  # part of the stamp under which an interrupted merge resumes: raise when results change
_LEAST = 32_000_000  # bytes of input to work with


@dataclass(frozen=True)
class MergeReport:
    """What a merge did. tensors: output name → facts (SLERP: cosine, linear). bytes and seconds as measured.

    likeness: how each parent relates to the base or first model, from a sample of every tensor.
    resumed: tensors taken over from an interrupted attempt.
    """

    out: Path
    method: str
    n_tensors: int
    bytes_in: int
    bytes_out: int
    seconds: float
    resumed: int = 0
    tensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    likeness: tuple[Likeness, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def linear_share(self) -> float | None:
        """Share of the tensors in which SLERP took the straight line; None for other methods."""
        flags = [facts["linear"] for facts in self.tensors.values() if "linear" in facts]
        return sum(flags) / len(flags) if flags else None

    @property
    def mean_cosine(self) -> float | None:
        """Mean over tensors of the cosine between the two models of a SLERP; None for other methods."""
        values = [facts["cosine"] for facts in self.tensors.values() if facts.get("cosine") is not None]
        return float(np.mean(values)) if values else None


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan(config: Merge, resolve: Resolve = as_folder) -> MergePlan:
    """Open the models' headers and plan the merge; nothing is written."""
    if config.merge_method is None:
        raise RecipeError("this merge stands in a file; load it with understudy.merge.document.load")
    parents = open_parents(config.references(), resolve)
    return make_plan(config, METHODS[config.merge_method], METHODS.values(), parents)


def merge(
    config: Merge,
    out: Path,
    *,
    max_memory: int | None = None,
    threads: int | None = None,
    seed: int = 0,
    work: Path | None = None,
    resolve: Resolve = as_folder,
    progress: Progress = lambda what, done, total: None,
) -> MergeReport:
    """Merge models into the folder `out`, which appears only when it is complete.

    max_memory: bytes this process may use, all it holds already included (the configuration's where None; where that
    states none either, its default is for the merge alone). resolve: reference → local folder.
    progress: called with (what, bytes done, bytes in all). work: where the result is prepared (on the disk of
    `out`; a hidden folder beside it where None).
    Errors: RecipeError, InputError, StoreError, each naming the file and tensor. After a kill or an error the
    same call resumes with the first tensor that is not finished.
    """
    started = time.perf_counter()
    todo = plan(config, resolve)
    threads = threads or config.threads or available_threads()
    stated = max_memory or (config.max_memory if "max_memory" in config.model_fields_set else None)
    budget = _budget(todo, stated, config.max_memory, threads)
    slots = [Slot(t.name, t.dtype, t.shape, t.nbytes) for t in todo.tensors]
    likeness = survey(todo, [open_sources(todo, t) for t in todo.tensors])
    stamp = _stamp(config, todo, seed)
    with ShardWriter(out, slots, shard_size=config.shard_size, stamp=stamp, work=work) as writer:
        resumed = len(writer.done)
        facts = stream(todo, writer, threads=threads, budget=budget, seed=seed, progress=progress)
        write_companions(config, todo, writer.folder)
        writer.publish()
    return MergeReport(
        out=out,
        method=todo.method.name,
        n_tensors=len(todo.tensors),
        bytes_in=todo.input_bytes,
        bytes_out=todo.nbytes,
        seconds=time.perf_counter() - started,
        resumed=resumed,
        tensors=facts,
        likeness=tuple(likeness),
        warnings=tuple(todo.warnings),
    )


def _stamp(config: Merge, todo: MergePlan, seed: int) -> str:
    """What the output's bytes depend on: the configuration, the seed and the identity of every input file."""
    files = {
        reference: [[str(path), (stat := path.stat()).st_size, stat.st_mtime_ns] for path in parent.files()]
        for reference, parent in todo.parents.items()
    }
    return digest_json({"engine": ENGINE, "config": config.identity(), "seed": seed, "files": files})


def _budget(todo: MergePlan, stated: int | None, default: int, threads: int) -> int:
    """Bytes of input that may be mapped at once. Raises InputError where the stated limit is too small to work in.

    A limit that nobody stated does not count what the process held before: a loaded model must not stop a merge.
    """
    rows = max((len(t.inputs) for t in todo.tensors), default=1)
    longest = max((t.shape[-1] for t in todo.tensors if len(t.shape) > 1), default=1)
    scratch = threads * (2 * rows + 6) * max(BLOCK, longest) * 4
    if stated is None:
        return max(default - scratch, _LEAST)
    fixed = psutil.Process().memory_info().rss + scratch
    if stated < fixed + _LEAST:
        raise InputError(
            f"max_memory: {stated / 1e6:.0f} MB is too little here; {(fixed + _LEAST) / 1e6:.0f} MB is the least"
        )
    return stated - fixed
