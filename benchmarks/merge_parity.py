"""Agreement with mergekit, method by method, on small random models."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from merge_models import ARCHITECTURES, Shape, from_bfloat16, load_arrays, make_model
from merge_speed import ENV, T_SCHEDULE

from understudy.merge.engine import merge
from understudy.merge.schema import MergeDocument


def parity_cases(base: str, m: list[str]) -> dict[str, dict[str, Any]]:
    """A configuration for every method that both programs have, by name."""
    weighted = [{"model": x, "parameters": {"weight": w}} for x, w in zip(m, (0.4, 0.75, 0.3), strict=True)]
    thinned = [
        {"model": x, "parameters": {"weight": w, "density": d}}
        for x, w, d in zip(m, (0.4, 0.75, 0.3), (0.5, 0.3, 1.0), strict=True)
    ]
    plain, one = [{"model": x} for x in m], [{"model": m[0]}]
    l1 = {"rescale_norm": "l1"}  # mergekit's way; Understudy divides by the probability unless told so
    return {
        "linear": {"models": weighted},
        "slerp": {"models": one, "base_model": base, "parameters": {"t": T_SCHEDULE}},
        "nuslerp": {"models": weighted[:2]},
        "nuslerp on deltas": {"models": weighted[:2], "base_model": base},
        "multislerp": {"models": weighted},
        "multislerp on deltas": {"models": weighted, "base_model": base},
        "karcher": {"models": plain},
        "task_arithmetic": {"models": weighted, "base_model": base, "parameters": {"lambda": 0.8}},
        "ties": {"models": thinned, "base_model": base},
        "breadcrumbs": {"models": thinned, "base_model": base, "parameters": {"gamma": 0.05}},
        "breadcrumbs_ties": {"models": thinned, "base_model": base, "parameters": {"gamma": 0.05}},
        "model_stock": {"models": plain, "base_model": base},
        "sce": {"models": plain, "base_model": base, "parameters": {"select_topk": 0.3}},
        "ram": {"models": plain, "base_model": base, "parameters": {"epsilon": 0.008}},
        "ramplus_tl": {"models": plain, "base_model": base, "parameters": {"epsilon": 0.012, "r": 0.4, "alpha": 0.9}},
        "linear with a base": {"models": plain, "base_model": base, "parameters": {"weight": 0.7}},
        "karcher with a base": {"models": plain, "base_model": base},
        "nearswap": {"models": one, "base_model": base, "parameters": {"t": 0.004}},
        "arcee_fusion": {"models": one, "base_model": base},
        "passthrough": {"models": one},
        "dare_linear": {"models": thinned, "base_model": base, "parameters": l1},
        "dare_ties": {"models": thinned, "base_model": base, "parameters": l1},
        "della": {"models": thinned, "base_model": base, "parameters": l1},
        "della_linear": {"models": thinned, "base_model": base, "parameters": l1},
    }


RANDOM = ("dare", "della")
_WORKER = """
import json, sys
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
for job in json.load(open(sys.argv[1])):
    options = MergeOptions(quiet=True, copy_tokenizer=False, write_model_card=False, random_seed=3, clone_tensors=True)
    run_merge(MergeConfiguration.model_validate(job["config"]), job["out"], options)
"""


@dataclass(frozen=True)
class Agreement:
    """Shares of elements within 0 and 1 units in the last place of bfloat16, and the largest distance counted.

    A distance counts where the difference exceeds what float32 can resolve of the inputs (2⁻²⁰ of the largest):
    below that, where models cancel almost exactly, both programs hold rounding noise.
    """

    exact: float
    within_one: float
    largest: int
    spread: tuple[float, float]


def agreement(ours: Path, theirs: Path) -> Agreement:
    """Compare two model folders in bfloat16."""
    a, b = load_arrays(ours), load_arrays(theirs)
    if a.keys() != b.keys():
        raise ValueError(f"different tensors: {sorted(set(a) ^ set(b))[:4]}")
    x, y = (np.concatenate([m[k].ravel() for k in sorted(a)]) for m in (a, b))

    def place(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        number = bits.astype(np.int32)
        return np.where(number >= 0x8000, -(number & 0x7FFF), number)

    distance = np.abs(place(x) - place(y))
    fx, fy = from_bfloat16(x), from_bfloat16(y)
    distance[np.abs(fx - fy) < 2.0**-20 * np.abs(fx).max()] = 0
    spread = float(fx.std()), float(fy.std())
    return Agreement(float(np.mean(distance == 0)), float(np.mean(distance <= 1)), int(distance.max()), spread)


def parity(
    place: Path, families: tuple[str, ...] = tuple(ARCHITECTURES), only: tuple[str, ...] = ()
) -> dict[str, Agreement]:
    """Both programs on every common method: float32 models, float32 arithmetic, bfloat16 results."""
    found: dict[str, Agreement] = {}
    for family in families:
        shape = Shape(family=family)
        base = make_model(place / family / "base", shape, dtype="F32")
        models = [make_model(place / family / f"m{i}", shape, seed=i, base=base, dtype="F32") for i in (1, 2, 3)]
        jobs = []
        for name, fields in parity_cases(str(base), [str(m) for m in models]).items():
            if only and name not in only:
                continue
            config = {"merge_method": name.split()[0], "dtype": "float32", "out_dtype": "bfloat16", **fields}
            jobs.append({"name": name, "config": config, "out": str(place / family / f"{name}-theirs")})
        (place / "jobs.json").write_text(json.dumps(jobs))
        done = subprocess.run(
            [os.environ[ENV], "-c", _WORKER, str(place / "jobs.json")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        for job in jobs:
            ours = place / family / f"{job['name']}-ours"
            merge(MergeDocument.model_validate(job["config"]), ours, threads=2, seed=3)
            found[f"{family} {job['name']}"] = agreement(ours, Path(job["out"]))
    return found


def print_parity(place: Path) -> None:
    for name, a in parity(place).items():
        if any(r in name for r in RANDOM):
            print(f"{name:<32} random; spread {a.spread[0]:.5f}, mergekit's {a.spread[1]:.5f}")
        else:
            print(f"{name:<32} {a.exact:9.5%} equal, {a.within_one:9.5%} within 1 ulp, largest {a.largest}")
