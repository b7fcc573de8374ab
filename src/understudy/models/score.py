"""Log-likelihoods of given continuations: each context is read once, whatever follows it.

Multiple choice asks a model the same long context many times: once an option, once a cyclic shift. Here a
context shared by several options, and the beginning shared by several contexts, are computed once; everything
that follows is one short pass over that cache, in which each token sees only its own past (a tree of tokens
behind an attention mask, as in SpecInfer, 2305.09781). The vocabulary projection runs only where a
continuation is weighed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from understudy.errors import ModelError
from understudy.models.head import LARGE_VOCABULARY, only_at, vocabulary
from understudy.models.pairs import Tokens, encode_pairs
from understudy.models.tree import MIN_SHARED, Tree, additive, common, takes_trees

_LOGITS = 1 << 25  # logits computed at once: 128 MB in float32
_CACHED = 1 << 18  # of them turned into logarithms at once: 1 MB
ROWS_PER_CONTEXT = 64  # more continuations than this on one context are weighed in several batches


@dataclass(slots=True)
class _Request:
    """A context with its continuations and, for each, where its score goes."""

    context: Tokens
    continuations: list[Tokens] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """Requests whose contexts begin with the same `shared` tokens; one request shares all of itself."""

    requests: list[_Request]
    shared: int

    @property
    def cost(self) -> int:
        """Tokens computed for the group, padding aside."""
        return self.shared + sum(
            len(r.context) - self.shared + sum(len(c) - 1 for c in r.continuations) for r in self.requests
        )


def score_options(
    model: Any,
    tokenizer: Any,
    contexts: Sequence[str],
    options: Sequence[Sequence[str]],
    *,
    add_special_tokens: bool = False,
    batch_tokens: int | None = None,
) -> list[list[float]]:
    """Sum of log-probabilities (nats) of each option after its context.

    contexts: rendered prompts (the chat template applied, which writes its own special tokens; otherwise set
    `add_special_tokens`). options: the continuations of each context. batch_tokens: tokens held at once; it
    moves speed and memory, and results by no more than float rounding.
    Raises ModelError where a prompt with its option exceeds the model's window, or an option has no token.
    """
    pairs = encode_pairs(tokenizer, contexts, options, add_special_tokens=add_special_tokens)
    return score_tokens(model, [p[0] for p in pairs], [p[1] for p in pairs], batch_tokens=batch_tokens)


def score_tokens(
    model: Any,
    contexts: Sequence[Tokens],
    continuations: Sequence[Sequence[Tokens]],
    *,
    batch_tokens: int | None = None,
) -> list[list[float]]:
    """`score_options` on token ids. Logits are turned into log-probabilities in float32."""
    _check_window(model, contexts, continuations)
    device = next(model.parameters()).device
    budget = batch_tokens or _budget(device, vocabulary(model))
    scores = [[0.0] * len(choices) for choices in continuations]
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            requests = _merge(contexts, continuations)
            longest = max((len(r.context) + max(map(len, r.continuations)) for r in requests), default=0)
            as_tree = takes_trees(model.config, longest)
            groups = _group(requests, budget) if as_tree else [_Group([r], len(r.context)) for r in requests]
            for batch in _batches(groups, budget):
                for (i, j), value in (_weigh_tree if as_tree else _weigh_rows)(model, batch, device):
                    scores[i][j] = value
    finally:
        model.train(was_training)
    return scores


def _budget(device: torch.device, words: int) -> int:
    """Tokens held at once, of which a quarter is computed: fewer where the logits of each are many."""
    if device.type != "cpu":
        return 65536
    return min(8192, 4 * max(MIN_SHARED, _LOGITS // words))


def _check_window(model: Any, contexts: Sequence[Tokens], continuations: Sequence[Sequence[Tokens]]) -> None:
    window = getattr(model.config, "max_position_embeddings", None)
    for context, choices in zip(contexts, continuations, strict=True):
        longest = len(context) + max((len(c) for c in choices), default=0)
        if window is not None and longest > window:
            raise ModelError(
                f"a prompt with its option has {longest} tokens, the model's window is {window}; "
                "retrieve fewer or smaller passages (index.top_k, chunk.chunk_size)"
            )


def _merge(contexts: Sequence[Tokens], continuations: Sequence[Sequence[Tokens]]) -> list[_Request]:
    """Equal contexts become one request, of at most ROWS_PER_CONTEXT continuations."""
    found: dict[Tokens, _Request] = {}
    requests: list[_Request] = []
    for i, (context, choices) in enumerate(zip(contexts, continuations, strict=True)):
        for j, choice in enumerate(choices):
            request = found.get(context)
            if request is None or len(request.continuations) == ROWS_PER_CONTEXT:
                request = found[context] = _Request(context)
                requests.append(request)
            request.continuations.append(choice)
            request.places.append((i, j))
    return requests


def _group(requests: list[_Request], budget: int) -> list[_Group]:
    """Neighbours in lexicographic order share a beginning when it is at least half of each of them."""
    groups: list[_Group] = []
    for request in sorted(requests, key=lambda r: (r.context, r.places)):
        if groups:
            last = groups[-1]
            shared = min(last.shared, common(last.requests[0].context, request.context), len(request.context) - 1)
            longest = max(len(request.context), max(len(r.context) for r in last.requests))
            together = _Group([*last.requests, request], min(shared, *(len(r.context) - 1 for r in last.requests)))
            if together.shared >= max(MIN_SHARED, longest // 2) and together.cost - shared <= budget // 4:
                groups[-1] = together
                continue
        groups.append(_Group([request], len(request.context)))
    return groups


def _batches(groups: list[_Group], budget: int) -> Iterator[list[_Group]]:
    """Groups of like length together, so that little is padded."""
    batch: list[_Group] = []
    for group in sorted(groups, key=lambda g: (g.shared, g.cost, g.requests[0].places)):
        if batch and (len(batch) + 1) * max(group.cost, *(g.cost for g in batch)) > budget // 4:
            yield batch
            batch = []
        batch.append(group)
    if batch:
        yield batch


@dataclass(slots=True)
class _Weighed(Tree):
    """What follows a group's shared beginning: the rest of each context, and behind it each continuation.

    picks: (place, the column whose logits predict it or -1 for the beginning's last, token) of every token weighed.
    """

    picks: list[tuple[tuple[int, int], int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, group: _Group) -> _Weighed:
        tree = cls()
        for request in group.requests:
            rest = tree.add(request.context[group.shared :], -1, group.shared)
            before = len(tree.tokens) - 1 if rest >= 0 else -1
            for tokens, place in zip(request.continuations, request.places, strict=True):
                start = len(tree.tokens)
                tree.add(tokens[:-1], rest, len(request.context))
                tree.picks.append((place, before, tokens[0]))
                tree.picks += [(place, start + k, token) for k, token in enumerate(tokens[1:])]
        return tree


def _weigh_tree(model: Any, groups: list[_Group], device: torch.device) -> Iterator[tuple[tuple[int, int], float]]:
    """Scores of a batch in two passes: the shared beginnings, padded on the left, then everything behind them."""
    width = max(g.shared for g in groups)
    ids = torch.zeros(len(groups), width, dtype=torch.long)
    real = torch.zeros(len(groups), width, dtype=torch.long)
    for row, group in enumerate(groups):
        ids[row, width - group.shared :] = torch.tensor(group.requests[0].context[: group.shared])
        real[row, width - group.shared :] = 1
    ids, real = ids.to(device), real.to(device)
    output = model(
        input_ids=ids,
        attention_mask=real,
        position_ids=(real.cumsum(-1) - 1).clamp(min=0),
        use_cache=True,
        logits_to_keep=1,
    )
    begin = torch.log_softmax(output.logits[:, -1].float(), -1)
    trees = [_Weighed.of(group) for group in groups]
    columns = sorted({column for tree in trees for _, column, _ in tree.picks if column >= 0})
    if columns and vocabulary(model) >= LARGE_VOCABULARY:
        yield from _weigh_picked(model, trees, begin, real, output.past_key_values)
        return
    after = _behind(model, trees, columns, real, output.past_key_values) if columns else None
    at = {column: k for k, column in enumerate(columns)}
    for row, tree in enumerate(trees):
        sums: dict[tuple[int, int], float] = {}
        for values, picks in (
            (begin[row], [p for p in tree.picks if p[1] < 0]),
            (None if after is None else after[row], [p for p in tree.picks if p[1] >= 0]),
        ):
            if values is None or not picks:
                continue
            tokens = torch.tensor([token for _, _, token in picks], device=device)
            if values.dim() == 1:
                found = values[tokens]
            else:
                found = values[torch.tensor([at[column] for _, column, _ in picks], device=device), tokens]
            for (place, _, _), value in zip(picks, found.double().tolist(), strict=True):
                sums[place] = sums.get(place, 0.0) + value
        yield from sums.items()


def _weigh_picked(
    model: Any, trees: list[_Weighed], begin: torch.Tensor, real: torch.Tensor, cache: Any
) -> Iterator[tuple[tuple[int, int], float]]:
    """Scores of the trees with logits at the weighed tokens alone: most of the memory of a large vocabulary."""
    given = _read(model, trees, real)
    where = torch.zeros(given["input_ids"].shape, dtype=torch.bool, device=real.device)
    for row, tree in enumerate(trees):
        where[row, [column for _, column, _ in tree.picks if column >= 0]] = True
    with only_at(model, where):
        logits = model(**given, past_key_values=cache, use_cache=True).logits
    at = {(row, column): k for k, (row, column) in enumerate(where.nonzero().tolist())}
    later = [(at[row, c], token) for row, tree in enumerate(trees) for _, c, token in tree.picks if c >= 0]
    after = iter(log_probabilities(logits, later))
    for row, tree in enumerate(trees):
        sums: dict[tuple[int, int], float] = {}
        for place, column, token in tree.picks:
            value = float(begin[row, token]) if column < 0 else next(after)
            sums[place] = sums.get(place, 0.0) + value
        yield from sums.items()


def log_probabilities(logits: torch.Tensor, picks: Sequence[tuple[int, int]]) -> list[float]:
    """Log-probability (nats) of each (row, token) of `logits` (rows, vocabulary), computed in float32.

    On a processor a few rows at a time, which stay in its cache: with 49,152 words 2.5 times as fast as all at once.
    """
    size = len(logits) if logits.device.type != "cpu" else max(1, _CACHED // logits.shape[-1])
    found = [0.0] * len(picks)
    order = sorted(range(len(picks)), key=lambda k: picks[k][0])
    for first in range(0, len(logits), size):
        start = bisect_left(order, first, key=lambda k: picks[k][0])
        some = order[start : bisect_left(order, first + size, start, key=lambda k: picks[k][0])]
        if not some:
            continue
        rows, tokens = torch.tensor([picks[k] for k in some], device=logits.device).T
        part = torch.log_softmax(logits[first : first + size].float(), -1)
        for k, value in zip(some, part[rows - first, tokens].double().tolist(), strict=True):
            found[k] = value
    return found


def _behind(model: Any, trees: list[_Weighed], columns: list[int], real: torch.Tensor, cache: Any) -> torch.Tensor:
    """Log-probabilities after the tokens in `columns` of each tree: (trees, columns, vocabulary)."""
    logits = model(
        **_read(model, trees, real),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=torch.tensor(columns, device=real.device),
    ).logits
    return torch.log_softmax(logits.float(), -1)


def _read(model: Any, trees: list[_Weighed], real: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a model is given to read trees behind their beginnings: tokens, what each may see, and where it stands."""
    width = max(len(tree.tokens) for tree in trees)
    past = real.shape[1]
    ids = torch.zeros(len(trees), width, dtype=torch.long)
    positions = torch.zeros(len(trees), width, dtype=torch.long)
    sees = torch.zeros(len(trees), 1, width, past + width, dtype=torch.bool)
    sees[:, 0, :, :past] = real.bool().cpu()[:, None]
    for row, tree in enumerate(trees):
        n = len(tree.tokens)
        if n:
            ids[row, :n] = torch.tensor(tree.tokens)
            positions[row, :n] = torch.tensor(tree.positions)
            sees[row, 0, :n, past : past + n] = tree.sees()
    return {
        "input_ids": ids.to(real.device),
        "attention_mask": additive(sees, next(model.parameters()).dtype).to(real.device),
        "position_ids": positions.to(real.device),
    }


def _weigh_rows(model: Any, groups: list[_Group], device: torch.device) -> Iterator[tuple[tuple[int, int], float]]:
    """The plain way, for attention that takes no mask of ours: one row a continuation, nothing shared."""
    for request in (r for group in groups for r in group.requests):
        for tokens, place in zip(request.continuations, request.places, strict=True):
            ids = torch.tensor([request.context + tokens[:-1]], device=device)
            logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(tokens)).logits[0]
            logp = torch.log_softmax(logits.float(), -1)
            targets = torch.tensor(tokens, device=device)
            yield place, float(logp.gather(-1, targets[:, None]).double().sum())
