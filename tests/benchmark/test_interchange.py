"""lm_eval and inspect_ai: what is written can be read there and here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from understudy.artifact import read_records
from understudy.errors import InputError
from understudy.evaluation.interchange.inspect import read_log
from understudy.evaluation.interchange.lm_eval import read_samples, write_task
from understudy.evaluation.interchange.read import read_questions
from understudy.types import ItemResult, MCQItem


@pytest.fixture
def exported(planted: ModuleType, tmp_path: Path) -> Any:
    w = planted.world(4, 5)
    made = planted.Bench(tmp_path, w, {"base": planted.PlantedReader(planted.reads())})
    made.run(arms=("base", "base+rag"), export=("lm_eval", "inspect", "csv"))
    return made


def own(made: Any, arm: str) -> dict[str, ItemResult]:
    rows = read_records(made.folder / "out" / "results.jsonl", ItemResult)
    return {r.item_id: r for r in rows if r.arm == arm}


@pytest.mark.parametrize("kind", ["lm_eval", "inspect"])
def test_results_survive_the_round_trip(exported: Any, kind: str) -> None:
    folder = exported.folder / "out" / "export" / kind
    samples = (
        read_samples(folder / "samples_base+rag.jsonl") if kind == "lm_eval" else read_log(folder / "base+rag.json")
    )
    mine = own(exported, "base+rag")
    assert samples.name == "base+rag"
    assert len(samples.results) == 20
    for r in samples.results:
        assert (r.acc, r.predicted, r.correct, r.doc_id) == (
            mine[r.item_id].acc, mine[r.item_id].predicted, mine[r.item_id].correct, mine[r.item_id].doc_id,
        )  # fmt: skip
    items = {i.item_id: i for i in exported.world.items}
    assert all(i.options == items[i.item_id].options for i in samples.items)


def test_samples_are_questions_too(exported: Any) -> None:
    items, excluded = read_questions(exported.folder / "out" / "export" / "lm_eval" / "samples_base.jsonl")
    assert excluded == []
    assert [i.question for i in items] == [i.question for i in exported.world.items]


def test_answers_as_csv(exported: Any) -> None:
    lines = (exported.folder / "out" / "export" / "csv" / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("item_id,doc_id,question,base,base+rag,floor:longest")
    assert len(lines) == 21


def test_logs_of_lm_eval_on_other_data(tmp_path: Path) -> None:
    def row(problem: str, answer: str, kind: str, right: float) -> dict[str, Any]:
        doc = {"problem": problem}
        return {"doc_id": 0, "doc": doc, "filtered_resps": [answer], "filter": kind, "exact_match": right}

    rows = [row("2+2", "4", "strict", 1.0), row("2+2", "5", "loose", 0.0), row("2+3", "4", "strict", 0.0)]
    path = tmp_path / "samples_gsm8k_2026.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    samples = read_samples(path)
    assert samples.name == "gsm8k_2026"
    assert [r.acc for r in samples.results] == [1.0, 0.0]
    assert len({r.item_id for r in samples.results}) == 2


@pytest.mark.parametrize("text", ["{}", '{"doc": 3}', "nonsense", '{"doc": {"a": NaN}}', '{"doc": ' + "[" * 50_000])
def test_what_is_no_log_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "samples_x.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=":1: not a sample"):
        read_samples(path)
    with pytest.raises(InputError, match="not a JSON log of inspect_ai"):
        read_log(path)


@pytest.mark.parametrize(
    "sample",
    [{"input": []}, {"input": {"a": 1}, "choices": ["x"], "target": "A"}, {"input": "q", "target": []}, [], None, "q"],
)
def test_a_log_of_inspect_with_odd_samples_is_refused(tmp_path: Path, sample: Any) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"eval": {"model": "m"}, "samples": [sample]}), encoding="utf-8")
    with pytest.raises(InputError, match="not a JSON log of inspect_ai"):
        read_log(path)


def python() -> str:
    found = os.environ.get("UNDERSTUDY_LM_EVAL_PYTHON")
    if not found:
        pytest.skip("UNDERSTUDY_LM_EVAL_PYTHON does not name a Python that has lm_eval and inspect_ai")
    return found


@pytest.mark.slow
def test_inspect_ai_opens_our_logs(exported: Any) -> None:
    path = exported.folder / "out" / "export" / "inspect" / "base.json"
    code = (
        "import json, sys; from inspect_ai.log import read_eval_log; log = read_eval_log(sys.argv[1]);"
        "print(json.dumps([log.status, log.eval.model, log.results.scores[0].metrics['accuracy'].value,"
        " [[s.id, s.target, s.scores['choice'].value] for s in log.samples]]))"
    )
    done = subprocess.run([python(), "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=200)
    status, model, accuracy, rows = json.loads(done.stdout.splitlines()[-1])
    mine = own(exported, "base")
    assert (status, model) == ("success", "base")
    assert accuracy == pytest.approx(sum(r.acc or 0 for r in mine.values()) / len(mine))
    assert [(i, v) for i, _, v in rows] == [(i, "C" if r.acc == 1.0 else "I") for i, r in mine.items()]


@pytest.mark.slow
def test_lm_eval_runs_our_task(tiny_model: Path, tmp_path: Path) -> None:
    items = [
        MCQItem(f"i{k}", f"What is the port of queue {k}?", (f"{k}411", f"{k}412 or so", "disk", "14 days"), k % 4)
        for k in range(12)
    ]
    write_task(tmp_path, items)
    command = [
        python(), "-m", "lm_eval", "--model", "hf", "--model_args", f"pretrained={tiny_model},dtype=float32",
        "--include_path", ".", "--tasks", "understudy", "--device", "cpu", "--batch_size", "4",
        "--log_samples", "--output_path", str(tmp_path / "out"),
    ]  # fmt: skip
    env = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=280, env=env, cwd=tmp_path)
    [path] = (tmp_path / "out").rglob("samples_*.jsonl")
    samples = read_samples(path)
    assert {r.item_id for r in samples.results} == {i.item_id for i in items}
    assert all(r.acc in (0.0, 1.0) and r.predicted is not None for r in samples.results)
    assert [i.correct for i in samples.items] == [i.correct for i in items]
