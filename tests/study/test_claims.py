"""Verdicts and the page, from made-up results whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from understudy.study.claims import findings
from understudy.study.config import load
from understudy.study.render import markdown
from understudy.study.run import CHAIN_ARMS, Asked, SeedResult

SHIPPED = Path(__file__).resolve().parents[2] / "recipes" / "lab-study.yaml"
SKILLS = ("arithmetic", "code", "reading", "instructions")


def change(value: float) -> dict[str, Any]:
    return {
        "value": value,
        "low": value - 0.03,
        "high": value + 0.03,
        "n": 240,
        "clusters": 240,
        "verdict": "inconclusive",
    }


def answers(lost: float, learned: float) -> dict[str, dict[str, float]]:
    """Of 100 general questions the first are lost, of 100 on the manual the first are learned."""
    return {
        "general": {f"g{i}": float(i >= round(-100 * lost)) for i in range(100)},
        "dev": {f"d{i}": float(i < round(100 * learned)) for i in range(100)},
    }


def sweep(lost: float) -> dict[str, Any]:
    rows = [
        {
            "strength": s,
            "general_change": change(lost * s * s),
            "dev": change(0.25 + 0.5 * s),
            "answers": answers(lost * s * s, 0.25 + 0.5 * s),
        }
        for s in (0.4, 0.8, 1.0)
    ]
    return {"chosen": 0.8, "base": {"dev": change(0.25), "answers": answers(0.0, 0.25)}, "strengths": rows}


def made_up(seed: int, merged: float, gain: float, remaining: float = 0.01, given_up: float = 0.0) -> SeedResult:
    """Answers with known shares: reader 0.3, specialists 0.9 on their skill, merges `merged`, taught arms + gain.

    Naive teaching loses half of the general answers, the default `remaining` of them and `given_up` of what it taught.
    """
    rng = np.random.default_rng(seed)
    ids = [f"{skill}-{i}" for skill in SKILLS for i in range(80)]
    skill_of = {i: i.split("-")[0] for i in ids}

    def right(shares: dict[str, float]) -> dict[str, float]:
        return {i: float(rng.random() < shares.get(skill_of[i], 0.3)) for i in ids}

    config = load(SHIPPED)
    general = {"reader": right({})}
    general |= {model: right({skill: 0.9}) for model, skill in config.specialists.items()}
    wanted = dict.fromkeys(config.specialists.values(), merged)
    general |= {f"merge {name}": right(wanted) for name in config.merges}
    general |= {"aligned": right(dict.fromkeys(SKILLS, 0.8))}
    for way, lost in (("naive", 0.5), ("default", remaining)):
        general[way] = {i: value * (rng.random() >= lost) for i, value in general["aligned"].items()}
    asked = [f"m{i}" for i in range(120)]
    rows = {arm: {i: float(rng.random() < 0.5 + gain * arm.startswith("sft")) for i in asked} for arm in CHAIN_ARMS}
    manual = Asked(rows, {i: i for i in asked}, dict.fromkeys(asked, ""))
    dearer = {**rows, "sft": {i: value * (rng.random() >= given_up) for i, value in rows["sft"].items()}}
    taught = {"naive": manual, "default": replace(manual, right=dearer)}
    sweeps = {"naive": sweep(-0.5), "default": sweep(-remaining)}
    return SeedResult(
        seed, 200, Asked(general, {i: i for i in ids}, skill_of), taught, sweeps, {}, {"sft": 100.0}
    )  # fmt: skip


def verdicts(merged: float, gain: float, *losses: float) -> dict[str, str]:
    found = findings(load(SHIPPED), [made_up(s, merged, gain, *losses) for s in range(1, 6)])
    return {claim.key: claim.verdict for claim in found.claims}


def test_verdicts_follow_the_truth() -> None:
    good = verdicts(merged=0.88, gain=0.25)
    assert good["merge"] == "yes"
    assert good["teach-default"] == "yes"
    assert good["forgetting"] == "yes"
    assert good["recovery"] == "yes"
    poor = verdicts(0.45, -0.2, 0.4)
    assert poor["recovery"] == "no"
    assert poor["merge"] == "no"
    assert poor["teach-default"] == "no"


def test_a_remedy_that_costs_what_was_taught_is_none() -> None:
    assert verdicts(0.8, 0.25, 0.01, 0.2)["recovery"] == "no"


def test_no_difference_is_inconclusive() -> None:
    assert verdicts(merged=0.78, gain=0.0)["teach-naive"] == "inconclusive"


def test_the_page_shows_every_claim_merge_step_and_strength() -> None:
    config = load(SHIPPED)
    found = findings(config, [made_up(s, 0.8, 0.1) for s in range(1, 6)])
    page = markdown(config, found)
    for claim in found.claims:
        assert claim.question in page
        assert f"**{claim.verdict}" in page
    for name in (*config.merges, "aligned", "lab:math", "sft+rag", "λ = 0.4"):
        assert name in page
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert all("nan" not in line and "None" not in line for line in table)
