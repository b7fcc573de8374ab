"""Continuous batching: each row stops at its own end, and the next prompt takes its place.

A batch that is decoded as a whole takes as long as its longest answer, and keeps what it needs for all rows until
then. Here a row that has ended leaves the cache at once, and waiting prompts are read into the free places (as in Orca,
Yu et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_REFILL = 0.25  # share of the places that must be free before prompts are read into them


@dataclass(slots=True)
class Written:
    """What one prompt got: token ids without the end token, whether it ended by itself, and by which token."""

    tokens: list[int] = field(default_factory=list)
    ended: bool = False
    end: int | None = None


@dataclass(slots=True)
class _Row:
    place: int
    length: int  # tokens in the cache
    written: Written
    most: int  # tokens that it may take in all


def suits(model: Any, window: int) -> bool:
    """Whether rows can be taken out of the model's cache and put together: plain layers, none that slides.

    window: tokens that a row has at most; attention that looks back at least so far is plain.
    """
    config = model.config.get_text_config()
    back = getattr(config, "sliding_window", None)
    layers = getattr(DynamicCache(config=model.config), "layers", ())
    plain = all(
        type(layer) is DynamicLayer
        or (type(layer) is DynamicSlidingWindowLayer and back is not None and back >= window)
        for layer in layers
    )
    return plain and not getattr(config, "is_encoder_decoder", False)


def decode(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    limits: Sequence[int],
    ends: set[int],
    stopped: Callable[[list[int]], bool] | None = None,
    temperature: float = 0.0,
    budget: int = 8192,
    more: Callable[[], Sequence[tuple[Sequence[int], int, float]]] | None = None,
    gone: Callable[[int], bool] | None = None,
) -> Iterator[tuple[int, Written, bool]]:
    """Yield (place of the prompt, what was written so far, finished) after every token of every row.

    prompts: token ids, none empty. limits: most tokens of each answer. ends: tokens that end an answer. stopped:
    whether the tokens written so far end it. temperature: 0 takes the likeliest token, else one is drawn from the
    whole distribution. budget: tokens of prompts and answers held at once, at least one row.
    more: asked before every token for prompts that came meanwhile, each with its limit and temperature; they join the
    rows that are being written, and count on from the last prompt. gone: whether nobody waits for an answer any more.
    """
    prompts, limits = list(prompts), list(limits)
    warmth = [temperature] * len(prompts)
    waiting = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    batch = _Batch(model)
    places = 0
    with torch.inference_mode():
        while True:
            for ids, limit, warm in more() if more is not None else ():
                waiting.append(len(prompts))
                prompts.append(ids)
                limits.append(limit)
                warmth.append(warm)
            if gone is not None:
                for i in [i for i in waiting if gone(i)]:
                    waiting.remove(i)
                    prompts[i] = ()
                batch.drop([k for k, row in enumerate(batch.rows) if gone(row.place)])
            if not waiting and not batch.rows:
                return
            if not batch.rows:
                places = max(1, budget // (len(prompts[waiting[0]]) + max(limits[i] for i in waiting)))
            elif waiting and more is not None:  # those that come may be longer than those that were there
                longest = max(row.most for row in batch.rows)
                places = max(1, budget // max(longest, *(len(prompts[i]) + limits[i] for i in waiting)))
            free = places - len(batch.rows)
            if waiting and free > 0 and (free >= max(1, round(_REFILL * places)) or more is not None):
                taken, waiting = waiting[:free], waiting[free:]
                logits = batch.read([(i, list(prompts[i]), limits[i]) for i in taken])
                for i in taken:  # a server's batch may never be empty, and must not keep what it has read
                    prompts[i] = ()
            else:
                logits = batch.step()
            ended = []
            chosen = _choose(logits, [warmth[row.place] for row in batch.rows])
            for k, (row, token) in enumerate(zip(batch.rows, chosen, strict=True)):
                finished = _add(row.written, token, limits[row.place], ends, stopped)
                yield row.place, row.written, finished
                if finished:
                    ended.append(k)
            batch.drop(ended)


def _add(written: Written, token: int, limit: int, ends: set[int], stopped: Callable[[list[int]], bool] | None) -> bool:
    """Take a token into an answer; whether it is finished."""
    if token in ends:
        written.ended, written.end = True, token
        return True
    written.tokens.append(token)
    if stopped is not None and stopped(written.tokens):
        written.ended = True
        return True
    return len(written.tokens) >= limit


def _choose(logits: torch.Tensor, temperatures: Sequence[float]) -> list[int]:
    """The next token of each row: the likeliest at temperature 0, else a draw."""
    likeliest = [int(i) for i in logits.argmax(-1)]
    warm = [k for k, temperature in enumerate(temperatures) if temperature > 0]
    if warm:
        heat = torch.tensor([temperatures[k] for k in warm], device=logits.device)[:, None]
        drawn = torch.multinomial(torch.softmax(logits[warm].float() / heat, -1), 1)
        for k, token in zip(warm, drawn[:, 0], strict=True):
            likeliest[k] = int(token)
    return likeliest


class _Batch:
    """The rows that are being written, with their keys and values, padded on the left to one length."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._cache: Any = None
        self.rows: list[_Row] = []

    def read(self, prompts: Sequence[tuple[int, list[int], int]]) -> torch.Tensor:
        """Add prompts, each with its place and the most tokens that follow it.

        Logits of the next token of the new rows, which then stand before the others, and of these.
        """
        before = self.step() if self.rows else None
        width = max(len(ids) for _, ids, _ in prompts)
        given = torch.zeros(len(prompts), width, dtype=torch.long)
        real = torch.zeros_like(given)
        for k, (_, ids, _) in enumerate(prompts):
            given[k, width - len(ids) :] = torch.tensor(ids)
            real[k, width - len(ids) :] = 1
        output = self._forward(given, real, (real.cumsum(-1) - 1).clamp(min=0), DynamicCache())
        new = [_Row(place, len(ids), Written(), len(ids) + limit) for place, ids, limit in prompts]
        if before is None:
            self._cache, self.rows = output.past_key_values, new
            return output.logits[:, -1]
        self._join(output.past_key_values)
        self.rows = new + self.rows
        return torch.cat([output.logits[:, -1], before])

    def step(self) -> torch.Tensor:
        """Read the last token of every row; logits of the next."""
        width = self._cache.get_seq_length() + 1
        for row in self.rows:
            row.length += 1
        real = torch.zeros(len(self.rows), width, dtype=torch.long)
        for k, row in enumerate(self.rows):
            real[k, width - row.length :] = 1
        last = torch.tensor([[row.written.tokens[-1]] for row in self.rows])
        at = torch.tensor([[row.length - 1] for row in self.rows])
        return self._forward(last, real, at, self._cache).logits[:, -1]

    def drop(self, gone: Sequence[int]) -> None:
        """Take rows out, and the padding that no row needs any more."""
        if not gone:
            return
        kept = [k for k in range(len(self.rows)) if k not in set(gone)]
        self.rows = [self.rows[k] for k in kept]
        if not self.rows:
            self._cache = None
            return
        unused = self._cache.get_seq_length() - max(row.length for row in self.rows)
        index = torch.tensor(kept, device=self._device)
        for layer in self._cache.layers:
            layer.keys, layer.values = (t[index, :, unused:].contiguous() for t in (layer.keys, layer.values))

    def _forward(self, ids: torch.Tensor, real: torch.Tensor, positions: torch.Tensor, cache: Any) -> Any:
        return self._model(
            input_ids=ids.to(self._device),
            attention_mask=real.to(self._device),
            position_ids=positions.to(self._device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )

    def _join(self, new: Any) -> None:
        """Put the rows of another cache before one's own, both padded on the left to the longer."""
        width = max(new.get_seq_length(), self._cache.get_seq_length())
        for mine, other in zip(self._cache.layers, new.layers, strict=True):
            mine.keys, mine.values = (
                torch.cat([_padded(a, width), _padded(b, width)])
                for a, b in ((other.keys, mine.keys), (other.values, mine.values))
            )


def _padded(states: torch.Tensor, width: int) -> torch.Tensor:
    """states: (rows, heads, tokens, size), with zeros before the tokens up to `width`."""
    return torch.nn.functional.pad(states, (0, 0, width - states.shape[2], 0))
