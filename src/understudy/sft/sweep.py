"""How much of what was learned is kept: λ of W0 + λ·ΔW, chosen on development questions.

Every λ is asked questions on the documentation (held-out wordings) and general ones, and its divergence from the
model before training is measured on fixed texts. One model is loaded; only its weights change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from understudy.artifact import digest_json, to_plain
from understudy.models.divergence import mean_kl, next_token_logprobs
from understudy.models.reader import TransformersModel
from understudy.sft.config import SweepConfig
from understudy.sft.examiner import Examiner
from understudy.sft.strength import Strength
from understudy.types import MCQItem

ARTIFACT = "sweep.json"
FEWEST = 10  # development questions below which nothing is chosen by them
Rule = Literal["kept", "within", "least", "no gain", "not swept"]
Progress = Callable[[str, float, float | None], None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one strength answered: accuracy question by question, and its KL from the base in nats a token."""

    strength: float
    dev: tuple[float | None, ...]
    general: tuple[float | None, ...]
    kl: float | None


@dataclass(frozen=True, slots=True)
class Scored:
    """What the choice looks at, in shares of 1. change: of general accuracy against the base, None unmeasured."""

    strength: float
    dev: float
    change: float | None
    verdict: str = "inconclusive"
    reach: float | None = None
    """Half the width of the change's interval."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The strength that ships, by which rule, and why in words."""

    strength: float
    rule: Rule
    why: str


def unswept(why: str) -> dict[str, Any]:
    """The content of `sweep.json` where nothing could be chosen: the model ships as trained."""
    return {"chosen": 1.0, "rule": "not swept", "why": why, "base": None, "strengths": []}


def sweep(
    config: SweepConfig,
    examiner: Examiner,
    dev: Sequence[MCQItem],
    opener: Callable[[], Strength],
    work: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Score the base and every λ, choose one; the content of `sweep.json`.

    opener: loads the model, called only where a score is missing. work: keeps the scores of each λ as they come,
    so that an interrupted sweep goes on. All figures are shares of 1 with n and 95 % interval; `margin` is in points;
    `answers` has the accuracy of each question, so that two trainings can be compared question by question.
    """
    suite = list(examiner.suite(config.general_items))
    answers = _ask(config, examiner, dev, suite, opener, work / "sweep.jsonl", progress)
    dev_labels = [item.doc_id or item.item_id for item in dev]
    if len(set(dev_labels)) < FEWEST:  # few documents say nothing of others: each question stands for itself
        dev_labels = [item.item_id for item in dev]
    base = answers[0]

    def describe(of: Answers) -> dict[str, Any]:
        skills = {}
        for skill in dict.fromkeys(item.kind for item in suite):
            places = [i for i, item in enumerate(suite) if item.kind == skill]
            found = examiner.accuracy([of.general[i] for i in places], [suite[i].item_id for i in places])
            skills[skill] = dict(found)
        labels = [item.item_id for item in suite]
        return {
            "strength": of.strength,
            "dev": dict(examiner.accuracy(of.dev, dev_labels)),
            "general": dict(examiner.accuracy(of.general, labels)),
            "general_change": dict(examiner.change(base.general, of.general, labels, config.margin / 100)),
            "skills": skills,
            "kl": of.kl,
            "answers": {
                "dev": {item.item_id: value for item, value in zip(dev, of.dev, strict=True)},
                "general": {item.item_id: value for item, value in zip(suite, of.general, strict=True)},
            },
        }

    before, *rows = [describe(a) for a in answers]
    choice = choose([_scored(row) for row in rows], float(before["dev"]["value"] or 0.0), config)
    return {
        "chosen": choice.strength,
        "rule": choice.rule,
        "why": choice.why,
        "margin": config.margin,
        "keep": config.keep,
        "base": before,
        "strengths": rows,
    }


def choose(rows: Sequence[Scored], base_dev: float, config: SweepConfig) -> Choice:
    """The rule. Of the strengths that hold at least `keep` of the best gain on the development questions:

    1. the best development score among those whose general loss is shown to be within the margin;
    2. where none is: the best among those whose loss, as measured, is within it;
    3. where none is: the one that lost least.

    Of equals the smaller strength, which is nearer to the model before training. Where training did not raise the
    development score at all, the strength that lost least.
    """
    best = max(row.dev for row in rows)
    gain = best - base_dev
    if gain <= 0:
        chosen = min(rows, key=lambda row: (-_change(row), row.strength))
        why = (
            f"No λ answers more development questions than the model before training ({_percent(base_dev)}), "
            f"so λ = {chosen.strength:g} is kept, whose general loss is the smallest."
        )
        return Choice(chosen.strength, "no gain", why)
    able = [row for row in rows if row.dev - base_dev >= config.keep * gain - 1e-12]
    share = f"at least {_percent(config.keep)} of the gain on the development questions"
    limit = f"{config.margin:g} point{'' if config.margin == 1 else 's'}"
    kept = [row for row in able if row.verdict == "kept"]
    if kept:
        chosen = _best(kept)
        why = (
            f"λ = {chosen.strength:g} has the best development score ({_percent(chosen.dev)}) of those whose loss of "
            f"general skill is shown to be below {limit}."
        )
        return Choice(chosen.strength, "kept", why)
    within = [row for row in able if row.change is None or row.change >= -config.margin / 100 - 1e-12]
    doubt = _doubt(able, limit)
    if within:
        chosen = _best(within)
        why = (
            f"{doubt} Of those that hold {share} and whose loss, as measured, is within it, λ = {chosen.strength:g} "
            f"has the best development score ({_percent(chosen.dev)})."
        )
        return Choice(chosen.strength, "within", why)
    chosen = min(able, key=lambda row: (-_change(row), -row.dev, row.strength))
    why = (
        f"Every λ that holds {share} lost more than {limit} of general skill as measured; λ = {chosen.strength:g} "
        f"lost least ({_points(_change(chosen))}, development score {_percent(chosen.dev)})."
    )
    return Choice(chosen.strength, "least", why)


def _best(rows: Sequence[Scored]) -> Scored:
    return min(rows, key=lambda row: (-row.dev, row.strength))


def _change(row: Scored) -> float:
    return 0.0 if row.change is None else row.change


def _doubt(rows: Sequence[Scored], limit: str) -> str:
    reach = max((row.reach for row in rows if row.reach is not None), default=None)
    if reach is None:
        return "General skill was not measured."
    return (
        f"No λ is shown to lose less than {limit}: so few general questions place the change only to within "
        f"± {100 * reach:.1f} points."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points".replace("-", "−")


def _scored(row: Mapping[str, Any]) -> Scored:
    change = row["general_change"]
    low, high = change["low"], change["high"]
    reach = None if low is None or high is None else (high - low) / 2
    return Scored(row["strength"], float(row["dev"]["value"] or 0.0), change["value"], change["verdict"], reach)


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────


def _ask(
    config: SweepConfig,
    examiner: Examiner,
    dev: Sequence[MCQItem],
    suite: Sequence[MCQItem],
    opener: Callable[[], Strength],
    file: Path,
    progress: Progress,
) -> list[Answers]:
    """The answers of λ = 0 and of every λ of the configuration, in this order; those on disk are not asked again."""
    wanted = [0.0, *config.lambdas]
    stamp = digest_json([to_plain(item) for item in (*dev, *suite)] + list(examiner.probe))
    known = _read(file, stamp)
    strength: Strength | None = None
    probed: torch.Tensor | None = None
    for number, value in enumerate(wanted):
        if value in known:
            continue
        progress(f"sweep: λ = {value:g}", number, len(wanted))
        if strength is None:
            strength = opener()
            strength.set(0.0)
            probed = next_token_logprobs(strength.model, strength.tokenizer, examiner.probe)
        strength.set(value)
        assert probed is not None  # made together with the model
        moved = next_token_logprobs(strength.model, strength.tokenizer, examiner.probe)
        reader = TransformersModel(strength.model, strength.tokenizer, name=f"λ = {value:g}")
        found = examiner.ask(reader, [*dev, *suite])
        known[value] = Answers(value, tuple(found[: len(dev)]), tuple(found[len(dev) :]), mean_kl(probed, moved))
        _append(file, {"stamp": stamp, **to_plain(known[value])})
    progress("sweep", len(wanted), len(wanted))
    return [known[value] for value in wanted]


def _read(file: Path, stamp: str) -> dict[float, Answers]:
    """The answers on disk to these very questions."""
    known: dict[float, Answers] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the line in which the process was killed
        if entry["stamp"] == stamp:
            known[entry["strength"]] = Answers(
                entry["strength"], tuple(entry["dev"]), tuple(entry["general"]), entry["kl"]
            )
    return known


def _append(file: Path, entry: Mapping[str, Any]) -> None:
    """Write a line, on a line of its own also where a kill left a broken one at the end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = not file.is_file() or not file.stat().st_size or file.read_bytes().endswith(b"\n")
    with open(file, "a", encoding="utf-8") as opened:
        opened.write(("" if whole else "\n") + json.dumps(entry) + "\n")
