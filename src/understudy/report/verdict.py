"""The benchmark's findings in plain words: what came out, and how far it can be trusted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from understudy.artifact import to_plain
from understudy.benchmark.summary import Summary
from understudy.report.words import arm_label, describe_arm, percent, plural

_IN_HUNDRED = 8  # arms that one sentence can hold
# What a model knows is a finding; every other diagnosis says that its answers are not what they seem.
_HARMLESS = {"partial-knowledge", "knows-most", "knows-nothing", "reader-only"}


def verdict(summary: Summary) -> dict[str, Any]:
    """The word, the sentence, the same in 'of every 100 questions', and what to think of it."""
    first, rest = _first_sentence(summary.headline)
    return {
        "word": summary.headline_verdict,
        "headline": first,
        "more": rest,
        "in_hundred": _in_hundred(summary),
        "trust": _trust(summary),
    }


def arms(summary: Summary) -> list[dict[str, Any]]:
    """Every arm, then every floor, with a description in plain words."""
    plain = [to_plain(arm) for arm in summary.arms]
    ordered = [a for a in plain if a["kind"] == "arm"] + [a for a in plain if a["kind"] == "floor"]
    return [
        {
            **arm,
            "label": arm_label(arm["name"]),
            "description": describe_arm(arm),
            "gameable": arm["name"] in summary.gameable,
            "diagnosis": [{**d, "warn": d["code"] not in _HARMLESS} for d in arm["diagnosis"]],
        }
        for arm in ordered
    ]


def exclusions(summary: Summary) -> list[dict[str, Any]]:
    """The questions left out, by reason, most frequent first."""
    counted = Counter(e.reason for e in summary.exclusions)
    return [{"reason": r, "n": n} for r, n in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))]


def _first_sentence(text: str) -> tuple[str, str]:
    """The first sentence of a text and the rest; a full stop counts where a capital follows."""
    found = re.search(r"[.!?]\s+(?=[A-Z])", text)
    return (text[: found.start() + 1], text[found.end() :]) if found else (text, "")


def _in_hundred(summary: Summary) -> str:
    measured = [a for a in summary.arms if a.kind == "arm" and a.acc.value is not None]
    if not measured:
        return ""
    shown = measured[:_IN_HUNDRED]
    parts = [f"{a.name} answers {_hundred(a.acc.value)} right" for a in shown[:1]]
    parts += [f"{a.name} {_hundred(a.acc.value)}" for a in shown[1:]]
    more = f" The other {len(measured) - len(shown)} arms are below." if len(measured) > len(shown) else ""
    told = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Of every 100 questions, {told}; blind guessing gets {_hundred(summary.provenance.chance)}.{more}"


def _hundred(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}"


def _trust(summary: Summary) -> list[dict[str, str]]:
    """Sentences for and against the figures. tone: `good`, `warn` or `plain`."""
    made = summary.provenance
    source = "" if made.cluster == "question" else f" about {plural(made.clusters, made.cluster)}"
    told = [("plain", f"The figures rest on {plural(made.n_items, 'question')}{source}.")]
    told.append(_floors(summary))
    unclear = sum(c.verdict == "inconclusive" for c in summary.comparisons)
    if unclear:
        of = f"{unclear} of {plural(len(summary.comparisons), 'comparison')}"
        verb = "is" if unclear == 1 else "are"
        told.append(("plain", f"{of} {verb} inconclusive: too little evidence to tell, which is no proof of equality."))
    hopeless = _hopeless(summary)
    if hopeless:
        told.append(("warn", hopeless))
    for arm in summary.arms:
        told += [("warn", f"{arm.name} {d.text}.") for d in arm.diagnosis if d.code not in _HARMLESS]
    if summary.exclusions:
        left_out = plural(len(summary.exclusions), "question")
        told.append(("plain", f"{left_out} left out, each with its reason under “Floors and fairness”."))
    told += [("plain", note) for note in summary.notes]
    return [{"tone": tone, "text": text} for tone, text in told]


def _hopeless(summary: Summary) -> str:
    """A warning where the test cannot find anything: with k clusters no p is below 2 / 2**k, and Holm's
    adjustment multiplies the smallest one by the number of comparisons."""
    made = summary.provenance
    count = sum(c.p is not None for c in summary.comparisons)
    if not count or count * 2.0 ** (1 - made.clusters) <= 1 - made.confidence:
        return ""
    return (
        f"With {plural(made.clusters, made.cluster)} and {plural(count, 'comparison')} not even the clearest "
        f"difference could be called better or worse. Ask about more {made.cluster}s, or name fewer pairs under "
        "benchmark.comparisons."
    )


def _floors(summary: Summary) -> tuple[str, str]:
    floors = {a.name: a.acc.value for a in summary.arms if a.kind == "floor" and a.acc.value is not None}
    if not floors:
        return "warn", "No floors were measured, so nobody knows how far the questions can be guessed."
    if summary.gameable:
        named = ", ".join(f"“{arm_label(name)}” ({percent(floors.get(name), 0)})" for name in summary.gameable)
        return (
            "warn",
            f"The questions give something away: tricks that know nothing beat blind guessing "
            f"({percent(summary.provenance.chance, 0)}): {named}. Compare the arms with these.",
        )
    return "good", "No trick that knows nothing does reliably better than blind guessing."


def attribution(summary: Summary, explained: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where each arm's answers ended up, causes in a fixed order. First the last arm with search, which is
    the one that a user would serve."""
    rows: list[dict[str, Any]] = []
    for entry in summary.attribution:
        ordered = [c for c in explained if entry.counts.get(c)] + sorted(
            c for c, n in entry.counts.items() if n and c not in explained
        )
        causes = [{"cause": c, "n": entry.counts[c], "text": explained.get(c, "")} for c in ordered]
        rows.append({"arm": entry.arm, "n": entry.n, "causes": causes})
    contexts = {arm.name: arm.context for arm in summary.arms}
    served = [row for row in rows if contexts.get(row["arm"]) == "rag"] or rows
    return sorted(rows, key=lambda row: row is not served[-1])
