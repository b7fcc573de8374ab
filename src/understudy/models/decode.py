"""Continuous batching: each row stops at its own end, and the next prompt takes its place.

A batch that is decoded as a whole takes as long as its longest answer, and keeps what it needs for all rows until
then. Here a row that has ended leaves the cache at once, and waiting prompts are read into the free places (as in Orca,
Yu et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_REFILL = 0.25  # share of the places that must be free before prompts are read into them


class Guide(Protocol):
    """Says which tokens may come next in one text (`understudy.models.constrain`). problem: why it cannot any more."""

    problem: str

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]: ...

    def take(self, token: int) -> bool:
        """Go on by a token; whether the text is whole and nothing more can follow."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt: its token ids and the most tokens of its answer.

    temperature: 0 takes the likeliest token, else one is drawn from the whole distribution. guide: what its answer is
    held to. seed: draws its tokens the same way whatever else is written beside it; None draws from torch's own.
    """

    ids: Sequence[int]
    limit: int
    temperature: float = 0.0
    guide: Guide | None = None
    seed: int | None = None


@dataclass(slots=True)
class Written:
    """What one prompt got: token ids without the end token, whether it ended by itself, and by which token.

    problem: why it could not go on as its guide says."""

    tokens: list[int] = field(default_factory=list)
    ended: bool = False
    end: int | None = None
    problem: str = ""


@dataclass(slots=True)
class _Row:
    place: int
    length: int  # tokens in the cache
    written: Written
    asked: Asked
    draws: torch.Generator | None = None

    @property
    def most(self) -> int:
        """Tokens that it may take in all."""
        return len(self.asked.ids) + self.asked.limit


def suits(model: Any) -> bool:
    """Whether rows can be taken out of the model's cache and put together: a key and a value for every token.

    Attention that slides is as good: all keys are kept, and the model's own mask hides those beyond its window, counted
    in places of the cache, of which two rows' tokens have the same number between them whatever is padded before them.
    """
    config = model.config.get_text_config()
    layers = getattr(DynamicCache(config=model.config), "layers", ())
    plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    chunked = getattr(config, "attention_chunk_size", None) is not None  # counted from the start of the padding
    return plain and not chunked and not getattr(config, "is_encoder_decoder", False)


def decode(
    model: Any,
    prompts: Sequence[Asked],
    *,
    ends: set[int],
    stopped: Callable[[list[int]], bool] | None = None,
    budget: int = 8192,
    more: Callable[[], Sequence[Asked]] | None = None,
    gone: Callable[[int], bool] | None = None,
) -> Iterator[tuple[int, Written, bool]]:
    """Yield (place of the prompt, what was written so far, finished) after every token of every row.

    prompts: none empty. ends: tokens that end an answer. stopped: whether the tokens written so far end it.
    budget: tokens of prompts and answers held at once, at least one row.
    more: asked before every token for prompts that came meanwhile; they join the rows that are being written, and
    count on from the last prompt. gone: whether nobody waits for an answer any more.
    """
    asked: list[Asked | None] = list(prompts)
    waiting = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i].ids), i))
    batch = _Batch(model)
    places = 0

    def most(i: int) -> int:
        prompt = asked[i]
        return 0 if prompt is None else len(prompt.ids) + prompt.limit

    with torch.inference_mode():
        while True:
            for new in more() if more is not None else ():
                waiting.append(len(asked))
                asked.append(new)
            if gone is not None:
                for i in [i for i in waiting if gone(i)]:
                    waiting.remove(i)
                    asked[i] = None
                batch.drop([k for k, row in enumerate(batch.rows) if gone(row.place)])
            if not waiting and not batch.rows:
                return
            if not batch.rows or (waiting and more is not None):  # those that come may be longer than those there
                places = max(1, budget // max([row.most for row in batch.rows] + [most(i) for i in waiting]))
            free = places - len(batch.rows)
            if waiting and free > 0 and (free >= max(1, round(_REFILL * places)) or more is not None):
                taken, waiting = waiting[:free], waiting[free:]
                logits = batch.read([(i, prompt) for i in taken if (prompt := asked[i]) is not None])
                for i in taken:  # a server's batch may never be empty, and must not keep what it has read
                    asked[i] = None
            else:
                logits = batch.step()
            ended = []
            for k, (row, token) in enumerate(zip(batch.rows, _choose(logits, batch.rows), strict=True)):
                finished = _add(row, token, ends, stopped)
                yield row.place, row.written, finished
                if finished:
                    ended.append(k)
            batch.drop(ended)


def _add(row: _Row, token: int, ends: set[int], stopped: Callable[[list[int]], bool] | None) -> bool:
    """Take a token into an answer; whether it is finished."""
    written, guide = row.written, row.asked.guide
    if guide is not None and guide.problem:
        written.problem = guide.problem
        return True
    if token in ends:
        written.ended, written.end = True, token
        return True
    written.tokens.append(token)
    if (guide is not None and guide.take(token)) or (stopped is not None and stopped(written.tokens)):
        written.ended = True
        return True
    return len(written.tokens) >= row.asked.limit


def _choose(logits: torch.Tensor, rows: Sequence[_Row]) -> list[int]:
    """The next token of each row, of those that its guide allows: the likeliest at temperature 0, else a draw."""
    led = [(k, guide) for k, row in enumerate(rows) if (guide := row.asked.guide) is not None]
    if led:
        allowed = np.stack([guide.allowed() for _, guide in led])
        allowed[[bool(guide.problem) for _, guide in led]] = True  # its row ends with this token
        places = [k for k, _ in led]
        logits = logits.clone()
        logits[places] = logits[places].masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)
    chosen = [int(i) for i in logits.argmax(-1)]
    warm = [k for k, row in enumerate(rows) if row.asked.temperature > 0]
    if warm:
        heat = torch.tensor([rows[k].asked.temperature for k in warm], device=logits.device)[:, None]
        likely = torch.softmax(logits[warm].float() / heat, -1)
        for k, token in zip(warm, torch.multinomial(likely, 1)[:, 0], strict=True):
            chosen[k] = int(token)
        for n, k in enumerate(warm):
            if (draws := rows[k].draws) is not None:
                chosen[k] = int(torch.multinomial(likely[n], 1, generator=draws))
    return chosen


class _Batch:
    """The rows that are being written, with their keys and values, padded on the left to one length."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._cache: Any = None
        self.rows: list[_Row] = []

    def read(self, prompts: Sequence[tuple[int, Asked]]) -> torch.Tensor:
        """Add prompts, each with its place.

        Logits of the next token of the new rows, which then stand before the others, and of these.
        """
        before = self.step() if self.rows else None
        width = max(len(asked.ids) for _, asked in prompts)
        given = torch.zeros(len(prompts), width, dtype=torch.long)
        real = torch.zeros_like(given)
        for k, (_, asked) in enumerate(prompts):
            given[k, width - len(asked.ids) :] = torch.tensor(list(asked.ids))
            real[k, width - len(asked.ids) :] = 1
        output = self._forward(given, real, (real.cumsum(-1) - 1).clamp(min=0), DynamicCache())
        new = [_Row(place, len(asked.ids), Written(), asked, self._draws(asked)) for place, asked in prompts]
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

    def _draws(self, asked: Asked) -> torch.Generator | None:
        seeded = asked.temperature > 0 and asked.seed is not None
        return torch.Generator(self._device).manual_seed(asked.seed) if seeded and asked.seed is not None else None

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
