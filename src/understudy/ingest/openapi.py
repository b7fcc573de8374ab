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
from understudy.ingest.openapi_references import References, load, mapping
from understudy.ingest.openapi_schema import Schemas, markdown, sequence, words
from understudy.normal import folded

_IS = re.compile(r"""^[ \t]*+\{?[ \t]*+["']?(?:openapi|swagger)["']?[ \t]*+:""", re.MULTILINE)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MOST = 4_000_000  # characters


def read(source: Source) -> Page:
    """The description as Markdown. Raises SkipFile for YAML or JSON of another kind."""
    text = places.clean(source.text())
    if not _IS.search(text[:100_000]) and not _IS.search(text):
        raise SkipFile("unknown format", "YAML or JSON, but no OpenAPI description")
    if len(text) > _MOST:
        raise SkipFile("too large", f"{len(text)} characters of YAML or JSON; {_MOST} are read at most")
    values = load(text)
    if not isinstance(values, dict) or not ({"openapi", "swagger"} & values.keys()):
        raise SkipFile("unknown format", "YAML or JSON, but no OpenAPI description")
    lines = _Lines(text)
    references = References(values, source)
    page = Page(
        compose.join(_Writer(values, lines, references).blocks()) + "\n",
        words(mapping(values.get("info")).get("title")),
        skipped=references.notes(),
    )
    if not lines.known:
        return Page(places.unmarked(page.text), page.title, places=((0, ""),), skipped=page.skipped)
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


class _Writer:
    def __init__(self, api: Mapping[str, Any], lines: _Lines, references: References) -> None:
        self.api = api
        self.lines = lines
        self.references = references
        self.schemas = Schemas(references)
        self.of = self.schemas.of

    def blocks(self) -> Iterator[str]:
        info = mapping(self.api.get("info"))
        yield self.lines.mark("info") + compose.heading(1, compose.escape(words(info.get("title")) or "API"))
        if version := words(info.get("version")):
            yield f"Version: {compose.code_span(version)}"
        yield self._description(info)
        servers = [
            (words(mapping(s).get("url")), words(mapping(s).get("description")))
            for s in sequence(self.api.get("servers"))
        ]
        if host := words(self.api.get("host")):
            servers.append((f"{host}{words(self.api.get('basePath'))}", ""))
        if servers:
            rows = [["Server", "Description"], *([compose.code_span(u), compose.escape(d)] for u, d in servers)]
            yield self.lines.mark("servers") + compose.table(rows)
        for tag in map(mapping, sequence(self.api.get("tags"))):
            if words(tag.get("name")) and (said := self._description(tag)):
                yield compose.definition([compose.escape(words(tag["name"]))], said)
        yield from self._security()
        for path, item in mapping(self.api.get("paths")).items():
            item = self.of(item)
            for method in _METHODS:
                if isinstance(item.get(method), dict):
                    shared = sequence(item.get("parameters"))
                    yield from self._operation(str(path), method, self.of(item[method]), shared)
        schemas = mapping(mapping(self.api.get("components")).get("schemas")) or mapping(self.api.get("definitions"))
        where = ("components", "schemas") if "components" in self.api else ("definitions",)
        for name, schema in schemas.items():
            yield self.lines.mark(*where, str(name)) + compose.heading(2, compose.escape(str(name)))
            yield from self._schema(self.of(schema))
        told: set[str] = set()
        while further := [r for r in self.references.further if r not in told]:
            for reference in further:
                told.add(reference)
                yield compose.heading(2, compose.escape(self.references.further[reference]))
                yield from self._schema(self.of({"$ref": reference}))

    def _description(self, holder: Mapping[str, Any]) -> str:
        return markdown(self.references.follow(holder.get("description")))

    def _security(self) -> Iterator[str]:
        found = mapping(mapping(self.api.get("components")).get("securitySchemes")) or self.api.get(
            "securityDefinitions"
        )
        rows = [["Authentication", "Type", "Where", "Description"]]
        for name, scheme in mapping(found).items():
            s = self.of(scheme)
            kind = " ".join(p for p in (words(s.get("type")), words(s.get("scheme"))) if p)
            where = " ".join(p for p in (words(s.get("in")), words(s.get("name"))) if p)
            rows.append([str(name), kind, where, folded(markdown(s.get("description")))])
        if len(rows) > 1:
            yield compose.table(rows)

    def _operation(self, path: str, method: str, operation: Mapping[str, Any], shared: list[Any]) -> Iterator[str]:
        mark = self.lines.mark("paths", path, method)
        yield mark + compose.heading(2, f"{method.upper()} {compose.escape(path)}")
        if operation.get("deprecated") is True:
            yield compose.admonition("warning", "", "Deprecated.")
        yield compose.escape(words(operation.get("summary")))
        yield self._description(operation)
        if name := words(operation.get("operationId")):
            yield f"Operation: {compose.code_span(name)}"
        given = [self.of(p) for p in [*shared, *sequence(operation.get("parameters"))]]
        rows = [["Parameter", "In", "Type", "Required", "Description"]]
        for p in given:
            if p.get("in") != "body":
                name, place, schema = words(p.get("name")), words(p.get("in")), p.get("schema") or p
                needed = p.get("required") is True
                rows.append([*self._row(name, place, schema, needed), self.schemas.said(p)])
                for inner, value, needed in self.schemas.inner_rows(name, schema):
                    rows.append([*self._row(inner, place, value, needed), self.schemas.said(self.of(value))])
        if len(rows) > 1:
            yield compose.table(rows)
        bodies = [p for p in given if p.get("in") == "body"]
        body = self.of(operation.get("requestBody"))
        for kind, media in self._content(body) or [("", b) for b in bodies]:
            name = f"**Request body** {compose.code_span(kind)}".strip()
            yield f"{name}: {words(body.get('description'))}".rstrip(": ") if body else name
            yield from self._body(media)
        yield from self._answers(mapping(operation.get("responses")))

    def _row(self, name: str, place: str, schema: Any, needed: bool) -> list[str]:
        return [compose.code_span(name), place, self.schemas.type_of(schema), "yes" if needed else "no"]

    def _answers(self, responses: Mapping[Any, Any]) -> Iterator[str]:
        rows = [["Status", "Description", "Content", "Type"]]
        headers = [["Status", "Header", "Type", "Description"]]
        shown: list[str] = []
        for status, response in responses.items():
            answer = self.of(response)
            content = self._content(answer) or ([("", answer)] if "schema" in answer else [("", {})])
            for name, value in mapping(answer.get("headers")).items():
                header = self.of(value)
                kind = self.schemas.type_of(header.get("schema") or header)
                headers.append([str(status), compose.code_span(str(name)), kind, self.schemas.said(header)])
            for kind, media in content:
                schema = media.get("schema")
                rows.append([
                    str(status), folded(markdown(answer.get("description"))),
                    compose.code_span(kind), self.schemas.type_of(schema),
                ])  # fmt: skip
                if not self.references.section(schema) and (inner := compose.join(self._properties(self.of(schema)))):
                    shown += [f"**Content of {status}** {compose.code_span(kind)}".strip(), inner]
                shown += self._examples(media, f"Example of {status}")
        for table in (rows, headers):
            if len(table) > 1:
                yield compose.table(table)
        yield from shown

    def _content(self, holder: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        return [(str(kind), self.of(media)) for kind, media in mapping(holder.get("content")).items()]

    def _body(self, media: Mapping[str, Any]) -> Iterator[str]:
        schema = media.get("schema")
        if self.references.section(schema):
            yield f"Type: {self.schemas.type_of(schema)}"
        elif schema is not None:
            yield from self._schema(self.of(schema))
        yield from self._examples(media)

    def _examples(self, media: Mapping[str, Any], label: str = "") -> Iterator[str]:
        """Code blocks, each below its summary where it has one, or below the label."""
        found = [("", media["example"])] if "example" in media else []
        if isinstance(named := media.get("examples"), dict):
            found += [(words(e.get("summary")), e.get("value")) for e in map(self.of, named.values())]
        found += [("", value) for value in sequence(named)]
        for summary, value in [e for e in found if e[1] is not None][:3]:
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
            told = ": ".join(p for p in (label or (summary and "Example"), compose.escape(summary)) if p)
            yield f"**{told}**" if told else ""
            yield compose.code_block(text[:5_000], "json" if not isinstance(value, str) else "")

    def _schema(self, schema: Mapping[str, Any]) -> Iterator[str]:
        yield self._description(schema)
        told = compose.join(self._properties(schema))
        if not told or self.schemas.forms(schema):
            plain = {key: value for key, value in schema.items() if key != "example"}  # it is shown below
            yield ". ".join(p for p in (f"Type: {self.schemas.type_of(schema)}", self.schemas.limits(plain)) if p)
        yield told
        yield from self._examples(schema)

    def _properties(self, schema: Mapping[str, Any]) -> Iterator[str]:
        """The properties of a schema, and those of each of its forms."""
        yield self.schemas.table(schema)
        forms = [(title, form, self.schemas.table(form)) for title, form in self.schemas.forms(schema)]
        forms = [form for form in forms if form[2]]
        for number, (title, form, table) in enumerate(forms, 1):
            yield f"**{compose.escape(title) or f'Form {number}'}**" if title or len(forms) > 1 else ""
            yield self._description(form)
            yield table
