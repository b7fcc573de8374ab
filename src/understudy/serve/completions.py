"""`POST /v1/completions`: raw text goes on, or is scored: what lm_eval's `local-completions` needs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

import torch

from understudy.models.reader import TransformersModel
from understudy.serve.problems import Problem
from understudy.serve.requests import CompletionRequest
from understudy.types import LanguageModel

_MOST_PROMPTS = 256
_BATCH_TOKENS = 8192


def complete(request: CompletionRequest, model: LanguageModel, max_tokens: int) -> dict[str, Any]:
    """The answer to every prompt of the request, in order.

    Raises Problem (400) where the engine cannot do it exactly: another engine than transformers has no token lists
    and no log-probabilities of a prompt.
    """
    if not isinstance(model, TransformersModel):
        raise Problem(
            400, f"{model.name} cannot go on from raw text or score it; use /v1/chat/completions", param="model"
        )
    if request.stream:
        raise Problem(400, "raw completions do not stream; use /v1/chat/completions", param="stream")
    if request.n not in (None, 1):
        raise Problem(400, "one answer a prompt", param="n")
    prompts = [_ids(p, model) for p in request.prompts()]
    if not 0 < len(prompts) <= _MOST_PROMPTS:
        raise Problem(400, f"send between 1 and {_MOST_PROMPTS} prompts at once", param="prompt")
    wanted = max_tokens if request.max_tokens is None else request.max_tokens
    for prompt in prompts:
        if len(prompt) + wanted > model.window:
            raise Problem(
                400, f"a prompt of {len(prompt)} tokens and {wanted} more exceed the window of {model.window}",
                param="prompt", code="context_length_exceeded",
            )  # fmt: skip
    written = _write(model, prompts, wanted, request) if wanted else [([], "length")] * len(prompts)
    choices, spent = [], 0
    wholes = [prompt + tokens for prompt, (tokens, _) in zip(prompts, written, strict=True)]
    scored = _score(model, wholes, request.logprobs) if request.logprobs is not None else [None] * len(wholes)
    for index, (prompt, (tokens, reason), row) in enumerate(zip(prompts, written, scored, strict=True)):
        shown = [*prompt, *tokens] if request.echo else tokens
        text = model.tokenizer.decode(shown, skip_special_tokens=not request.echo)
        logprobs = None if row is None else _shown(model, shown, row[-len(shown) :] if shown else [])
        choices.append({"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason})
        spent += len(tokens)
    total = sum(map(len, prompts))
    return {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": choices,
        "usage": {"prompt_tokens": total, "completion_tokens": spent, "total_tokens": total + spent},
    }


def _ids(prompt: str | list[int], model: TransformersModel) -> list[int]:
    """Token ids of a prompt; text as the tokenizer reads it, with its own first token."""
    if isinstance(prompt, str):
        ids: list[int] = model.tokenizer(prompt)["input_ids"]
    else:
        ids = list(prompt)
        size = model.model.get_input_embeddings().num_embeddings
        if any(not 0 <= token < size for token in ids):
            raise Problem(400, f"a token id lies outside the vocabulary of {size}", param="prompt")
    if not ids:
        raise Problem(400, "a prompt is empty", param="prompt")
    return ids


def _write(
    model: TransformersModel, prompts: list[list[int]], wanted: int, request: CompletionRequest
) -> Sequence[tuple[list[int], str]]:
    """New tokens of each prompt and why they end.

    Where tokens are listed with their scores, the one that ends the text is among them: clients that ask for one token
    behind a prompt to be scored count on it.
    """
    return model.continue_tokens(
        prompts, max_tokens=wanted, temperature=request.temperature or 0.0, stop=request.stops,
        with_end=request.logprobs is not None,
    )  # fmt: skip


Scored = list[tuple[float | None, dict[str, float]]]


def _score(model: TransformersModel, rows: list[list[int]], most: int) -> list[Scored]:
    """For each token of each row its log-probability after those before it (None for the first), and the likeliest
    tokens there with theirs."""
    found: list[Scored] = [[] for _ in rows]
    pad = model.tokenizer.pad_token_id or 0
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    size = max(1, _BATCH_TOKENS // len(rows[order[0]]))
    with torch.inference_mode():
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            width = len(rows[batch[0]])
            ids = torch.full((len(batch), width), pad)
            mask = torch.zeros_like(ids)
            for k, i in enumerate(batch):
                ids[k, : len(rows[i])] = torch.tensor(rows[i])
                mask[k, : len(rows[i])] = 1
            output = model.model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device))
            for k, i in enumerate(batch):
                found[i] = _row(output.logits[k, : len(rows[i])].float(), rows[i], most, model.tokenizer)
    return found


def _row(logits: torch.Tensor, ids: list[int], most: int, tokenizer: Any) -> Scored:
    logprobs = torch.log_softmax(logits[:-1], -1)
    row: Scored = [(None, {})]
    if len(ids) < 2:
        return row
    own = logprobs.gather(1, torch.tensor(ids[1:], device=logprobs.device)[:, None])[:, 0].tolist()
    best = logprobs.topk(max(1, most), dim=-1)
    for k, value in enumerate(own):
        likely = zip(best.indices[k].tolist(), best.values[k].tolist(), strict=True)
        row.append((value, {tokenizer.decode([token]): score for token, score in likely}))
    return row


def _shown(model: TransformersModel, tokens: list[int], row: Scored) -> dict[str, Any]:
    """In the layout of OpenAI's legacy completions."""
    texts = [model.tokenizer.decode([token]) for token in tokens]
    offsets, at = [], 0
    for text in texts:
        offsets.append(at)
        at += len(text)
    return {
        "tokens": texts,
        "token_logprobs": [value for value, _ in row],
        "top_logprobs": [likely or None for _, likely in row],
        "text_offset": offsets,
    }
