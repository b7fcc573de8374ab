"""`python -m tools.settings_page` writes docs/settings.md: every setting of a recipe and of a study, from the code.

Each setting is described once, in its `Field(description=…)`; the page is a table of those.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from understudy.recipe import Recipe
from understudy.study.config import StudyConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

Every setting of a recipe, then those of a study. The page is written by `python -m tools.settings_page` from the
descriptions in the code. Any setting can be changed for one run: `--set sft.r=16`. A dash under *default* means that
the setting must be given; `null` that it is left open, as described. `[]` stands for each entry of a list, `*` for a
name of your own.
"""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true, false", type(None): "null", Any: "any"}
_LIMITS = {"ge": "≥ ", "gt": "> ", "le": "≤ ", "lt": "< "}


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    top = {name: field for name, field in Recipe.model_fields.items() if not _models(field.annotation)}
    parts.append(_section("Recipe", Recipe, "", top))
    for name, field in Recipe.model_fields.items():
        for model in _models(field.annotation):
            parts.append(_section(name, model, f"{name}.", model.model_fields, field.description or ""))
    parts.append(_section("Study", StudyConfig, "", StudyConfig.model_fields, "a file for `understudy study`"))
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel], prefix: str, fields: dict[str, FieldInfo], said: str = "") -> str:
    lines = [f"## {title}", ""]
    if said:
        lines += [f"{said[:1].upper()}{said[1:]}.", ""]
    lines += ["| setting | default | takes | |", "|---|---|---|---|"]
    for name, field in fields.items():
        lines += _rows(f"{prefix}{field.alias or name}", field, (model,))
    return "\n".join(lines) + "\n"


def _rows(name: str, field: FieldInfo, above: tuple[type[BaseModel], ...]) -> Iterator[str]:
    """The line of a setting, then those of the settings in it. above: the classes that are being written already."""
    inner = [model for model in _models(field.annotation) if model not in above]
    takes = " or ".join(dict.fromkeys(_takes(field.annotation))) + _limits(field)
    default = "" if inner and not _is_open(field) else _default(field)
    yield f"| `{name}` | {default} | {_cell(takes)} | {_cell(field.description or '')} |"
    place = f"{name}{_each(field.annotation)}"
    for model in inner:
        for key, child in model.model_fields.items():
            yield from _rows(f"{place}.{child.alias or key}", child, (*above, model))


def _is_open(field: FieldInfo) -> bool:
    return field.is_required() or field.get_default(call_default_factory=True) is None


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or field.is_required():
        return "–"
    return f"`{json.dumps(to_jsonable_python(value), ensure_ascii=False)}`"


def _limits(field: FieldInfo) -> str:
    found = []
    for part in field.metadata:
        found += [f"{sign}{getattr(part, key):,}" for key, sign in _LIMITS.items() if hasattr(part, key)]
    return f", {', '.join(found)}" if found else ""


def _takes(annotation: Any) -> Iterator[str]:
    """What may be written, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _takes(arguments[0])
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _takes(argument)
    elif origin is Literal:
        yield ", ".join(f"`{a}`" for a in arguments)
    elif origin in (list, tuple, set, frozenset):
        inside = [a for a in arguments if a is not Ellipsis]
        many = " or ".join(dict.fromkeys(word for a in inside for word in _takes(a)))
        yield f"{len(inside)} of: {many}" if origin is tuple and Ellipsis not in arguments else f"list of: {many}"
    elif origin is dict:
        yield "mapping"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "section"
    elif annotation in _PLAIN:
        yield _PLAIN[annotation]
    else:
        raise TypeError(f"{annotation!r}: say in tools/settings_page.py what may be written for it")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return list(dict.fromkeys(model for a in typing.get_args(annotation) for model in _models(a)))


def _each(annotation: Any) -> str:
    """`[]` where the setting is a list of sections, `.*` where it is a mapping of them."""
    origin = typing.get_origin(annotation)
    if origin in (list, tuple):
        return "[]"
    if origin is dict:
        return ".*"
    return next((found for a in typing.get_args(annotation) if _models(a) and (found := _each(a))), "")


def _cell(text: str) -> str:
    return text.strip().removesuffix(".").replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
