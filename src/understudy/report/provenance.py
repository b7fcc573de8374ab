"""Where every figure comes from: stages with key, cost and software, and the commands to repeat them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from understudy.report.sources import Sources
from understudy.report.words import plural, size


def provenance(run: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    """The stages in the order of the run, what they share (machine, versions, commit), and the commands."""
    keys: Mapping[str, Any] = run.get("artifacts") or {}
    order = [*keys, *(name for name in sources.artifacts if name not in keys)]
    stages = [_stage(name, keys.get(name), sources) for name in order]
    present = [s for s in stages if s["present"]]
    return {
        "stages": stages,
        "wall_seconds": sum(s["wall_seconds"] or 0.0 for s in present) if present else None,
        "peak_memory_bytes": max((s["peak_memory_bytes"] or 0 for s in present), default=None),
        "machines": _distinct([_machine(s["hardware"]) for s in present if s["hardware"]]),
        "versions": _distinct([s["versions"] for s in present if s["versions"]]),
        "commits": _distinct([s["commit"] for s in present if s["commit"]]),
        "commands": _commands(run),
    }


def _stage(name: str, key: Any, sources: Sources) -> dict[str, Any]:
    artifact = sources.get(name)
    manifest: Mapping[str, Any] = artifact.manifest if artifact else {}
    fields = manifest.get("key_fields") or {}
    models = {**({"model": fields["model"]} if fields.get("model") else {}), **(fields.get("models") or {})}
    return {
        "stage": name,
        "present": artifact is not None,
        "key": str(manifest.get("key") or key or ""),
        "digest": manifest.get("digest"),
        "version": manifest.get("version"),
        "seed": fields.get("seed"),
        "models": models,
        "inputs": manifest.get("inputs") or {},
        "started": manifest.get("started"),
        "wall_seconds": manifest.get("wall_seconds"),
        "peak_memory_bytes": manifest.get("peak_memory_bytes"),
        "counts": manifest.get("counts") or {},
        "config": manifest.get("config") or {},
        "commit": manifest.get("commit"),
        "versions": manifest.get("versions") or {},
        "hardware": manifest.get("hardware") or {},
    }


def _machine(hardware: Mapping[str, Any]) -> str:
    """`x86_64, Linux, 2 cores, 24.0 GB of memory`, and whatever else the stage noted."""
    known = {**hardware}
    parts = [str(known.pop(name)) for name in ("machine", "system") if known.get(name)]
    if (cores := known.pop("cores", None)) is not None:
        parts.append(plural(cores, "core"))
    if (memory := known.pop("memory_bytes", None)) is not None:
        parts.append(f"{size(memory)} of memory")
    return ", ".join([*parts, *(f"{name} {value}" for name, value in known.items() if value)])


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _commands(run: Mapping[str, Any]) -> list[dict[str, str]]:
    name = shlex.quote(str(run.get("name", "")))
    made = str(run.get("command") or "understudy run recipe.yaml")
    return [
        {"command": made, "what": "the command that made this run; what is cached is not made again"},
        {"command": f"understudy report {name}", "what": "writes this page anew from the store"},
        {"command": f'understudy ask {name} "your question"', "what": "asks the expert, with sources"},
    ]
