"""A run's record and artifacts in, report.html and report.json out: the same bytes every time."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from understudy.artifact import Artifact, to_plain, write_json, write_text
from understudy.report import charts, shapes, words
from understudy.report.gather import gather
from understudy.report.glossary import GLOSSARY
from understudy.report.sources import redact_tree

MAX_QUESTIONS = 2000  # shown on the page; report.json holds all
_PASSAGE_BUDGET = 3_000_000  # characters of passages on the page, so that it opens quickly
_FILTERS = ("percent", "points", "span", "points_span", "p_value", "integer", "number", "duration", "size", "plural")
_CODES = {"right": "1", "wrong": "0", "unreadable": "x", "none": "-"}
_ANSWER_LENGTH = 300  # characters of a free answer on the page


def build(run: Any, artifacts: Mapping[str, Artifact], out: Path) -> Path:
    """Write `report.html` and `report.json` into `out`; return the page's path.

    run: the run's record, a dataclass or mapping with name, recipe, recipe_text, command, created, artifacts.
    artifacts: the finished ones by stage; any may be missing, and the report says what it could not show.
    """
    findings = redact_tree(gather(to_plain(run), artifacts))
    write_json(out / "report.json", findings)
    page = out / "report.html"
    write_text(page, render(findings))
    return page


def render(findings: Mapping[str, Any]) -> str:
    """The page as one self-contained HTML text."""
    environment = _environment()
    script = _asset(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    passages = {key: {**p, "number": n} for n, (key, p) in enumerate(findings["passages"].items(), 1)}
    arms = [arm["name"] for arm in findings["arms"] if arm["kind"] == "arm"]
    floors = [arm["name"] for arm in findings["arms"] if arm["kind"] == "floor"]
    return environment.get_template("page.html.j2").render(
        **{**findings, "passages": passages},
        pictures=_pictures(findings, arms, floors),
        asked=[_asked(q, arms, floors) for q in findings["questions"][:MAX_QUESTIONS]],
        real=arms,
        floors=floors,
        passage_length=max(200, _PASSAGE_BUDGET // max(len(passages), 1)),
        answer_length=_ANSWER_LENGTH,
        glossary=GLOSSARY,
        style=Markup(_asset(environment, "page.css")),
        script=Markup(script),
        script_digest=digest,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("understudy.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in _FILTERS:
        environment.filters[name] = getattr(words, name)
    environment.filters["label"] = words.arm_label
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment


def _asset(environment: jinja2.Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0].strip()


def _asked(question: Mapping[str, Any], arms: list[str], floors: list[str]) -> dict[str, Any]:
    """A question with how many arms got it right, and one letter an arm and floor for the filter."""
    outcomes = {a["arm"]: a["outcome"] for a in question["answers"]}
    codes = "".join(_CODES[outcomes.get(name, "none")] for name in (*arms, *floors))
    return {**question, "codes": codes, "right": sum(outcomes.get(name) == "right" for name in arms)}


def _pictures(findings: Mapping[str, Any], arms: list[str], floors: list[str]) -> dict[str, Any]:
    """The drawn pictures by name; a picture without anything to show is left out."""
    drawn: dict[str, Any] = {"flows": {}}
    benchmark = findings["benchmark"]
    if any(arm["acc"]["value"] is not None for arm in findings["arms"]):
        chance = benchmark["provenance"]["chance"]
        drawn["arms"] = _both(
            [charts.arms_chart(findings["arms"], chance, narrow=n) for n in (False, True)],
            "Accuracy of each arm with its interval; the figures are in the table below.",
        )
    if benchmark and any(c["difference"]["value"] is not None for c in benchmark["comparisons"]):
        drawn["differences"] = _both(
            [charts.differences_chart(benchmark["comparisons"], narrow=n) for n in (False, True)],
            "Difference of each compared pair with its interval; the figures are in the table below.",
        )
    training = findings["training"]
    if training and (training["loss"] or training["dev_loss"]):
        drawn["training"] = _both(
            [charts.training_chart(training, narrow=n) for n in (False, True)],
            f"The loss over the steps of training, from {words.number(training['first_loss'])} "
            f"to {words.number(training['last_loss'])}.",
        )
    if training and training["sweep"] and training["sweep"]["rows"]:
        drawn["sweep"] = _both(
            [charts.sweep_chart(training["sweep"]["rows"], narrow=n) for n in (False, True)],
            f"{training['sweep']['sentence']} The figures are in the table below.",
        )
    for entry in findings["attribution"]:
        drawn["flows"][entry["arm"]] = [shapes.flow(entry, narrow=n) for n in (False, True)]
    if findings["questions"] and arms:
        drawn["grid"] = shapes.grid(findings["questions"], arms, floors)
    return drawn


def _both(pictures: list[str], label: str) -> list[Markup]:
    """The wide and the narrow drawing, each announced as one image with its label."""
    opening = Markup('<svg role="img" aria-label="{}" ').format(label)
    return [Markup(svg.replace("<svg ", str(opening), 1)) for svg in pictures]
