"""General skills by lm_eval's own tasks, run in the Python that has lm_eval (`UNDERSTUDY_LM_EVAL_PYTHON`).

The tasks and their data come from a model hub. Both models run through the same lm_eval with the same
settings, and its per-sample log makes the comparison a paired one, which lm_eval's own comparator is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from understudy.errors import MissingExtraError, ModelError, StageError
from understudy.evaluation.interchange.lm_eval import read_samples
from understudy.types import ItemResult


def lm_eval_python() -> str:
    """The Python that has lm_eval: the one named by the environment, or this one."""
    return os.environ.get("UNDERSTUDY_LM_EVAL_PYTHON") or sys.executable


def run_task(task: str, reader: Any, work: Path) -> dict[str, ItemResult]:
    """Results by document of one lm_eval task for an open transformers reader, kept in `work`.

    Raises ModelError for engines without weights, MissingExtraError where lm_eval is missing, StageError with
    the end of its output where it fails (most often: no hub).
    """
    folder = work / f"lm_eval-{task}"
    samples = sorted(folder.rglob("samples_*.jsonl"))
    if not samples:
        weights, tokenizer = getattr(reader, "model", None), getattr(reader, "tokenizer", None)
        if weights is None or tokenizer is None:
            raise ModelError(f"benchmark.general: lm_eval:{task} needs a model with weights, not {reader.name}")
        model = work / "model"
        if not model.exists():
            weights.save_pretrained(model)
            tokenizer.save_pretrained(model)
        _run(task, model, folder)
        samples = sorted(folder.rglob("samples_*.jsonl"))
    return {r.item_id: r for path in samples for r in read_samples(path).results}


def _run(task: str, model: Path, folder: Path) -> None:
    python = lm_eval_python()
    if subprocess.run([python, "-c", "import lm_eval"], capture_output=True, check=False).returncode != 0:
        raise MissingExtraError(
            f"benchmark.general: lm_eval:{task} needs lm_eval in an environment of its own: "
            "python -m venv lm-eval && lm-eval/bin/pip install lm_eval==0.4.13, then set "
            "UNDERSTUDY_LM_EVAL_PYTHON=lm-eval/bin/python"
        )
    command = [
        python, "-m", "lm_eval", "--model", "hf", "--model_args", f"pretrained={model}", "--tasks", task,
        "--batch_size", "8", "--log_samples", "--output_path", str(folder),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise StageError(f"benchmark.general: lm_eval --tasks {task} failed (is the hub reachable?):\n{last}")
