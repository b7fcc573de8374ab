"""Which comparisons are worth making, and the verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy.benchmark.summary import ArmSummary
from understudy.evaluation.records import Comparison, Verdict
from understudy.types import Arm

_CONTEXT = {
    "closed-book": "without the documentation",
    "rag": "with retrieval",
    "oracle": "with the right passage given",
    "corpus": "with the whole documentation in the window",
}


def pairs(arms: Sequence[Arm]) -> dict[tuple[str, str], str]:
    """The comparisons of a benchmark and the question that each one answers.

    Arms are compared where one thing differs: the model (against the first, and sft against every other) or
    the context (retrieval against none); and teaching against looking up. Each comparison adds to the price
    that Holm's adjustment asks, so there are no others: what a perfect retriever would gain is in the
    decomposition.
    """
    models = list(dict.fromkeys(arm.model for arm in arms))
    names = {(arm.model, arm.context): arm.name for arm in arms}
    found: dict[tuple[str, str], str] = {}

    def add(first: tuple[str, str], second: tuple[str, str], question: str) -> None:
        if first in names and second in names and (names[second], names[first]) not in found:
            found.setdefault((names[first], names[second]), question)

    for context, words in _CONTEXT.items():
        for model in models[1:]:
            what = "Did fine-tuning help" if model == "sft" else f"Is {model} better than {models[0]}"
            add((model, context), (models[0], context), f"{what} {words}?")
        for model in models:
            if "sft" in models and model != "sft":
                add(("sft", context), (model, context), f"Is sft better than {model} {words}?")
    for model in models:
        add((model, "rag"), (model, "closed-book"), f"Does retrieval help {model}?")
        add((model, "corpus"), (model, "rag"), f"Does {model} read the whole documentation better?")
    add(("sft", "closed-book"), (models[0], "rag"), "Is teaching as good as looking up?")
    return found


def headline(
    comparisons: Sequence[Comparison],
    arms: Sequence[ArmSummary],
    floors: Sequence[ArmSummary],
    gameable: Sequence[str],
) -> tuple[str, Verdict]:
    """The verdict for someone who reads one sentence.

    It speaks of fine-tuning with retrieval where that was measured, else without, else of what there is.
    """
    by_pair = {(c.first, c.second): c for c in comparisons}
    wanted = [("sft+rag", "base+rag"), ("sft", "base"), ("base+rag", "base")]
    chosen = [by_pair[pair] for pair in wanted if pair in by_pair] or list(comparisons[:1])
    accs = {arm.name: arm.acc.value for arm in (*arms, *floors)}
    if not chosen:
        measured = [arm for arm in arms if arm.kind == "arm" and arm.acc.value is not None]
        if not measured:
            return "No arm could be measured.", "inconclusive"
        best = max(measured, key=lambda arm: arm.acc.value or 0.0)
        return f"{best.name} answers {best.acc.value:.0%} of {best.acc.n} questions right.", "inconclusive"
    text = " ".join(_plain(c, accs) for c in chosen[:2])
    if gameable:
        named = ", ".join(f"{name.removeprefix('floor:')} {accs[name] or 0:.0%}" for name in gameable)
        text += f" Mind that the questions can partly be answered without a model that knows anything ({named})."
    return text, chosen[0].verdict


def _plain(c: Comparison, accs: Mapping[str, float | None]) -> str:
    a, b = Arm.parse(c.first), Arm.parse(c.second)
    first, second = accs.get(c.first), accs.get(c.second)
    figures = f"{first:.0%} against {second:.0%}" if first is not None and second is not None else ""
    n = c.difference.n
    if a.context == b.context and a.model == "sft":
        if c.verdict == "inconclusive":
            return (
                f"{_CONTEXT[a.context].capitalize()} it is inconclusive whether fine-tuning helped "
                f"({figures} right of {n} questions)."
            )
        done = "helped" if c.verdict == "better" else "did harm"
        return f"Fine-tuning {done} {_CONTEXT[a.context]}: {figures} right of {n} questions."
    if c.verdict == "inconclusive":
        return f"{c.first} and {c.second} cannot be told apart ({figures} right of {n} questions)."
    return f"{c.first} is {c.verdict} than {c.second}: {figures} right of {n} questions."
