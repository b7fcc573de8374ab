"""A small manual with its pairs and exam questions, one of them bad."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from understudy.artifact import Artifact, seal, write_records
from understudy.types import Chunk, Document, MCQItem, QAPair

TEXT = "The kiln fires at 980 degrees. The kiln cools for 12 hours. Ask the potter if in doubt."
LOG = "1.2: the lid was changed."
CHUNKS = [
    Chunk("c1", "kiln.md", TEXT, 0, len(TEXT), 1, 1, 20, "Kiln"),
    Chunk("c2", "log.md", LOG, 0, len(LOG), 1, 1, 8, "Log"),
]
DOCUMENTS = [
    Document("kiln.md", TEXT, "Kiln", "markdown", "0" * 64),
    Document("log.md", LOG, "Log", "markdown", "0" * 64, kind="change log"),
]
HEAT = QAPair(
    "1", "At which heat does the kiln fire?", "The kiln fires at 980 degrees.", "c1", "kiln.md",
    "The kiln fires at 980 degrees.", "forward", "heat", "train", "extractive",
)  # fmt: skip
HEAT_AGAIN = replace(HEAT, pair_id="2", question="How hot does the kiln get at 980?", split="test")
COOL = replace(
    HEAT, pair_id="3", question="How long does the kiln cool?", answer="The kiln cools for 12 hours.",
    quote="The kiln cools for 12 hours.", fact_id="cool",
)  # fmt: skip
LID = replace(
    HEAT, pair_id="4", question="What does this change?", answer="A glaze of cobalt and tin.", chunk_id="c2",
    doc_id="log.md", quote=LOG, fact_id="lid",
)  # fmt: skip
PAIRS = [HEAT, HEAT_AGAIN, COOL, LID]
ITEM = MCQItem(
    "q1", HEAT_AGAIN.question, ("980 degrees", "12 hours", "900 degrees"), 0, "c1", "kiln.md", HEAT.quote, "forward",
    "heat", "heldout-paraphrase",
)  # fmt: skip
ITEMS = [ITEM, replace(ITEM, item_id="q2", question="How long must the kiln cool?", correct=1, quote=COOL.quote)]


def artifact(folder: Path, **records: list[object]) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in records.items():
        write_records(folder / f"{name}.jsonl", rows)
    return Artifact(folder, seal(folder, {"stage": folder.name, "key": folder.name}))
