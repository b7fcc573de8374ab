"""The Python interface: light to import, and the same store and answers as the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

import understudy
from understudy.errors import InputError, RecipeError

RECIPE = {
    "name": "handbook",
    "docs": {},
    "chunk": {"chunk_size": 120, "chunk_overlap": 12},
    "generate": {"n_items": 12},
    "index": {"retriever": "bm25", "search": {"top_k": 2}},
    "benchmark": {"arms": ["base", "base+rag"]},
}


@pytest.fixture(scope="module")
def recipe(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    (folder / "docs").mkdir()
    rows = "".join(f"| `--flag-{n}` | {100 + n} | The limit number {n} of the server. |\n" for n in range(12))
    (folder / "docs" / "guide.md").write_text(
        f"# Guide\n\n## Options\n\n| Option | Default | Description |\n|---|---|---|\n{rows}"
    )
    values = {**RECIPE, "base_model": str(tiny_model), "docs": {"path": str(folder / "docs")}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe: Path) -> understudy.Run:
    return understudy.run(recipe, store=recipe.parent / "store")


def test_importing_and_planning_load_nothing_heavy(recipe: Path) -> None:
    code = (
        "import sys, understudy\n"
        f"plan = understudy.plan({str(recipe)!r}, store={str(recipe.parent / 'none')!r})\n"
        "assert plan.to_do and plan.seconds > 0\n"
        "print('HEAVY', sorted({'torch', 'transformers', 'lancedb', 'numba', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "HEAVY []" in done.stdout


def test_what_is_exported_is_there() -> None:
    for name in understudy.__all__:
        assert callable(getattr(understudy, name)), name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = understudy.nonsense


def test_a_run_says_what_it_found(run: understudy.Run) -> None:
    assert run.label == "handbook@1"
    assert run.verdict.word in ("better", "worse", "inconclusive")
    assert str(run.verdict) == run.verdict.sentence == run.summary.headline
    assert {"base", "base+rag"} <= run.arms.keys()
    frame = run.items.to_pandas()
    asked = frame[frame.arm == "base"]
    assert len(asked) == run.arms["base"].acc.n > 0
    assert asked.acc.mean() == pytest.approx(run.arms["base"].acc.value)
    assert {"question", "options", "correct"} <= set(frame.columns)
    assert run.report_path.is_file()


def test_a_run_answers_with_citations_and_its_index_searches(run: understudy.Run) -> None:
    answer = run.ask("What is the default of --flag-3?", arm="base+rag")
    assert [c.doc_id for c in answer.citations] == ["guide.md"] * len(answer.citations)
    assert 1 <= len(answer.citations) <= 2
    assert understudy.load_index(run).search("--flag-3")[0].chunk.doc_id == "guide.md"
    with pytest.raises(InputError, match=r"run 'handbook@1' has no sft: its recipe leaves it out; add `sft:`"):
        run.ask("Which port?", arm="sft")


def test_a_variant_is_another_number_and_the_first_stays(run: understudy.Run, recipe: Path) -> None:
    store = recipe.parent / "store"
    again = understudy.run(recipe, store=store)
    assert again.label == "handbook@1"
    seen: list[str] = []
    other = understudy.run(
        recipe, set={"index.search.top_k": 1}, store=store,
        on_stage=lambda line, artifact: seen.append(line.step.name) if artifact is None else None,
    )  # fmt: skip
    assert other.label == "handbook@2"
    assert seen == ["benchmark"]
    assert understudy.open_run("handbook", store=store).label == "handbook@2"
    assert understudy.open_run("handbook@1", store=store).recipe.index.search.top_k == 2  # type: ignore[union-attr]
    assert [one.label for one in understudy.list_runs(store=store)] == ["handbook@2", "handbook@1"]
    compared = understudy.compare("handbook@1", other, store=store)
    assert compared.comparisons
    assert all(one.difference.n == run.arms["base"].acc.n for one in compared.comparisons)
    with pytest.raises(InputError, match=r"no run 'handbook@9'.*handbook@2, handbook@1"):
        understudy.open_run("handbook@9", store=store)


def test_a_run_that_was_cut_says_what_it_lacks(recipe: Path, tmp_path: Path) -> None:
    cut = understudy.run(recipe, store=tmp_path / "store", until="index")
    with pytest.raises(InputError, match=r"told to stop after 'index'; .* without --until"):
        _ = cut.verdict
    assert cut.ask("What is the default of --flag-3?").citations
    whole = understudy.run(recipe, store=tmp_path / "store")
    assert (whole.label, whole.record.finished, whole.record.until) == (cut.label, True, None)


def test_changed_documents_are_another_run_of_the_same_recipe(recipe: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\n\nThe default port is 80.\n")
    settings = {"docs.path": str(docs), "benchmark": None, "generate": None}
    values = {k: v for k, v in yaml.safe_load(recipe.read_text()).items() if k not in ("benchmark", "generate")}
    first = understudy.run(values, set={"docs.path": str(docs)}, store=tmp_path / "store")
    (docs / "a.md").write_text("# A\n\nThe default port is 81.\n")
    second = understudy.run(values, set={"docs.path": settings["docs.path"]}, store=tmp_path / "store")
    assert (first.label, second.label) == ("handbook@1", "handbook@2")
    kept = understudy.open_run("handbook@1", store=tmp_path / "store")
    assert kept.artifact("ingest").digest == first.artifact("ingest").digest != second.artifact("ingest").digest


def test_mistakes_name_the_key(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"index\.serach"):
        understudy.plan(recipe, set={"index.serach.top_k": 3}, store=tmp_path)
    with pytest.raises(RecipeError, match=r"write index: \{search: \{top_k: 3\}\}"):
        understudy.plan(recipe, set={"index.top_k": 3}, store=tmp_path)


def test_what_was_found_is_told_where_the_report_cannot_be_written(
    run: understudy.Run, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("understudy.report.build.build", full)
    again = understudy.run(recipe, store=recipe.parent / "store")
    assert again.verdict.sentence == run.verdict.sentence
    with pytest.raises(OSError, match="No space left"):
        _ = again.report_path


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(Path(__file__).parents[1] / "docs" / "api.ipynb", as_version=4)
    names: dict[str, object] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"docs/api.ipynb {cell.id}", "exec"), names)
    assert [one.label for one in understudy.list_runs()] == ["kestrel@2", "kestrel@1"]
    assert (tmp_path / ".understudy" / "runs" / "kestrel" / "1" / "report.html").is_file()
