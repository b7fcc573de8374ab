"""The command line as a person meets it: quick answers, clear mistakes, the right exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """\
name: cli
base_model: {model}
docs: {{path: {docs}}}
generate: {{}}
index: {{retriever: bm25}}
"""


def understudy(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "understudy.cli.main", *arguments], capture_output=True, text=True, timeout=120, cwd=cwd
    )


def test_help_names_every_command() -> None:
    shown = understudy("--help").stdout
    for name in ("init", "plan", "run", "runs", "report", "ask", "show", "compare", "merge", "doctor", "lab"):
        assert name in shown


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "recipe.yaml"], ["run", "typo.yaml"]])
def test_light_commands_load_nothing_heavy(
    tmp_path: Path, tiny_model: Path, docs_folder: Path, arguments: list[str]
) -> None:
    text = RECIPE.format(model=tiny_model, docs=docs_folder)
    (tmp_path / "recipe.yaml").write_text(text)
    (tmp_path / "typo.yaml").write_text(text.replace("retriever", "retreiver"))
    heavy = {"torch", "transformers", "lancedb", "scipy", "numba", "openai", "datasets", "sklearn"}
    if arguments[0] == "plan":
        heavy.discard("scipy")  # a sample of the pages is read, and texts are compared
    code = (
        "import sys\nfrom understudy.cli.main import main\n"
        f"sys.argv = ['understudy', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', sorted({heavy!r} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert "HEAVY []" in done.stdout, done.stdout + done.stderr


def test_init_writes_a_recipe_that_plans(tmp_path: Path, docs_folder: Path) -> None:
    done = understudy("init", str(docs_folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert understudy("init", str(docs_folder), cwd=tmp_path).returncode == 2
    planned = understudy("plan", "recipe.yaml", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert "ingest" in planned.stdout
    assert "stages to run" in planned.stdout


def test_a_mistake_is_one_message_without_a_traceback(tmp_path: Path, tiny_model: Path, docs_folder: Path) -> None:
    good = RECIPE.format(model=tiny_model, docs=docs_folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "pairs.csv").write_text("frage,antwort\na,b\n")
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in tiny_model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    cases = [
        (good.replace("index:", "indx:"), [], 2, "Did you mean 'index'?"),
        (good.replace(str(docs_folder), str(tmp_path / "nowhere")), [], 2, "nowhere"),
        (good.replace(str(docs_folder), str(tmp_path / "empty")), [], 2, "empty"),
        (good, ["--set", f"generate.pairs={tmp_path / 'pairs.csv'}"], 2, "pairs.csv"),
        (good, ["--only", "sft"], 2, "no stage 'sft'"),
        (good, ["--only", "index"], 2, "--until"),
    ]
    for number, (text, options, code, message) in enumerate(cases):
        recipe = tmp_path / f"r{number}.yaml"
        recipe.write_text(text)
        done = understudy("run", str(recipe), "--store", str(tmp_path / "store"), *options)
        assert done.returncode == code, (number, done.stdout, done.stderr)
        assert message in done.stderr.replace("\n", " "), (number, done.stderr)
        assert "Traceback" not in done.stderr
    recipe = tmp_path / "weights.yaml"
    recipe.write_text(good.replace(str(tiny_model), str(broken)) + "benchmark: {arms: [base]}\n")
    done = understudy("run", str(recipe), "--store", str(tmp_path / "store"))
    assert done.returncode in (1, 2), done.stderr
    assert "model.safetensors" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_show_finds_an_artifact_by_run_and_by_key(tmp_path: Path, tiny_model: Path, docs_folder: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE.format(model=tiny_model, docs=docs_folder))
    store = ["--store", str(tmp_path / "store")]
    assert understudy("run", str(tmp_path / "r.yaml"), "--until", "chunk", *store).returncode == 0
    by_run = understudy("show", "cli/chunk", *store)
    assert "chunks.jsonl" in by_run.stdout, by_run.stderr
    key = by_run.stdout.split()[1]
    assert understudy("show", key[:10], *store).stdout == by_run.stdout
    missing = understudy("show", "cli/sft", *store)
    assert missing.returncode == 2
    assert "its recipe leaves it out; add `sft:`" in missing.stderr
    unknown = understudy("show", "nobody/sft", *store)
    assert unknown.returncode == 2
    assert "RUN/STAGE" in unknown.stderr
    assert "cli" in understudy("runs", *store).stdout
