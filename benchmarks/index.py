"""Does the answer stand in what is retrieved? bm25, dense and hybrid on the same questions, with their cost.

    python benchmarks/index.py --docs recipes/manual --questions benchmarks/index_paraphrases.jsonl
    python benchmarks/index.py --docs FOLDER --pairs pairs.csv

Questions come from the documentation itself (`generate`, the extractive teacher): benchmark items, which
borrow its words and so favour bm25. `--questions` adds ones with their supporting quote (the file of
the example asks about the manual in other words than its own, which favours dense), `--pairs` question-answer
pairs, as far as they can be linked to a passage. A hit is a retrieved chunk that holds the quote word for word.
LanceDB's full text, with its own analyser and over our terms, runs beside them as the peer.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import FTS

from understudy import prompts
from understudy.artifact import Artifact, seal
from understudy.chunk import stage as chunk_stage
from understudy.chunk.config import ChunkConfig
from understudy.generate import stage as generate_stage
from understudy.generate.config import GenerateConfig
from understudy.generate.imported import import_pairs
from understudy.index import stage as index_stage
from understudy.index.config import IndexConfig
from understudy.ingest import stage as ingest_stage
from understudy.ingest.config import IngestConfig
from understudy.retrieval.analyser import terms
from understudy.retrieval.open import open_index
from understudy.stage import Inputs, RunContext
from understudy.types import Chunk, MCQItem

Search = Callable[[str, int], list[Chunk]]
DEPTH = 10
SETTINGS: dict[str, dict[str, Any]] = {
    "bm25": {"retriever": "bm25"},
    "dense": {"retriever": "dense"},
    "hybrid convex": {},
    "hybrid rrf": {"search": {"fusion": "rrf"}},
}


@dataclass(frozen=True)
class Question:
    text: str
    quote: str


def flat(text: str) -> str:
    return " ".join(text.split())


def run_stage(module: Any, config: Any, root: Path, **artifacts: Artifact) -> tuple[Artifact, float]:
    """Run one stage outside the store; returns its artifact and its seconds."""
    out = root / f"{config.NAME}-{len(list(root.iterdir()))}"
    out.mkdir()
    clock = time.perf_counter()
    inputs = Inputs(artifacts=artifacts, model="lab:reader", base_model="lab:reader")
    module.run(config, inputs, RunContext(out=out, work=root / f"{out.name}-work", root=root))
    seconds = time.perf_counter() - clock
    seal(out, {"stage": config.NAME, "key": out.name})
    return Artifact.open(out), seconds


def full_text(chunks: Sequence[Chunk], *, ours: bool) -> Search:
    """LanceDB's full text search, with its default English analyser or over our terms."""
    texts = [prompts.passage(c) for c in chunks]
    data = {"row": range(len(chunks)), "text": [" ".join(terms(t)) for t in texts] if ours else texts}
    table = lancedb.connect("memory://").create_table("text", pa.table(data))
    plain = {
        "base_tokenizer": "whitespace",
        "stem": False,
        "remove_stop_words": False,
        "ascii_folding": False,
    }
    table.create_index("text", config=FTS(**plain, max_token_length=None) if ours else FTS())

    def search(query: str, top_k: int) -> list[Chunk]:
        asked = " ".join(terms(query)) if ours else query
        found = table.search(asked, query_type="fts").limit(top_k).select(["row", "_score"]).to_arrow()
        return [chunks[row] for row in found["row"].to_pylist()]

    return search


def measure(search: Search, questions: Sequence[Question]) -> tuple[list[int | None], float]:
    """For each question the place of the first chunk with its quote (None beyond DEPTH), and the median
    seconds."""
    search(questions[0].text, DEPTH)  # loads the models
    places: list[int | None] = []
    took: list[float] = []
    for question in questions:
        clock = time.perf_counter()
        found = search(question.text, DEPTH)
        took.append(time.perf_counter() - clock)
        quote = flat(question.quote)
        places.append(next((i for i, chunk in enumerate(found) if quote in flat(chunk.text)), None))
    return places, sorted(took)[len(took) // 2]


def sample(questions: Sequence[Question], most: int) -> list[Question]:
    distinct = list(dict.fromkeys(q for q in questions if q.quote))
    return sorted(random.Random(0).sample(distinct, min(most, len(distinct))), key=lambda q: q.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True)
    parser.add_argument("--pairs", help="a CSV or JSONL of questions and answers")
    parser.add_argument("--questions", help="a JSONL of questions, each with the quote that answers it")
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--most", type=int, default=300, help="questions of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ingested, _ = run_stage(ingest_stage, IngestConfig(path=options.docs), root)
        cut, _ = run_stage(chunk_stage, ChunkConfig(), root, ingest=ingested)
        taught, _ = run_stage(generate_stage, GenerateConfig(), root, ingest=ingested, chunk=cut)
        chunks = cut.records("chunks", Chunk)
        kinds = {
            "items": [Question(i.question, i.quote) for i in taught.records("items", MCQItem)],
        }
        if options.questions:
            lines = Path(options.questions).read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            kinds["given questions"] = [Question(r["question"], r["quote"]) for r in rows]
        if options.pairs:
            imported, how = import_pairs(Path(options.pairs), chunks, 0.1, 0)
            print(f"{options.pairs}: {how}")
            kinds["imported pairs"] = [Question(p.question, p.quote) for p in imported]
        searches: dict[str, tuple[Search, float]] = {}
        for name, settings in SETTINGS.items():
            config = IndexConfig(embedder=options.embedder, **settings)
            built, seconds = run_stage(index_stage, config, root, chunk=cut)
            index = open_index(built.path, config.search)
            searches[name] = (lambda q, k, index=index: [h.chunk for h in index.search(q, k)], seconds)
        for name, ours in (("lancedb text", False), ("lancedb + terms", True)):
            clock = time.perf_counter()
            searches[name] = (full_text(chunks, ours=ours), time.perf_counter() - clock)
        print(f"{len(chunks)} chunks of {options.docs}; embedder {options.embedder}")
        for kind, found in kinds.items():
            questions = sample(found, options.most)
            if not questions:
                continue
            print(f"\n{kind}: n = {len(questions)}")
            print(f"{'':16} {'hit@1':>6} {'hit@5':>6} {'hit@10':>6} {'ms':>8} {'build s':>8}")
            for name, (search, seconds) in searches.items():
                places, median = measure(search, questions)
                shares = [sum(p is not None and p < k for p in places) / len(places) for k in (1, 5, 10)]
                row = " ".join(f"{share:6.3f}" for share in shares)
                print(f"{name:16} {row} {1000 * median:8.2f} {seconds:8.2f}")


if __name__ == "__main__":
    main()
