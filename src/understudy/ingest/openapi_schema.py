"""The schemas of an OpenAPI description: types in a few words, a row for each property, what values are allowed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from understudy.ingest import compose
from understudy.ingest.openapi_references import References, mapping
from understudy.normal import folded

_DEEPEST = 6  # references and objects within objects
_MOST_ROWS = 1_000  # of a table
_MOST_PARTS = 500  # that are looked at for one property
_JOINTS = (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and "))
_BOUNDS = (
    ("default", "Default"), ("minimum", "At least"), ("maximum", "At most"), ("minLength", "Shortest"),
    ("maxLength", "Longest"), ("pattern", "Pattern"), ("example", "For example"),
)  # fmt: skip

Row = tuple[str, Any, bool]
"""The name of a property (`size.width`, `rows[].id`), its schema as it stands, and whether it must be given."""


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def words(value: Any) -> str:
    """A value on one line, as plain text."""
    return folded(value) if isinstance(value, (str, int, float)) else ""


def markdown(value: Any) -> str:
    """A description, which is Markdown; its headings stand below the section's."""
    return re.sub(r"(?m)^#{1,6}(?=\s)", "####", value.strip()) if isinstance(value, str) else ""


class Schemas:
    """Reads schemas; a schema that has a section of its own is named, any other is told in place."""

    def __init__(self, references: References) -> None:
        self.references = references

    def of(self, value: Any) -> Mapping[str, Any]:
        """What a value is, its references followed."""
        return mapping(self.references.follow(value))

    def type_of(self, schema: Any, depth: int = 0) -> str:
        """A schema in a few words: `string`, `array of Pet`, `Cat or Dog`."""
        if name := self.references.section(schema):
            return compose.escape(name[:100])
        if depth > _DEEPEST:
            return "…"
        s = self.of(schema)
        for key, joint in _JOINTS:
            if parts := sequence(s.get(key))[:20]:
                return joint.join(dict.fromkeys(filter(None, (self.type_of(p, depth + 1) for p in parts))))
        kinds = s.get("type")
        kind = " or ".join(map(str, kinds)) if isinstance(kinds, list) else words(kinds)
        if kind == "array" or ("items" in s and not kind):
            return f"array of {self.type_of(s.get('items'), depth + 1) or 'anything'}"
        form = words(s.get("format"))
        return compose.escape(f"{kind} ({form})" if form else kind or ("object" if "properties" in s else ""))

    def table(self, schema: Mapping[str, Any]) -> str:
        """The properties of a schema and of all that it is made of; empty where it has none."""
        inside = (self._rows(inner, f"{mark}.") for mark, inner in self._inside(schema, set()) if mark)
        properties = [
            [compose.code_span(name), self.type_of(value), "yes" if needed else "no", self.said(self.of(value))]
            for name, value, needed in itertools.islice(
                itertools.chain(self._rows(schema, whole=True), *inside), _MOST_ROWS
            )
        ]
        return compose.table([["Property", "Type", "Required", "Description"], *properties]) if properties else ""

    def forms(self, schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        """The alternatives of a schema that have no section of their own, each with its title."""
        parts = [*sequence(schema.get("oneOf")), *sequence(schema.get("anyOf"))][:50]
        found = [self.of(part) for part in parts if not self.references.section(part)]
        return [(words(form.get("title")), form) for form in found]

    def inner_rows(self, name: str, schema: Any) -> Iterator[Row]:
        """A row for each property of the objects that are written inside of a value of this name."""
        return itertools.islice(self._inner_rows(name, schema, 0), _MOST_ROWS)

    def _inner_rows(self, name: str, schema: Any, depth: int) -> Iterator[Row]:
        for mark, inner in self._inside(schema, set()):
            yield from self._rows(inner, f"{name}{mark}.", depth)

    def _rows(self, schema: Mapping[str, Any], prefix: str = "", depth: int = 0, whole: bool = False) -> Iterator[Row]:
        """whole: the schemas that this one is made of are told with it, though they have sections."""
        properties, required = self._properties(schema, set(), whole)
        for name, value in properties.items():
            name = f"{prefix}{name}"
            yield name, value, name.removeprefix(prefix) in required
            if depth < _DEEPEST:
                yield from self._inner_rows(name, value, depth + 1)

    def _inside(self, value: Any, seen: set[int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects written inside of a value, each with what its properties' names begin with: `[]` for items."""
        if self.references.section(value):
            return
        schema = self.of(value)
        if id(schema) in seen or len(seen) > _MOST_PARTS:
            return
        seen.add(id(schema))
        yield "", schema
        for part in [*sequence(schema.get("oneOf")), *sequence(schema.get("anyOf"))]:
            yield from self._inside(part, seen)
        for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
            for more, inner in self._inside(schema.get(key), seen) if isinstance(schema.get(key), dict) else ():
                yield mark + more, inner

    def _properties(self, schema: Mapping[str, Any], seen: set[int], whole: bool) -> tuple[dict[str, Any], set[str]]:
        found: dict[str, Any] = {}
        required: set[str] = set()
        if id(schema) in seen or len(seen) > _MOST_PARTS:
            return found, required
        seen.add(id(schema))
        for part in sequence(schema.get("allOf")):
            if whole or not self.references.section(part):
                inner, needed = self._properties(self.of(part), seen, whole)
                found |= inner
                required |= needed
        found |= mapping(schema.get("properties"))
        required |= {str(r) for r in sequence(schema.get("required"))}
        return found, required

    def said(self, holder: Mapping[str, Any]) -> str:
        """A description, with the values, default and bounds that the schema names."""
        return ". ".join(p for p in [folded(markdown(holder.get("description"))).rstrip("."), self.limits(holder)] if p)

    def limits(self, holder: Mapping[str, Any]) -> str:
        """The values, default and bounds that a schema, or that of a parameter, names."""
        schema = {**self.of(holder.get("schema")), **holder}
        parts = []
        values, others = self._values(schema, 0)
        if values := list(dict.fromkeys(compose.code_span(str(v)) for v in values if v is not None))[:100]:
            word = "Known values" if others else "Each one of" if "items" in schema else "One of"
            parts.append(f"{word}{':' if others else ''} {', '.join(values)}")
        for key, word in _BOUNDS:
            if isinstance(schema.get(key), (str, int, float)):
                parts.append(f"{word}: {compose.code_span(str(schema[key]))}")
        return ". ".join(parts)

    def _values(self, schema: Mapping[str, Any], depth: int) -> tuple[list[Any], bool]:
        """The values that a schema lists, and whether it takes others as well."""
        if listed := sequence(schema.get("enum")):
            return listed, False
        if "const" in schema:
            return [schema["const"]], False
        for key, _ in _JOINTS:
            if (parts := sequence(schema.get(key))[:20]) and depth < 3:
                found = [self._values(self.of(part), depth + 1) for part in parts]
                others = [other for _, other in found]
                return [v for values, _ in found for v in values], all(others) if key == "allOf" else any(others)
        if "items" in schema and depth < 3:
            return self._values(self.of(schema["items"]), depth + 1)
        return [], schema.get("type") != "null"
