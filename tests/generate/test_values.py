"""What kind of thing a value is."""

from __future__ import annotations

import time

import pytest

from understudy.generate.values import value_type


@pytest.mark.parametrize(
    ("value", "kind"),
    [("/etc/heron/relay.toml", "path"), ("~/heron/", "path"), ("/etc/trust.d/*.positive", "path"), ("/", "path")],
)
def test_paths(value: str, kind: str) -> None:
    assert value_type(value) == kind


def test_a_long_path_that_is_none_is_soon_told() -> None:
    begin = time.perf_counter()
    assert value_type("/etc/dnssec-trust-anchors-of-the-relay-and-more.d/" + "a" * 200 + "\\*.positive") == "word"
    assert time.perf_counter() - begin < 1
