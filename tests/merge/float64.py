"""The merge methods in float64, on whole tensors, written from their definitions and not from the engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def linear(base: Array, models: list[Array], weight: list[float], normalize: bool = True) -> Array:
    total = sum(w * m for w, m in zip(weight, models, strict=True))
    return total / sum(weight) if normalize else total


def slerp_pair(t: float, a: Array, b: Array, limit: float = 0.9995) -> Array:
    cosine = float(a.ravel() @ b.ravel() / (np.linalg.norm(a) * np.linalg.norm(b)))
    if abs(cosine) > limit:
        return (1 - t) * a + t * b
    theta = math.acos(cosine)
    return (math.sin((1 - t) * theta) * a + math.sin(t * theta) * b) / math.sin(theta)


def slerp(base: Array, models: list[Array], t: float) -> Array:
    return slerp_pair(t, base, models[0])


def nuslerp(
    base: Array | None,
    models: list[Array],
    weight: list[float],
    nuslerp_flatten: bool = True,
    nuslerp_row_wise: bool = False,
) -> Array:
    t = weight[1] / sum(weight)
    a, b = (m - base if base is not None else m for m in models)
    if nuslerp_flatten or a.ndim == 1:
        merged = slerp_pair(t, a, b, limit=1 - 1e-16)
    elif nuslerp_row_wise:
        merged = np.stack([slerp_pair(t, a[:, j], b[:, j], limit=1 - 1e-16) for j in range(a.shape[1])], axis=1)
    else:
        merged = np.stack([slerp_pair(t, a[i], b[i], limit=1 - 1e-16) for i in range(a.shape[0])])
    return merged + base if base is not None else merged


def multislerp(base: Array | None, models: list[Array], weight: list[float]) -> Array:
    w = np.array(weight) / sum(weight)
    vectors = [(m - base if base is not None else m).ravel() for m in models]
    norms = np.array([np.linalg.norm(v) for v in vectors])
    units = [v / n for v, n in zip(vectors, norms, strict=True)]
    mean = sum(wi * u for wi, u in zip(w, units, strict=True))
    mean = mean / np.linalg.norm(mean)
    step = sum(wi * (u - (u @ mean) * mean) for wi, u in zip(w, units, strict=True))
    length = float(np.linalg.norm(step))
    merged = math.cos(length) * mean + (math.sin(length) / length * step if length > 1e-12 else 0.0)
    merged = (merged * (w @ norms)).reshape(models[0].shape)
    return merged + base if base is not None else merged


def karcher(base: Array, models: list[Array], max_iter: int = 100, tol: float = 1e-13) -> Array:
    norms = [float(np.linalg.norm(m)) for m in models]
    units = [m.ravel() / n for m, n in zip(models, norms, strict=True)]
    mean = sum(units)
    mean = mean / np.linalg.norm(mean)
    for _ in range(max_iter):
        step = np.zeros_like(mean)
        for u in units:
            theta = math.acos(min(1.0, max(-1.0, float(u @ mean))))
            if theta > tol:
                step += theta / math.sin(theta) * (u - math.cos(theta) * mean) / len(units)
        length = float(np.linalg.norm(step))
        if length < tol:
            break
        mean = math.cos(length) * mean + math.sin(length) * step / length
    return (mean * np.mean(norms)).reshape(models[0].shape)


def _add(base: Array, deltas: list[Array], weight: list[float], *, elect: bool, normalize: bool, scale: float) -> Array:
    weighted = np.stack([w * d for w, d in zip(weight, deltas, strict=True)])
    shares = np.array(weight).reshape(-1, *[1] * base.ndim) * np.ones_like(weighted)
    if elect:
        sign = np.where(weighted.sum(axis=0) >= 0, 1.0, -1.0)
        agrees = np.sign(weighted) == sign
        weighted, shares = weighted * agrees, shares * agrees
    total = weighted.sum(axis=0)
    if normalize:
        below = shares.sum(axis=0)
        total = total / np.where(below == 0, 1.0, below)
    return base + scale * total


def _rescaled(delta: Array, kept: Array) -> Array:
    return kept * (np.abs(delta).sum() / np.abs(kept).sum())


def task_arithmetic(
    base: Array, models: list[Array], weight: list[float], normalize: bool = False, **more: Any
) -> Array:
    deltas = [m - base for m in models]
    return _add(base, deltas, weight, elect=False, normalize=normalize, scale=more.get("lambda", 1.0))


def ties(
    base: Array, models: list[Array], weight: list[float], density: list[float], normalize: bool = True,
    rescale: bool = False, **more: Any,
) -> Array:  # fmt: skip
    deltas = []
    for model, share in zip(models, density, strict=True):
        delta = model - base
        kept = np.zeros(delta.size)
        chosen = np.argsort(-np.abs(delta).ravel(), kind="stable")[: max(1, int(share * delta.size))]
        kept[chosen] = delta.ravel()[chosen]
        kept = kept.reshape(delta.shape)
        deltas.append(_rescaled(delta, kept) if rescale else kept)
    return _add(base, deltas, weight, elect=True, normalize=normalize, scale=more.get("lambda", 1.0))


def _crumbs(base: Array, models: list[Array], density: list[float], gamma: float) -> list[Array]:
    deltas = []
    for model, share in zip(models, density, strict=True):
        delta = model - base
        if share >= 1:
            deltas.append(delta)
            continue
        order = np.argsort(np.abs(delta).ravel(), kind="stable")
        number = int(share * delta.size)
        first = max(0, delta.size - number - int(gamma * delta.size))
        kept = np.zeros(delta.size)
        chosen = order[first : first + number]
        kept[chosen] = delta.ravel()[chosen]
        deltas.append(kept.reshape(delta.shape))
    return deltas


def breadcrumbs(
    base: Array, models: list[Array], weight: list[float], density: list[float], gamma: float = 0.01
) -> Array:
    return _add(base, _crumbs(base, models, density, gamma), weight, elect=False, normalize=False, scale=1.0)


def breadcrumbs_ties(
    base: Array, models: list[Array], weight: list[float], density: list[float], gamma: float = 0.01
) -> Array:
    return _add(base, _crumbs(base, models, density, gamma), weight, elect=True, normalize=False, scale=1.0)


def ramplus_tl(base: Array, models: list[Array], r: float = 0.1, alpha: float = 0.2, epsilon: float = 1e-5) -> Array:
    deltas = np.stack([m.ravel() - base.ravel() for m in models])
    active = np.abs(deltas) > epsilon
    merged = np.zeros(base.size)
    scales = []
    for own in active:
        shared = int((own & (active.sum(axis=0) > 1)).sum())
        unique = int((own & (active.sum(axis=0) == 1)).sum())
        scales.append(1 + r * min(alpha, shared / unique if unique else math.inf))
    for n in range(base.size):
        entries = [(scales[i], deltas[i, n]) for i in range(len(models)) if active[i, n]]
        if len(entries) == 1:
            merged[n] = entries[0][0] * entries[0][1]
        elif entries:
            merged[n] = sum(d for _, d in entries) / len(entries)
    return base + merged.reshape(base.shape)


def ram(base: Array, models: list[Array], epsilon: float = 1e-5) -> Array:
    return ramplus_tl(base, models, r=0.0, epsilon=epsilon)


def model_stock(base: Array, models: list[Array], filter_wise: bool = False) -> Array:
    if filter_wise and base.ndim > 1:
        return np.stack([model_stock(base[i], [m[i] for m in models]) for i in range(len(base))])
    deltas = [(m - base).ravel() for m in models]
    cosines = [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in itertools.combinations(deltas, 2)]
    cosine, n = float(np.mean(cosines)), len(models)
    t = n * cosine / (1 + (n - 1) * cosine)
    return t * sum(models) / n + (1 - t) * base


def sce(base: Array, models: list[Array], select_topk: float = 1.0) -> Array:
    deltas = np.stack([m - base for m in models])
    variance = deltas.var(axis=0)
    if select_topk < 1:
        mask = np.zeros(variance.size)
        mask[np.argsort(-variance.ravel(), kind="stable")[: int(np.count_nonzero(variance) * select_topk)]] = 1
        deltas = deltas * mask.reshape(variance.shape)
    squares = (deltas**2).reshape(len(models), -1).sum(axis=1)
    weight = (squares / squares.sum()).reshape(-1, *[1] * base.ndim)
    agrees = np.sign(deltas) == np.where(deltas.sum(axis=0) >= 0, 1.0, -1.0)
    return base + (deltas * weight * agrees).sum(axis=0) / np.maximum((weight * agrees).sum(axis=0), 1e-6)


def nearswap(base: Array, models: list[Array], t: float) -> Array:
    share = np.clip(t / np.maximum(np.abs(base - models[0]), 1e-6), 0, 1)
    return share * models[0] + (1 - share) * base


def arcee_fusion(base: Array, models: list[Array]) -> Array:
    def softmax(x: Array) -> Array:
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    p, q = softmax(models[0]) + 1e-8, softmax(base) + 1e-8
    importance = np.abs(models[0] - base) * np.sum(p * np.log(p / q), axis=-1, keepdims=True)
    ordered = np.sort(importance.astype(np.float32).ravel())
    low, middle, high = (float(ordered[int(s * (ordered.size - 1))]) for s in (0.25, 0.5, 0.75))
    return np.where(importance.astype(np.float32) >= np.float32(middle + 1.5 * (high - low)), models[0], base)


def passthrough(base: Array, models: list[Array], scale: float = 1.0) -> Array:
    return models[0] * scale


METHODS: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (
        linear, slerp, nuslerp, multislerp, karcher, task_arithmetic, ties, breadcrumbs, breadcrumbs_ties, model_stock,
        sce, ram, ramplus_tl, nearswap, arcee_fusion, passthrough,
    )
}  # fmt: skip
