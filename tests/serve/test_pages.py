"""The web page: what it is made of, what it asks for, who may ask."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from serve.conftest import SCRIPT, Serving

import understudy
from understudy import api
from understudy.pipeline.progress import noted
from understudy.serve.feedback import Feedback, Mark
from understudy.serve.pages import static_files
from understudy.serve.problems import Problem
from understudy.serve.runs import Runs
from understudy.stage import silent

PATHS = ("/api/run", "/api/verdict", "/api/items", "/api/items/x", "/api/runs", "/api/compare", "/documents/x")


def test_the_page_runs_nothing_but_its_own_files(serving: Any) -> None:
    with serving.client() as http:
        page = http.get("/")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"].split("; ")
        assert "default-src 'self'" in policy
        assert not any("unsafe" in part for part in policy)
        named = re.findall(r'(?:href|src)="(/[^"]+)"', page.text)
        assert len(named) >= 3
        for name in named:
            file = http.get(name)
            assert file.status_code == 200, name
            assert file.headers["x-content-type-options"] == "nosniff"
        assert http.get("/static/nothing.js").status_code == 404
        assert http.get("/static/..%2Fpages.py").status_code == 404
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", page.text)


def test_the_files_name_no_other_host_and_read_no_markup() -> None:
    files = {name: content.decode() for name, content in static_files().items()}
    assert {"index.html", "page.css", "main.js", "chat.js", "verdict.js", "runs.js"} <= set(files)
    for name, text in files.items():
        named = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text)) - {"http://www.w3.org/2000/svg"}
        assert not named, f"{name} names {named}"
        for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert danger not in text, f"{name} uses {danger}"
        for module in re.findall(r"""from "\./([^"]+)";""", text):
            assert module in files, f"{name} imports {module}"


def test_a_passage_comes_with_the_text_of_its_document_around_it(serving: Any) -> None:
    chunks = [c for c in serving.served.chunks.values() if c.doc_id == "guide <b>.md"]
    chunk = max(chunks, key=lambda c: c.start)
    with serving.client() as http:
        found = http.get(f"/documents/{quote(chunk.chunk_id, safe='')}").json()
    assert found["text"] == chunk.text
    assert found["before"].startswith("# Guide")
    assert found["place"] == chunk.where


def test_markup_in_documents_comes_as_text_in_json(serving: Any) -> None:
    odd = [c for c in serving.served.chunks.values() if c.doc_id == "odd <script>.md"]
    assert any(SCRIPT in c.text for c in odd)
    with serving.client() as http:
        for chunk in odd:
            answer = http.get(f"/documents/{quote(chunk.chunk_id, safe='')}")
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.json()["doc_id"] == "odd <script>.md"


def test_the_verdict_is_the_reports(serving: Any, small_run: understudy.Run) -> None:
    with serving.client() as http:
        found = http.get("/api/verdict").json()
    told = json.loads((small_run.folder / "report.json").read_text())
    assert found["verdict"] == told["verdict"]
    assert found["arms"] == told["arms"]
    assert found["comparisons"] == told["benchmark"]["comparisons"]
    assert found["recommendation"]["sentence"].startswith("Ship ")
    assert "questions" not in found


def test_every_question_can_be_opened_with_scores_and_passages(serving: Any, small_run: understudy.Run) -> None:
    told = json.loads((small_run.folder / "report.json").read_text())
    with serving.client() as http:
        items = http.get("/api/items").json()["items"]
        assert [i["id"] for i in items] == [q["id"] for q in told["questions"]]
        whole = http.get(f"/api/items/{quote(items[0]['id'], safe='')}").json()
        assert http.get("/api/items/nothing").status_code == 404
    assert whole["question"] == items[0]["question"]
    assert items[0]["outcomes"] == {a["arm"]: a["outcome"] for a in whole["answers"]}
    rag = next(a for a in whole["answers"] if a["arm"] == "base+rag")
    scores = rag["option_scores"]
    assert len(scores) == len(whole["options"]) == len(whole["letters"])
    assert whole["letters"][max(range(len(scores)), key=scores.__getitem__)] == rag["letter"]
    assert {c for r in whole["retrieved"] for c in r["chunks"]} <= set(whole["passages"])


def test_runs_are_listed_and_compared_by_label_only(serving: Any, small_run: understudy.Run) -> None:
    label = small_run.label
    with serving.client() as http:
        (only,) = http.get("/api/runs").json()["runs"]
        same = http.get("/api/compare", params={"first": label, "second": label}).json()
        for name in ("nothing@1", str(small_run.artifact("benchmark").path), "../handbook"):
            refused = http.get("/api/compare", params={"first": label, "second": name})
            assert refused.status_code == 404
    assert only["label"] == label
    assert only["served"]
    assert all(stage["done"] for stage in only["stages"])
    assert [c["difference"]["value"] for c in same["comparisons"]] == [0, 0]


def test_a_run_is_opened_again_only_where_its_files_changed(apart: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, opened = Runs(apart.served), []
    keep = api.open_run
    monkeypatch.setattr(api, "open_run", lambda label, **more: opened.append(label) or keep(label, **more))
    first = runs.listed()
    assert opened == [first[0]["label"]]
    with noted(apart.served.run.folder, "benchmark", silent) as tell:
        tell("sitting", 3, 12)
        assert [run["progress"]["stage"] for run in runs.listed()] == ["benchmark"]
    assert runs.listed() == first
    assert len(opened) == 1
    shutil.rmtree(apart.served.run.artifact("benchmark").path)
    (after,) = runs.listed()
    assert len(opened) == 2
    assert [s["stage"] for s in after["stages"] if not s["done"]] == ["benchmark"]
    assert after["verdict"] is None


def test_a_bad_answer_is_kept_for_review(serving: Any, small_run: understudy.Run) -> None:
    mark = {"model": "handbook/base", "question": "Which <b>port</b>?", "answer": "80\n81", "note": "not in the docs"}
    with serving.client() as http:
        assert http.post("/api/feedback", json=mark).json() == {"marked": 1}
        assert http.post("/api/feedback", json=mark).json() == {"marked": 2}
        for wrong in ({**mark, "model": "gpt-4"}, {**mark, "question": ""}, {**mark, "path": "x"}, [], "x"):
            assert http.post("/api/feedback", json=wrong).status_code in (400, 404)
    rows = [json.loads(line) for line in (small_run.folder / "feedback.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert {k: rows[0][k] for k in mark} == mark
    assert rows[0]["when"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").mkdir()
    with pytest.raises(Problem, match=r"feedback\.jsonl"):
        Feedback(tmp_path).add(Mark(model="m", question="q", answer="a"))


def test_with_a_key_the_page_opens_and_its_content_does_not(with_key: Any) -> None:
    with with_key.client() as http:
        assert http.get("/").status_code == 200
        assert http.get("/static/main.js").status_code == 200
        for path in PATHS:
            assert http.get(path).status_code == 401, path
        assert http.post("/api/feedback", json={}).status_code == 401
    with with_key.client(authorization="Bearer a-key-of-the-server") as http:
        assert http.get("/api/run").json()["label"] == "handbook@1"


def test_pages_of_other_places_cannot_read_the_findings(serving: Any) -> None:
    with serving.client(origin="http://elsewhere.test") as http:
        assert http.get("/api/verdict").status_code == 403
        assert http.post("/api/feedback", json={}).status_code == 403
    with serving.client(**{"sec-fetch-site": "cross-site"}) as http:
        assert http.get("/api/runs").status_code == 403
    with serving.client(origin=serving.url, **{"sec-fetch-site": "same-origin"}) as http:
        assert http.get("/api/runs").status_code == 200


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_in_a_browser_the_question_opens_from_its_address_and_markup_stays_text(serving: Any, tmp_path: Path) -> None:
    with serving.client() as http:
        items = http.get("/api/items").json()["items"]
    asked = items[0]
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
    flags = [f"--{flag}" for flag in (*quiet.split(), "disable-component-update", f"user-data-dir={tmp_path}")]
    address = f"{serving.url}/#/verdict?doc={quote(asked['doc_id'])}&item={quote(asked['id'])}"
    shown = subprocess.run(
        ["chromium", *flags, "--virtual-time-budget=20000", "--dump-dom", address],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    assert "<title>Verdict – Understudy</title>" in shown
    assert f"{sum(i['doc_id'] == asked['doc_id'] for i in items)} of {len(items)} questions" in shown
    assert "guide &lt;b&gt;.md" in shown
    assert "guide <b>.md" not in shown
    assert "What each arm answered" in shown
