"""The page and the JSON as a whole: complete, self-contained, safe, repeatable, quick to open."""

from __future__ import annotations

import base64
import cProfile
import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from understudy.artifact import Artifact, seal, write_records
from understudy.report.build import build
from understudy.types import ItemResult


def page_of(made: Any, out: Path) -> LexborHTMLParser:
    return LexborHTMLParser(build(made.run, made.artifacts, out).read_text(encoding="utf-8"))


def test_the_sections_come_in_the_promised_order(built):
    page = built.page
    sections = [node.attributes["id"] for node in page.css("main section")]
    assert sections == [
        "verdict", "arms", "comparisons", "forgetting", "attribution", "floors", "training", "coverage",
        "questions", "provenance", "glossary",
    ]  # fmt: skip


def test_the_verdict_stands_first_and_is_the_benchmarks_own(built):
    made = built.made
    page = built.page
    told = " ".join(page.css_first(f"#verdict {part}").text() for part in (".headline", ".lead"))
    assert told == made.summary.headline
    assert page.css_first("#verdict .chip").text().split()[-1] == made.summary.headline_verdict


def test_every_figure_of_the_arms_table_is_the_summarys(built):
    made = built.made
    rows = built.page.css("#arms table")[0].css("tbody tr")
    assert len(rows) == len(made.summary.arms)
    for row, arm in zip(rows, made.summary.arms, strict=True):
        cells = [cell.text().strip() for cell in row.css("td")]
        assert cells[0] == f"{100 * arm.acc.value:.1f}\u00a0%"
        assert cells[1] == f"{100 * arm.acc.low:.1f} to {100 * arm.acc.high:.1f}\u00a0%"
        assert cells[2] == str(arm.acc.n)


def test_every_question_shows_options_answers_source_and_passages(built):
    made = built.made
    blocks = built.page.css("#questions .q")
    assert len(blocks) == len(made.items)
    for block, item in zip(blocks, made.items, strict=True):
        assert block.css_first(".t").text() == item.question
        options = [li.text().strip() for li in block.css(".options li")]
        assert [o.split()[0] for o in options] == list(item.options)
        assert "right answer" in options[item.correct]
        assert block.css_first("blockquote").text() == item.quote
        assert item.doc_id in block.css_first(".source").text()
        outcomes = {r.css_first("th").text(): r.attributes["class"] for r in block.css(".answers tbody tr")}
        for result in (r for r in made.results if r.item_id == item.item_id):
            want = "unreadable" if result.format_failure else "right" if (result.acc or 0) > 0.5 else "wrong"
            assert outcomes[result.arm.removeprefix("floor:")] == want


def test_the_quoted_line_is_the_line_of_the_document(built):
    made = built.made
    rows = [json.loads(line) for line in (made.artifacts["ingest"].path / "documents.jsonl").open()]
    texts = {row["doc_id"]: row["text"].split("\n") for row in rows}
    for question in built.findings["questions"]:
        line = int(question["lines"].removeprefix("line "))
        assert texts[question["doc_id"]][line - 1] == question["quote"]


def test_causes_by_question_add_up_to_the_attribution(built):
    made = built.made
    for entry in made.summary.attribution:
        counted: dict[str, int] = {}
        for question in built.findings["questions"]:
            cause = next(a["cause"] for a in question["answers"] if a["arm"] == entry.arm)
            counted[cause] = counted.get(cause, 0) + 1
        assert counted == dict(entry.counts)


def test_same_inputs_same_bytes(make_run, tmp_path):
    made = make_run(12)
    for name in ("one", "two"):
        build(made.run, made.artifacts, tmp_path / name)
    for file in ("report.html", "report.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_run_may_be_a_dataclass(make_run, tmp_path):
    @dataclass(frozen=True)
    class Record:
        name: str
        recipe: dict[str, Any]
        recipe_text: str
        command: str
        created: str
        artifacts: dict[str, str]
        finished: bool

    made = make_run(12)
    one = build(Record(**made.run), made.artifacts, tmp_path / "a").read_bytes()
    assert one == build(made.run, made.artifacts, tmp_path / "b").read_bytes()


def test_nothing_is_fetched_from_anywhere(built):
    assert not built.page.css("link, iframe, object, embed, img, script[src]")
    assert all(node.attributes["href"].startswith("#") for node in built.page.css("a"))
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/)", built.text)


def test_the_content_policy_allows_the_pages_own_script_only(built):
    page = built.page
    scripts = page.css("script")
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].text().encode()).digest()).decode()
    policy = page.css_first("meta[http-equiv=Content-Security-Policy]").attributes["content"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_text_from_documents_and_models_cannot_become_markup(make_run, tmp_path):
    made = make_run(12)
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
    folder = made.artifacts["benchmark"].path
    item = made.items[0]
    write_records(folder / "items.jsonl", [replace(item, question=hostile, quote=hostile), *made.items[1:]])
    results = [replace(r, text=hostile) if r.item_id == item.item_id else r for r in made.results]
    write_records(folder / "results.jsonl", results)
    chunks = [replace(c, text=hostile, title=hostile, heading_path=(hostile,)) for c in made.chunks]
    write_records(made.artifacts["chunk"].path / "chunks.jsonl", chunks)
    arms = (replace(made.summary.arms[0], name=hostile), *made.summary.arms[1:])
    replace(made.summary, arms=arms, headline=hostile).write(folder / "summary.json")
    made.run.update(name=hostile, recipe_text=hostile, command=hostile)
    page = page_of(made, tmp_path)
    assert len(page.css("script")) == 1
    assert not page.css("img")
    assert page.css_first("#verdict .headline").text() == hostile


def test_secrets_stay_out_also_where_escaping_changes_them(make_run, tmp_path, monkeypatch):
    secret = "s3cr<t&\"key'42"
    monkeypatch.setenv("SOME_API_KEY", secret)
    made = make_run(12)
    made.run["command"] = f"understudy run x.yaml --set a={secret}"
    made.run["recipe_text"] += f"# {secret}\n"
    made.artifacts["benchmark"] = with_result_text(made, f"the key is {secret}")
    page = build(made.run, made.artifacts, tmp_path)
    for text in (page.read_text(encoding="utf-8"), (tmp_path / "report.json").read_text(encoding="utf-8")):
        assert "42" not in text.split("SOME_API_KEY")[1][:3]
        for form in (secret, "s3cr&lt;t&amp;", json.dumps(secret)[1:-1], "s3cr"):
            assert form not in text


def with_result_text(made: Any, text: str) -> Artifact:
    folder = made.artifacts["benchmark"].path
    write_records(folder / "results.jsonl", [replace(r, text=text) for r in made.results])
    seal(folder, made.artifacts["benchmark"].manifest)
    return Artifact.open(folder)


@pytest.mark.parametrize("stage", ["ingest", "chunk", "generate", "index", "sft", "benchmark"])
def test_a_missing_stage_is_named_and_the_rest_is_shown(make_run, tmp_path, stage):
    made = make_run(12)
    del made.artifacts[stage]
    page = page_of(made, tmp_path)
    told = " ".join(li.text() for li in page.css("#verdict details li"))
    assert f"{stage}: no " in told
    assert "no longer in the store" in told
    assert bool(page.css_first("#arms")) == (stage != "benchmark")
    assert page.css_first("#provenance")


def test_a_run_without_any_artifact_still_gets_a_page(tmp_path):
    run = {"name": "empty", "recipe": {"sft": {}}, "recipe_text": "", "command": "", "created": ""}
    text = build({**run, "artifacts": {}}, {}, tmp_path).read_text(encoding="utf-8")
    assert "There is no verdict" in text
    assert "it has not run yet" in text
    assert "add `benchmark:`" in text


@pytest.mark.parametrize("file", ["summary.json", "results.jsonl", "items.jsonl"])
def test_a_damaged_file_is_named_and_not_fatal(make_run, tmp_path, file):
    made = make_run(12)
    path = made.artifacts["benchmark"].path / file
    path.write_bytes(path.read_bytes()[:-40])
    page = page_of(made, tmp_path)
    told = page.css_first("#verdict details").text()
    assert file in told
    assert "open" in page.css_first("#verdict details").attributes


def test_failed_arms_and_undefined_figures_are_dashes(make_run, tmp_path):
    made = make_run(12)
    nothing = replace(made.summary.arms[0].acc, value=None, low=None, high=None, stderr=None, n=0)
    dead = replace(made.summary.arms[0], acc=nothing, circular=None, error="the endpoint hung up")
    none = replace(made.summary.comparisons[0], difference=nothing, p=None, p_holm=None, p_mcnemar=None, mde=None,
                   power=None, n_needed=None, verdict="inconclusive")  # fmt: skip
    summary = replace(made.summary, arms=(dead, *made.summary.arms[1:]), comparisons=(none,))
    summary.write(made.artifacts["benchmark"].path / "summary.json")
    page = page_of(made, tmp_path)
    row = page.css_first("#arms tbody tr")
    assert "the endpoint hung up" in row.text()
    assert [cell.text() for cell in row.css("td")][:3] == ["–", "–", "0"]
    assert [cell.text() for cell in page.css_first("#comparisons tbody tr").css("td")][1:4] == ["–", "–", "–"]


def test_pictures_tables_and_anchors_are_accessible(built):
    page = built.page
    for svg in page.css("svg"):
        assert svg.attributes.get("role") == "img"
        assert svg.attributes.get("aria-label")
    for table in page.css("table"):
        assert all(head.attributes.get("scope") for head in table.css("th"))
    ids = [node.attributes["id"] for node in page.css("[id]")]
    assert len(ids) == len(set(ids))
    assert {a.attributes["href"][1:] for a in page.css("a")} <= set(ids)
    for label in page.css("#filter label"):
        assert label.css_first("input, select")


def test_every_passage_link_leads_to_the_passage(built):
    made = built.made
    page = built.page
    texts = {c.breadcrumb: c.text for c in made.chunks}
    links = page.css(".q a.p")
    assert links
    for link in links:
        shown = page.css_first(f"#{link.attributes['href'][1:]} pre").text()
        assert shown.strip() == texts[link.text()].strip()


TWELVE = [f"{m}{c}" for m in ("base", "sft", "hf:a/b", "hf:c/d") for c in ("", "+rag", "+oracle")]


def test_a_thousand_questions_and_twelve_arms_stay_small(make_run, tmp_path):
    made = make_run(1000, TWELVE)
    path = build(made.run, made.artifacts, tmp_path)
    assert path.stat().st_size < 10_000_000
    assert len(LexborHTMLParser(path.read_text(encoding="utf-8")).css("details.q")) == 1000


def test_the_work_grows_only_as_the_questions_do(make_run, tmp_path):
    calls = []
    for questions in (30, 120):
        made, profile = make_run(questions, TWELVE), cProfile.Profile()
        profile.runcall(build, made.run, made.artifacts, tmp_path)
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 4.5 * calls[0], calls


def planted(name: str, question: Any) -> ItemResult:
    """Answers of models that are known to be one thing only."""
    item, k = question.item, len(question.item.options)
    number = int(item.item_id.partition("-")[2])
    lengths = [len(option) for option in item.options]
    best = {
        "openai:longest": lengths.index(max(lengths)),
        "openai:half": item.correct if number % 2 else (item.correct + 1) % k,
        "openai:reader": (item.correct + number % k) % k,
        "openai:reader+oracle": item.correct,
        "openai:mumbles": None,
        "openai:always-b": 1,
    }[name]
    detail = {"chosen": [(1 + shift) % k for shift in range(k)]} if name == "openai:always-b" else {}
    acc = 1 / k if name == "openai:always-b" else float(best == item.correct)
    return ItemResult(
        name, item.item_id, item.doc_id, best, item.correct, acc, format_failure=best is None, detail=detail
    )


def test_planted_models_are_named_for_what_they_are(make_run, tmp_path):
    said = {
        "openai:longest": "picks the longest option",
        "openai:always-b": "answers B in 100%",
        "openai:mumbles": "cannot follow the answer format",
        "openai:half": "knows about",
        "openai:reader": "knows nothing by heart, but reads well",
    }
    made = make_run(80, [*said, "openai:reader+oracle"], planted)
    page = page_of(made, tmp_path)
    shown = page.css("#arms table")[0].css("tbody tr")
    rows = {arm.name: row.text() for arm, row in zip(made.summary.arms, shown, strict=True)}
    for name, words in said.items():
        assert words in rows[name]
        for other in set(said) - {name}:
            assert words not in rows[other]
    warned = " ".join(li.text() for li in page.css(".trust .warn"))
    for name in ("openai:longest", "openai:always-b", "openai:mumbles"):
        assert name in warned
    assert "openai:half" not in warned
