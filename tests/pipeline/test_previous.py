"""What a plan says of the documentation's changes, and from which run a training goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import understudy
from understudy.artifact import Artifact, seal
from understudy.cli.main import app
from understudy.pipeline.loop import Pipeline
from understudy.pipeline.runs import RunRecord, save
from understudy.pipeline.store import Store
from understudy.recipe import parse

RECIPE = "name: keel\nbase_model: lab:reader\ndocs: {{path: {docs}}}\ngenerate: {{}}\n"
PAGE = "# Keel {0}\n\nKeel {0} listens on port {1}.\n\n| Setting | Default |\n|---|---|\n| `{0}.limit` | {2} |\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, name in enumerate(("relay", "probe", "vault", "gauge")):
        (folder / f"{name}.md").write_text(PAGE.format(name, 9000 + number, 40 + number), encoding="utf-8")
    return folder


def test_pages_and_facts_are_told_by_content(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    path, store = tmp_path / "recipe.yaml", tmp_path / "store"
    path.write_text(RECIPE.format(docs=docs), encoding="utf-8")
    assert understudy.plan(path, store=store).pages is None
    understudy.run(path, store=store)
    same = understudy.plan(path, store=store)
    assert same.pages is not None
    assert (same.pages.unchanged, same.pages.edited, same.facts) == (4, (), None)
    (docs / "relay.md").rename(docs / "beacon.md")
    (docs / "probe.md").write_text(PAGE.format("probe", 9001, 77), encoding="utf-8")
    (docs / "vault.md").unlink()
    (docs / "added.md").write_text(PAGE.format("added", 9100, 5), encoding="utf-8")
    planned = understudy.plan(path, store=store)
    assert planned.pages is not None
    assert planned.pages.renamed == (("relay.md", "beacon.md"),)
    assert (planned.pages.edited, planned.pages.removed, planned.pages.added) == (
        ("probe.md",), ("vault.md",), ("added.md",),
    )  # fmt: skip
    assert planned.facts is None  # what the pages say is not known before they are read
    understudy.run(path, store=store)
    facts = CliRunner().invoke(app, ["plan", str(path), "--store", str(store)]).output
    assert "facts since keel@1: " in facts
    after = understudy.plan(path, store=store).facts
    assert after is not None
    counts = after[1].counts
    assert min(counts["changed"], counts["new"], counts["withdrawn"]) >= 1
    assert counts["unchanged"] >= 2  # those of the page with another name, too


def finished(store: Store, number: int, digest: str, *, config: dict[str, object], model: str = "m") -> None:
    """A finished run whose `sft` read the `generate` artifact of that digest."""
    done: dict[str, Artifact] = {}
    inputs = {"chunk": f"chunk-{digest}", "generate": f"generate-{digest}"}
    for stage in ("chunk", "generate", "sft"):
        folder = store.artifact(stage, f"{stage}{number}")
        folder.mkdir(parents=True)
        (folder / "content.txt").write_text(f"{stage} {digest} {number}", encoding="utf-8")
        plain = {"stage": stage, "key": f"{stage}{number}", "inputs": inputs, "config": config}
        seal(folder, {**plain, "key_fields": {"model": model}})
        done[stage] = Artifact.open(folder)
    keys = {name: a.key for name, a in done.items()}
    save(store, RunRecord("keel", number, {}, "", "", "2026", keys, tuple(keys), finished=True), done)


class Read(Artifact):
    """An artifact of which only the content is asked."""

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])


def test_training_goes_on_from_the_newest_run_that_was_taught_something_else(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.pipeline import keys

    monkeypatch.setattr(keys, "identity", lambda ref: "m")
    text = RECIPE.format(docs=docs) + "sft: {start: previous, r: 8, mix: {context: 0, closed_book: 0.85}}\n"
    recipe = parse(text)
    assert recipe.sft is not None
    config = recipe.sft.model_dump(mode="json")
    pipeline = Pipeline(recipe, tmp_path / "store")
    sft = next((s, c) for s, c in pipeline.steps if s.name == "sft")
    done = {n: Read(Path("nowhere"), {"digest": f"{n}-b"}) for n in ("chunk", "generate")}
    assert pipeline.previous(*sft, done) is None
    finished(pipeline.store, 1, "a", config=config)
    before = pipeline.previous(*sft, done)
    assert before is not None
    assert (before.label, before.unfit) == ("keel@1", "")
    finished(pipeline.store, 2, "b", config=config)  # taught the same: it went on from keel@1 as this does
    again = pipeline.previous(*sft, done)
    assert again is not None
    assert again.label == "keel@1"
    finished(pipeline.store, 3, "c", config={**config, "r": 16})
    other = pipeline.previous(*sft, done)
    assert other is not None
    assert other.label == "keel@3"
    assert other.unfit == "sft.r was 16 and is 8"
    finished(pipeline.store, 4, "d", config=config, model="another")
    base = pipeline.previous(*sft, done)
    assert base is not None
    assert base.unfit == "it was made of another base model"
