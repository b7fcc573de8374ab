"""Several processes train one job together (on a processor, through gloo)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from understudy.artifact import read_records
from understudy.errors import StageError, UsageError
from understudy.sft import stage
from understudy.sft.config import ReplayConfig, SftConfig
from understudy.sft.job import Job
from understudy.sft.launch import launch, processes
from understudy.stage import Inputs, RunContext

Context = Callable[..., RunContext]
# In float32: bfloat16 rounds a batch differently when it is divided.
CONFIG = SftConfig(
    epochs=1, learning_rate=1e-2, r=4, lora_dropout=0, batch_size=8, replay=ReplayConfig(source="off"), dev_rows=8,
    bf16=False,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("replay", [ReplayConfig(source="off"), ReplayConfig(share=0.25, max_tokens=4)])
def test_two_processes_train_the_same_adapter_as_one(
    inputs: Inputs, context: Context, monkeypatch: pytest.MonkeyPatch, replay: ReplayConfig
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = CONFIG.model_copy(update={"replay": replay})
    alone, together = context("alone"), context("together")
    one = stage.run(config, inputs, alone)
    two = stage.run(config.model_copy(update={"devices": 2}), inputs, together)
    assert two.metrics["steps"] == one.metrics["steps"]
    assert two.metrics["tokens"] == one.metrics["tokens"]
    losses = [[line["loss"] for line in read_records(c.out / "log.jsonl", dict)[1:]] for c in (alone, together)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)
    first, second = (load_file(c.out / "adapter" / "adapter_model.safetensors") for c in (alone, together))
    assert max(float((first[n] - second[n]).abs().max()) for n in first) < 5e-3


def test_a_training_can_be_prepared_and_launched_by_hand(inputs: Inputs, context: Context) -> None:
    run = context()
    with pytest.raises(UsageError, match=r"accelerate launch -m understudy\.sft\.train .*job"):
        stage.run(CONFIG.model_copy(update={"devices": 0}), inputs, run)
    job = Job.load(run.work / "job")
    assert job.config.batch_size == 8
    assert job.steps == 6
    from understudy.sft.train import main

    main([str(job.folder)])  # what each launched process runs
    output = stage.run(CONFIG.model_copy(update={"devices": 0}), inputs, run)
    assert output.metrics["steps"] == 6
    assert (run.out / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.slow
def test_processes_that_fail_show_the_end_of_their_output(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({}), encoding="utf-8")
    job = Job(tmp_path, CONFIG, "nothing", 0, "cpu", 8)
    with pytest.raises(StageError, match="the 2 training processes ended with code"):
        launch(job, 2, lambda *_: None)


def test_how_many_processes() -> None:
    assert processes(CONFIG, "cpu") == 1
    assert processes(CONFIG.model_copy(update={"devices": 4}), "cpu") == 4
    assert Job(Path(), CONFIG, "m", 0, "cpu", 17).steps == 3
