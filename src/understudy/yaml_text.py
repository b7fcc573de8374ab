"""YAML within bounds: recipes, merge files and front matter are read here, whoever wrote them.

A few hundred bytes of YAML can name billions of values (aliases of aliases), nest deeper than a parser's stack, or
hold a number that takes minutes to read. The text is looked through event by event first, which needs neither
stack nor expansion, and only what is within the bounds is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from understudy.errors import InputError

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 50
MAX_EXPANDED = 2_000_000
"""Characters of a text with aliases, what they repeat counted each time, and eight for each value."""
MAX_DIGITS = 300
"""Characters of a whole number."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(InputError):
    """A text that is no YAML or beyond the bounds. problem: what is wrong; line: where, counted from 1."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem = problem
        self.line = line


class _Loader(_Base):
    """The safe loader; a value that its tag cannot be read from is an error with a line."""


def _guarded(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def construct(loader: Any, node: yaml.Node) -> Any:
        kind = node.tag.rpartition(":")[2]
        if kind == "int" and len(node.value) > MAX_DIGITS:
            problem = f"a whole number of {len(node.value)} digits; {MAX_DIGITS} are read at most"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        try:
            return make(loader, node)
        except yaml.YAMLError:
            raise
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            problem = f"{str(node.value)[:40]!r} is no {kind}; put a text into quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    return construct


for _tag, _make in _Base.yaml_constructors.items():
    if _tag is not None:  # what has no constructor stays refused
        _Loader.add_constructor(_tag, _guarded(_make))


def load(text: str) -> Any:
    """The one document of a text as plain values. Raises YamlError."""
    _check(text)
    return _reported(lambda: yaml.load(text, Loader=_Loader))


def load_all(text: str) -> list[Any]:
    """All documents of a text. Raises YamlError."""
    _check(text)
    return _reported(lambda: list(yaml.load_all(text, Loader=_Loader)))


def compose(text: str) -> yaml.Node | None:
    """The nodes of the one document, with their lines. Raises YamlError."""
    _check(text)
    return _reported(lambda: yaml.compose(text, Loader=_Loader))


def _reported(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
        raise YamlError(str(problem), mark.line + 1 if mark else None) from error
    except (ValueError, TypeError, RecursionError) as error:  # a lone surrogate; a key that cannot be one
        raise YamlError(str(error)) from error


def _check(text: str) -> None:
    """Refuse what is too large, too deep, or grows too much when its aliases are followed."""
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"{len(text)} characters of YAML; {MAX_CHARACTERS} are read at most")
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor and, so far, what is inside

    def count(events: Any) -> None:
        expands = False
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, 8))
                if len(open_nodes) > MAX_DEPTH:
                    raise YamlError(f"nested deeper than {MAX_DEPTH} levels", line)
                continue
            anchor, size = None, 8
            if isinstance(event, yaml.AliasEvent):
                expands = True
                if any(anchor == event.anchor for anchor, _ in open_nodes):
                    raise YamlError(f"*{event.anchor} stands inside what it names", line)
                size = sizes.get(str(event.anchor), 8)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = open_nodes.pop()
            elif isinstance(event, yaml.ScalarEvent):
                anchor, size = event.anchor, 8 + len(event.value)
            else:
                continue
            if anchor is not None:
                sizes[anchor] = size
            if expands and size > MAX_EXPANDED:
                raise YamlError(f"more than {MAX_EXPANDED} characters once its aliases are followed", line)
            if open_nodes:
                outer, inside = open_nodes[-1]
                open_nodes[-1] = (outer, inside + size)

    _reported(lambda: count(yaml.parse(text, Loader=_Loader)))
