"""The stage end to end on a tiny model: it learns, it resumes after a kill, it writes no pickle, it fails clearly."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from understudy.artifact import Artifact, digest_tree, read_records, seal, walk_files, write_records
from understudy.errors import InputError, MissingExtraError, ModelError, StageError
from understudy.models.open import open_language_model
from understudy.report.sources import Sources
from understudy.report.training import training
from understudy.sft import stage
from understudy.sft.config import MixConfig, ReplayConfig, SftConfig
from understudy.sft.estimate import estimate
from understudy.sft.replay import replay_rows
from understudy.sft.rows import Row
from understudy.sft.spread import BEYOND
from understudy.sft.watch import TeachingWatch
from understudy.stage import Inputs, RunContext
from understudy.training.checkpoints import Checkpoints
from understudy.types import Completion, Message, QAPair

Context = Callable[..., RunContext]
CLOSED = MixConfig(closed_book=1, context=0, multiple_choice=0, short=0)
QUICK: dict[str, Any] = {
    "epochs": 2,
    "learning_rate": 1e-2,
    "r": 4,
    "lora_alpha": 8,
    "replay": ReplayConfig(source="off"),
    "dev_rows": 8,
}
_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from understudy.artifact import Artifact
from understudy.training import checkpoints as checkpoint
from understudy.sft import stage
from understudy.sft.config import SftConfig
from understudy.stage import Inputs, RunContext
place, model, config = Path(sys.argv[1]), sys.argv[2], SftConfig.model_validate_json(sys.argv[3])
write = checkpoint.write_json
def write_or_die(path, value):
    if value["step"] == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, value)
checkpoint.write_json = write_or_die
found = {s: Artifact.open(place / "artifacts" / s) for s in ("chunk", "generate")}
context = RunContext(out=place / "killed" / "out", work=place / "killed" / "work", root=place, seed=7, device="cpu")
stage.run(config, Inputs(found, model=model, base_model=model), context)
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_budget_of_rows_leaves_out_what_does_not_fit_and_says_so(
    inputs: Inputs, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = context("budget")
    output = stage.run(SftConfig(**QUICK, mix=CLOSED, rows=33), inputs, ctx)
    assert output.counts["train"] == 16
    assert output.counts["rows"] == 32
    assert output.counts["rejected"] == {BEYOND: 32}
    assert "leaves out 32 pairs" in caplog.text
    taught = {row["pair_id"] for row in read_records(ctx.out / "mix.jsonl", dict)}
    assert {name.partition("-")[0] for name in taught} == {f"p{i}" for i in range(16)}, "each fact gives one wording"
    seal(ctx.out, {"stage": "sft", "key": "k", "config": {}, "counts": dict(output.counts), "metrics": {}})
    told = training(Sources({"sft": Artifact.open(ctx.out)}))
    assert told is not None
    assert told["left_out"] == {"left_out": 32, "taught": 16}


def test_killed_training_ends_with_the_same_adapter(
    inputs: Inputs, context: Context, tiny_model: Path, tmp_path: Path
) -> None:
    settings = {**QUICK, "epochs": 3, "batch_size": 4, "lora_dropout": 0.2}
    settings["replay"] = ReplayConfig(share=0.25, max_tokens=4)  # rows that are held go through a resume too
    config = SftConfig(**settings, checkpoint_seconds=0, early_stopping_patience=None)
    whole = context("whole")
    output = stage.run(config, inputs, whole)
    assert output.metrics["steps"] == 48

    # Killed when the checkpoint of step 12 is all but complete: the one before counts, and a step is done again.
    killed = context("killed")
    command = [sys.executable, "-c", _KILLED, str(tmp_path), str(tiny_model), config.model_dump_json()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL, child.stderr[-2000:]
    job = killed.work / "job"
    assert Checkpoints(job / "checkpoints", 0).state()["step"] == 11
    assert len(read_records(job / "log.jsonl", dict)) == 13  # one before training

    again = stage.run(config, inputs, killed)
    assert digest_tree(killed.out) == digest_tree(whole.out)
    assert again.metrics["tokens"] == output.metrics["tokens"]
    assert again.metrics["dev_loss"] == output.metrics["dev_loss"]
    assert again.counts == output.counts


def test_held_out_wordings_are_learned(inputs: Inputs, context: Context, tiny_model: Path) -> None:
    config = SftConfig(**{**QUICK, "method": "full", "epochs": 40, "mix": CLOSED, "early_stopping_patience": None})
    run = context()
    output = stage.run(config, inputs, run)
    assert output.metrics["dev_loss"] < 0.5 * output.metrics["dev_loss_before"]
    log = read_records(run.out / "log.jsonl", dict)
    assert [line["step"] for line in log] == list(range(output.metrics["steps"] + 1))
    assert log[-1]["tokens"] == output.metrics["tokens"] > 0
    assert log[-1]["epoch"] == 40
    assert log[0]["loss"] is None
    assert log[0]["dev_loss"] == pytest.approx(output.metrics["dev_loss_before"], abs=1e-5)
    # The written model is the taught one: on wordings never trained on, the answers have become far likelier.
    questions = [[Message("user", f"Tell me the setting s{i}.")] for i in range(16)]
    options = [[f"{100 + i}"] for i in range(16)]

    def mean(model: Path) -> float:
        return sum(row[0] for row in open_language_model(str(model)).loglikelihoods(questions, options)) / 16

    assert mean(run.out / "model") > mean(tiny_model) + 3 * math.log(4)


def test_artifact_holds_what_was_taught_and_nothing_of_this_machine(
    inputs: Inputs, context: Context, tiny_model: Path
) -> None:
    run = context()
    output = stage.run(SftConfig(**QUICK), inputs, run)
    names = {p.relative_to(run.out).as_posix() for p in walk_files(run.out)}
    assert names == {"adapter/adapter_config.json", "adapter/adapter_model.safetensors", "log.jsonl", "mix.jsonl"}
    settings = json.loads((run.out / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] is None
    assert "lm_head" not in settings["target_modules"]
    taught = read_records(run.out / "mix.jsonl", dict)
    assert len(taught) == output.counts["rows"] == 48 * 2
    assert sum(output.metrics["mix"].values()) == pytest.approx(1, abs=1e-3)
    assert output.counts["train"] == 48
    assert output.counts["dev"] == 8
    left = {p.suffix for p in run.work.rglob("*") if p.is_file()}
    assert left <= {".safetensors", ".json", ".jsonl"}


def test_early_stop_keeps_the_best_weights(inputs: Inputs, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The held-out losses are given: when a toy overfits hangs on how a processor rounds."""
    losses = iter([9.0, 3.0, 2.0, 2.5, 2.1])  # before training, then after each epoch
    seen: list[dict[str, torch.Tensor]] = []
    evaluated = TeachingWatch.on_evaluate

    def told(self: TeachingWatch, *event: Any, metrics: dict[str, Any], **rest: Any) -> None:
        weights = {n.replace(".default", ""): p.detach().clone() for n, p in self.course.parameters.items()}
        seen.append(weights)
        evaluated(self, *event, metrics={**metrics, "eval_loss": next(losses)}, **rest)

    monkeypatch.setattr(TeachingWatch, "on_evaluate", told)
    settings = {**QUICK, "epochs": 8, "mix": CLOSED, "early_stopping_patience": 2, "evals_per_epoch": 1}
    run = context()
    output = stage.run(SftConfig(**settings), inputs, run)
    measured = {k: output.metrics[k] for k in ("dev_loss_before", "dev_loss", "best_step", "steps", "steps_planned")}
    assert measured == {"dev_loss_before": 9.0, "dev_loss": 2.0, "best_step": 6, "steps": 12, "steps_planned": 24}
    assert output.metrics["stopped_early"]
    log = read_records(run.out / "log.jsonl", dict)
    dev = [(line["step"], line["dev_loss"]) for line in log if line["dev_loss"] is not None]
    assert dev == [(0, 9.0), (3, 3.0), (6, 2.0), (9, 2.5), (12, 2.1)]
    written = load_file(run.out / "adapter" / "adapter_model.safetensors")
    same = [all(torch.equal(written[name], value) for name, value in weights.items()) for weights in seen]
    assert same == [False, False, True, False, False]


def test_full_training_writes_a_whole_model_with_its_template(inputs: Inputs, context: Context) -> None:
    run = context()
    stage.run(SftConfig(**{**QUICK, "method": "full", "epochs": 1, "learning_rate": 1e-3}), inputs, run)
    reader = open_language_model(str(run.out / "model"))
    assert reader.generate([[Message("user", "Hello")]], max_tokens=3)
    assert not list((run.out / "model").glob("*.bin"))


class Scripted:
    """Answers with the number of the prompt, as far as its patience goes."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.asked = 0

    def generate(self, conversations: Any, *, max_tokens: int) -> list[Completion]:
        if self.asked >= self.patience:
            raise KeyboardInterrupt
        self.asked += len(conversations)
        return [Completion(f"answer to {c[0].content}") for c in conversations]


def test_replay_is_answered_by_the_base_and_goes_on_after_an_interruption(tmp_path: Path) -> None:
    def rows(patience: int) -> tuple[list[Row], Scripted]:
        reader = Scripted(patience)
        found = replay_rows(
            ReplayConfig(), 1100, seed=0, work=tmp_path, open_language_model=lambda: reader, progress=lambda *_: None
        )
        return found, reader

    with pytest.raises(KeyboardInterrupt):
        rows(patience=600)
    assert len(read_records(tmp_path / "replay.jsonl", dict)) == 640  # ten batches of 64
    found, reader = rows(patience=10_000)
    assert reader.asked == 460
    assert len(found) == len({r.messages for r in found}) == 1100
    assert all(r.answer == f"answer to {r.messages[0].content}" for r in found)
    assert rows(patience=0)[0] == found  # all on disk: the base is not asked again


def test_replay_share_of_the_rows(inputs: Inputs, context: Context) -> None:
    run = context()
    stage.run(SftConfig(**{**QUICK, "epochs": 1, "replay": ReplayConfig(share=0.25, max_tokens=4)}), inputs, run)
    assert len(read_records(run.work / "job" / "replay.jsonl", dict)) == 16  # a quarter of 48 + 16 rows


def test_after_the_mix_every_pair_is_asked_alone(inputs: Inputs, context: Context) -> None:
    run = context()
    mix = MixConfig(closed_book=0.5, context=0.5, multiple_choice=0, short=0, documents=0.5)
    settings = {**QUICK, "epochs": 1, "by_heart": 2, "mix": mix, "replay": ReplayConfig(share=0.25, max_tokens=4)}
    output = stage.run(SftConfig(**settings), inputs, run)
    taught = [[r for r in read_records(run.out / "mix.jsonl", dict) if r["epoch"] == e] for e in range(3)]
    assert {"closed_book", "context", "documents", "replay"} <= {r["format"] for r in taught[0]}
    for alone in taught[1:]:
        assert {(r["format"], r["passages"]) for r in alone} == {("closed_book", 0)}
        assert {r["pair_id"] for r in alone} == {r["pair_id"] for r in taught[0]} - {""}
        assert len(alone) == output.counts["train"]
    assert read_records(run.out / "log.jsonl", dict)[-1]["epoch"] == 3


def test_epochs_by_heart_are_planned_without_passages_and_share_a_budget() -> None:
    upstream = {"generate": {"pairs": 100, "splits": {"train": 100}}, "chunk": {"tokens": 30_000, "chunks": 100}}
    upstream["model"] = {"parameters": 1.35e8}
    base = {"epochs": 1, "dev_rows": 0, "replay": ReplayConfig(source="off")}
    once, twice = (estimate(SftConfig(**base, by_heart=n), upstream) for n in (0, 2))
    assert (once.counts["rows"], twice.counts["rows"]) == (100, 300)
    assert once.tokens is not None
    assert twice.tokens is not None
    assert twice.tokens - once.tokens == pytest.approx(200 * 88)
    assert SftConfig(**base, by_heart=2, rows=99).pairs_an_epoch == 33
    assert "by_heart" not in SftConfig(**base).identity(), "artifacts of before stay valid"


def test_given_replay_rows_are_used_as_they_are(inputs: Inputs, context: Context, tmp_path: Path) -> None:
    file = tmp_path / "general.jsonl"
    rows = [
        {"prompt": "Hi", "completion": "Hello"},
        {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]},
    ]
    file.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8-sig")
    config = SftConfig(**{**QUICK, "epochs": 1, "replay": ReplayConfig(source=str(file), share=0.25)})
    assert config.files() == {"replay.source": str(file)}
    output = stage.run(config, inputs, context("given"))
    assert output.counts["formats"]["replay"] == 2
    file.write_text('{"prompt": "Hi", "completion": "Hello"}\n{"question": "?"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"general\.jsonl:2: has neither `prompt` nor `messages`"):
        stage.run(config, inputs, context("bad"))


def test_a_template_that_knows_no_system_message_is_trained_with_one_before_the_users(
    inputs: Inputs, context: Context, tiny_model: Path, tmp_path: Path
) -> None:
    """Of a model that names no padding either."""
    model = tmp_path / "strict"
    shutil.copytree(tiny_model, model)
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        if (model / name).is_file():
            settings = json.loads((model / name).read_text(encoding="utf-8"))
            settings = {k: v for k, v in settings.items() if k not in ("pad_token", "pad_token_id", "chat_template")}
            (model / name).write_text(json.dumps(settings), encoding="utf-8")
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}",
        encoding="utf-8",
    )
    turns = [
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "Name a knot."},
        {"role": "assistant", "content": "Bowline"},
    ]
    file = tmp_path / "talk.jsonl"
    file.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    config = SftConfig(**{**QUICK, "epochs": 1, "replay": ReplayConfig(source=str(file), share=0.1)})
    output = stage.run(config, replace(inputs, model=str(model), base_model=str(model)), context("strict"))
    assert output.counts["formats"]["replay"] == 1

    turns.insert(1, {"role": "assistant", "content": "Yes."})
    file.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    with pytest.raises(ModelError, match="chat template refuses this conversation: roles must alternate"):
        stage.run(config, replace(inputs, model=str(model), base_model=str(model)), context("never"))


def test_qlora_trains_on_a_four_bit_base_or_names_what_is_missing(
    inputs: Inputs, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    found = util.find_spec
    config = SftConfig(**{**QUICK, "method": "qlora", "epochs": 1})
    monkeypatch.setattr(util, "find_spec", lambda name, *a: None if name == "bitsandbytes" else found(name, *a))
    with pytest.raises(MissingExtraError, match=r"pip install 'understudy\[gpu\]'"):
        stage.run(config, inputs, context("missing"))
    monkeypatch.undo()
    pytest.importorskip("bitsandbytes")
    run = context("four-bit")
    with warnings.catch_warnings():  # an operator without a gradient only warns, and trains nothing before it
        warnings.filterwarnings("error", message=".*autograd kernel was not registered")
        output = stage.run(config, inputs, run)
    assert output.metrics["loss"] > 0
    assert (run.out / "adapter" / "adapter_model.safetensors").is_file()


def test_nothing_to_learn_says_why(inputs: Inputs, context: Context, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    write_records(folder / "pairs.jsonl", [QAPair("p", "Which?", "one", split="test")])
    seal(folder, {"stage": "generate", "key": "x"})
    bare = replace(inputs, artifacts={**inputs.artifacts, "generate": Artifact.open(folder)})
    with pytest.raises(InputError, match="no training pair among 1 pairs"):
        stage.run(SftConfig(**QUICK), bare, context())


def test_a_loss_that_is_no_number_stops_with_advice(inputs: Inputs, context: Context) -> None:
    config = SftConfig(**{**QUICK, "method": "full", "learning_rate": 1e30, "max_grad_norm": 1e30, "mix": CLOSED})
    with pytest.raises(StageError, match=r"lower sft\.learning_rate"):
        stage.run(config, inputs, context())


def test_unknown_target_modules_are_named(inputs: Inputs, context: Context) -> None:
    with pytest.raises(ModelError, match=r"this model has .*q_proj"):
        stage.run(SftConfig(**{**QUICK, "target_modules": ("query",)}), inputs, context())
