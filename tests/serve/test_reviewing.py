"""Review over HTTP: the same queue and the same file as in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.generate.decisions import read_decisions

MARK = {"model": "handbook/base", "question": "How <b>many</b>?", "answer": "9 [1]", "note": "<i>wrong</i>"}
FILE = Path("reviews/handbook.jsonl")


def rows(http: Any, **asked: Any) -> list[dict[str, Any]]:
    answer = http.get("/api/review", params={"most": 200, **asked})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_the_queue_is_that_of_the_terminal(apart: Any) -> None:
    review = apart.served.run.review()
    with apart.client() as http:
        found = http.get("/api/review", params={"most": 200}).json()
        assert [r["id"] for r in found["rows"]] == list(dict.fromkeys(e.id for e in review.entries))[:200]
        assert (found["waiting"], found["path"], found["applied"]) == (found["of"], str(FILE), False)
        first, second, third = found["rows"][:3]
        assert rows(http, offset=1, most=2) == [second, third]
        assert {r["sort"] for r in rows(http, sort="item")} == {"item"}
        word = first["question"].split()[-1]
        assert all(word.lower() in r["question"].lower() for r in rows(http, q=word))
        whole = http.get(f"/api/review/records/{first['id']}").json()
        entry = review.find(first["id"])
        assert entry.chunk is not None
        assert (whole["answer"], whole["quote"], whole["passage"]["text"]) == (
            entry.answer,
            entry.record.quote,
            entry.chunk.text,
        )
        assert http.get("/api/review/records/p-nothing").status_code == 400


def test_decisions_are_written_carried_over_and_taken_back(apart: Any) -> None:
    with apart.client() as http:
        first, other = (r for r in rows(http, sort="pair", q="--flag-3")[:2])
        made = {"id": first["id"], "what": "reject", "reason": "  too\nplain ", "by": "ada"}
        found = http.post("/api/review/decide", json=made).json()
        assert [w["id"] for w in found["written"]] == [first["id"]]
        (line,) = read_decisions(FILE)
        assert (line.what, line.reason, line.who) == ("reject", "too plain", "ada")
        assert first["id"] not in {r["id"] for r in rows(http)}
        assert [r["decision"] for r in rows(http, show="decided")] == ["reject"]

        asked = {"id": first["id"], "scope": "fact"}
        changes = http.get("/api/review/similar", params=asked).json()["changes"]
        assert other["id"] in {c["id"] for c in changes}
        assert len(read_decisions(FILE)) == 1  # nothing is written by looking
        found = http.post("/api/review/similar", json={**asked, "ids": [other["id"], "p-unseen"]}).json()
        assert [w["id"] for w in found["written"]] == [other["id"]]
        assert read_decisions(FILE)[-1].alike == first["id"]

        assert http.post("/api/review/undo", json={"ids": [other["id"], first["id"]]}).status_code == 200
        assert http.get("/api/review").json()["waiting"] == found["of"]
        assert len(read_decisions(FILE)) == 4
    assert apart.served.run.review().decided == {}


def test_what_the_terminal_decides_is_seen_at_once(apart: Any) -> None:
    with apart.client() as http:
        first = rows(http)[0]
        elsewhere = understudy.open_run("handbook", store=apart.served.run.store).review()
        elsewhere.write([elsewhere.draft(elsewhere.find(first["id"]), "accept")])
        assert first["id"] not in {r["id"] for r in rows(http)}
        FILE.write_text("damaged\n")
        answer = http.get("/api/review")
        assert answer.status_code == 400
        assert f"{FILE}:1: not valid JSON" in answer.json()["error"]["message"]


def test_exam_questions_can_be_rejected_and_never_edited(apart: Any) -> None:
    with apart.client() as http:
        item = rows(http, sort="item")[0]
        whole = http.get(f"/api/review/records/{item['id']}").json()
        assert whole["locked"]  # the benchmark has asked it
        assert not whole["editable"]
        edit = {"id": item["id"], "what": "edit", "answer": "x"}
        refused = http.post("/api/review/decide", json=edit)
        assert refused.status_code == 400
        assert "never edited" in refused.json()["error"]["message"]
        assert not FILE.exists()
        assert http.post("/api/review/decide", json={**edit, "what": "reject", "reason": "x"}).status_code == 200
    assert read_decisions(FILE)[0].seen


def test_a_bad_answer_waits_in_the_queue_of_page_and_terminal(apart: Any) -> None:
    chunk = next(iter(apart.served.chunks.values()))
    with apart.client() as http:
        assert rows(http, sort="mark") == []
        assert http.post("/api/feedback", json={**MARK, "passages": [chunk.chunk_id]}).json() == {"marked": 1}
        first = rows(http)[0]
        whole = http.get(f"/api/review/records/{first['id']}").json()
        assert (first["sort"], whole["question"], whole["answer"]) == ("mark", MARK["question"], "9")
        assert whole["passage"]["id"] == chunk.chunk_id
        assert any("<i>wrong</i>" in reason for reason in whole["reasons"])
        edit = {"id": first["id"], "what": "edit", "answer": "Twelve."}
        assert http.post("/api/review/decide", json=edit).json()["written"][0]["after"]["answer"] == "Twelve."
        assert rows(http, sort="mark") == []
    (entry,) = [e for e in apart.served.run.review().entries if e.sort == "mark"]
    assert entry.record.question == MARK["question"]


def test_the_audit_says_how_many_are_good(apart: Any) -> None:
    with apart.client() as http:
        asked = {"n": 4, "seed": 3}
        drawn = http.get("/api/review/audit", params=asked).json()["rows"]
        for row, what in zip(drawn, ("accept", "reject", "accept", "accept"), strict=True):
            made = {"id": row["id"], "what": what, "reason": "x"}
            assert http.post("/api/review/decide", json=made).status_code == 200
        found = http.get("/api/review/audit", params=asked).json()
    assert [r["good"] for r in found["rows"]] == [True, False, True, True]
    assert (found["estimate"]["good"], found["estimate"]["read"]) == (3, 4)
    assert found["estimate"]["low"] == pytest.approx(0.3006, abs=1e-4)  # Wilson, by hand


def test_only_the_page_itself_or_a_program_decides(apart: Any, with_key: Any) -> None:
    made = {"id": "p-x", "what": "accept"}
    paths = {"decide": made, "similar": {"id": "p-x", "scope": "fact", "ids": ["p-y"]}, "undo": {"ids": ["p-x"]}}
    with apart.client() as http:
        paths["decide"] = made = {"id": rows(http)[0]["id"], "what": "accept"}
        for path, body in paths.items():
            address = f"/api/review/{path}"
            for headers in (
                {"origin": "http://elsewhere.test"},
                {"sec-fetch-site": "cross-site"},
                {"host": "evil.test"},
            ):
                assert http.post(address, json=body, headers=headers).status_code == 403, (path, headers)
            form = {"content-type": "text/plain", "origin": apart.url}  # what a form of another place can send
            assert http.post(address, content=json.dumps(body), headers=form).status_code == 415
        for wrong in ({**made, "path": "/etc/passwd"}, {**made, "what": "undo"}, {"id": ""}, [], "x"):
            assert http.post("/api/review/decide", json=wrong).status_code == 400, wrong
        assert not FILE.exists()
        assert http.post("/api/review/decide", json=made, headers={"origin": apart.url}).status_code == 200
    with with_key.client() as http:
        assert [http.post(f"/api/review/{path}", json=body).status_code for path, body in paths.items()] == [401] * 3
        assert [http.get(f"/api/review{p}").status_code for p in ("", "/audit", "/similar", "/records/x")] == [401] * 4
