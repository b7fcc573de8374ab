"""The parts of a model: one for a text model; an encoder and a decoder, or a tower of vision beside a text decoder.

mergekit's `modules:` names them. A part is known by a name that stands in the paths of its tensors (`encoder`,
`model.visual`), or by what every family calls it in its own way (`vision_tower`); `default`, `text_decoder` and
`decoder` also take what no other part holds. A merge of whole models treats each stack of layers as a part, so that
numbers spread over the layers are spread over those of the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from understudy.errors import RecipeError, did_you_mean
from understudy.merge.parents import Parent, split_layer
from understudy.merge.schema import InputModel, Merge, OutputSlice, Parameters

_FAMILIES = {
    "multi_modal_projector": ("multi_modal_projector", "mm_projector", "merger", "deepstack_merger_list", "connector"),
    "vision_tower": ("vision_tower", "visual", "vision_model", "vision_encoder"),
    "audio_tower": ("audio_tower", "audio_encoder", "audio_model"),
}
_REST = ("default", "text_decoder", "decoder")
_SECTIONS = {"vision_tower": ("vision_config",), "audio_tower": ("audio_config",)}
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "depth")


@dataclass(frozen=True)
class Part:
    """A part by its name in the configuration (None: the whole model), and where the merge's settings for it stand.

    tensors: the names that belong to it, of all models; None: every tensor.
    """

    name: str | None
    where: str
    entries: Sequence[InputModel] | None
    slices: Sequence[OutputSlice] | None
    parameters: Parameters | None = None
    tensors: frozenset[str] | None = None

    def holds(self, tensor: str) -> bool:
        """Whether a tensor belongs to this part."""
        return self.tensors is None or tensor in self.tensors

    def depth(self, parent: Parent) -> int:
        """How many layers of the part a model has."""
        if self.tensors is None:
            return parent.n_layers
        found = (split_layer(n) for n in parent.checkpoint.where if n in self.tensors)
        return max((s[1] + 1 for s in found if s is not None), default=0)


def parts(config: Merge, parents: Mapping[str, Parent]) -> list[Part]:
    """The parts that a merge treats. Raises RecipeError for one that no model has."""
    names = list(dict.fromkeys(n for p in parents.values() for n in p.names))
    if config.modules is None:
        stacks = _stacks(names)
        if config.slices is not None or len(set(stacks.values())) < 2:
            return [Part(None, "slices" if config.slices else "models", config.entries, config.slices)]
        owners: Mapping[str, str] = stacks
        return [
            Part(None, "models", config.entries, None, tensors=frozenset(n for n, s in owners.items() if s == stack))
            for stack in dict.fromkeys(owners.values())
        ]
    owners = claims(names, list(config.modules))
    found = []
    for name, module in config.modules.items():
        tensors = frozenset(n for n, owner in owners.items() if owner == name)
        if not tensors:
            heads = sorted({n.split(".")[0] for n in names} | {n.split(".")[1] for n in names if n.count(".") > 1})
            raise RecipeError(
                f"modules.{name}: no tensor belongs to such a part; it is a name that stands in the tensors' paths, "
                f"such as {', '.join(heads[:6])}.{did_you_mean(name, [*heads, *_FAMILIES, *_REST])}"
            )
        form = "slices" if module.slices else "models"
        where = f"modules.{name}.{form}"
        found.append(Part(name, where, module.entries, module.slices, module.parameters, tensors))
    return found


def _stacks(names: Iterable[str]) -> dict[str, str]:
    """Tensor → the stack of layers it belongs to by its path (`model.visual.blocks.`); `` for those outside."""
    return {n: (s[0] if (s := split_layer(n)) else "") for n in names}


def claims(names: Iterable[str], wanted: Sequence[str]) -> dict[str, str]:
    """Tensor → the part of `wanted` it belongs to; those of no part are left out.

    The name that stands furthest down a tensor's path decides: `visual.merger.…` is of the projector, wanted or not.
    """
    words = {name: (name,) for name in wanted} | {
        name: (*others, name) for name, others in _FAMILIES.items() if name in wanted or not _overlaps(others, wanted)
    }
    rest = next((name for name in _REST if name in wanted), None)
    found: dict[str, str] = {}
    for tensor in names:
        path = f".{tensor}"
        places = {name: max(path.rfind(f".{word}.") for word in listed) for name, listed in words.items()}
        best = max(places, key=lambda name: places[name], default=None)
        owner = best if best is not None and places[best] >= 0 else rest
        if owner in wanted and owner is not None:
            found[tensor] = owner
    return found


def _overlaps(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the user names a part by one of these words, or by a path that ends in one."""
    return any(name == word or name.endswith(f".{word}") for name in wanted for word in words)


def set_layers(config: dict[str, object], part: Part, layers: int) -> None:
    """Write a part's number of layers where the configuration holds it."""
    section = config
    for key in _SECTIONS.get(part.name or "", ("text_config",)):
        inner = section.get(key)
        section = inner if isinstance(inner, dict) else section
    own = [key for key in (f"{part.name}_layers", f"num_{part.name}_layers") if key in section]
    for key in own or _LAYERS:
        if key in section:
            section[key] = layers
