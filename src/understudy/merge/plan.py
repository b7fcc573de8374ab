"""Planning a merge from headers alone: every output tensor, its inputs, its parameters and its dtype."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.errors import InputError, RecipeError
from understudy.merge import check, parameters
from understudy.merge.licence import licence_warnings
from understudy.merge.methods.base import Method, Values
from understudy.merge.modules import Part, parts, set_layers
from understudy.merge.parents import Parent, comes_first, is_head, is_vocabulary, split_layer
from understudy.merge.reader import DTYPES, FLOATS
from understudy.merge.schema import InputSlice, Merge, OutputSlice, Parameters
from understudy.merge.vocabulary import Alignment, align
from understudy.models.safetensors_header import count

_CODES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "float64": "F64"}
_NAMES = {code: name for name, code in _CODES.items()}


@dataclass(frozen=True)
class PlannedTensor:
    """One output tensor. inputs: (model, stored name), the base first where `has_base`."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    inputs: tuple[tuple[Parent, str], ...]
    has_base: bool
    values: Values
    copy: bool = False  # the bytes pass through: integers, or one model unchanged
    by_token: bool = False  # its rows are matched by the plan's alignment

    @property
    def nbytes(self) -> int:
        return count(self.shape) * DTYPES[self.dtype].itemsize

    @property
    def input_bytes(self) -> int:
        return sum(parent.info(name).nbytes for parent, name in self.inputs)


@dataclass(frozen=True)
class MergePlan:
    """Everything that will be written, in order, and what the user should know before."""

    method: Method
    parents: dict[str, Parent]
    reference: Parent  # whose configuration and tokenizer the result takes
    tensors: list[PlannedTensor]
    config: dict[str, Any]  # the result's config.json
    alignment: Alignment | None = None  # of the vocabularies, where they are not the same row by row
    warnings: list[str] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in self.tensors)

    @property
    def input_bytes(self) -> int:
        return sum(t.input_bytes for t in self.tensors)


def make_plan(config: Merge, method: Method, every: Iterable[Method], parents: dict[str, Parent]) -> MergePlan:
    """Plan a merge. Raises RecipeError (the configuration) and InputError (the models), each naming the place."""
    base = parents[config.base_model] if config.base_model else None
    groups = [(part, _pieces(config, method, parents, part)) for part in parts(config, parents)]
    reference = base or groups[0][1][0].reference
    rows = [p.reference for _, pieces in groups for piece in pieces for p in piece.rows]
    used = list(dict.fromkeys([reference.reference, *rows]))
    warnings = check.compare([parents[r] for r in used])
    warnings += licence_warnings(list(parents.values()))
    alignment = align(config, parents, reference)
    warnings += alignment.warnings if alignment else []
    planned = [t for _, pieces in groups for t in _tensors(pieces, method, config, alignment)]
    kept = _kept(reference, {t.name for t in planned}) if config.modules else []
    if kept:
        warnings.append(f"modules: {len(kept)} tensors of no module stay as they are in {reference.reference}")
    planned += kept
    names = [t.name for t in planned]
    for parent in parents.values():
        warnings += [parent.checkpoint.note] if parent.checkpoint.note else []
        warnings += parent.adapter.notes if parent.adapter else []
    warnings += _head_warnings(reference, [parents[r] for r in used], names)
    warnings += [*config.notes, *parameters.check_names(config.levels(), method, every, names)]
    result = _config(reference, groups, planned, alignment)
    return MergePlan(method, parents, reference, planned, result, alignment, warnings)


def _pieces(config: Merge, method: Method, parents: dict[str, Parent], part: Part) -> list[_Piece]:
    slices = part.slices or [_whole(config, method, parents, part)]
    return [_Piece(config, method, parents, part, piece, n) for n, piece in enumerate(slices)]


def _kept(reference: Parent, planned: Collection[str]) -> list[PlannedTensor]:
    """The tensors of a model that no part of the merge holds, to be copied."""
    left = [n for n in reference.names if n not in planned]
    if left and reference.adapter is not None:
        raise RecipeError(
            f"modules: {left[0]} belongs to none, and {reference.reference} has an adapter; name all parts"
        )
    nothing = Values({}, {})
    infos = [(n, reference.info(n)) for n in left]
    return [PlannedTensor(n, i.shape, i.dtype, ((reference, n),), False, nothing, copy=True) for n, i in infos]


def _whole(config: Merge, method: Method, parents: dict[str, Parent], part: Part) -> OutputSlice:
    """`models:` as one slice over all layers; the base joins it, as itself or as one more model."""
    entries = [(e.model, e.parameters) for e in part.entries or []]
    takes_it = method.base != "model" or method.models[1] is None
    if config.base_model and takes_it and config.base_model not in [m for m, _ in entries]:
        entries.insert(0, (config.base_model, {}))
    depths = {m: part.depth(parents[m]) for m, _ in entries}
    if len(set(depths.values())) > 1:
        listed = ", ".join(f"{m} has {n}" for m, n in depths.items())
        raise InputError(f"the models have different numbers of layers ({listed}); say which with slices:")
    sources = [InputSlice(model=m, parameters=p, layer_range=(0, max(depths[m], 1))) for m, p in entries]
    return OutputSlice(sources=sources, base_model=None)


class _Piece:
    """One slice: its rows in the method's order (base first), their layers and parameter levels."""

    def __init__(
        self,
        config: Merge,
        method: Method,
        parents: dict[str, Parent],
        part: Part,
        piece: OutputSlice,
        number: int,
    ):
        where = f"{part.where}.{number}" if part.slices else part.where
        base = (piece.base_model or config.base_model) if method.base != "model" else None
        if method.base == "required" and base is None:
            raise RecipeError(f"base_model is missing: {method.name} needs one")
        if len({s.model for s in piece.sources}) < len(piece.sources):
            raise RecipeError(f"{where}: a model stands there twice")
        ranges = {s.model: s.layer_range for s in piece.sources}
        if base is not None and base not in ranges:
            raise RecipeError(f"{where}: base_model {base} is not among the sources; add it with its layer_range")
        models = [s for s in piece.sources if s.model != base]
        least, most = method.models
        if len(models) < least or (most is not None and len(models) > most):
            wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            besides = " besides the base" if base is not None else ""
            raise RecipeError(f"{where}: {method.name} merges {wanted} model(s){besides}, not {len(models)}")
        self.has_base = base is not None
        self.rows = [*([parents[base]] if base else []), *(parents[s.model] for s in models)]
        self.starts = [ranges[p.reference][0] for p in self.rows]
        self.length = piece.sources[0].layer_range[1] - piece.sources[0].layer_range[0]
        self.part = part
        self.shared: list[Parameters] = [piece.parameters, part.parameters or {}, config.parameters]
        self.own: dict[str, list[Parameters]] = {s.model: [s.parameters] for s in models}
        for source in piece.sources:
            depth = part.depth(parents[source.model])
            if source.layer_range[1] > max(depth, 1):
                raise RecipeError(
                    f"{where}: {source.model} has {depth} layers, layer_range {list(source.layer_range)} goes beyond"
                )

    @property
    def reference(self) -> Parent:
        return self.rows[0]

    def layer_names(self, row: int, offset: int) -> dict[tuple[str, str], str]:
        """(prefix, rest) → name of the tensors in the layer at `offset` of this slice, for one row's model."""
        wanted = self.starts[row] + offset
        split = ((name, split_layer(name)) for name in self.rows[row].checkpoint.where if self.part.holds(name))
        return {(s[0], s[2]): name for name, s in split if s is not None and s[1] == wanted}

    def other_names(self, first: bool) -> dict[str, list[str]]:
        """Tensors before (or after) the layers: output name → the rows' names for it."""
        names: dict[str, list[str]] = {}
        for parent in self.rows:
            for name in filter(self.part.holds, parent.names):
                if split_layer(name) is None and comes_first(name) == first and name not in names:
                    names[name] = [name] * len(self.rows)
        return names


def _tensors(
    pieces: Sequence[_Piece], method: Method, config: Merge, alignment: Alignment | None
) -> list[PlannedTensor]:
    planned: list[PlannedTensor] = []

    def add(piece: _Piece, name: str, names: Sequence[str | None], depth: float) -> None:
        found = [p.find(n) if n else None for p, n in zip(piece.rows, names, strict=True)]
        if not all(found):
            if check.BUFFERS.search(name):
                return
            have, lack = found.index(next(f for f in found if f)), found.index(None)
            raise InputError(
                f"{piece.rows[lack].reference}: no tensor '{name}', which {piece.rows[have].reference} has; "
                "these models cannot be merged as they are"
            )
        inputs = tuple((p, str(f)) for p, f in zip(piece.rows, found, strict=True))
        planned.append(_tensor(piece, method, config, name, inputs, depth, alignment))

    for name, names in pieces[0].other_names(first=True).items():
        add(pieces[0], name, names, 0.0)
    number = 0
    for piece in pieces:
        for offset in range(piece.length):
            depth = offset / (piece.length - 1) if piece.length > 1 else 1.0
            tables = [piece.layer_names(row, offset) for row in range(len(piece.rows))]
            for key in dict.fromkeys(k for table in tables for k in table):
                add(piece, f"{key[0]}{number}{key[1]}", [table.get(key) for table in tables], depth)
            number += 1
    for name, names in pieces[-1].other_names(first=False).items():
        add(pieces[-1], name, names, 0.0)
    return planned


def _tensor(
    piece: _Piece,
    method: Method,
    config: Merge,
    name: str,
    inputs: tuple[tuple[Parent, str], ...],
    depth: float,
    alignment: Alignment | None,
) -> PlannedTensor:
    infos = [parent.info(stored) for parent, stored in inputs]
    by_token = alignment is not None and is_vocabulary(name)
    shapes = {i.shape[1:] if by_token else i.shape for i in infos}
    if len(shapes) > 1:
        listed = ", ".join(f"{list(i.shape)} in {p.reference}" for i, (p, _) in zip(infos, inputs, strict=True))
        raise InputError(f"tensor '{name}' has different shapes: {listed}; these models cannot be merged")
    values = parameters.values_for(method, name, depth, piece.shared, piece.own)
    codes = list(dict.fromkeys(i.dtype for i in infos))
    if not all(code in FLOATS for code in codes):
        if len(codes) > 1 or codes[0].startswith(("F", "C")):
            raise InputError(f"tensor '{name}' is stored as {' and '.join(codes)}, which cannot be merged")
        return PlannedTensor(name, infos[0].shape, codes[0], inputs, piece.has_base, values, copy=True)
    stored = codes[0] if len(codes) == 1 else "F64" if "F64" in codes else "F32"
    wanted = config.out_dtype or config.dtype
    dtype = _CODES[wanted] if wanted else stored
    alone = len(inputs) == 1 and not piece.has_base and inputs[0][0].adapter is None
    unchanged = alone and dtype == stored and method.keeps(values)
    shape = (alignment.rows, *infos[0].shape[1:]) if alignment and by_token else infos[0].shape
    return PlannedTensor(
        name, shape, dtype, inputs, piece.has_base, values, copy=unchanged and not by_token, by_token=by_token
    )


def _head_warnings(reference: Parent, used: Sequence[Parent], names: Sequence[str]) -> list[str]:
    """What becomes of an output layer that is stored in some models and tied to the embedding in others."""
    own = next((n for n in names if is_head(n)), None)
    tied = [p.reference for p in used if own is not None and p.find(own) not in (None, own)]
    if not tied:
        return []
    return [f"{', '.join(tied)}: the output layer is tied to the embedding; the result has one of its own ({own})"]


def _config(
    reference: Parent,
    groups: Sequence[tuple[Part, Sequence[_Piece]]],
    planned: Sequence[PlannedTensor],
    alignment: Alignment | None,
) -> dict[str, Any]:
    """The result's config.json: the reference's, with its own layers, dtype, head and vocabulary."""
    result = copy.deepcopy(reference.config)
    if alignment is not None:
        result["vocab_size"] = alignment.rows
        special = ("bos_token_id", "eos_token_id", "pad_token_id")
        result |= {key: alignment.donor.config[key] for key in special if key in alignment.donor.config}
    for part, pieces in groups:
        layers = sum(piece.length for piece in pieces)
        if part.slices and layers != part.depth(reference):
            set_layers(result, part, layers)
    if len(groups) == 1 and isinstance(result.get("layer_types"), list):
        result["layer_types"] = [
            kind
            for piece in groups[0][1]
            for kind in piece.reference.config["layer_types"][piece.starts[0] : piece.starts[0] + piece.length]
        ]
    codes = {t.dtype for t in planned if t.dtype in _NAMES}
    if len(codes) == 1:
        result["dtype" if "dtype" in result else "torch_dtype"] = _NAMES[codes.pop()]
    if any(is_head(t.name) for t in planned):
        result["tie_word_embeddings"] = False
    return result
