"""How many of a strong teacher's facts another teacher's pairs hold, by page and key terms.

    understudy run recipe.yaml --until generate --set docs.path=DOCS
    python benchmarks/recall.py .understudy/runs/NAME/N PAIRS.csv [--missed 0]

PAIRS.csv: question, answer and doc_id, as a strong teacher wrote them from the same pages. Its pairs on one page that
share half of their telling words are one fact. The key terms of a fact are the two words of its pairs, standing on the
page, that stand on the fewest passages of the documentation. The fact is found where a pair of the run from the same
page holds both terms, in question and answer together.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from pathlib import Path

from understudy.artifact import read_records
from understudy.generate.imported import read_pairs
from understudy.generate.own_questions import group_facts
from understudy.normal import words
from understudy.review.audit import wilson
from understudy.types import Chunk, Document, QAPair

TERMS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--missed", type=int, default=0, help="print so many facts that were not found")
    given = parser.parse_args()
    documents = {d.doc_id: set(words(d.text)) for d in read_records(given.run / "ingest/documents.jsonl", Document)}
    chunks = list(read_records(given.run / "chunk/chunks.jsonl", Chunk))
    held = Counter(word for chunk in chunks for word in set(words(chunk.text)))
    ours: dict[str, list[set[str]]] = defaultdict(list)
    for pair in read_records(given.run / "generate/pairs.jsonl", QAPair):
        ours[pair.doc_id].append(set(words(f"{pair.question} {pair.answer}")))
    rows, _ = read_pairs(given.pairs)
    theirs = [
        QAPair(str(n), row["question"], row["answer"], doc_id=row["doc_id"], fact_id=str(n))
        for n, row in enumerate(rows)
        if row.get("doc_id") in documents
    ]
    facts: dict[str, list[QAPair]] = defaultdict(list)
    for pair in group_facts(theirs):
        facts[pair.fact_id].append(pair)
    found, missed = 0, []
    for pairs in facts.values():
        page = pairs[0].doc_id
        said = Counter(word for p in pairs for word in set(words(f"{p.question} {p.answer}")) & documents[page])
        terms = sorted((w for w, n in said.items() if 2 * n > len(pairs)), key=lambda w: (held[w], w))[:TERMS]
        if len(terms) == TERMS and any(set(terms) <= pair for pair in ours[page]):
            found += 1
        else:
            missed.append((page, terms, pairs[0]))
    low, high = wilson(found, len(facts))
    print(
        f"{found} of {len(facts)} facts found, {100 * found / len(facts):.1f} % ({100 * low:.1f}–{100 * high:.1f}); "
        f"{sum(map(len, ours.values()))} pairs"
    )
    for page, terms, pair in random.Random(0).sample(missed, min(given.missed, len(missed))):
        print(f"missed  {page} {terms}: {pair.question} -> {pair.answer}")


if __name__ == "__main__":
    main()
