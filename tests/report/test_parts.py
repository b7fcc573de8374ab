"""Known answers for the parts: words, pictures, coverage, training, passages, redaction."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.artifact import Artifact, seal, write_records
from understudy.benchmark.config import FLOORS
from understudy.benchmark.summary import CAUSES as KNOWN_CAUSES
from understudy.report import charts, words
from understudy.report.build import build
from understudy.report.coverage import coverage
from understudy.report.glossary import CAUSES, GLOSSARY
from understudy.report.shapes import flow, grid
from understudy.report.sources import Sources, redact_tree
from understudy.report.training import training
from understudy.report.verdict import verdict


@pytest.mark.parametrize(
    ("shown", "want"),
    [
        (words.percent(0.5764), "57.6\u00a0%"),
        (words.percent(None), "–"),
        (words.percent(0.0), "0.0\u00a0%"),
        (words.points(-0.031), "−3.1"),
        (words.points(0.125), "+12.5"),
        (words.points_span(-0.09, 0.28), "−9.0 to +28.0"),
        (words.points_span(None, 0.2), "–"),
        (words.p_value(1.6e-114), "< 0.001"),
        (words.p_value(0.04), "0.040"),
        (words.duration(0.4), "0.4 s"),
        (words.duration(3725), "1 h 02 min"),
        (words.duration(119.7), "2 min 00 s"),
        (words.size(1_234_000_000), "1.2 GB"),
        (words.lines(3, 3), "line 3"),
        (words.lines(3, 5), "lines 3–5"),
        (words.plural(1, "document"), "1 document"),
        (words.plural(1200, "question"), "1,200 questions"),
        (words.number(0.000123456), "0.0001235"),
        (words.number(True), "yes"),
    ],
)
def test_figures_in_words(shown: str, want: str):
    assert shown == want


def test_every_floor_and_cause_has_its_words():
    assert set(CAUSES) == set(KNOWN_CAUSES)
    for name in FLOORS:
        told = words.describe_arm({"kind": "floor", "name": f"floor:{name}"})
        assert told != "knows nothing of the subject"


def test_every_term_that_templates_link_is_explained():
    folder = Path(charts.__file__).parent / "templates"
    used = {t for path in folder.glob("*.j2") for t in re.findall(r'term\("([\w-]+)"', path.read_text())}
    assert used
    assert used <= set(GLOSSARY)


def arm(name: str, value: float | None, low: float | None, high: float | None, kind: str = "arm") -> dict:
    return {"name": name, "label": name, "kind": kind, "acc": {"value": value, "low": low, "high": high}}


@pytest.mark.parametrize("narrow", [False, True])
def test_the_arms_picture_places_values_where_they_belong(narrow: bool):
    rows = [arm("none", 0.0, 0.0, 0.0), arm("half", 0.5, 0.5, 0.5), arm("all", 1.0, 1.0, 1.0),
            arm("dead", None, None, None)]  # fmt: skip
    svg = charts.arms_chart(rows, 0.25, narrow=narrow)
    marks = re.findall(r'<path transform="translate\(([\d.]+),[\d.]+\)" d="[^"]+" fill="var\(--accent\)"', svg)
    x = [float(m) for m in marks]
    assert len(x) == 3
    assert x[0] == 0
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.01)
    assert "dead" not in svg
    assert "100.0" in svg


def test_pictures_use_the_pages_colours_and_no_others():
    svg = charts.arms_chart([arm("a", 0.5, 0.4, 0.6), arm("floor:x", 0.3, 0.2, 0.4, "floor")], 0.25)
    pair = {
        "first": "a",
        "second": "b",
        "verdict": "worse",
        "difference": {"value": -0.1, "low": -0.2, "high": 0.0},
    }
    svg += charts.differences_chart([pair])
    svg += charts.training_chart({"loss": [[1, 2.0], [2, 1.0]], "dev_loss": [[2, 1.5]]})
    used = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
    assert {c for c in used if not c.startswith("var(--")} <= {"none", "transparent"}
    assert "var(--bad)" in used
    assert not re.findall(r' id="', svg)


def heights(svg: str, tag: str) -> list[float]:
    return [float(h) for h in re.findall(rf'<{tag} class="node [a-z]+"[^>]* height="([\d.]+)"', svg)]


@pytest.mark.parametrize("narrow", [False, True])
def test_streams_are_as_wide_as_their_questions(narrow: bool):
    causes = [{"cause": c, "n": n} for c, n in (("right", 50), ("retrieval miss", 30), ("reader miss", 20))]
    svg = str(flow({"arm": "sft+rag", "n": 100, "causes": causes}, narrow=narrow))
    found = heights(svg, "rect")
    everything, *rest = found
    ends = rest if narrow else rest[1:]
    assert ends == pytest.approx([everything * share for share in (0.5, 0.3, 0.2)], abs=0.1)
    if not narrow:
        assert rest[0] == pytest.approx(everything * 0.5, abs=0.1)
    assert "retrieval miss 30 of 100" in svg


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("causes", [{"right": 7}, {"reader miss": 7}, {"right": 1, "invented <cause>": 999}])
def test_any_mix_of_causes_can_be_drawn(causes: dict[str, int], narrow: bool):
    rows = [{"cause": c, "n": n} for c, n in causes.items()]
    svg = str(flow({"arm": "a<b", "n": sum(causes.values()), "causes": rows}, narrow=narrow))
    assert "<cause>" not in svg
    assert svg.count("<rect") >= len(causes) + 1


OUTCOMES = st.sampled_from(["right", "wrong", "unreadable", "none"])


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES), min_size=1, max_size=60))
def test_the_grid_has_one_cell_for_every_question(table: list[tuple[str, str]]):
    questions = [{"answers": [{"arm": n, "outcome": o} for n, o in zip("ab", row, strict=True)]} for row in table]
    for index, strip in enumerate(grid(questions, ["a"], ["b"])):
        svg = str(strip["svg"])
        for outcome in ("right", "wrong", "unreadable"):
            drawn = re.search(rf'class="{outcome}" d="([^"]*)"', svg)
            cells = sum(int(w) for w in re.findall(r"0h(\d+)v1", drawn.group(1))) if drawn else 0
            assert cells == sum(row[index] == outcome for row in table)
        assert strip["right"] == sum(row[index] == "right" for row in table)


def stage(folder: Path, name: str, **files: list) -> dict[str, Artifact]:
    for file, rows in files.items():
        write_records(folder / f"{file}.jsonl", rows)
    folder.mkdir(parents=True, exist_ok=True)
    seal(folder, {"stage": name, "key": "0" * 64, "counts": {}, "metrics": {}})
    return {name: Artifact.open(folder)}


def test_coverage_counts_every_chunk_once(make_run):
    made = make_run(62)
    found = coverage(Sources(made.artifacts), made.chunks)
    assert sum(found["counts"].values()) == len(made.chunks)
    assert found["counts"]["failed"] == 2 == len(found["failed"])
    for status in ("accepted", "rejected", "failed"):
        assert sum(row[status] for row in found["by_document"]) == found["counts"][status]
    assert sum(row["items"] for row in found["by_document"]) == len(made.items)
    assert found["unaccounted"] == 0
    assert found["skipped"] == [{"path": "logo.png", "reason": "binary: an image"}]


def test_a_chunk_that_the_teacher_forgot_is_missed(make_run, tmp_path):
    made = make_run(12)
    lines = (made.artifacts["generate"].path / "coverage.jsonl").read_text(encoding="utf-8").splitlines()
    (made.artifacts["generate"].path / "coverage.jsonl").write_text("\n".join(lines[2:]), encoding="utf-8")
    text = build(made.run, made.artifacts, tmp_path).read_text(encoding="utf-8")
    assert "2 chunks without any account" in text


def test_a_long_training_log_is_thinned_and_keeps_its_ends(tmp_path: Path):
    log = [{"step": s, "loss": float(s % 7), "dev_loss": None} for s in range(1, 5001)]
    found = training(Sources(stage(tmp_path, "sft", log=log)))
    assert found is not None
    assert len(found["loss"]) <= 302
    assert found["loss"][0] == [1, 1.0]
    assert found["loss"][-1] == [5000, float(5000 % 7)]
    assert found["dev_loss"] == []
    assert found["best_dev_loss"] is None


def test_the_settings_are_those_that_had_an_effect(tmp_path: Path):
    def settings(name: str, **config: Any) -> dict[str, Any]:
        folder = tmp_path / name
        folder.mkdir()
        manifest = {"stage": "sft", "key": "0" * 64, "counts": {}, "metrics": {}, "config": {"r": 8, **config}}
        seal(folder, manifest)
        found = training(Sources({"sft": Artifact.open(folder)}))
        assert found is not None
        return dict(found["settings"])

    held = {"source": "self", "share": 0.25, "loss": "kl", "max_tokens": 200}
    replay = {"replay source": "self", "replay share": 0.25, "replay loss": "kl"}
    assert settings("adapter", method="lora", replay=held) == {"method": "lora", "r": 8, **replay}
    assert settings("whole", method="full", replay={**held, "share": 0.0}) == {"method": "full"}
    assert settings("off", method="full", replay={**held, "source": "off"}) == {"method": "full"}


def test_a_training_log_with_a_loss_that_is_no_number_does_not_break_the_picture(tmp_path: Path):
    folder = tmp_path / "sft"
    folder.mkdir()
    (folder / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": NaN}\n{"step": 3}\n')
    found = training(Sources(stage(folder, "sft")))
    assert found is not None
    assert found["loss"] == [[1, 2.0]]
    assert "<svg" in charts.training_chart(found)


def test_redaction_reaches_keys_and_nested_texts(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abcdefgh12345")
    plain = {"a": ["x abcdefgh12345 y", {"at abcdefgh12345": 1}], "n": 2.5, "none": None}
    assert redact_tree(plain) == {"a": ["x <MY_TOKEN> y", {"at <MY_TOKEN>": 1}], "n": 2.5, "none": None}
    clean = {"a": ["nothing here"]}
    assert redact_tree(clean) is clean


def test_a_secret_that_is_an_ordinary_word_does_not_break_the_page(make_run, tmp_path, monkeypatch):
    for number, word in enumerate(("benchmark", "provenance", "questions", "background")):
        monkeypatch.setenv(f"WEAK_PASSWORD_{number}", word)
    made = make_run(12)
    text = build(made.run, made.artifacts, tmp_path).read_text(encoding="utf-8")
    assert 'id="provenance"' in text
    assert "background:var(--bg)" in text


def test_imported_questions_without_a_source_are_shown_without_one(make_run, tmp_path):
    made = make_run(12)
    items = [type(i)(i.item_id, f"Unknown {n}?", i.options, i.correct) for n, i in enumerate(made.items)]
    write_records(made.artifacts["benchmark"].path / "items.jsonl", items)
    text = build(made.run, made.artifacts, tmp_path).read_text(encoding="utf-8")
    assert text.count("The supporting passage of this question is not known.") == 12


@pytest.mark.parametrize(("pairs", "warned"), [(1, False), (6, False), (7, True)])
def test_a_benchmark_that_cannot_find_anything_says_so(make_run, pairs: int, warned: bool):
    made = make_run(40)  # eight documents: the smallest p is 1 / 128
    assert made.summary.provenance.clusters == 8
    comparisons = (made.summary.comparisons * 3)[:pairs]
    told = verdict(replace(made.summary, comparisons=comparisons))["trust"]
    assert any("not even the clearest" in point["text"] for point in told) == warned


def test_the_headline_is_one_sentence_and_the_rest_follows(make_run):
    summary = replace(make_run(12).summary, headline="base v0.2 is better (3.5% of 9). Mind the gap.")
    found = verdict(summary)
    assert found["headline"] == "base v0.2 is better (3.5% of 9)."
    assert found["more"] == "Mind the gap."
