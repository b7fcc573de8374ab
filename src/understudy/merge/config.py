"""The `merge:` section: mergekit's vocabulary, inline or as `config: path.yaml`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from understudy.config import StageConfig

MergeMethod = Literal[
    "linear", "slerp", "nuslerp", "multislerp", "karcher", "task_arithmetic", "ties", "dare_linear", "dare_ties",
    "della", "della_linear", "breadcrumbs", "breadcrumbs_ties", "model_stock", "sce", "nearswap", "arcee_fusion",
    "passthrough",
]  # fmt: skip
Dtype = Literal["bfloat16", "float16", "float32"]
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)


def parse_size(value: Any) -> Any:
    """`2GB`, `512 MB`, `1.5g` → bytes (powers of 1000); numbers pass."""
    if isinstance(value, str):
        found = _SIZE.fullmatch(value)
        if not found:
            raise ValueError(f"{value!r} is not a size such as 2GB or 512MB")
        return int(float(found[1]) * 1000 ** ("kmgt".index(found[2].lower()) + 1 if found[2] else 0))
    return value


def _reference(value: Any) -> Any:
    """mergekit also writes a model as a mapping: {model: {path, revision}, lora: {path}}."""

    def text(part: Any) -> Any:
        if isinstance(part, dict) and "path" in part:
            return f"{part['path']}@{part['revision']}" if part.get("revision") else part["path"]
        return part

    if isinstance(value, dict) and "model" in value and set(value) <= {"model", "lora"}:
        model, lora = text(value["model"]), text(value.get("lora"))
        return f"{model}+{lora}" if lora else model
    return value


Reference = Annotated[str, BeforeValidator(_reference), Field(min_length=1)]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Scalar = bool | int | float | str


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Conditional(_Strict):
    """A value for the tensors whose name contains `filter` (all, where it is left out or `*`)."""

    value: Scalar | list[Scalar]
    filter: str | None = None


Setting = Conditional | list[Conditional] | list[Scalar] | Scalar
Parameters = dict[str, Setting]


class InputModel(_Strict):
    """One model and the parameters that hold for it alone."""

    model: Reference
    parameters: Parameters = Field(default_factory=dict)


class InputSlice(InputModel):
    """Layers [first, last) of one model."""

    layer_range: tuple[int, int]

    @model_validator(mode="after")
    def _ordered(self) -> InputSlice:
        if not 0 <= self.layer_range[0] < self.layer_range[1]:
            raise ValueError(f"layer_range {list(self.layer_range)} is not [first, last) with first < last")
        return self


class OutputSlice(_Strict):
    """Consecutive layers of the output, each merged from the same-numbered layer of every source."""

    sources: list[InputSlice] = Field(min_length=1)
    base_model: Reference | None = None
    parameters: Parameters = Field(default_factory=dict)

    @model_validator(mode="after")
    def _equal(self) -> OutputSlice:
        lengths = {s.layer_range[1] - s.layer_range[0] for s in self.sources}
        if len(lengths) > 1:
            raise ValueError(f"the sources of a slice have {sorted(lengths)} layers; they must have equally many")
        return self


class TokenSource(_Strict):
    """Where a token's row comes from: zero, or a token of a model."""

    kind: Literal["zero", "model_token"]
    model: Reference | None = None
    token: str | None = None
    token_id: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> TokenSource:
        named = (self.token is not None) + (self.token_id is not None)
        if self.kind == "model_token" and (self.model is None or named != 1):
            raise ValueError("kind: model_token needs model, and one of token and token_id")
        return self


class TokenConfig(_Strict):
    """How a token's row is initialised in models that lack it; `force`: in all models."""

    source: TokenSource | Reference | None = None
    force: bool = False


class TokenizerConfig(_Strict):
    """The tokenizer of the result."""

    source: Reference = "union"
    tokens: dict[str, TokenConfig] = Field(default_factory=dict)
    pad_to_multiple_of: int | None = Field(None, gt=0)


class SearchConfig(_Strict):
    """Try several values of one parameter and keep the best development score.

    parameter: `t`, or `weight` (then `model` names whose). values: what to try. rounds: how often the distance around
    the best is halved. questions: what scores a candidate: `suite` (the bundled general questions), or a CSV or JSONL
    of development questions, which must not be those of the benchmark.
    """

    parameter: str = "t"
    values: list[float] = Field(default_factory=lambda: [0.2, 0.35, 0.5, 0.65, 0.8], min_length=1)
    model: Reference | None = None
    rounds: int = Field(0, ge=0, le=8)
    questions: str = "suite"


class MergeConfig(StageConfig):
    """Models in, model out.

    Either the fields of mergekit's YAML, or `config:` with the path of such a file. The arithmetic is float32
    with float64 sums whatever `dtype` says; `dtype` and `out_dtype` choose how the result is stored.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    NAME: ClassVar[str] = "merge"
    VERSION: ClassVar[int] = 1
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"config", "max_memory", "threads"})

    config: str | None = None
    name: str | None = None
    merge_method: MergeMethod | None = None
    # `models` is the word of the YAML; the attribute of that name is the method every stage has
    entries: list[InputModel] | None = Field(None, alias="models")
    slices: list[OutputSlice] | None = None
    base_model: Reference | None = None
    parameters: Parameters = Field(default_factory=dict)
    dtype: Dtype | None = None
    out_dtype: Dtype | None = None
    tokenizer_source: Reference | None = None
    tokenizer: TokenizerConfig | None = None
    chat_template: str | None = None
    search: SearchConfig | None = None
    smoke_test: bool = True
    shard_size: Size = 5_000_000_000
    max_memory: Size = 2_000_000_000
    threads: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_form(self) -> MergeConfig:
        inline = self.merge_method is not None or self.entries is not None or self.slices is not None
        if self.config is not None:
            if inline:
                raise ValueError("give either `config:` or the merge inline, not both")
            return self
        if self.merge_method is None:
            raise ValueError("merge_method is missing (or `config: path.yaml` with mergekit's YAML)")
        if (self.entries is None) == (self.slices is None):
            raise ValueError("exactly one of `models` and `slices` is needed")
        if self.entries is not None and not self.entries:
            raise ValueError("`models` is empty")
        if self.slices is not None and not self.slices:
            raise ValueError("`slices` is empty")
        if self.tokenizer is not None and self.tokenizer_source is not None:
            raise ValueError("give either `tokenizer` or `tokenizer_source`, not both")
        return self

    def files(self) -> dict[str, str]:
        found = {} if self.config is None else {"config": self.config}
        own = self.search is not None and self.search.questions != "suite"
        return found | ({"search.questions": self.search.questions} if own and self.search else {})

    def references(self) -> list[str]:
        """Every model of this merge as written, the base first, each once."""
        found = [self.base_model] if self.base_model else []
        for entry in self.entries or []:
            found.append(entry.model)
        for piece in self.slices or []:
            found += [piece.base_model] if piece.base_model else []
            found += [source.model for source in piece.sources]
        if self.tokenizer is not None or self.tokenizer_source is not None:
            source = self.tokenizer.source if self.tokenizer else self.tokenizer_source
            found += [source] if source and source not in ("union", "base") else []
        return list(dict.fromkeys(found))

    def models(self) -> dict[str, str]:
        """The models behind `references()`, adapters apart from their base."""
        documents = [self]
        if self.config is not None:
            from understudy.merge.document import load  # it needs this module

            documents = load(Path(self.config))
        names = {d.name for d in documents}
        parts = [p for d in documents for r in d.references() if r not in names for p in split_reference(r) if p]
        return {part: part for part in dict.fromkeys(parts)}


_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
_SCHEME = re.compile(r"(hf|lab|gguf|openai):")


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
