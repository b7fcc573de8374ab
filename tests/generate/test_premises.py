"""Values that a question may assert in place of the true one."""

from __future__ import annotations

from understudy.generate.extractive.premises import Values
from understudy.normal import strict


def test_every_other_value_is_drawn_and_never_the_true_one() -> None:
    values = ["7", "`8`", "9", "8", "10"]
    for true in (*values, "11"):
        others = [v for v in values if strict(v) != strict(true)]
        assert [Values(values).other(true, n) for n in range(12)] == [others[n % len(others)] for n in range(12)]
    assert Values(["7"]).other("7", 3) is None
    assert Values([]).other("7", 3) is None


def test_the_values_are_looked_through_once_not_for_each_claim() -> None:
    """8,000 rows of a table took more than half a minute."""
    values = Values(str(n) for n in range(20_000))
    assert [values.other(str(n), n) for n in range(20_000)] == [str(n + 1 if n < 19_999 else 0) for n in range(20_000)]
