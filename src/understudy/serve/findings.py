"""The findings of the served run for the page: read once, at the first question for them."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

from understudy.artifact import to_plain
from understudy.prompts import LETTERS
from understudy.report.gather import gather
from understudy.report.recommendation import recommend
from understudy.report.sources import redact_tree
from understudy.serve.problems import Problem
from understudy.serve.served import Served
from understudy.types import ItemResult

_VERDICT = ("run", "verdict", "arms", "attribution", "exclusions", "missing", "problems")
_BENCHMARK = ("comparisons", "transitions", "general", "gameable", "free", "provenance", "retrieval", "documents")
_RUN = ("name", "number", "created", "finished")


class Findings:
    """What the report shows, in the portions in which the page asks for it."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._lock = threading.Lock()

    def verdict(self) -> dict[str, Any]:
        """All but the questions; the recommendation first."""
        found = self._gathered()
        benchmark = found["benchmark"] or {}
        return {
            "recommendation": self._recommendation,
            **{name: found[name] for name in _VERDICT},
            "run": {name: found["run"].get(name) for name in _RUN},
            **{name: benchmark.get(name) for name in _BENCHMARK},
        }

    def items(self) -> dict[str, Any]:
        """A line a question: what it asks, its document, and each arm's outcome."""
        rows = [
            {
                **{name: q[name] for name in ("id", "question", "kind", "doc_id")},
                "outcomes": {a["arm"]: a["outcome"] for a in q["answers"]},
                "causes": {a["arm"]: a["cause"] for a in q["answers"] if a["cause"]},
            }
            for q in self._gathered()["questions"]
        ]
        return {"items": rows}

    def item(self, item_id: str) -> dict[str, Any]:
        """A question with its options, each arm's answer and option scores, and the passages. Raises Problem (404)."""
        found = self._gathered()
        question = self._by_id.get(item_id)
        if question is None:
            raise Problem(404, f"no question '{item_id}'")
        wanted = dict.fromkeys([question["chunk_id"], *(c for r in question["retrieved"] for c in r["chunks"])])
        scores = self._scores.get(item_id, {})
        return {
            **question,
            "letters": list(LETTERS[: len(question["options"])]),
            "answers": [{**a, "option_scores": scores.get(a["arm"])} for a in question["answers"]],
            "passages": {c: found["passages"][c] for c in wanted if c in found["passages"]},
        }

    def _gathered(self) -> dict[str, Any]:
        with self._lock:
            return self._all

    @cached_property
    def _all(self) -> dict[str, Any]:
        run = self._served.run
        found: dict[str, Any] = redact_tree(gather(to_plain(run.record), run.artifacts))
        return found

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        return {question["id"]: question for question in self._gathered()["questions"]}

    @cached_property
    def _recommendation(self) -> dict[str, Any] | None:
        summary = self._served.summary()
        return to_plain(recommend(summary)) if summary else None

    @cached_property
    def _scores(self) -> dict[str, dict[str, list[float]]]:
        """Question → arm → score of each option, the mean over the orders in which the options were shown."""
        found: dict[str, dict[str, list[float]]] = {}
        if "benchmark" not in self._served.run.artifacts:
            return found
        for result in self._served.run.artifact("benchmark").records("results", ItemResult):
            rows = result.option_scores
            if rows:
                means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
                found.setdefault(result.item_id, {})[result.arm] = means
        return found
