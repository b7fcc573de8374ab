"""YAML within bounds: what grows, nests or counts without end is refused at once, with its line."""

from __future__ import annotations

import time

import pytest
import yaml

from understudy import yaml_text
from understudy.yaml_text import YamlError


def grows(levels: int, wide: int) -> str:
    """Lists of lists by alias: wide ** levels values in a few hundred bytes."""
    lines = ["k0: &k0 [x]"]
    lines += [f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * wide)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        (grows(12, 10), "once its aliases are followed", 7),
        ("a: 1\nb: &b {c: [*b]}", "stands inside what it names", 2),
        ("a: " + "[" * 90_000 + "]" * 90_000, "nested deeper", 1),
        ("a: " + "{b: " * 90 + "1" + "}" * 90, "nested deeper", 1),
        ("a: 1\nb: " + "7" * 5000, "whole number of 5000 digits", 2),
        ("b: 0x" + "f" * 5000, "whole number", 1),
        ("when: 2024-13-40", "no timestamp", 1),
        ('n: !!int "seven"', "no int", 1),
        ("a: [1\nb: 2", "", 2),
        ("- !!python/object/apply:os.getcwd []", "constructor", 1),
        ("? [1]\n: 2", "unhashable", 1),
        ("a: '\ud800'", "surrogate", None),
        ("x" * 5_000_000, "characters of YAML", None),
    ],
)  # fmt: skip
def test_what_is_refused(text, problem, line):
    began = time.perf_counter()
    with pytest.raises(YamlError, match=problem) as caught:
        yaml_text.load(text)
    assert caught.value.line == line
    assert time.perf_counter() - began < 5


def test_what_is_within_the_bounds_reads_as_ever():
    text = "a: &a {x: 1, y: [2.5, null, on]}\nb: {<<: *a, z: 2024-01-02}\nc: [*a, *a]\n"
    assert yaml_text.load(text) == yaml.safe_load(text)
    assert yaml_text.load(grows(4, 10)) == yaml.safe_load(grows(4, 10))
    assert yaml_text.load_all("a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert yaml_text.load("") is None
    node = yaml_text.compose("a:\n  b: 1\n")
    assert node is not None
    assert node.value[0][1].value[0][0].start_mark.line == 1
