"""Which paraphrases, chunks and documents are learned from, and which are kept for measuring.

Split by paraphrase: a fact is trained on in some paraphrases and asked for in others. Held-out chunks and documents
go further: none of their facts is trained on, so that the report can tell knowing a fact from reading well.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.generate.base import Ask, Fact
from understudy.generate.config import GenerateConfig, Paraphrases
from understudy.normal import normal
from understudy.types import QAPair, Split


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Documents and chunks whose facts are absent from training."""

    documents: frozenset[str] = frozenset()
    chunks: frozenset[str] = frozenset()

    def source(self, fact: Fact) -> str:
        """How an item of this fact is marked: `heldout-doc`, `heldout-chunk` or `heldout-paraphrase`."""
        if fact.doc_id in self.documents:
            return "heldout-doc"
        return "heldout-chunk" if fact.chunk_id in self.chunks else "heldout-paraphrase"


def hold_out(facts: Sequence[Fact], config: GenerateConfig, seed: int) -> HeldOut:
    """Draw the held-out documents and chunks among those that have facts."""
    documents = _draw(sorted({f.doc_id for f in facts}), config.heldout_documents, f"{seed}:documents")
    rest = sorted({f.chunk_id for f in facts if f.doc_id not in documents})
    return HeldOut(documents, _draw(rest, config.heldout_chunks, f"{seed}:chunks"))


def _draw(names: list[str], share: float, seed: str) -> frozenset[str]:
    """The names whose seeded hash falls into the share: each is assigned once, whatever else there is.

    At least one, and not all, where there are two or more.
    """
    ranked = sorted((hashlib.sha256(f"{seed}:{name}".encode()).digest(), name) for name in names)
    n = sum(int.from_bytes(digest[:8], "big") < share * 2**64 for digest, _ in ranked)
    if share and names:
        n = min(max(n, 1), len(names) - 1)
    return frozenset(name for _, name in ranked[:n])


def split_paraphrases(ask: Ask, fact_id: str, shares: Paraphrases, seed: int) -> dict[str, Split]:
    """The split of each paraphrase of an ask.

    Of two or more at least one is trained on and one held out for test (if its share is not 0); dev gets one
    where four or more leave it room. An only paraphrase is drawn whole, by the shares.
    """
    order = list(ask.questions)
    rng = random.Random(f"{seed}:{fact_id}:{ask.kind}:{ask.topic}")
    rng.shuffle(order)
    n = len(order)
    if n == 1:
        draw = rng.random()
        return {order[0]: "test" if draw < shares.test else "dev" if draw < shares.test + shares.dev else "train"}
    test = min(max(round(n * shares.test), 1), n - 1) if shares.test and n > 1 else 0
    dev = min(max(round(n * shares.dev), int(n > 3)), n - test - 1) if shares.dev else 0
    splits: dict[str, Split] = {}
    for i, question in enumerate(order):
        splits[question] = "test" if i < test else "dev" if i < test + dev else "train"
    return {question: splits[question] for question in ask.questions}


def make_pairs(
    facts: Sequence[Fact], config: GenerateConfig, held_out: HeldOut, teacher: str, seed: int
) -> list[QAPair]:
    """All pairs of all facts; a paraphrase that two splits would share stays in the first one only."""
    pairs: list[QAPair] = []
    seen: set[bytes] = set()
    for fact in facts:
        whole = held_out.source(fact) != "heldout-paraphrase"
        for ask in fact.asks:
            for question, split in split_paraphrases(ask, fact.fact_id, config.paraphrases, seed).items():
                if (key := text_key(question)) in seen:
                    continue
                seen.add(key)
                pairs.append(
                    QAPair(
                        pair_id=pair_id(fact.fact_id, question, ask.answer),
                        question=question,
                        answer=ask.answer,
                        chunk_id=fact.chunk_id,
                        doc_id=fact.doc_id,
                        quote=fact.quote,
                        kind=ask.kind,
                        fact_id=fact.fact_id,
                        split="test" if whole else split,
                        source=teacher,
                    )
                )
    return pairs


def text_key(*texts: str) -> bytes:
    """What stands for texts in normal form where they are many: 16 bytes that no two others share."""
    return hashlib.blake2b("\0".join(map(normal, texts)).encode(), digest_size=16).digest()


def pair_id(*parts: str) -> str:
    """A short digest that names a pair by its content."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]
