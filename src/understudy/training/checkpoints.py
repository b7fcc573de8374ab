"""Where an interrupted training goes on from: trainable weights, optimizer state and position.

The Trainer's own checkpoints hold pickles, and no pickle is ever opened here, so these are kept apart from it:
tensors as safetensors, the rest as JSON. Random states need no keeping: every step is seeded by its number.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from understudy.artifact import atomic_path, write_json

_STATE, _WEIGHTS, _OPTIMIZER = "state.json", "weights.safetensors", "optimizer.safetensors"
_MOST_OVERHEAD = 0.05  # share of the time that may go into checkpoints, however large the model is


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_weights(parameters: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write tensors as they are, atomically."""
    with atomic_path(file) as temporary:
        save_file({name: p.detach().cpu().contiguous() for name, p in parameters.items()}, temporary)


def load_weights(parameters: Mapping[str, torch.Tensor], file: Path) -> None:
    """Put tensors back in place; every parameter must be there."""
    held = load_file(file)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(held[name])


class Checkpoints:
    """The last checkpoint of a training, in a folder of its own; an older one goes when a newer is complete."""

    def __init__(self, folder: Path, every_seconds: float) -> None:
        self.folder = folder
        self._every = every_seconds
        self._last = time.monotonic()
        self._took = 0.0

    def due(self) -> bool:
        """Whether enough time has passed, also in proportion to what the last one took; 0 seconds: at every step."""
        if not self._every:
            return True
        return time.monotonic() - self._last >= max(self._every, self._took / _MOST_OVERHEAD)

    def latest(self) -> Path | None:
        """The newest complete checkpoint."""
        found = sorted(p for p in self.folder.glob("step-*") if (p / _STATE).is_file())
        return found[-1] if found else None

    def state(self) -> dict[str, Any]:
        """What `save` was given with the newest checkpoint; `{"step": 0}` where there is none."""
        path = self.latest()
        if path is None:
            return {"step": 0}
        found: dict[str, Any] = json.loads((path / _STATE).read_text(encoding="utf-8"))
        return found

    def save(
        self,
        step: int,
        state: Mapping[str, Any],
        parameters: Mapping[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Write the checkpoint of `step` and remove older ones."""
        begun = time.monotonic()
        target = self.folder / f"step-{step:09d}"
        moments = {
            f"{name}/{key}": torch.as_tensor(value)
            for name, parameter in parameters.items()
            for key, value in optimizer.state.get(parameter, {}).items()
        }
        with atomic_path(target) as temporary:
            temporary.mkdir(parents=True)
            save_weights(parameters, temporary / _WEIGHTS)
            save_weights(moments, temporary / _OPTIMIZER)
            write_json(temporary / _STATE, {"step": step, **state})
            if target.exists():
                shutil.rmtree(target)
        for old in self.folder.iterdir():
            if old != target:
                shutil.rmtree(old)
        self._last = time.monotonic()
        self._took = self._last - begun

    def restore(self, parameters: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        """Put weights and optimizer state of the newest checkpoint back, where there is one."""
        path = self.latest()
        if path is None:
            return
        load_weights(parameters, path / _WEIGHTS)
        held = load_file(path / _OPTIMIZER)
        for name, parameter in parameters.items():
            own = {k.rpartition("/")[2]: v for k, v in held.items() if k.rpartition("/")[0] == name}
            if own:
                optimizer.state[parameter] = {key: value.to(parameter.device) for key, value in own.items()}
