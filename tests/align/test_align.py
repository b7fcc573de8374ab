"""Preference training: shapes of rows, filters, that it learns the preference, stops, resumes and refuses clearly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.align import stage
from understudy.align.config import AlignConfig
from understudy.align.data import Preference, read, select
from understudy.align.train import train
from understudy.align.watch import PreferenceWatch
from understudy.artifact import digest_tree, read_records
from understudy.errors import InputError
from understudy.models.load import load_tokenizer
from understudy.models.open import open_language_model
from understudy.stage import Inputs, RunContext
from understudy.training.checkpoints import Checkpoints, trainable
from understudy.types import Message

Context = Callable[[str], RunContext]


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    def make(name: str) -> RunContext:
        out = tmp_path / name / "out"
        out.mkdir(parents=True, exist_ok=True)
        return RunContext(out=out, work=tmp_path / name / "work", root=tmp_path, seed=3, device="cpu")

    return make


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Forty prompts; the chosen answer always says `info`, the rejected one `none`."""
    file = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"Level of queue {i}?", "chosen": "info", "rejected": "none"} for i in range(40)]
    file.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    return file


def write(path: Path, *rows: Any) -> AlignConfig:
    path.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    return AlignConfig(dataset=str(path))


def test_every_usual_shape_is_read(tmp_path: Path) -> None:
    user, good, bad = ({"role": r, "content": c} for r, c in (("user", "Q"), ("assistant", "A"), ("assistant", "B")))
    config = write(
        tmp_path / "p.jsonl",
        {"prompt": "Q", "chosen": "A", "rejected": "B"},
        {"prompt": [user], "chosen": [good], "rejected": [bad]},
        {"chosen": [user, good], "rejected": [user, bad]},
        {"prompt": "Q", "chosen": [user, good], "rejected": [user, bad]},
        {"system": "", "question": "Q", "chosen": "A", "rejected": "B"},
        {"system": "Be brief.", "question": "Q", "chosen": "A", "rejected": "B"},
    )
    found = read(config)
    assert found[:5] == [Preference((Message("user", "Q"),), "A", "B")] * 5
    assert found[5].prompt == (Message("system", "Be brief."), Message("user", "Q"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "Q", "chosen": "A"}, r"p\.jsonl:1: needs the columns prompt, chosen and rejected"),
        ({"chosen": "A", "rejected": "B"}, r"p\.jsonl:1: has no prompt"),
        ({"prompt": [{"text": "Q"}], "chosen": "A", "rejected": "B"}, r"p\.jsonl:1: a conversation is"),
        (["Q", "A"], r"p\.jsonl:1: not an object"),
    ],
)
def test_wrong_rows_are_named_by_line(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "p.jsonl", row))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.jsonl: cannot be read"):
        read(AlignConfig(dataset=str(tmp_path / "missing.jsonl")))
    (tmp_path / "bad.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.jsonl:1: not valid JSON"):
        read(AlignConfig(dataset=str(tmp_path / "bad.jsonl")))


def test_filters_count_every_pair(tiny_model: Path) -> None:
    prompt = (Message("user", "Q"),)
    pairs = [
        Preference(prompt, "good", "evil"),
        Preference(prompt, "much longer than it", "evil"),
        Preference(prompt, "same", "same "),
        Preference(prompt, " ", "evil"),
        Preference(prompt, "x " * 400, "y " * 400),
    ]
    config = AlignConfig(dataset="x", max_length=64)
    kept, rejected = select(pairs, config, load_tokenizer(tiny_model), seed=0)
    assert [k.chosen for k in kept] == ["good"]
    assert rejected == {"length_ratio": 1, "equal answers": 1, "an empty answer": 1, "longer than max_length": 1}
    several = [Preference(prompt, f"good{i}", "evil") for i in range(9)]
    kept, rejected = select(several, AlignConfig(dataset="x", max_pairs=4), load_tokenizer(tiny_model), seed=0)
    assert (len(kept), rejected) == (4, {"above max_pairs": 5})


def test_preference_is_learned_and_the_model_is_whole(dataset: Path, tiny_model: Path, context: Context) -> None:
    config = AlignConfig(
        dataset=str(dataset),
        epochs=6,
        batch_size=8,
        learning_rate=2e-2,
        r=8,
        lora_alpha=16,
        stop_when_chosen_falls=None,
    )
    run = context("learn")
    output = stage.run(config, Inputs(model=str(tiny_model)), run)
    assert output.counts == {"pairs": 40, "train": 38, "held_out": 2, "rejected": {}}
    assert output.metrics["margin"] > 0.1
    assert output.metrics["answer_tokens_before"] is not None
    question, options = [[Message("user", "Level of queue 99?")]], [["info", "none"]]
    before = open_language_model(str(tiny_model)).loglikelihoods(question, options)[0]
    after = open_language_model(str(run.out / "model")).loglikelihoods(question, options)[0]
    assert after[0] - after[1] > before[0] - before[1] + 1
    log = read_records(run.out / "log.jsonl", dict)
    assert [line["step"] for line in log] == list(range(output.metrics["steps"] + 1))


def test_it_stops_where_chosen_answers_become_unlikely(
    dataset: Path, tiny_model: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The held-out figures are given: when a toy's answers fall hangs on how a processor rounds."""
    # Before training, then after steps 2, 4, ...: the limit is 10% below -10, and the widest margin comes after it.
    figures = iter([(-10.0, 0.0), (-10.2, 0.5), (-10.9, 0.4), (-11.1, 0.9)])
    seen: list[dict[str, torch.Tensor]] = []
    evaluated = PreferenceWatch.on_evaluate

    def told(self: PreferenceWatch, *event: Any, metrics: dict[str, Any], **rest: Any) -> None:
        assert metrics.keys() >= {"eval_logps/chosen", "eval_rewards/margins"}
        chosen, margin = next(figures)
        seen.append({n: p.detach().clone() for n, p in self.course.parameters.items()})
        given = {**metrics, "eval_logps/chosen": chosen, "eval_rewards/margins": margin}
        evaluated(self, *event, metrics=given, **rest)

    monkeypatch.setattr(PreferenceWatch, "on_evaluate", told)
    left: list[dict[str, torch.Tensor]] = []

    def train_and_look(model: Any, *rest: Any, **more: Any) -> Any:
        found = train(model, *rest, **more)
        left.append({n: p.detach().clone() for n, p in trainable(model).items()})
        return found

    monkeypatch.setattr(stage, "train", train_and_look)
    config = AlignConfig(
        dataset=str(dataset), epochs=4, batch_size=8, learning_rate=1e-2, r=4, stop_when_chosen_falls=0.1
    )
    output = stage.run(config, Inputs(model=str(tiny_model)), context("stop"))
    assert output.metrics["stopped_because_chosen_fell"]
    assert output.metrics["steps"] < output.metrics["steps_planned"]
    assert output.metrics["margin"] == 0.5
    assert output.metrics["chosen_logp_last"] == -11.1
    same = [all(torch.equal(left[0][name], value) for name, value in weights.items()) for weights in seen]
    assert same == [False, True, False, False]


def test_interrupted_training_ends_with_the_same_model(
    dataset: Path, tiny_model: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = AlignConfig(
        dataset=str(dataset), epochs=2, batch_size=8, learning_rate=1e-2, r=4, checkpoint_seconds=0, probe_prompts=0
    )
    inputs, whole, broken = Inputs(model=str(tiny_model)), context("whole"), context("broken")
    stage.run(config, inputs, whole)
    save = Checkpoints.save

    def save_and_break(self: Checkpoints, step: int, *rest: Any) -> None:
        save(self, step, *rest)
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save_and_break)
    with pytest.raises(KeyboardInterrupt):
        stage.run(config, inputs, broken)
    monkeypatch.undo()
    stage.run(config, inputs, broken)
    assert digest_tree(broken.out) == digest_tree(whole.out)


def test_too_few_pairs_say_why(tmp_path: Path, tiny_model: Path, context: Context) -> None:
    config = write(tmp_path / "p.jsonl", {"prompt": "Q", "chosen": "A much longer answer", "rejected": "B"})
    with pytest.raises(InputError, match=r"0 of 1 pairs can be used.*1 length_ratio"):
        stage.run(config, Inputs(model=str(tiny_model)), context("few"))
