"""What a parameter is for one tensor: mergekit's filters, layer gradients and precedence.

A setting is a number, a list of numbers spread evenly over the layers (linear in between), or a list of
{filter, value} of which the first whose filter is part of the tensor's name holds. The settings of a slice's
or entry's model come before those of the slice, and those before the merge's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from understudy.errors import RecipeError, did_you_mean
from understudy.merge.methods.base import REQUIRED, Method, Parameter, Values
from understudy.merge.schema import Conditional, Parameters, Setting

# taken without a word because mergekit's users write it: it chose the dtype of a mask that is not stored here
_IGNORED = frozenset({"int8_mask"})


def evaluate(setting: Setting | None, tensor: str, depth: float) -> Any:
    """A setting's value for one tensor at depth 0 … 1 of its slice; None where no filter matches."""
    if isinstance(setting, Conditional):
        setting = [setting]
    if not isinstance(setting, list):
        return setting
    if not setting:  # an empty list
        return None
    if isinstance(setting[0], Conditional):
        for condition in setting:
            assert isinstance(condition, Conditional)
            if condition.filter in (None, "*") or condition.filter in tensor:
                return evaluate(condition.value, tensor, depth)
        return None
    values = [_number(v) for v in setting]
    position = depth * (len(values) - 1)
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return values[int(position)]
    low = min(int(position), len(values) - 1)
    high = min(low + 1, len(values) - 1)
    share = position - low
    return (1.0 - share) * values[low] + share * values[high]


def _number(value: Any) -> Any:
    """YAML 1.1 reads `1e-5` as text; such text is a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def resolve(parameter: Parameter, levels: Iterable[Parameters], tensor: str, depth: float, where: str) -> Any:
    """A parameter's value: the first level that says anything, else the default."""
    for level in levels:
        if parameter.name in level:
            value = evaluate(level[parameter.name], tensor, depth)
            if value is not None:
                try:
                    return parameter.check(value, where)
                except ValueError as error:
                    raise RecipeError(str(error)) from error
    if parameter.default is REQUIRED:
        raise RecipeError(f"{where}: the parameter '{parameter.name}' is missing; add it under parameters:")
    return parameter.default


def values_for(
    method: Method,
    tensor: str,
    depth: float,
    shared: Sequence[Parameters],
    models: Mapping[str, Sequence[Parameters]],
) -> Values:
    """All parameters of a method for one tensor. models: label → levels, in the order of the method's rows."""
    return Values(
        {p.name: resolve(p, shared, tensor, depth, tensor) for p in method.parameters if not p.per_model},
        {
            p.name: [resolve(p, [*levels, *shared], tensor, depth, f"{m}: {tensor}") for m, levels in models.items()]
            for p in method.parameters
            if p.per_model
        },
    )


def _filters(setting: Setting | None) -> Iterator[str]:
    for condition in setting if isinstance(setting, list) else [setting]:
        if isinstance(condition, Conditional) and condition.filter not in (None, "*"):
            yield str(condition.filter)


def _numbers(setting: Setting | None) -> Iterator[float]:
    for value in setting if isinstance(setting, list) else [setting]:
        if isinstance(value, Conditional):
            yield from _numbers(value.value)
        elif isinstance(number := _number(value), (int, float)) and not isinstance(number, bool):
            yield float(number)


def check_names(
    levels: Iterable[Parameters], method: Method, every: Iterable[Method], tensors: Sequence[str]
) -> list[str]:
    """Warnings on parameters without effect: unknown, of another method, for a filter that matches no tensor, or
    beyond the value from which on nothing changes."""
    own = {p.name: p for p in method.parameters}
    known = {p.name for m in every for p in m.parameters} | _IGNORED
    parts = {part for t in tensors for part in t.split(".") if not part.isdigit()}
    warnings: list[str] = []
    for level in levels:
        for name, setting in level.items():
            if name not in known:
                warnings.append(
                    f"parameters.{name} has no effect: no method has such a parameter; {method.name} has "
                    f"{', '.join(sorted(own)) or 'none'}.{did_you_mean(name, own or known)}"
                )
            elif name not in own and name not in _IGNORED:
                warnings.append(f"parameters.{name} has no effect on {method.name}")
            full = own[name].full if name in own else None
            above = [number for number in _numbers(setting) if full is not None and number > full]
            warnings += [
                f"parameters.{name}: {number:g} is taken as {full:g}, which keeps everything" for number in above
            ]
            for text in _filters(setting):
                if not any(text in t for t in tensors):
                    warnings.append(
                        f"parameters.{name}: the filter '{text}' matches no tensor.{did_you_mean(text, parts)}"
                    )
    return list(dict.fromkeys(warnings))
