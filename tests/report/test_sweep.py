"""The strengths of a training in the report: every figure, the choice, and a sentence without statistics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from report.conftest import Made

from understudy.report import charts
from understudy.report.build import build


def part(value: float | None, n: int = 120) -> dict[str, Any]:
    low, high = (None, None) if value is None else (max(0.0, value - 0.08), min(1.0, value + 0.08))
    return {"value": value, "low": low, "high": high, "n": n, "clusters": n}


def row(strength: float, dev: float, general: float | None, change: float | None, verdict: str) -> dict[str, Any]:
    moved = {**part(change, 240), "low": -0.0512, "high": 0.0234, "verdict": verdict}
    return {
        "strength": strength, "dev": part(dev), "general": part(general, 240), "general_change": moved,
        "skills": {"code": part(general)}, "kl": 0.1 * strength,
    }  # fmt: skip


def content(**changes: Any) -> dict[str, Any]:
    return {
        "chosen": 0.6, "rule": "within", "why": "The reason <in words>.", "margin": 1.0, "keep": 0.9,
        "base": row(0.0, 0.25, 0.52, 0.0, "inconclusive"),
        "strengths": [row(0.6, 0.713, 0.5, -0.02, "inconclusive"), row(1.0, 0.75, 0.41, -0.11, "lost")],
        **changes,
    }  # fmt: skip


def report(made: Made, tmp_path: Path, text: str) -> tuple[str, dict[str, Any]]:
    (made.artifacts["sft"].path / "sweep.json").write_text(text, encoding="utf-8")
    page = build(made.run, made.artifacts, tmp_path).read_text(encoding="utf-8")
    return page, json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def test_every_strength_is_shown_and_the_choice_explained(make_run, tmp_path: Path):
    page, findings = report(make_run(), tmp_path, json.dumps(content()))
    section = page[page.index('id="training"') : page.index('id="coverage"')]
    assert "60\u00a0% of the training was kept" in section
    assert "answers 71 instead of 25" in section
    assert "general ones 50 instead of 52" in section
    assert "The reason &lt;in words&gt;." in section
    assert section.count(">chosen<") >= 3  # the table, and both pictures
    for figure in ("71.3", "−2.0", "−11.0", "−5.1 to +2.3", "lost", "inconclusive", "240"):
        assert figure in section
    assert [r["strength"] for r in findings["training"]["sweep"]["rows"]] == [0.0, 0.6, 1.0]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [(1.0, "All of the training was kept"), (0.0, "None of the training was kept"), (1.5, "strengthened to 150")],
)
def test_the_ends_are_named(make_run, tmp_path: Path, chosen: float, told: str):
    rows = [row(1.0, 0.7, 0.5, -0.02, "kept"), row(1.5, 0.7, None, None, "inconclusive")]
    page, _ = report(make_run(), tmp_path, json.dumps(content(chosen=chosen, strengths=rows)))
    assert told in page
    assert "an unknown number" in page or chosen != 1.5


def test_nothing_swept_or_damaged_breaks_nothing(make_run, tmp_path: Path):
    bare = {"chosen": 1.0, "rule": "not swept", "why": "Only 3 wordings.", "base": None, "strengths": []}
    page, _ = report(make_run(), tmp_path / "a", json.dumps(bare))
    assert "Only 3 wordings." in page
    for text in ("{", "[]", '{"chosen": 1}', json.dumps(content(chosen=0.3))):
        _, findings = report(make_run(), tmp_path / "b", text)
        assert findings["training"]["sweep"] is None
        assert any("sweep.json is damaged" in p for p in findings["problems"])


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_places_strengths_where_they_belong(narrow: bool):
    rows = [{**r, "chosen": r["strength"] == 0.5} for r in (
        row(0.0, 0.0, 0.5, 0, "kept"), row(0.5, 0.5, 0.5, 0, "kept"), row(1.0, 1.0, 0.5, 0, "kept"))]  # fmt: skip
    svg = charts.sweep_chart(rows, narrow=narrow)
    marks = re.findall(r'<path transform="translate\(([\d.]+),([\d.]+)\)" d="[^"]+" fill="var\(--accent\)"', svg)
    x, y = [float(a) for a, _ in marks], [float(b) for _, b in marks]
    assert len(x) == 3
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.1)
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.1)
    assert y[2] < y[0]
    assert "chosen" in svg
    used = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
    assert {c for c in used if not c.startswith("var(--")} <= {"none", "transparent"}
