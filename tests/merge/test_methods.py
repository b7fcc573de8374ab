"""Every method against its definition in float64, and what random methods promise."""

from __future__ import annotations

import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from understudy.errors import RecipeError
from understudy.merge.blocks import Blocks, Workers
from understudy.merge.engine import merge
from understudy.merge.methods import METHODS
from understudy.merge.methods.base import Values
from understudy.merge.schema import MergeDocument, MergeMethod

WEIGHT = [0.4, 0.75, 0.3]
DENSITY = [0.5, 0.3, 1.0]
EACH = ("weight", "density")

CASES: list[tuple[str, int, bool, dict[str, Any]]] = [  # method, models, with base, parameters
    ("linear", 3, False, {"weight": WEIGHT}),
    ("linear", 3, False, {"weight": WEIGHT, "normalize": False}),
    ("slerp", 1, True, {"t": 0.3}),
    ("nuslerp", 2, False, {"weight": WEIGHT[:2]}),
    ("nuslerp", 2, True, {"weight": WEIGHT[:2]}),
    ("nuslerp", 2, True, {"weight": WEIGHT[:2], "nuslerp_flatten": False}),
    ("nuslerp", 2, False, {"weight": WEIGHT[:2], "nuslerp_flatten": False, "nuslerp_row_wise": True}),
    ("multislerp", 3, False, {"weight": WEIGHT}),
    ("multislerp", 3, True, {"weight": WEIGHT}),
    ("karcher", 3, False, {"max_iter": 50, "tol": 1e-12}),
    ("task_arithmetic", 3, True, {"weight": WEIGHT, "lambda": 0.7}),
    ("task_arithmetic", 3, True, {"weight": WEIGHT, "normalize": True}),
    ("ties", 3, True, {"weight": WEIGHT, "density": DENSITY}),
    ("ties", 3, True, {"weight": WEIGHT, "density": DENSITY, "rescale": True, "normalize": False, "lambda": 1.3}),
    ("breadcrumbs", 3, True, {"weight": WEIGHT, "density": DENSITY, "gamma": 0.05}),
    ("breadcrumbs_ties", 3, True, {"weight": WEIGHT, "density": DENSITY, "gamma": 0.05}),
    ("ram", 3, True, {"epsilon": 0.008}),
    ("ramplus_tl", 3, True, {"epsilon": 0.012, "r": 0.4, "alpha": 0.9}),
    ("ramplus_tl", 3, True, {"epsilon": 0.004}),
    ("model_stock", 3, True, {}),
    ("model_stock", 3, True, {"filter_wise": True}),
    ("sce", 3, True, {}),
    ("sce", 3, True, {"select_topk": 0.3}),
    ("nearswap", 1, True, {"t": 0.004}),
    ("arcee_fusion", 1, True, {}),
    ("passthrough", 1, False, {"scale": 0.5}),
]


def configure(
    family: dict[str, Path], method: str, models: int, base: bool, parameters: dict[str, Any], **more: Any
) -> MergeDocument:
    entries = [
        {"model": str(family[f"m{i + 1}"]), "parameters": {k: v[i] for k, v in parameters.items() if k in EACH}}
        for i in range(models)
    ]
    document = {"merge_method": method, "models": entries, **more}
    document["parameters"] = {k: v for k, v in parameters.items() if k not in EACH}
    if base:
        document["base_model"] = str(family["base"])
    return MergeDocument.model_validate(document)


@pytest.mark.parametrize(
    ("method", "models", "base", "parameters"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_every_method_equals_its_definition(
    method: str, models: int, base: bool, parameters: dict[str, Any], family: dict[str, Path], maker: ModuleType,
    reference: ModuleType, tmp_path: Path,
) -> None:  # fmt: skip
    merge(configure(family, method, models, base, parameters), tmp_path / "out", threads=1)
    found = maker.load_arrays(tmp_path / "out")
    inputs = {k: maker.load_arrays(v) for k, v in family.items()}
    assert found.keys() == inputs["m1"].keys()
    for name, array in found.items():
        tensors = [inputs[f"m{i + 1}"][name].astype(np.float64) for i in range(models)]
        origin = inputs["base"][name].astype(np.float64) if base else None
        expected = reference.METHODS[method](origin, tensors, **parameters)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(array, expected, rtol=2e-6, atol=4e-7 * scale, err_msg=name)


def test_all_documented_methods_exist() -> None:
    assert set(METHODS) == set(typing.get_args(MergeMethod))
    assert all(m.paper.startswith("https://") and m.title for m in METHODS.values())


@pytest.mark.parametrize("method", ["linear", "karcher"])
def test_a_base_is_one_more_model_where_the_method_starts_from_none(
    method: str, family: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    parameters = {"weight": 1.0} if method == "linear" else {}
    names = ("base", "m1", "m2")
    for out, models in (("with", names[1:]), ("among", names)):
        config = {"merge_method": method, "models": [{"model": str(family[n])} for n in models],
                  "base_model": str(family["base"]), "parameters": parameters}  # fmt: skip
        merge(MergeDocument.model_validate(config), tmp_path / out)
    a, b = maker.load_arrays(tmp_path / "with"), maker.load_arrays(tmp_path / "among")
    assert all(np.array_equal(a[k], b[k]) for k in a)
    if method == "linear":
        inputs = [maker.load_arrays(family[n])["lm_head.weight"] for n in names]
        np.testing.assert_allclose(a["lm_head.weight"], np.mean(inputs, axis=0), atol=1e-7)


class _Array:
    """An array as the source of a tensor."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._values, self.shape = values.astype(np.float32).ravel(), values.shape

    def read(self, start: int, stop: int, out: np.ndarray[Any, Any]) -> None:
        out[...] = self._values[start:stop]

    def fetch(self) -> None: ...

    def release(self) -> None: ...

    def nbytes(self) -> int:
        return int(self._values.nbytes)


def apply(
    method: str, arrays: list[np.ndarray[Any, Any]], shared: dict[str, Any], each: dict[str, list[float]], seed: int = 0
) -> Any:
    """A method on arrays, the base first."""
    chosen = METHODS[method]
    with Workers(1) as workers:
        x = Blocks("t", [_Array(a) for a in arrays], workers, has_base=True, whole_rows=chosen.whole_rows, seed=seed)
        defaults = {p.name: p.default for p in chosen.parameters if not p.per_model}
        mine = {p.name: [p.default] * (len(arrays) - 1) for p in chosen.parameters if p.per_model}
        combine = chosen.prepare(x, Values({**defaults, **shared}, {**mine, **each}))
        out = np.empty(x.size, np.float32)
        for i in range(x.count):
            start, stop = x.span(i)
            combine(x.load(i), out[start:stop])
    return out.reshape(arrays[0].shape)


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties", "della", "della_linear"])
def test_random_methods_leave_the_expectation_alone(method: str) -> None:
    generator = np.random.default_rng(5)
    base, delta = np.zeros((64, 128)), generator.standard_normal((64, 128))
    each = {"weight": [1.0], "density": [0.5]}
    mean = np.mean([apply(method, [base, delta], {}, each, seed=s) for s in range(120)], axis=0)
    error = (mean - delta) / np.abs(delta)  # each draw is δ·(m/p), of relative spread √((1−p)/p) ≤ 1.4
    assert abs(error.mean()) < 5 * 1.4 / np.sqrt(120 * error.size)
    assert error.std() < 1.4 * 1.5 / np.sqrt(120)


def test_dare_keeps_the_stated_share_and_rescales_as_asked() -> None:
    base, delta = np.zeros((300, 300)), np.ones((300, 300))
    out = apply("dare_linear", [base, delta], {}, {"weight": [1.0], "density": [0.2]})
    assert abs((out != 0).mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / out.size)
    assert np.allclose(out[out != 0], 5.0)
    plain = apply("dare_linear", [base, delta], {"rescale": False}, {"weight": [1.0], "density": [0.2]})
    assert np.allclose(plain[plain != 0], 1.0)
    by_norm = apply("dare_linear", [base, delta], {"rescale_norm": "l1"}, {"weight": [1.0], "density": [0.2]})
    assert np.isclose(by_norm.sum(), delta.sum(), rtol=1e-5)


def test_della_keeps_large_entries_more_often() -> None:
    base = np.zeros((400, 200))
    delta = np.tile(np.arange(1, 201, dtype=np.float64), (400, 1))
    out = apply(
        "della_linear", [base, delta], {"rescale": False}, {"weight": [1.0], "density": [0.5], "epsilon": [0.2]}
    )
    kept = (out != 0).mean(axis=0)
    expected = 0.3 + 0.4 * np.arange(200) / 199
    assert np.abs(kept - expected).max() < 5 * np.sqrt(0.25 / 400)


@pytest.mark.parametrize("method", ["dare_ties", "della_linear"])
def test_random_methods_depend_on_the_seed_alone(
    method: str, family: dict[str, Path], maker: ModuleType, tmp_path: Path
) -> None:
    config = configure(family, method, 3, True, {"weight": WEIGHT, "density": [0.5, 0.4, 0.6]})
    for name, threads, seed in (("a", 1, 7), ("b", 3, 7), ("c", 1, 8)):
        merge(config, tmp_path / name, threads=threads, seed=seed)
    a, b, c = (maker.load_arrays(tmp_path / n) for n in "abc")
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not all(np.array_equal(a[k], c[k]) for k in a)


def test_ties_cuts_equal_magnitudes_at_exactly_the_number_asked_for() -> None:
    base, delta = np.zeros((500, 300)), np.ones((500, 300))
    out = apply("ties", [base, delta], {}, {"weight": [1.0], "density": [0.3]}).ravel()
    assert (out != 0).sum() == int(0.3 * out.size)
    rows = (out.reshape(500, 300) != 0).mean(axis=1)
    assert np.abs(rows - 0.3).max() < 5 * np.sqrt(0.21 / 300)


def test_slerp_of_parallel_and_empty_tensors() -> None:
    a = np.arange(1, 7, dtype=np.float64)
    assert np.allclose(apply("slerp", [a, 3 * a], {"t": 0.25}, {}), 1.5 * a)
    assert np.allclose(apply("slerp", [np.zeros(6), a], {"t": 0.5}, {}), np.sin(np.pi / 4) * a, rtol=1e-6)
    assert np.allclose(apply("slerp", [a, -a], {"t": 0.5}, {}), 0.0, atol=1e-6)


def test_della_refuses_a_window_beyond_certainty() -> None:
    with pytest.raises(ValueError, match="epsilon"):
        apply("della", [np.zeros((2, 2)), np.ones((2, 2))], {}, {"weight": [1.0], "density": [0.9], "epsilon": [0.2]})


def test_weights_that_cancel_are_refused_by_name(family: dict[str, Path], tmp_path: Path) -> None:
    config = configure(family, "linear", 2, False, {"weight": [1.0, -1.0]})
    with pytest.raises(RecipeError, match=r"model\.embed_tokens\.weight.*sum to zero"):
        merge(config, tmp_path / "out")
