"""Going on from an earlier run's training: what is taught, and that the model learns it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact, digest_file, read_records, seal, write_records
from understudy.facts import LEFT_OUT, LeftOut, compare_facts
from understudy.prompts import ABSTAIN
from understudy.sft import stage
from understudy.sft.config import MixConfig, ReplayConfig, SftConfig, UpdateConfig
from understudy.sft.estimate import MOVED, estimate
from understudy.sft.rows import split
from understudy.sft.update import WITHDRAWN, Update, by_coverage, development, find_update
from understudy.stage import Inputs, RunContext
from understudy.types import Chunk, QAPair

Context = Callable[..., RunContext]
QUICK: dict[str, Any] = {
    "epochs": 2,
    "learning_rate": 1e-2,
    "r": 4,
    "lora_alpha": 8,
    "replay": ReplayConfig(source="off"),
    "mix": MixConfig(closed_book=1, context=0, multiple_choice=0, short=0),
    "dev_rows": 8,
}


def generated(folder: Path, pairs: list[QAPair]) -> Artifact:
    folder.mkdir(parents=True)
    write_records(folder / "pairs.jsonl", pairs)
    write_records(folder / "items.jsonl", [])
    seal(folder, {"stage": "generate", "key": folder.name})
    return Artifact.open(folder)


@pytest.fixture
def edited(tmp_path: Path, pairs: list[QAPair]) -> tuple[Artifact, Artifact]:
    """The pairs after an edit and the chunks: s0 is changed, s1 is gone, s16 is new."""
    changed = [replace(p, answer="900", quote="The setting s0 is 900.") if p.fact_id == "f0" else p for p in pairs]
    after = [p for p in changed if p.fact_id != "f1"]
    new = [
        replace(p, pair_id=f"new-{p.pair_id}", question=p.question.replace("s2", "s16"), fact_id="f16", answer="116",
                quote="The setting s16 is 116.", chunk_id="c16")
        for p in pairs if p.fact_id == "f2" and "s2" in p.question
    ]  # fmt: skip
    numbers = {0: 900, **{i: 100 + i for i in range(2, 17)}}
    folder = tmp_path / "chunks"
    folder.mkdir()
    write_records(
        folder / "chunks.jsonl",
        [
            Chunk(f"c{i}", "a.md", f"The setting s{i} is {n}.", 0, 9, 1, 1, 12, "Kestrel", ("Settings",))
            for i, n in numbers.items()
        ],
    )
    seal(folder, {"stage": "chunk", "key": "chunk"})
    return generated(tmp_path / "after", [*after, *new]), Artifact.open(folder)


def trained(config: SftConfig, inputs: Inputs, ctx: RunContext) -> Artifact:
    output = stage.run(config, inputs, ctx)
    seal(ctx.out, {"stage": "sft", "key": "sft", "counts": dict(output.counts), "metrics": dict(output.metrics)})
    return Artifact.open(ctx.out)


def test_the_difference_and_a_part_of_the_rest_are_taught(
    inputs: Inputs, edited: tuple[Artifact, Artifact], context: Context
) -> None:
    first = trained(SftConfig(**QUICK), inputs, context("first"))
    config = SftConfig(**QUICK, start="previous", update=UpdateConfig(replay=0.2))
    now = Inputs(
        {"generate": edited[0], "chunk": edited[1]}, inputs.model, inputs.base_model,
        {"generate": inputs["generate"], "sft": first},
    )  # fmt: skip
    second = trained(config, now, context("second"))
    assert second.counts["facts"] == {"new": 1, "changed": 1, "unchanged": 14, "withdrawn": 1}
    taught = read_records(second.path / "mix.jsonl", dict)
    by_epoch = [[str(row["pair_id"]) for row in taught if row["epoch"] == e] for e in (0, 1)]
    same = [p for p in edited[0].records("pairs", QAPair) if p.fact_id not in ("f0", "f16") and p.split == "train"]
    for ids in by_epoch:
        assert {f"p0-{w}" for w in range(3)} <= set(ids)
        assert {i for i in ids if i.startswith("new-")} == {f"new-p2-{w}" for w in range(3)}
        assert {i for i in ids if i.startswith("withdrawn-")} == {f"withdrawn-p1-{w}" for w in range(4)}
        assert len(set(ids) & {p.pair_id for p in same}) == -(-len(same) // 5)
    assert not set(by_epoch[0]) & set(by_epoch[1]) & {p.pair_id for p in same}
    weights = Path("adapter") / "adapter_model.safetensors"
    assert digest_file(first.path / weights) != digest_file(second.path / weights)


def test_it_starts_from_the_weights_of_the_run_before(
    inputs: Inputs, edited: tuple[Artifact, Artifact], context: Context
) -> None:
    """With a learning rate of nothing the adapter stays that of the first run, not a new one."""
    first = trained(SftConfig(**QUICK), inputs, context("first"))
    config = SftConfig(**{**QUICK, "learning_rate": 1e-30}, start="previous")
    artifacts = {"generate": edited[0], "chunk": edited[1]}
    now = Inputs(artifacts, inputs.model, inputs.base_model, {"generate": inputs["generate"], "sft": first})
    second = trained(config, now, context("second"))
    weights = Path("adapter") / "adapter_model.safetensors"
    assert digest_file(first.path / weights) == digest_file(second.path / weights)


def test_nothing_is_trained_where_no_fact_changed(inputs: Inputs, context: Context) -> None:
    first = trained(SftConfig(**QUICK), inputs, context("first"))
    now = replace(inputs, previous={"generate": inputs["generate"], "sft": first})
    second = trained(SftConfig(**QUICK, start="previous"), now, context("second"))
    assert second.metrics["carried"]
    assert second.digest == first.digest


def test_withdrawn_facts_are_taught_as_not_said(inputs: Inputs, edited: tuple[Artifact, Artifact]) -> None:
    after = edited[0].records("pairs", QAPair)
    now = Inputs(
        {"generate": edited[0], "chunk": edited[1]}, previous={"generate": inputs["generate"], "sft": edited[0]}
    )
    found = split(after, [], dev_rows=99, seed=0)
    update = find_update(now, found, after, 0)
    assert update is not None
    assert {p.answer for p in update.withdrawn} == {ABSTAIN}
    assert {p.question for p in update.withdrawn} == {
        f"{q} s1{e}" for q, e in (("What is the setting", " of Kestrel?"),)
    } | {"Kestrel: which setting s1?", "Name the setting s1 of Kestrel.", "Tell me the setting s1."}
    dev = development(found, update.changes, 4, 0)
    assert {p.fact_id for p in dev} & {"f0", "f16"}
    assert {p.fact_id for p in dev} - {"f0", "f16"}


def test_what_an_earlier_update_took_back_is_taught_again_and_bounded(
    inputs: Inputs, edited: tuple[Artifact, Artifact], context: Context, tmp_path: Path
) -> None:
    first = trained(SftConfig(**QUICK), inputs, context("first"))
    config = SftConfig(**QUICK, start="previous", update=UpdateConfig(replay=1))
    artifacts = {"generate": edited[0], "chunk": edited[1]}
    now = Inputs(artifacts, inputs.model, inputs.base_model, {"generate": inputs["generate"], "sft": first})
    second = trained(config, now, context("second"))
    gone = second.records(WITHDRAWN, QAPair)
    assert {(p.fact_id, p.answer) for p in gone} == {("f1", ABSTAIN)}
    assert len(gone) == 4, "those held out for early stopping too, which an update has not"
    pairs = edited[0].records("pairs", QAPair)
    moved = [replace(p, answer="902", quote="The setting s2 is 902.") if p.fact_id == "f2" else p for p in pairs]
    after = {**artifacts, "generate": generated(tmp_path / "later", moved)}
    later = Inputs(after, inputs.model, inputs.base_model, {"generate": edited[0], "sft": second})
    third = trained(config, later, context("third"))
    taught = [r for r in read_records(third.path / "mix.jsonl", dict) if r["epoch"] == 0]
    assert {r["pair_id"] for r in taught} >= {p.pair_id for p in gone}
    assert third.records(WITHDRAWN, QAPair) == gone
    back = [*moved, replace(gone[0], pair_id="back", answer="101", kind="forward", split="train", fact_id="f1")]
    update = find_update(later, split(back, [], dev_rows=8, seed=0), back, 0)
    assert update is not None
    assert list(update.earlier) == gone[1:], "what is asked again is not taught as withdrawn"
    few = [p for p in moved if p.fact_id in ("f2", "f3", "f4")]
    update = find_update(later, split(few, [], dev_rows=8, seed=0), few, 0)
    assert update is not None
    assert len(update.earlier) == len(update.unchanged) // 5 == 1


def test_the_plan_of_an_update_counts_what_it_teaches() -> None:
    known = {"generate": {"pairs": 1000}, "model": {"parameters": 3e6}}
    moved = {MOVED: {"new": 1, "changed": 2, "unchanged": 97, "withdrawn": 2}}
    whole, part = estimate(SftConfig(), known), estimate(SftConfig(), {**known, **moved})
    assert part.counts["rows"] == pytest.approx(whole.counts["rows"] * (1 + 2 + 2 + 0.1 * 97) / 100, abs=1)
    assert (part.tokens or 0) / (whole.tokens or 1) == pytest.approx(0.147, abs=0.001)
    begun = 8.0  # seconds that both take before the first row
    # looking at 100 held-out wordings, 2 times and not 6, without a way back: 1 and 2 in 100 of the rows'
    assert ((part.seconds or 0) - begun) / ((whole.seconds or 1) - begun) == pytest.approx(0.147, abs=0.005)


def test_an_update_goes_to_its_end(inputs: Inputs, edited: tuple[Artifact, Artifact], context: Context) -> None:
    """The held-out wordings are looked at before and after and choose nothing: not weights of a high learning rate."""
    quick = {**QUICK, "learning_rate": 1.0, "early_stopping_patience": 1, "epochs": 4}
    first = trained(SftConfig(**QUICK), inputs, context("first"))
    artifacts = {"generate": edited[0], "chunk": edited[1]}
    now = Inputs(artifacts, inputs.model, inputs.base_model, {"generate": inputs["generate"], "sft": first})
    second = trained(
        SftConfig(**quick, start="previous", update=UpdateConfig(learning_rate=0.5)), now, context("second")
    )
    assert second.metrics["best_step"] == second.metrics["steps"] == second.metrics["steps_planned"]
    assert not second.metrics["stopped_early"]
    lines = read_records(second.path / "log.jsonl", dict)
    assert [line["step"] for line in lines if line["dev_loss"] is not None] == [0, second.metrics["steps"]]
    assert max(line["lr"] for line in lines) <= 0.5


def test_every_beginning_is_spread_over_the_passages(pairs: list[QAPair]) -> None:
    ordered = by_coverage(pairs, 3)
    assert sorted(p.pair_id for p in ordered) == sorted(p.pair_id for p in pairs)
    assert len({p.chunk_id for p in ordered[:16]}) == 16
    assert [p.pair_id for p in ordered] != [p.pair_id for p in by_coverage(pairs, 4)]
    assert ordered == by_coverage(list(reversed(pairs)), 3)


def test_a_budget_caps_what_an_epoch_of_an_update_teaches(pairs: list[QAPair]) -> None:
    changed, gone, same = tuple(pairs[:12]), tuple(pairs[12:16]), tuple(pairs[16:48])
    update = Update(compare_facts([], [], []), changed, gone, same)
    assert len(update.of_epoch(0, 0.5)) == 12 + 4 + 16
    for most, taught, withdrawn, again in ((8, 8, 0, 0), (14, 12, 2, 0), (20, 12, 4, 4), (100, 12, 4, 16)):
        capped = update.within(most, 0.5, seed=0)
        assert (len(capped.taught), len(capped.withdrawn)) == (taught, withdrawn)
        assert len(capped.of_epoch(0, 0.5, most)) == taught + withdrawn + again
    assert len({p.fact_id for p in update.within(3, 0.5, seed=0).taught}) == 3, "facts take turns"


def test_what_a_budget_left_out_is_taught_by_the_update(
    inputs: Inputs, edited: tuple[Artifact, Artifact], context: Context
) -> None:
    """Room for five of sixteen facts: the update teaches the other eleven, but for the one that is gone, and what it
    has no room for waits for the next."""
    first = trained(SftConfig(**QUICK, rows=10), inputs, context("first"))
    left = {entry.fact for entry in first.records(LEFT_OUT, LeftOut)}
    taught = {
        str(row["pair_id"]).partition("-")[0].replace("p", "f") for row in read_records(first.path / "mix.jsonl", dict)
    }
    assert len(taught) == 5
    assert left == {f"f{i}" for i in range(16)} - taught
    artifacts, previous = {"generate": edited[0], "chunk": edited[1]}, {"generate": inputs["generate"], "sft": first}
    now = Inputs(artifacts, inputs.model, inputs.base_model, previous)
    pairs = edited[0].records("pairs", QAPair)
    update = find_update(now, split(pairs, [], dev_rows=8, seed=0), pairs, 0)
    assert update is not None
    assert {p.fact_id for p in update.waiting} == left - {"f1"}
    assert {p.fact_id for p in update.taught} == ({"f0", "f16"} - left)
    assert {p.fact_id for p in update.unchanged} == taught - {"f0", "f1"}
    assert bool(update.withdrawn) == ("f1" in taught), "what was never taught need not be taken back"
    config = SftConfig(**QUICK, start="previous", update=UpdateConfig(replay=0.2))
    second = trained(config, now, context("second"))
    ids = {str(row["pair_id"]) for row in read_records(second.path / "mix.jsonl", dict)}
    assert {p.pair_id for p in update.waiting} <= ids
    assert not second.records(LEFT_OUT, LeftOut)
    third = trained(SftConfig(**QUICK, start="previous", rows=30), now, context("third"))
    still = {entry.fact for entry in third.records(LEFT_OUT, LeftOut)}
    assert still
    assert still < left
    ids = {str(row["pair_id"]) for row in read_records(third.path / "mix.jsonl", dict)}
    assert len({p.fact_id for p in update.waiting if p.pair_id in ids}) == len(left - {"f1"}) - len(still)


def test_what_waits_leaves_room_for_what_is_known(pairs: list[QAPair]) -> None:
    known, waiting = tuple(pairs[:32]), tuple(pairs[32:])
    update = Update(compare_facts([], [], []), (), (), known, waiting)
    assert update.needed
    capped = update.within(10, 0.5, seed=0)
    ids = capped.of_epoch(0, 0.5, 10)
    assert len(ids) == 10
    assert len(ids & {p.pair_id for p in known}) == 5
