"""How training went: the loss over steps, how much of it was kept, and what the stage said of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from understudy.artifact import Artifact
from understudy.report.sources import Sources
from understudy.report.words import percent
from understudy.sft.spread import BEYOND

_POINTS = 300  # more points than pixels only make the page heavier


def training(sources: Sources) -> dict[str, Any] | None:
    """The training log, thinned to means of equal runs of steps where it is long, with metrics and counts."""
    artifact = sources.get("sft")
    if artifact is None:
        return None
    log = [row for row in sources.rows("sft", "log") if isinstance(row.get("step"), int)]
    loss = [(row["step"], float(row["loss"])) for row in log if _is_number(row.get("loss"))]
    dev = [(row["step"], float(row["dev_loss"])) for row in log if _is_number(row.get("dev_loss"))]
    return {
        "settings": _settings(artifact.manifest.get("config") or {}),
        "steps": log[-1]["step"] if log else None,
        "epochs": next((row["epoch"] for row in reversed(log) if _is_number(row.get("epoch"))), None),
        "tokens": next((row["tokens"] for row in reversed(log) if _is_number(row.get("tokens"))), None),
        "first_loss": loss[0][1] if loss else None,
        "last_loss": loss[-1][1] if loss else None,
        "best_dev_loss": min((value for _, value in dev), default=None),
        "loss": _thin(loss),
        "dev_loss": _thin(dev),
        "sweep": _sweep(artifact, sources),
        "left_out": _left_out(artifact.counts),
        "metrics": _flat(artifact.metrics),
        "counts": _flat(artifact.counts),
    }


def _left_out(counts: Mapping[str, Any]) -> dict[str, int] | None:
    """Lessons that a budget of rows left out, and those that were taught; None where it left none."""
    left_out = int((counts.get("rejected") or {}).get(BEYOND) or 0)
    return {"left_out": left_out, "taught": int(counts.get("train") or 0)} if left_out else None


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What was set, as far as it had an effect: an adapter's size only where there is one."""
    adapter = () if config.get("method") == "full" else ("r", "lora_alpha")
    shown = ("method", *adapter, "epochs", "learning_rate", "lr")
    found = {name: config[name] for name in shown if config.get(name) is not None}
    replay = config.get("replay") or {}
    if replay.get("share") and replay.get("source") != "off":
        found |= {f"replay {name}": replay[name] for name in ("source", "share", "loss") if name in replay}
    return found


def _sweep(artifact: Artifact, sources: Sources) -> dict[str, Any] | None:
    """What each strength of the training answered; None where nothing was swept. rows: λ = 0 first, then upwards."""
    path = artifact.path / "sweep.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        told = {name: found[name] for name in ("chosen", "rule", "why")}
        if found["base"] is None:
            return {**told, "sentence": "", "rows": []}
        rows = [found["base"], *(row for row in found["strengths"] if row["strength"] > 0)]
        shown = [
            {name: row[name] for name in ("strength", "dev", "general", "general_change", "kl")}
            | {"chosen": row["strength"] == found["chosen"]}
            for row in rows
        ]
        if not any(row["chosen"] for row in shown):
            raise ValueError(f"the chosen λ, {found['chosen']}, is not among those measured")
        return {**told, "margin": found["margin"], "sentence": _sentence(shown), "rows": shown}
    except (OSError, ValueError, KeyError, TypeError) as error:
        sources.problems.append(f"sft: sweep.json is damaged ({error})")
        return None


def _sentence(rows: list[dict[str, Any]]) -> str:
    """What the choice means, for a person who knows no statistics."""
    before, chosen = rows[0], next(row for row in rows if row["chosen"])
    kept = chosen["strength"]
    how = (
        "All of the training was kept"
        if kept == 1
        else "None of the training was kept"
        if kept == 0
        else f"{percent(kept, 0)} of the training was kept"
        if kept < 1
        else f"The training was strengthened to {percent(kept, 0)}"
    )
    return (
        f"{how}: of 100 questions on the documentation the model then answers {_of_hundred(chosen['dev'])} instead of "
        f"{_of_hundred(before['dev'])}, and of 100 general ones {_of_hundred(chosen['general'])} instead of "
        f"{_of_hundred(before['general'])}."
    )


def _of_hundred(accuracy: Mapping[str, Any]) -> str:
    value = accuracy["value"]
    return "an unknown number" if value is None else f"{100 * value:.0f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _thin(series: list[tuple[int, float]]) -> list[list[float]]:
    """[step, value] pairs; runs of neighbours are averaged, the first and last point stay."""
    width = -(-len(series) // _POINTS)
    if width <= 1:
        return [[step, round(value, 6)] for step, value in series]
    groups = [series[i : i + width] for i in range(1, len(series) - 1, width)]
    middle = [(sum(s for s, _ in g) / len(g), sum(v for _, v in g) / len(g)) for g in groups]
    return [[round(step, 1), round(value, 6)] for step, value in (series[0], *middle, series[-1])]


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested metrics as `outer, inner: value`; lists are left to the artifact."""
    found: dict[str, Any] = {}
    for name, value in dict(values).items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            found |= _flat(value, f"{label}: ")
        elif not isinstance(value, (list, tuple)):
            found[label] = value
    return found
