"""A whole study: check what can be checked at once, run all seeds, write study.md and study.json."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from understudy.artifact import to_plain, write_json, write_text
from understudy.errors import InputError
from understudy.models.resolve import identity
from understudy.stage import Engine
from understudy.study import run as runner
from understudy.study.claims import Findings, findings
from understudy.study.config import StudyConfig
from understudy.study.render import markdown


def study(
    config: StudyConfig,
    out: Path,
    store: Path,
    *,
    jobs: int = 1,
    engine: Engine = "local",
    say: Callable[[str], None] = lambda text: None,
) -> Findings:
    """Run the study and write `study.md` and `study.json` into `out`; what the store holds is not run again.

    Raises InputError where `out` cannot be written or a model is not there, RecipeError where a section is wrong,
    before anything is computed.
    """
    check(config, out)
    results = runner.run(config, out, store, jobs=jobs, engine=engine, say=say)
    found = findings(config, results)
    models = {model: identity(model) for model in (config.base_model, *config.specialists)}
    write_json(out / "study.json", {"study": config.model_dump(mode="json"), "models": models, **to_plain(found)})
    write_text(out / "study.md", markdown(config, found))
    return found


def check(config: StudyConfig, out: Path) -> None:
    """Find what is wrong before hours are spent."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        writable = os.access(out, os.W_OK)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); name another folder with --out") from error
    if not writable:
        raise InputError(f"{out}: cannot be written; name another folder with --out")
    for model in (config.base_model, *config.specialists):
        identity(model)  # raises where the model is not there
    common = {"seed": 1, "base_model": config.base_model, "docs": {"path": str(out)}, "chunk": config.chunk}
    for name, merge in config.merges.items():
        runner.build_recipe({"name": "check", **common, "merge": merge}, f"merges.{name}")
    for name, sft in config.teach.items():
        sections = {"generate": config.generate, "index": config.index, "sft": sft, "benchmark": config.benchmark}
        runner.build_recipe({"name": "check", **common, **sections}, f"teach.{name}")
    if config.align is not None:
        runner.build_recipe({"name": "check", **common, "align": {"dataset": "x.jsonl", **config.align}}, "align")
