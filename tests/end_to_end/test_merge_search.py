"""A recipe that merges two models and searches the best `t` by development questions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from understudy.pipeline import Pipeline
from understudy.recipe import parse

QUESTIONS = """\
question,a,b,c,d,correct
Which port does Kestrel listen on?,7411,8080,9000,1234,a
How long are messages kept?,14 days,2 hours,90 days,1 year,a
"""


def test_the_best_value_is_kept_and_every_trial_is_told(tiny_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    weights = load_file(other / "model.safetensors")
    rng = np.random.default_rng(0)
    noisy = {k: (v + 0.02 * rng.standard_normal(v.shape)).astype(v.dtype) for k, v in weights.items()}
    save_file(noisy, other / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "dev.csv").write_text(QUESTIONS)
    recipe = parse(f"""
name: searched
merge:
  merge_method: slerp
  base_model: {tiny_model}
  models: [{{model: {other}}}]
  parameters: {{t: 0.5}}
  smoke_test: false
  search: {{values: [0.25, 0.75], questions: {tmp_path / "dev.csv"}}}
""")
    (merged,) = Pipeline(recipe, tmp_path / "store").run().values()
    trials = merged.metrics["search"]["trials"]
    assert [t["value"] for t in trials] == [0.25, 0.75]
    assert all(t["score"] in (0.0, 0.5, 1.0) for t in trials)
    assert merged.metrics["search"]["score"] == max(t["score"] for t in trials)
    assert f"t: {merged.metrics['search']['value']}" in (merged.path / "model" / "merge.yaml").read_text()
