"""One loaded model whose weights can be set to W0 + λ·ΔW: before training at λ = 0, as trained at λ = 1.

For an adapter the sum is the one that PEFT writes when it merges; for a whole model it is the interpolation of the
two models (LM-Cocktail, arXiv 2311.13534), rounded to the type in which it will be stored. So what is measured here
is what ships.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

import torch

from understudy.errors import ModelError
from understudy.models.adapter import attach, write_scaled
from understudy.models.load import load_model, load_tokenizer, pick_device
from understudy.models.resolve import local_folder
from understudy.models.save import save_model, stored_dtype


class Strength(Protocol):
    """A model with its tokenizer, adjustable; at λ = 1 until it is set."""

    model: Any
    tokenizer: Any

    def set(self, strength: float) -> None:
        """Give the model the weights W0 + strength · ΔW, exactly W0 at 0 and the trained weights at 1."""
        ...

    def write(self, strength: float, out: Path) -> None:
        """Write what ships at this strength into the folder `out`: `adapter/` or `model/`."""
        ...


def open_strength(base: str, trained: Path, *, device: str = "auto") -> Strength:
    """The adjustable model. base: reference of the model before training. trained: holds `adapter/` or `model/`.

    Raises ModelError where the two do not belong together.
    """
    if (trained / "adapter").is_dir():
        return AdapterStrength(base, trained / "adapter", device)
    return WeightStrength(base, trained / "model", device)


class AdapterStrength:
    """A LoRA adapter on its unquantised base."""

    def __init__(self, base: str, adapter: Path, device: str) -> None:
        folder = local_folder(base)
        self._folder = adapter
        self.tokenizer = load_tokenizer(folder)
        adapted = attach(load_model(folder, device=pick_device(device)), adapter)
        self._name = adapted.active_adapter
        layers = [m for m in adapted.modules() if hasattr(m, "set_scale") and hasattr(m, "merged_adapters")]
        self._layers = [(layer, layer.get_base_layer().weight.data) for layer in layers]
        self.model = adapted.get_base_model()
        self.set(1.0)

    def set(self, strength: float) -> None:
        for layer, before in self._layers:
            layer.merged_adapters.clear()
            layer.get_base_layer().weight.data = before  # a safe merge writes into a copy of it
            layer.set_scale(self._name, strength)
            layer.merge(safe_merge=True, adapter_names=[self._name])

    def write(self, strength: float, out: Path) -> None:
        if strength == 1:
            shutil.copytree(self._folder, out / "adapter")
        else:
            write_scaled(self._folder, strength, out / "adapter")


class WeightStrength:
    """A model all of whose weights were trained. Both models are held in main memory beside the one that is set."""

    def __init__(self, base: str, trained: Path, device: str) -> None:
        folder = local_folder(base)
        self._trained = trained
        self._stored = stored_dtype(trained)
        self.tokenizer = load_tokenizer(trained)
        self.model = load_model(trained, device=pick_device(device))
        dtype = next(self.model.parameters()).dtype
        first = dict(load_model(folder, device=torch.device("cpu"), dtype=dtype).named_parameters())
        self._weights = []
        for name, parameter in self.model.named_parameters():
            if name not in first or first[name].shape != parameter.shape:
                raise ModelError(f"{trained}: '{name}' is not in the model before training, {folder}; train it anew")
            self._weights.append((parameter, first[name].detach(), parameter.detach().cpu().clone()))

    def set(self, strength: float) -> None:
        with torch.no_grad():
            for parameter, before, after in self._weights:
                parameter.copy_(self._between(before, after, strength))

    def _between(self, before: torch.Tensor, after: torch.Tensor, strength: float) -> torch.Tensor:
        if strength in (0, 1):
            return after if strength else before
        return torch.lerp(before.float(), after.float(), strength).to(self._stored)

    def write(self, strength: float, out: Path) -> None:
        if strength == 1:
            shutil.copytree(self._trained, out / "model")
            return
        self.set(strength)
        save_model(self.model, self.tokenizer, out / "model", dtype=self._stored)
