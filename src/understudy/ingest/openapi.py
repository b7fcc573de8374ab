"""Descriptions of HTTP interfaces, OpenAPI 3 and Swagger 2 in YAML or JSON: a section for each operation and schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from understudy import yaml_text
from understudy.ingest import compose, places
from understudy.ingest.base import Page, SkipFile, Source
from understudy.normal import folded

_IS = re.compile(r"""^[ \t]*+\{?[ \t]*+["']?(?:openapi|swagger)["']?[ \t]*+:""", re.MULTILINE)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEEPEST = 6  # references and objects within objects
_MOST = 4_000_000  # characters


def read(source: Source) -> Page:
    """The description as Markdown. Raises SkipFile for YAML or JSON of another kind."""
    text = places.clean(source.text())
    if not _IS.search(text[:100_000]) and not _IS.search(text):
        raise SkipFile("unknown format", "YAML or JSON, but no OpenAPI description")
    if len(text) > _MOST:
        raise SkipFile("too large", f"{len(text)} characters of YAML or JSON; {_MOST} are read at most")
    try:
        values = json.loads(text) if text.lstrip().startswith("{") else yaml_text.load(text)
    except (ValueError, RecursionError) as error:
        raise SkipFile("cannot be parsed", f"not JSON: {error}") from error
    except yaml_text.YamlError as error:
        raise SkipFile("cannot be parsed", f"not YAML: {error}") from error
    if not isinstance(values, dict) or not ({"openapi", "swagger"} & values.keys()):
        raise SkipFile("unknown format", "YAML or JSON, but no OpenAPI description")
    lines = _Lines(text)
    info = _map(values.get("info"))
    page = Page(compose.join(_Writer(values, lines).blocks()) + "\n", _words(info.get("title")))
    if not lines.known:
        return Page(places.unmarked(page.text), page.title, places=((0, ""),))
    return places.placed(page, places.line_label, text.rstrip().count("\n") + 2)


class _Lines:
    """The line of each key of the description; none are known where the text is JSON that YAML does not take."""

    def __init__(self, text: str) -> None:
        self.known: dict[tuple[str, ...], int] = {}
        try:
            node = yaml_text.compose(text)
        except yaml_text.YamlError:
            return
        if node is not None:
            self._visit(node, ())

    def _visit(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode) and len(path) < 4:
            for key, value in node.value:
                here = (*path, str(key.value))
                self.known.setdefault(here, key.start_mark.line + 1)
                self._visit(value, here)

    def mark(self, *path: str) -> str:
        return places.mark(self.known.get(path, 1))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: Any) -> str:
    """A value on one line, as plain text."""
    return folded(value) if isinstance(value, (str, int, float)) else ""


def _markdown(value: Any) -> str:
    """A description, which is Markdown; its headings stand below the section's."""
    return re.sub(r"(?m)^#{1,6}(?=\s)", "####", value.strip()) if isinstance(value, str) else ""


class _Writer:
    def __init__(self, api: Mapping[str, Any], lines: _Lines) -> None:
        self.api = api
        self.lines = lines

    def blocks(self) -> Iterator[str]:
        info = _map(self.api.get("info"))
        yield self.lines.mark("info") + compose.heading(1, compose.escape(_words(info.get("title")) or "API"))
        if version := _words(info.get("version")):
            yield f"Version: {compose.code_span(version)}"
        yield _markdown(info.get("description"))
        servers = [
            (_words(_map(s).get("url")), _words(_map(s).get("description"))) for s in _list(self.api.get("servers"))
        ]
        if host := _words(self.api.get("host")):
            servers.append((f"{host}{_words(self.api.get('basePath'))}", ""))
        if servers:
            rows = [["Server", "Description"], *([compose.code_span(u), compose.escape(d)] for u, d in servers)]
            yield self.lines.mark("servers") + compose.table(rows)
        yield from self._security()
        for path, item in _map(self.api.get("paths")).items():
            item = self._of(item)
            for method in _METHODS:
                if isinstance(item.get(method), dict):
                    yield from self._operation(str(path), method, item[method], _list(item.get("parameters")))
        schemas = _map(_map(self.api.get("components")).get("schemas")) or _map(self.api.get("definitions"))
        where = ("components", "schemas") if "components" in self.api else ("definitions",)
        for name, schema in schemas.items():
            yield self.lines.mark(*where, str(name)) + compose.heading(2, compose.escape(str(name)))
            yield from self._schema(self._of(schema))

    def _security(self) -> Iterator[str]:
        found = _map(_map(self.api.get("components")).get("securitySchemes")) or self.api.get("securityDefinitions")
        rows = [["Authentication", "Type", "Where", "Description"]]
        for name, scheme in _map(found).items():
            s = self._of(scheme)
            kind = " ".join(p for p in (_words(s.get("type")), _words(s.get("scheme"))) if p)
            where = " ".join(p for p in (_words(s.get("in")), _words(s.get("name"))) if p)
            rows.append([str(name), kind, where, folded(_markdown(s.get("description")))])
        if len(rows) > 1:
            yield compose.table(rows)

    def _operation(self, path: str, method: str, operation: Mapping[str, Any], shared: list[Any]) -> Iterator[str]:
        mark = self.lines.mark("paths", path, method)
        yield mark + compose.heading(2, f"{method.upper()} {compose.escape(path)}")
        if operation.get("deprecated") is True:
            yield compose.admonition("warning", "", "Deprecated.")
        yield compose.escape(_words(operation.get("summary")))
        yield _markdown(operation.get("description"))
        if name := _words(operation.get("operationId")):
            yield f"Operation: {compose.code_span(name)}"
        given = [self._of(p) for p in [*shared, *_list(operation.get("parameters"))]]
        rows = [["Parameter", "In", "Type", "Required", "Description"]]
        for p in given:
            if p.get("in") != "body":
                rows.append([
                    compose.code_span(_words(p.get("name"))), _words(p.get("in")), self._type(p.get("schema") or p),
                    "yes" if p.get("required") is True else "no", self._said(p),
                ])  # fmt: skip
        if len(rows) > 1:
            yield compose.table(rows)
        bodies = [p for p in given if p.get("in") == "body"]
        body = self._of(operation.get("requestBody"))
        for kind, media in self._content(body) or [("", b) for b in bodies]:
            name = f"**Request body** {compose.code_span(kind)}".strip()
            yield f"{name}: {_words(body.get('description'))}".rstrip(": ") if body else name
            yield from self._body(media)
        yield from self._answers(_map(operation.get("responses")))

    def _answers(self, responses: Mapping[Any, Any]) -> Iterator[str]:
        rows = [["Status", "Description", "Content", "Type"]]
        shown: list[str] = []
        for status, response in responses.items():
            answer = self._of(response)
            content = self._content(answer) or ([("", answer)] if "schema" in answer else [("", {})])
            for kind, media in content:
                rows.append([
                    str(status), folded(_markdown(answer.get("description"))),
                    compose.code_span(kind), self._type(media.get("schema")),
                ])  # fmt: skip
                shown += [f"**Example of {status}**\n\n{e}" for e in self._examples(media)]
        if len(rows) > 1:
            yield compose.table(rows)
        yield from shown

    def _content(self, holder: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        return [(str(kind), self._of(media)) for kind, media in _map(holder.get("content")).items()]

    def _body(self, media: Mapping[str, Any]) -> Iterator[str]:
        schema = media.get("schema")
        if schema is not None:
            said = self._of(schema)
            if "$ref" in _map(schema):
                yield f"Type: {self._type(schema)}"
            else:
                yield from self._schema(said)
        yield from self._examples(media)

    def _examples(self, media: Mapping[str, Any]) -> Iterator[str]:
        examples = [media["example"]] if "example" in media else []
        examples += [_map(self._of(e)).get("value") for e in _map(media.get("examples")).values()]
        for value in [e for e in examples if e is not None][:3]:
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
            yield compose.code_block(text[:5_000], "json" if not isinstance(value, str) else "")

    def _schema(self, schema: Mapping[str, Any]) -> Iterator[str]:
        yield _markdown(schema.get("description"))
        properties, required = self._properties(schema, 0)
        rows = [["Property", "Type", "Required", "Description"]]
        for name, value in properties.items():
            shown = [compose.code_span(str(name)), self._type(value), "yes" if name in required else "no"]
            rows.append([*shown, self._said(self._of(value))])
        if len(rows) > 1:
            yield compose.table(rows)
        else:
            yield f"Type: {self._type(schema)}"
        yield from self._examples(schema)

    def _properties(self, schema: Mapping[str, Any], depth: int) -> tuple[dict[str, Any], set[str]]:
        """The properties of a schema and of all that it is made of."""
        found: dict[str, Any] = {}
        required: set[str] = set()
        if depth > _DEEPEST:
            return found, required
        for part in _list(schema.get("allOf"))[:50]:
            inner, needed = self._properties(self._of(part), depth + 1)
            found |= inner
            required |= needed
        found |= _map(schema.get("properties"))
        required |= {str(r) for r in _list(schema.get("required"))}
        return found, required

    def _type(self, schema: Any, depth: int = 0) -> str:
        """A schema in a few words: `string`, `array of Pet`, `Cat or Dog`."""
        s = _map(schema)
        if isinstance(s.get("$ref"), str):
            return compose.escape(s["$ref"].rpartition("/")[2][:100])
        if depth > _DEEPEST:
            return "…"
        for key, joint in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
            if parts := _list(s.get(key))[:20]:
                return joint.join(self._type(p, depth + 1) for p in parts)
        kinds = s.get("type")
        kind = " or ".join(map(str, kinds)) if isinstance(kinds, list) else _words(kinds)
        if kind == "array" or ("items" in s and not kind):
            return f"array of {self._type(s.get('items'), depth + 1) or 'anything'}"
        form = _words(s.get("format"))
        return compose.escape(f"{kind} ({form})" if form else kind or ("object" if "properties" in s else ""))

    def _said(self, holder: Mapping[str, Any]) -> str:
        """A description, with the values, default and bounds that the schema names."""
        schema = {**_map(self._of(holder.get("schema"))), **holder}
        parts = [folded(_markdown(holder.get("description"))).rstrip(".")]
        if values := _list(schema.get("enum"))[:100]:
            parts.append("One of " + ", ".join(compose.code_span(str(v)) for v in values))
        for key, word in (
            ("default", "Default"), ("minimum", "At least"), ("maximum", "At most"), ("minLength", "Shortest"),
            ("maxLength", "Longest"), ("pattern", "Pattern"), ("example", "For example"),
        ):  # fmt: skip
            if isinstance(schema.get(key), (str, int, float)):
                parts.append(f"{word}: {compose.code_span(str(schema[key]))}")
        return ". ".join(p for p in parts if p)

    def _of(self, value: Any) -> Mapping[str, Any]:
        """What a value is, its references within the file followed."""
        for _ in range(_DEEPEST):
            reference = _map(value).get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            place: Any = self.api
            for part in reference[2:].split("/"):
                place = _map(place).get(part.replace("~1", "/").replace("~0", "~"))
            value = place
        return _map(value)
