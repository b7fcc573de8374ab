"""The generate stage: chunks in; training pairs, held-out paraphrases, benchmark items and a full account out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.artifact import write_records
from understudy.errors import StageError
from understudy.generate.base import Claimed, Coverage, Page, Taught, Teacher
from understudy.generate.config import GenerateConfig
from understudy.generate.decisions import REFUSED, REJECTED_PAIRS, fold, read_decisions, review_items, review_pairs
from understudy.generate.decontaminate import decontaminate
from understudy.generate.distractors import Distractors
from understudy.generate.extractive.teacher import ExtractiveTeacher
from understudy.generate.imported import import_pairs
from understudy.generate.items import candidates, make_items
from understudy.generate.items import statistics as statistics_of
from understudy.generate.open_questions import as_items, counted, make_open
from understudy.generate.openai import ModelTeacher
from understudy.generate.own_questions import group_facts, hold_out_pairs, make_own_items
from understudy.generate.screen import screened
from understudy.generate.splits import hold_out, make_pairs
from understudy.models.batches import BatchedEndpoint
from understudy.models.ledger import Ledger
from understudy.models.openai import Endpoint
from understudy.models.ref import ModelRef
from understudy.models.throttle import Budget
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document, QAPair


def run(config: GenerateConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Write pairs.jsonl, items.jsonl, open_questions.jsonl, coverage.jsonl and claims.jsonl.

    Raises InputError for a pairs file that cannot be used, TeacherError where a remote teacher answered for no
    chunk at all, StageError where the documentation gives nothing to teach.
    """
    chunks = inputs["chunk"].records("chunks", Chunk)
    pages = read_pages(inputs["ingest"].records("documents", Document), chunks)
    imported: list[QAPair] = []
    counts: dict[str, Any] = {}
    if config.pairs:
        imported, counts["imported"] = import_pairs(Path(config.pairs), chunks, config.dev_share, ctx.seed)
    teacher = open_teacher(config, ctx)
    taught = with_untaught(teacher.teach([p for p in pages if not p.document.untaught]), pages)
    held_out = hold_out(taught.facts, config, ctx.seed)
    generated = make_pairs(taught.facts, config, held_out, teacher.name, ctx.seed)
    trains_on_generated = not config.pairs or config.keep_generated
    found = candidates(taught.facts, generated, held_out, trains_on_generated)
    if config.questions == "pairs":
        imported = hold_out_pairs(group_facts(imported), config.heldout_facts, config.paraphrases.test, ctx.seed)
        items, statistics = make_own_items(imported, chunks, config.n_items, config.n_options, ctx.seed)
    else:
        items, statistics = make_items(
            found, taught.facts, chunks, config.n_items, config.n_options, ctx.seed, taught.options
        )
    decided = fold(read_decisions(Path(config.decisions))) if config.decisions else {}
    items, reviewed = review_items(items, [*imported, *generated], decided)
    if reviewed:
        distractors = Distractors(taught.facts, taught.options, chunks)
        statistics = statistics_of(items, statistics.skipped, config.n_options, distractors)
    further = found if config.questions == "docs" else []
    without_options = make_open(items, further, chunks, config.n_open, [*imported, *generated], decided)
    asked = [p for p in generated if p.split == "test"] if config.questions == "docs" else []
    kept = generated if trains_on_generated else asked
    held = held_out.documents, held_out.chunks
    imported = [p for p in imported if p.doc_id not in held[0] and p.chunk_id not in held[1]]
    settled, in_review = review_pairs([*imported, *kept], decided)
    reviewed |= in_review
    passed, refused = screened(settled, chunks, ctx.logger.warning)
    refused |= {REFUSED: in_review[REJECTED_PAIRS]} if REJECTED_PAIRS in in_review else {}
    pairs, contaminated = decontaminate(passed, [*items, *as_items(without_options)], chunks, generated)
    if not any(p.split == "train" for p in pairs):
        raise StageError(
            f"generate: the teacher '{teacher.name}' found nothing to teach in {len(chunks)} chunks of "
            f"{len(pages)} documents ({_reasons(taught)}). Check that docs.path holds documentation in English "
            "prose, tables or lists, name the product (`generate: {product: …}`), or bring your own with "
            "`generate: {pairs: file.csv}`."
        )
    coverage = account(chunks, taught, pairs, Counter(item.chunk_id for item in items))
    write_records(ctx.out / "pairs.jsonl", pairs)
    write_records(ctx.out / "items.jsonl", items)
    write_records(ctx.out / "open_questions.jsonl", without_options)
    write_records(ctx.out / "coverage.jsonl", coverage)
    write_records(ctx.out / "claims.jsonl", [Claimed(f.fact_id, f.claim) for f in taught.facts if f.claim])
    by_status = {s: Counter(c.reason for c in coverage if c.status == s) for s in ("rejected", "failed")}
    large = large_pages(pairs, sum(not p.document.untaught for p in pages))
    for doc_id, share in large.items():
        ctx.logger.warning(
            "generate: %s gives %.0f %% of the lessons; docs.teach.exclude leaves a page out", doc_id, 100 * share
        )
    counts |= {  # what is shown in one line is the first of them
        "pairs": len(pairs),
        "items": len(items),
        "large_pages": large,
        "documents": len(pages),
        "chunks": len(chunks),
        "accepted": sum(c.status == "accepted" for c in coverage),
        "rejected": dict(by_status["rejected"]),
        "failed": dict(by_status["failed"]),
        "facts": len(taught.facts),
        "splits": dict(Counter(p.split for p in pairs)),
        "kinds": dict(Counter(p.kind for p in pairs)),
        "item_sources": dict(Counter(item.source for item in items)),
        "items_skipped": dict(statistics.skipped),
        "open_questions": counted(without_options),
        "refused": refused,
        "reviewed": reviewed,
        "contaminated": contaminated,
        "dropped": dict(taught.dropped),
        "heldout_documents": len(held_out.documents),
        "heldout_chunks": len(held_out.chunks),
    }
    metrics = {
        "teacher": teacher.name,
        "key_longest": statistics.key_longest,
        "positions": list(statistics.positions),
        "length_ratio_within": statistics.length_ratio_within,
        "shortcuts": dict(statistics.shortcuts),
        **taught.usage,
    }
    ctx.logger.info("generate: %d pairs, %d items from %d facts", len(pairs), len(items), len(taught.facts))
    return StageOutput(metrics=metrics, counts=counts)


def open_teacher(config: GenerateConfig, ctx: RunContext) -> Teacher:
    """The teacher of the recipe; where pairs are imported, items come from the extractive one."""
    if config.teacher == "extractive" or config.pairs:
        return ExtractiveTeacher(config.product, config.extra_claims, ctx=ctx, version=config.VERSION)
    remote, ref = config.remote, ModelRef.parse(config.teacher)
    ledger = Ledger(ctx.root / "ledger.sqlite")
    if not config.served:
        from understudy.models.local import open_local

        local = open_local(config.teacher, ledger=ledger, concurrency=remote.concurrency, device=ctx.device)
        return ModelTeacher(local, remote, ctx.progress, ctx.logger)
    price = remote.price
    budget = Budget(price.input, price.output, remote.max_usd, price.batch_discount) if price else None
    endpoint = (BatchedEndpoint if remote.batch else Endpoint)(
        ref.name,
        ref.base_url,
        protocol=ref.scheme,
        ledger=ledger,
        budget=budget,
        concurrency=remote.concurrency,
        timeout=remote.timeout_seconds,
        max_retries=remote.max_retries,
    )
    if not remote.batch and endpoint.in_batches:
        BatchedEndpoint(ref.name, ref.base_url, protocol=ref.scheme, ledger=ledger).collect()
    return ModelTeacher(endpoint, remote, ctx.progress, ctx.logger)


def read_pages(documents: Sequence[Document], chunks: Sequence[Chunk]) -> list[Page]:
    """Documents with their chunks, in the documents' order."""
    by_document: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault(chunk.doc_id, []).append(chunk)
    return [Page(d, tuple(by_document.get(d.doc_id, ()))) for d in documents]


def with_untaught(taught: Taught, pages: Sequence[Page]) -> Taught:
    """What a teacher made, with the chunks of pages that no teacher is shown as rejected, by the page's reason."""
    outcomes = dict(taught.outcomes)
    for page in pages:
        if page.document.untaught:
            reason = f"page not taught: {page.document.untaught.partition(':')[0]}"
            outcomes |= {c.chunk_id: Coverage(c.chunk_id, c.doc_id, "rejected", reason) for c in page.chunks}
    return replace(taught, outcomes=outcomes)


def large_pages(pairs: Sequence[QAPair], n_pages: int) -> dict[str, float]:
    """Pages that give more than a tenth of the training pairs, and twice their share by number, with that share."""
    of_page = Counter(p.doc_id for p in pairs if p.split == "train" and p.doc_id)
    total = sum(of_page.values())
    shares = {doc_id: round(n / total, 4) for doc_id, n in of_page.most_common()}
    return {doc_id: share for doc_id, share in shares.items() if share > 0.1 and share * n_pages > 2}


def account(chunks: Sequence[Chunk], taught: Taught, pairs: Sequence[QAPair], items: Counter[str]) -> list[Coverage]:
    """One line a chunk, with what of it reached training and the benchmark."""
    n_pairs = Counter(pair.chunk_id for pair in pairs)
    return [replace(taught.outcomes[c.chunk_id], pairs=n_pairs[c.chunk_id], items=items[c.chunk_id]) for c in chunks]


def _reasons(taught: Taught) -> str:
    reasons = Counter(o.reason for o in taught.outcomes.values() if o.reason)
    return ", ".join(f"{reason}: {n}" for reason, n in reasons.most_common(3)) or "no chunk"
