"""What a plan says of money that is not known and of keys that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from understudy.cli.main import app
from understudy.errors import UsageError


def recipe(folder: Path, teacher: str, remote: str = "{}") -> str:
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("# Port\n\nThe port of Keel is 9140.\n", encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_text(
        f"name: paid\nbase_model: lab:reader\ndocs: {{path: {folder / 'docs'}}}\nchunk: {{}}\n"
        f"generate: {{teacher: '{teacher}', remote: {remote}}}\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("remote", "says"),
    [("{}", "a price that is not known (generate)"), ("{price: {input: 2.5, output: 10}}", "and 0.04 USD")],
)
def test_an_unknown_price_is_not_nothing(
    remote: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    path = recipe(tmp_path, "openai:m@http://127.0.0.1:9/v1", remote)
    done = CliRunner().invoke(app, ["plan", path, "--store", str(tmp_path / "store")])
    assert done.exit_code == 0, done.output
    assert says in " ".join(done.output.split())
    assert ("0.00 USD" in done.output) is False


@pytest.mark.parametrize(("teacher", "key"), [("openai:m", "OPENAI_API_KEY"), ("anthropic:m", "ANTHROPIC_API_KEY")])
def test_a_missing_key_is_named_before_anything_runs(
    teacher: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    path, store = recipe(tmp_path, teacher), tmp_path / "store"
    done = CliRunner().invoke(app, ["plan", path, "--store", str(store)])
    assert f"export {key}" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["run", path, "--store", str(store), "--yes"])
    assert isinstance(done.exception, UsageError)
    assert f"generate: model '{teacher}': no key; export {key}" in str(done.exception)
    assert not (store / "store").exists()
