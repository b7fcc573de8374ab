"""What a reader can do: open book against closed book, on documents it never saw.

Four-option accuracy by cloze scoring (log-probability of an option as the answer, divided by its characters)
and exact copies (greedy decoding gives the answer's tokens, end of turn included).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import MistralForCausalLM

from tools.lab_models.packing import Packer, Row, collate
from tools.lab_models.tasks import documentation
from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import QUESTIONS, draw_relations
from understudy.lab.worlds import grid, make_world


@dataclass(frozen=True, slots=True)
class Item:
    """A question with passages and options; `options[correct]` is the answer."""

    docs: str
    question: str
    options: tuple[str, ...]
    correct: int


def _item(rng: random.Random, docs: str, question: str, answer: str, others: Sequence[str]) -> Item | None:
    different = [o for o in dict.fromkeys(others) if o != answer]
    if len(different) < 3:
        return None
    options = [answer, *rng.sample(different, 3)]
    rng.shuffle(options)
    return Item(docs, question, tuple(options), options.index(answer))


def statement_items(n: int, statements: int, seed: int = 0) -> list[Item]:
    """Paragraphs of `statements` sentences; options are values present in the context where there are four."""
    rng = random.Random(f"statements:{seed}:{statements}")
    out: list[Item] = []
    while len(out) < n:
        n_subjects = {1: 1, 4: 4, 6: 3, 8: 4}.get(statements, statements)
        names = sx.subjects(rng, n_subjects, lx.name(rng))
        relations = draw_relations(rng, statements // n_subjects)
        values = grid(rng, names, relations)
        parts = [
            sx.prose(rng, s, list(zip(relations, row, strict=True)), 0.1) for s, row in zip(names, values, strict=True)
        ]
        claims = [c for p in parts for c in p.claims]
        claim = rng.choice(claims)
        others = [c.value for c in claims if c.attribute == claim.attribute]
        while len(set(others)) < 4:
            others.append(lx.value(rng, claim.kind))
        item = _item(rng, "\n\n".join(p.text for p in parts), rng.choice(claim.questions), claim.value, others)
        if item:
            out.append(item)
    return out


def line_items(n: int, lines: int, seed: int = 0) -> list[Item]:
    """`key: value` lines of parameters; the options are values of other lines."""
    rng = random.Random(f"lines:{seed}:{lines}")
    out: list[Item] = []
    while len(out) < n:
        kind = rng.choice(["number", "word", "port", "path", "time", "name", "version", "flag"])
        pairs = {lx.value(rng, "param"): lx.value(rng, kind) for _ in range(lines)}
        key = rng.choice(list(pairs))
        docs = "\n".join(f"{k}: {v}" for k, v in pairs.items())
        item = _item(rng, docs, f"What is the value of {key}?", pairs[key], list(pairs.values()))
        if item:
            out.append(item)
    return out


# Wordings that are never practised: they tell reading from knowing the question.
UNPRACTISED = (
    "Could you say what the {a} of {s} is in {p}?", "I am looking for the {a} of {s}.", "Name the {a} that {s} has.",
    "What should I enter as the {a} of {s}?", "{S} needs a {a}. Which one?", "Regarding {s} in {p}: its {a}?",
)  # fmt: skip


def manual_items(
    n: int, seed: int = 0, pages: int = 6, window: int = 1100, templates: Sequence[str] = ()
) -> list[Item]:
    """Facts of unseen generated manuals, the page's text around the fact as passages, same-type options.

    templates: what to ask with instead of the facts' own, where an attribute is a name that they can use.
    """
    rng = random.Random(f"manuals:{seed}")
    out: list[Item] = []
    world_seed = 900_000 + seed * 1000
    while len(out) < n:
        world_seed += 1
        world = make_world(world_seed, pages=pages)
        for fact in rng.sample(world.facts, min(12, len(world.facts))):
            text = world.documents[fact.doc_id]
            start = max(0, fact.start - rng.randrange(200, window - 200))
            start = max(0, text.rfind("\n## ", 0, start))
            end = min(len(text), max(start + window, fact.end + 40))
            # The section's heading may carry the subject: keep it.
            head = text.rfind("\n## ", 0, fact.start)
            docs = text[min(start, max(head, 0)) : end].strip()
            near = [f.value for f in world.facts if f.attribute == fact.attribute and f.kind == fact.kind]
            others = near if len(set(near)) > 3 else near + [v for v in world.values(fact.kind) if v not in near]
            question = rng.choice(fact.questions)
            if templates:
                generic = (sx.fill(q, fact.subject, fact.attribute, fact.value) for q in QUESTIONS)
                if not set(generic) <= set(fact.questions):
                    continue  # an attribute that has questions of its own only
                template = rng.choice(templates).replace("{p}", world.product)
                question = sx.fill(template, fact.subject, fact.attribute, fact.value)
            item = _item(rng, docs, question, fact.value, others[:12])
            if item:
                out.append(item)
    return out[:n]


def cloze_items(n: int, texts: Sequence[str], seed: int = 0, chars: int = 1200) -> list[Item]:
    """Gaps in real documentation, options of the same rough type from the same file."""
    rng = random.Random(f"cloze:{seed}")
    out: list[Item] = []
    while len(out) < n:
        text = rng.choice(texts)
        docs = documentation.window(rng, [text], chars)
        sentences = [s for s in documentation.SENTENCE.split(docs) if 40 < len(s) < 300]
        if not sentences:
            continue
        sentence = rng.choice(sentences)
        spans = documentation.terms(sentence)
        if not spans:
            continue
        start, end = rng.choice(spans)
        answer = sentence[start:end]
        kind = documentation.term_kind(answer)
        at = text.find(docs)
        nearby = text[max(0, at - 3000) : at + len(docs) + 3000]
        others = [nearby[a:b] for a, b in documentation.terms(nearby) if documentation.term_kind(nearby[a:b]) == kind]
        others = [o for o in others if o.lower() != answer.lower() and 0.4 < len(o) / len(answer) < 2.5]
        item = _item(rng, docs, documentation.gap(rng, sentence, start, end, near=8), answer, others)
        if item:
            out.append(item)
    return out


@torch.no_grad()
def token_scores(
    model: MistralForCausalLM, rows: Sequence[Row], batch_tokens: int = 8192
) -> list[list[tuple[float, int, bool]]]:
    """For each row and branch: (sum of log-probabilities, tokens, whether greedy decoding gives them all)."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    result: list[list[tuple[float, int, bool]]] = [[] for _ in rows]
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // len(rows[order[min(start + 7, len(order) - 1)]].ids))
        chosen = order[start : start + size]
        start += size
        batch = tensors(collate([rows[i] for i in chosen]))
        hidden = hidden_states(model, batch)
        where = batch["weight"][:, 1:] > 0
        logits = hidden[:, :-1][where] @ model.model.embed_tokens.weight.T
        target = batch["ids"][:, 1:][where]
        logp = torch.log_softmax(logits, -1).gather(1, target[:, None])[:, 0].tolist()
        best = (logits.argmax(-1) == target).tolist()
        branch = batch["branch"][:, 1:][where].tolist()
        line = torch.arange(len(chosen))[:, None].expand_as(where)[where].tolist()
        sums: dict[tuple[int, int], tuple[float, int, bool]] = {}
        for lp, ok, b, r in zip(logp, best, branch, line, strict=True):
            s, c, good = sums.get((r, b), (0.0, 0, True))
            sums[r, b] = (s + lp, c + 1, good and ok)
        for r, i in enumerate(chosen):
            result[i] = [sums[key] for key in sorted(k for k in sums if k[0] == r)]
    return result


def tensors(batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(v) for k, v in batch.items()}


def attention_mask(branch: torch.Tensor) -> torch.Tensor:
    """[rows, 1, length, length] of 0 and -inf: causal, the beginning and one's own branch only."""
    length = branch.shape[1]
    same = (branch[:, :, None] == branch[:, None, :]) | (branch[:, None, :] == 0)
    allowed = same & torch.tril(torch.ones(length, length, dtype=torch.bool))
    return torch.zeros(allowed.shape).masked_fill_(~allowed, float("-inf"))[:, None]


def hidden_states(model: MistralForCausalLM, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """[rows, length, hidden] before the vocabulary matrix."""
    out = model.model(
        input_ids=batch["ids"],
        attention_mask=attention_mask(batch["branch"]),
        position_ids=batch["position"],
        use_cache=False,
    )
    return out.last_hidden_state


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson 95 % interval of a share."""
    if not n:
        return (0.0, 1.0)
    z, p = 1.959964, hits / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))


def measure(
    model: MistralForCausalLM, packer: Packer, items: Sequence[Item], open_book: bool = True
) -> dict[str, float | int]:
    """Accuracy over the options and share of exact copies, with n and 95 % intervals."""
    model.eval()
    rows = [packer.row(i.docs if open_book else "", [(i.question, o) for o in i.options], 100_000) for i in items]
    hits = exact = 0
    for item, scores in zip(items, token_scores(model, rows), strict=True):
        values = [s / len(o) for (s, _, _), o in zip(scores, item.options, strict=True)]
        hits += max(range(len(values)), key=values.__getitem__) == item.correct
        exact += scores[item.correct][2]
    n = len(items)
    low, high = interval(hits, n)
    return {"n": n, "acc": hits / n, "acc_low": low, "acc_high": high, "exact": exact / n}
