"""Rough speeds follow the processors that a training may use."""

from __future__ import annotations

import pytest

from understudy.models import rates


@pytest.mark.parametrize(
    ("said", "cores"),
    [(None, 6), ("", 6), ("1", 1), ("4", 4), ("64", 6), ("2,1", 2), ("all", 6), ("0", 6)],
)
def test_no_more_cores_are_planned_than_threads_are_allowed(
    monkeypatch: pytest.MonkeyPatch, said: str | None, cores: int
) -> None:
    monkeypatch.setattr(rates, "has_gpu", lambda: False)
    monkeypatch.setattr(rates.os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    found = rates.rates(1e6)
    assert found.where == ("1 core" if cores == 1 else f"{cores} cores")
    assert found.trained == pytest.approx(cores * rates.CPU_RATE / 1e6)
