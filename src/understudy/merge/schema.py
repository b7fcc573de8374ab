"""What a merge file says: mergekit's vocabulary as pydantic classes. Light: read by `plan` and `--help`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

MergeMethod = Literal[
    "linear", "slerp", "nuslerp", "multislerp", "karcher", "task_arithmetic", "ties", "dare_linear", "dare_ties",
    "della", "della_linear", "breadcrumbs", "breadcrumbs_ties", "ram", "ramplus_tl", "model_stock", "sce", "nearswap",
    "arcee_fusion", "passthrough",
]  # fmt: skip
_NOT_IN_RESULT = frozenset({"max_memory", "threads", "smoke_test"})
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
_SCHEME = re.compile(r"(hf|lab|gguf|openai):")


def parse_size(value: Any) -> Any:
    """`2GB`, `512 MB`, `1.5g` → bytes (powers of 1000); numbers pass."""
    if isinstance(value, str):
        found = _SIZE.fullmatch(value)
        if not found:
            raise ValueError(f"{value!r} is not a size such as 2GB or 512MB")
        return int(float(found[1]) * 1000 ** ("kmgt".index(found[2].lower()) + 1 if found[2] else 0))
    return value


def normal_reference(reference: str) -> str:
    """mergekit names a hub model without `hf:`; whatever exists on disk is a folder."""
    if _SCHEME.match(reference) or Path(reference).expanduser().exists() or not _HUB.fullmatch(reference):
        return reference
    return f"hf:{reference}"


def split_reference(reference: str) -> tuple[str, str | None]:
    """`model+adapter` → both references; the adapter is None where there is none."""
    if "+" in reference and not Path(reference).expanduser().exists():
        model, _, adapter = reference.partition("+")
        return normal_reference(model), normal_reference(adapter)
    return normal_reference(reference), None


def _reference(value: Any) -> Any:
    """mergekit also writes a model as a mapping: {model: {path, revision}, lora: {path}}."""

    def text(part: Any) -> Any:
        if isinstance(part, dict) and "path" in part:
            return f"{part['path']}@{part['revision']}" if part.get("revision") else part["path"]
        return part

    if isinstance(value, dict) and "model" in value and set(value) <= {"model", "lora", "override_architecture"}:
        if value.get("override_architecture"):
            raise ValueError("override_architecture is not supported; give the model's config.json its architecture")
        model, lora = text(value["model"]), text(value.get("lora"))
        return f"{model}+{lora}" if lora else model
    if isinstance(value, dict) and "path" in value and set(value) <= {"path", "revision"}:
        return text(value)
    return value


def _dtype(value: Any) -> Any:
    """torch's own spelling of a dtype is taken too."""
    return value.removeprefix("torch.") if isinstance(value, str) else value


def _mapping(value: Any) -> Any:
    """An empty `parameters:` or `tokens:` says nothing."""
    return {} if value is None else value


Reference = Annotated[str, BeforeValidator(_reference), Field(min_length=1)]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Dtype = Annotated[Literal["bfloat16", "float16", "float32", "float64"], BeforeValidator(_dtype)]
Scalar = bool | int | float | str


class Strict(BaseModel):
    """Frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Conditional(Strict):
    """A value for the tensors whose name contains `filter`."""

    value: Scalar | list[Scalar] = Field(description="A number, or numbers spread over the layers.")
    filter: str | None = Field(None, description="Part of the tensors' names; every tensor where left out or `*`.")


Setting = Conditional | list[Conditional] | list[Scalar] | Scalar
Parameters = Annotated[dict[str, Setting | None], BeforeValidator(_mapping)]


class InputModel(Strict):
    """One model and the parameters that hold for it alone."""

    model: Reference = Field(description="A model reference, or base+adapter.")
    parameters: Parameters = Field(default_factory=dict, description="What holds for this model alone.")


class InputSlice(InputModel):
    """Layers [first, last) of one model."""

    layer_range: tuple[int, int] = Field(description="First layer, and the one after the last.")

    @model_validator(mode="after")
    def _ordered(self) -> InputSlice:
        if not 0 <= self.layer_range[0] < self.layer_range[1]:
            raise ValueError(f"layer_range {list(self.layer_range)} is not [first, last) with first < last")
        return self


class OutputSlice(Strict):
    """Consecutive layers of the output, each merged from the same-numbered layer of every source."""

    sources: list[InputSlice] = Field(min_length=1, description="Layers of the models that are merged into these.")
    base_model: Reference | None = Field(None, description="The base of these layers, where it is not the merge's.")
    parameters: Parameters = Field(default_factory=dict, description="What holds for these layers.")

    @model_validator(mode="after")
    def _equal(self) -> OutputSlice:
        lengths = {s.layer_range[1] - s.layer_range[0] for s in self.sources}
        if len(lengths) > 1:
            raise ValueError(f"the sources of a slice have {sorted(lengths)} layers; they must have equally many")
        return self


class OutputModule(Strict):
    """One part of a model of several, as a vision tower or a decoder, merged in its own way."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    entries: list[InputModel] | None = Field(None, alias="models", description="The models whose part is merged whole.")
    slices: list[OutputSlice] | None = Field(None, description="Layers of the part that are merged or stacked.")
    parameters: Parameters = Field(default_factory=dict, description="What holds for this part.")

    @model_validator(mode="after")
    def _one_form(self) -> OutputModule:
        if bool(self.entries) == bool(self.slices):
            raise ValueError("exactly one of `models` and `slices` is needed")
        return self

    def references(self) -> list[str]:
        """Every model of the part as written."""
        return _references(self.entries, self.slices)


def _references(entries: Sequence[InputModel] | None, slices: Sequence[OutputSlice] | None) -> list[str]:
    found = [entry.model for entry in entries or []]
    for piece in slices or []:
        found += [piece.base_model] if piece.base_model else []
        found += [source.model for source in piece.sources]
    return found


def _levels(entries: Sequence[InputModel] | None, slices: Sequence[OutputSlice] | None) -> list[Parameters]:
    found = [entry.parameters for entry in entries or []]
    for piece in slices or []:
        found += [piece.parameters, *(source.parameters for source in piece.sources)]
    return found


class TokenSource(Strict):
    """Where a token's row comes from: zero, or a token of a model."""

    kind: Literal["zero", "model_token"] = Field(description="An empty row, or the row of a model's token.")
    model: Reference | None = Field(None, description="The model whose row it is.")
    token: str | None = Field(None, description="The token by its text.")
    token_id: int | None = Field(None, description="The token by its number.")

    @model_validator(mode="after")
    def _complete(self) -> TokenSource:
        named = (self.token is not None) + (self.token_id is not None)
        if self.kind == "model_token" and (self.model is None or named != 1):
            raise ValueError("kind: model_token needs model, and one of token and token_id")
        return self


class TokenConfig(Strict):
    """How a token's row is initialised in models that lack it."""

    source: TokenSource | Reference | None = Field(None, description="Where the row comes from.")
    force: bool = Field(False, description="In all models, also those that have the token.")


class TokenizerConfig(Strict):
    """The tokenizer of the result."""

    source: Reference = Field("union", description="`union`, `base`, or the model whose tokenizer is taken.")
    tokens: Annotated[dict[str, TokenConfig], BeforeValidator(_mapping)] = Field(
        default_factory=dict, description="Where the rows of single tokens come from; new tokens are added."
    )
    pad_to_multiple_of: int | None = Field(None, gt=0, description="Rows are added up to a multiple of this.")


class SearchConfig(Strict):
    """Try several values of one parameter and keep the best development score."""

    parameter: str = Field("t", description="What is searched: `t`, or `weight` (then `model` names whose).")
    values: list[float] = Field(
        default_factory=lambda: [0.2, 0.35, 0.5, 0.65, 0.8], min_length=1, description="The values to try."
    )
    model: Reference | None = Field(None, description="The model whose parameter it is; all models where left out.")
    rounds: int = Field(0, ge=0, le=8, description="How often the distance around the best value is halved.")
    questions: str = Field(
        "suite",
        description="What scores a candidate: `suite` (the bundled general questions), or a CSV or JSONL of "
        "development questions, which must not be those of the benchmark.",
    )


class Merge(Strict):
    """One merge. `models` or `slices` say of what; arithmetic is float32 with float64 sums whatever `dtype` says."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    name: str | None = Field(None, description="By which later documents of the same file name the result.")
    merge_method: MergeMethod | None = Field(None, description="How: see the table of methods.")
    # `models` is the word of the YAML; the attribute of that name is the method every stage has
    entries: list[InputModel] | None = Field(None, alias="models", description="The models that are merged whole.")
    slices: list[OutputSlice] | None = Field(None, description="Layers that are merged or stacked, in order.")
    modules: dict[str, OutputModule] | None = Field(
        None, description="Parts of a model of several, each with models or slices of its own; see Parts."
    )
    base_model: Reference | None = Field(None, description="The model that task vectors and SLERP start from.")
    parameters: Parameters = Field(default_factory=dict, description="The method's parameters for all models.")
    dtype: Dtype | None = Field(None, description="How the result is stored; the models' own where left out.")
    out_dtype: Dtype | None = Field(None, description="As dtype, and before it.")
    tokenizer_source: Reference | None = Field(None, description="`union`, `base` or a model; see Vocabularies.")
    tokenizer: TokenizerConfig | None = Field(None, description="The same with settings for single tokens.")
    chat_template: str | None = Field(
        None, description="`auto` (the one most models have), a known template's name, or a Jinja template's text."
    )
    search: SearchConfig | None = Field(None, description="Try several values of a parameter and keep the best.")
    smoke_test: bool = Field(True, description="Load the merged model and let it speak once (stage only).")
    shard_size: Size = Field(5_000_000_000, description="Bytes of a weight file, such as 5GB.")
    max_memory: Size = Field(2_000_000_000, description="Memory the merge may use, such as 2GB.")
    threads: int | None = Field(None, gt=0, description="Processors to use; all where left out.")
    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left alone in reading it: keys that have no effect."""
        return self._notes

    def with_notes(self, notes: Sequence[str]) -> Self:
        """The same merge with more notes."""
        copy = self.model_copy()
        copy._notes = (*self._notes, *notes)
        return copy

    def identity(self) -> dict[str, Any]:
        """The settings on which the result depends, as plain JSON values."""
        wanted = set(Merge.model_fields) - _NOT_IN_RESULT
        return self.model_dump(mode="json", include=wanted, exclude_defaults=True)

    def problem(self) -> str | None:
        """What makes the fields no merge, None where they are one."""
        if self.merge_method is None:
            return "merge_method is missing"
        if sum(form is not None for form in (self.entries, self.slices, self.modules)) != 1:
            return "exactly one of `models`, `slices` and `modules` is needed"
        if self.entries is not None and not self.entries:
            return "`models` is empty"
        if self.slices is not None and not self.slices:
            return "`slices` is empty"
        if self.modules is not None and not self.modules:
            return "`modules` is empty"
        if self.tokenizer is not None and self.tokenizer_source is not None:
            return "give either `tokenizer` or `tokenizer_source`, not both"
        return None

    def references(self) -> list[str]:
        """Every model of this merge as written, the base first, each once."""
        found = [self.base_model] if self.base_model else []
        found += _references(self.entries, self.slices)
        for module in (self.modules or {}).values():
            found += module.references()
        if self.tokenizer is not None or self.tokenizer_source is not None:
            source = self.tokenizer.source if self.tokenizer else self.tokenizer_source
            found += [source] if source and source not in ("union", "base") else []
        return list(dict.fromkeys(found))

    def levels(self) -> list[dict[str, Setting | None]]:
        """Every `parameters:` mapping of this merge."""
        found = [self.parameters, *_levels(self.entries, self.slices)]
        for module in (self.modules or {}).values():
            found += [module.parameters, *_levels(module.entries, module.slices)]
        return found


class MergeDocument(Merge):
    """A merge as it stands in a file of its own."""

    @model_validator(mode="after")
    def _whole(self) -> MergeDocument:
        if problem := self.problem():
            raise ValueError(problem)
        return self


def model_parts(merges: Sequence[Merge]) -> dict[str, str]:
    """The models behind a series of merges, adapters apart from their base, results of one another left out."""
    names = {m.name for m in merges}
    parts = [p for m in merges for r in m.references() if r not in names for p in split_reference(r) if p]
    return {part: part for part in dict.fromkeys(parts)}
