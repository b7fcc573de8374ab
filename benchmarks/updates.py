"""What updates cost and keep: a manual edited again and again, each time taught the difference, beside training on it
from the base model.

    python benchmarks/updates.py [--pages 16] [--updates 10] [--method full] [--seed 0] [--scratch 1 10] [--sft JSON]

Makes a manual with known truth (understudy.lab.worlds) and teaches it to lab:reader. Each edit changes 2 % of the facts
that the teacher asks of it, withdraws 1 % and adds 1 %, never the same fact twice, and the difference is taught
(`sft.start: previous`). After the updates named by --scratch the same manual is taught from the base model too.

Prints processor seconds of this process for each training and run, and, for each kind of fact since the *first* run,
the accuracy on its questions, how many held-out questions are answered by abstaining, for how many changed facts the
old answer is still the likelier one: of the model after all updates so far, of the one from the base model, and their
difference in pairs, each with a 95 % interval. `drift` is, after each update, the accuracy on facts that no edit
touched and the negative log-likelihood of the answers to held-out questions on them, in nats a hundred characters,
their differences to the first training on the same questions, and the shares of held-out questions on withdrawn facts
(wanted) and on untouched ones (a loss) that are answered by abstaining. --sft sets fields of `sft` for the
updates alone, such as '{"update": {"replay": 0.3}, "epochs": 3}'.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import understudy
from understudy import prompts
from understudy.artifact import Artifact
from understudy.benchmark.across_runs import question_key
from understudy.benchmark.update import abstentions, held_out, outdated
from understudy.evaluation import intervals
from understudy.evaluation.records import Interval
from understudy.facts import CHANGES, FactChanges, compare_facts, fact_name
from understudy.lab.worlds import Fact, World, make_world, write_world
from understudy.normal import normal
from understudy.opened import Run
from understudy.pipeline import Planned
from understudy.types import Chunk, ItemResult, MCQItem, QAPair

SFT: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "learning_rate": 1e-3, "epochs": 9},
    "lora": {"method": "lora", "r": 64, "lora_alpha": 128, "learning_rate": 3e-3, "epochs": 9},
}
ALL = {
    "max_length": 1024,
    "evals_per_epoch": 1,
    "mix": {
        "closed_book": 0.95,
        "context": 0.04,
        "multiple_choice": 0.01,
        "short": 0,
        "distractors": 1,
        "quote": False,
    },
    "replay": {"source": "lab:practice", "share": 0.15},
}
Pages = dict[str, str]


def recipe(name: str, docs: Path, method: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "base_model": "lab:reader",
        "docs": {"path": str(docs)},
        "generate": {"n_items": 600},
        "index": {"retriever": "bm25", "search": {"top_k": 3}},
        "sft": {**ALL, **SFT[method], **more},
        "benchmark": {"arms": ["sft"], "free": {"answerable": 0, "unanswerable": 0}},
    }


def asked_facts(world: World, folder: Path, method: str) -> list[Fact]:
    """The facts of a manual of which the teacher asks, and whose sentence can be taken out or given another value."""
    write_world(world, folder / "whole")
    run = understudy.run(recipe("whole", folder / "whole", method), store=folder / "store", until="generate")
    quoted = {normal(p.quote) for p in run.artifact("generate").records("pairs", QAPair)}
    whole = [f for f in world.facts if f.sentence.endswith(".") and f.sentence.count(".") == 1]
    return [f for f in whole if f.value in f.sentence and normal(f.sentence) in quoted]


def editions(
    world: World, asked: Sequence[Fact], n: int, share: float, seed: int
) -> tuple[list[Pages], dict[str, int]]:
    """The pages before the first edit and after each, and how many facts an edit changes, withdraws and adds."""
    rng = random.Random(seed)
    changed = max(2, round(share * len(asked)))
    other = max(1, changed // 2)
    drawn = rng.sample(list(asked), n * (changed + 2 * other))
    rounds = [drawn[i::n] for i in range(n)]
    other_value = {f: rng.choice([v for v in world.values(f.kind) if v != f.value]) for f in drawn}
    made = []
    for number in range(n + 1):
        pages = dict(world.documents)
        for edit, facts in enumerate(rounds, 1):
            for fact in facts[:changed] if edit <= number else ():
                place(pages, fact, fact.sentence.replace(fact.value, other_value[fact]))
            for fact in facts[changed : changed + other] if edit <= number else ():
                place(pages, fact, "")
            for fact in facts[changed + other :] if edit > number else ():
                place(pages, fact, "")
        made.append(pages)
    return made, {"changed": changed, "withdrawn": other, "added": other}


def place(pages: Pages, fact: Fact, sentence: str) -> None:
    pages[fact.doc_id] = pages[fact.doc_id].replace(fact.sentence, sentence, 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What a model knows of each kind of fact: values by question, right or not. loss: of held-out questions on
    unchanged facts, the negative log-likelihood of the answer, in nats a character."""

    right: Mapping[str, dict[str, float]]
    abstains: Mapping[str, dict[str, float]]
    outdated: dict[str, float]
    loss: dict[str, float]


def known(run: Run, changes: FactChanges, before: Sequence[QAPair], seed: int) -> Known:
    after = run.artifact("generate").records("pairs", QAPair)
    items = {i.item_id: i for i in run.artifact("benchmark").records("items", MCQItem)}
    right: dict[str, dict[str, float]] = {change: {} for change in CHANGES}
    for result in run.artifact("benchmark").records("results", ItemResult):
        item = items[result.item_id]
        change = changes.now.get(item.fact_id or normal(item.question))
        if result.arm == "sft" and change and result.acc is not None:
            right[change][question_key(item)] = result.acc
    reader = run.answerer("sft").reader
    free = held_out(before, after, changes, seed)
    told = {c: dict(zip([p.question for p in free[c]], abstentions(reader, free[c]), strict=True)) for c in CHANGES}
    moved = [p for p in free["changed"] if normal(p.question) in changes.before]
    old = dict(zip([p.question for p in moved], outdated(reader, moved, changes), strict=True))
    same = [p for p in after if p.split == "test" and changes.now.get(fact_name(p)) == "unchanged"]
    asked = reader.loglikelihoods([prompts.closed_book(p.question) for p in same], [[p.answer] for p in same])
    loss = {normal(p.question): -row[0] / len(p.answer) for p, row in zip(same, asked, strict=True)}
    return Known(right, told, old, loss)


def mean(values: Mapping[str, float]) -> Interval:
    return intervals.interval(list(values.values()), list(values), paired=False)


def difference(now: Mapping[str, float], then: Mapping[str, float]) -> Interval:
    both = [key for key in now if key in then]
    return intervals.interval([now[k] - then[k] for k in both], both, paired=True)


def shown(interval: Interval) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "–"
    return f"{100 * interval.value:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f}, n = {interval.n})"


def compared(counts: Mapping[str, int], updated: Known, scratch: Known) -> None:
    print(f"  since the first run: {dict(counts)}")
    for change in CHANGES:
        rows = [("accuracy", updated.right[change], scratch.right[change])]
        rows.append(("abstains", updated.abstains[change], scratch.abstains[change]))
        if change == "changed":
            rows.append(("old answer likelier", updated.outdated, scratch.outdated))
        for what, now, then in rows:
            if now:
                print(
                    f"  {change:10} {what:20} updated {shown(mean(now))}  from the base model {shown(mean(then))}  "
                    f"difference {shown(difference(now, then))}",
                    flush=True,
                )


def timed(recipe: Mapping[str, Any], store: Path) -> tuple[dict[str, float], Run]:
    """Run a recipe; also the processor seconds of each stage that ran."""
    took: dict[str, float] = {}
    began: dict[str, float] = {}

    def watch(line: Planned, artifact: Artifact | None) -> None:
        if artifact is None:
            began[line.step.name] = time.process_time()
        elif line.step.name in began:
            took[line.step.name] = time.process_time() - began[line.step.name]

    return took, understudy.run(recipe, store=store, on_stage=watch)


def train(title: str, recipe: Mapping[str, Any], store: Path) -> tuple[float, float, Run]:
    """Processor seconds of the training and of all stages that ran, and the run."""
    took, run = timed(recipe, store)
    sft = run.artifact("sft")
    whole = sum(took.values())
    print(
        f"{title}: sft {took.get('sft', 0.0):.0f} s of a processor, all stages {whole:.0f} s; "
        f"{sft.counts['rows']} rows taught, facts {sft.counts.get('facts', 'all new')}; "
        f"strength {sft.metrics['strength']}; all questions {shown(run.arms['sft'].acc)}",
        flush=True,
    )
    return took.get("sft", 0.0), whole, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=16)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--method", choices=sorted(SFT), default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--sft", type=json.loads, default={}, help="fields of sft for the updates, as JSON")
    parser.add_argument("--scratch", type=int, nargs="*", help="after which updates; default the first and the last")
    parser.add_argument("--folder", type=Path, help="where pages and store are kept; default a temporary one")
    options = parser.parse_args()
    scratch_after = {1, options.updates} if options.scratch is None else set(options.scratch)
    world = make_world(options.seed, pages=options.pages)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        store, docs = folder / "store", folder / "docs"
        asked = asked_facts(world, folder, options.method)
        pages, counts = editions(world, asked, options.updates, options.share, options.seed)
        print(f"{len(pages[0])} pages, {len(world.facts)} facts, {len(asked)} of them can be edited; an edit: {counts}")
        print(f"method {options.method}, updates {options.sft}, seed {options.seed}", flush=True)
        write_world(World(world.product, world.seed, pages[0], world.facts), docs)
        first, first_all, run = train("first run", recipe("updates", docs, options.method), store)
        before = run.artifact("generate").records("pairs", QAPair)
        untouched = compare_facts(before, before, run.artifact("chunk").records("chunks", Chunk))
        origin = known(run, untouched, before, options.seed)
        more = {**options.sft, "start": "previous"}
        for number, edition in enumerate(pages[1:], 1):
            write_world(World(world.product, world.seed, edition, world.facts), docs)
            seconds, whole, run = train(f"update {number}", recipe("updates", docs, options.method, **more), store)
            after = run.artifact("generate").records("pairs", QAPair)
            changes = compare_facts(before, after, run.artifact("chunk").records("chunks", Chunk))
            now = known(run, changes, before, options.seed)
            same, gone = mean(now.right["unchanged"]), mean(now.abstains["withdrawn"])
            apart = difference(now.right["unchanged"], origin.right["unchanged"])
            worse = difference(now.loss, origin.loss)
            if first:  # nothing where it was found in the store
                print(
                    f"  {seconds / first:.0%} of the first training, {whole / first_all:.0%} of the first run", end="; "
                )
            print(
                f"drift: unchanged {shown(same)}, against the first training {shown(apart)}, loss "
                f"{shown(mean(now.loss))}, against it {shown(worse)}; abstained from: "
                f"withdrawn {shown(gone)}, unchanged {shown(mean(now.abstains['unchanged']))}",
                flush=True,
            )
            if number in scratch_after:
                _, _, again = train("from the base model", recipe(f"scratch{number}", docs, options.method), store)
                compared(changes.counts, now, known(again, changes, before, options.seed))


if __name__ == "__main__":
    main()
