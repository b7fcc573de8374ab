"""What a merge method is: passes over blocks of the inputs, then a formula for each block of the output.

A method never holds a tensor. It asks `Blocks` for sums over all elements (`x.sum`, `x.gram`), decides, and
returns the function that turns a block of inputs into a block of output. Block boundaries depend on the
tensor's shape alone, so a result never depends on the number of threads or the memory limit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.merge.block import Combine
from understudy.merge.blocks import Blocks

REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method. per_model: it may differ from model to model (a list in model order).

    low, high: what lies outside is refused. full: what lies above means the same as this, and is warned of.
    """

    name: str
    kind: type[float] | type[bool] | type[int] | type[str] = float
    default: Any = REQUIRED
    per_model: bool = False
    low: float | None = None
    high: float | None = None
    full: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: Any, where: str) -> Any:
        """The value in its own type. Raises ValueError saying what is wrong with it."""
        if self.kind is bool:
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            if not isinstance(value, (bool, int, float)):
                raise ValueError(f"{where}: {self.name} is true or false, not {value!r}")
            return value != 0  # a flag given by layers is a number in between
        if self.kind is str:
            if value not in self.choices:
                raise ValueError(f"{where}: {self.name} is one of {', '.join(self.choices)}, not {value!r}")
            return value
        try:
            number = float(value)  # YAML 1.1 reads 1e-5 as text
        except (TypeError, ValueError):
            raise ValueError(f"{where}: {self.name} is a number, not {value!r}") from None
        if not np.isfinite(number):
            raise ValueError(f"{where}: {self.name} is {number}")
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            high = "" if self.high is None else self.high
            raise ValueError(f"{where}: {self.name} = {number} is outside {self.low} … {high}")
        if self.full is not None:
            number = min(number, self.full)
        return int(number) if self.kind is int else number


@dataclass(frozen=True, slots=True)
class Values:
    """A method's parameters for one tensor, filters and gradients resolved."""

    shared: Mapping[str, Any]
    each: Mapping[str, Sequence[Any]]  # per-model parameters, in the order of the models

    def __getitem__(self, name: str) -> Any:
        return self.shared[name]

    def weights(self, name: str = "weight") -> NDArray[np.float64]:
        """A per-model parameter as float64 [models]."""
        return np.asarray(self.each[name], dtype=np.float64)


class Method(ABC):
    """A merge method. Add one by writing a file like `slerp.py` and a line in `methods/__init__.py`."""

    name: str
    title: str
    paper: str  # where its mathematics comes from
    # what it makes of a base_model; `model`: it is one of the models that are merged
    base: ClassVar[Literal["required", "optional", "model"]] = "model"
    models: ClassVar[tuple[int, int | None]] = (1, None)  # how many besides the base: least and most
    whole_rows: ClassVar[bool] = False
    passes: ClassVar[int] = 2  # how often it reads its inputs, for the estimate of time
    parameters: tuple[Parameter, ...] = ()

    def keeps(self, p: Values) -> bool:
        """Whether a single model passes through this method unchanged."""
        return False

    @abstractmethod
    def prepare(self, x: Blocks, p: Values) -> Combine:
        """Make the passes over the inputs that the formula needs, and return the formula."""
