"""A served model behind the LanguageModel protocol: it answers in text, side by side; it cannot weigh given answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from understudy.errors import ModelError
from understudy.models.answers import json_values, without_thoughts
from understudy.models.client import NothingSaid
from understudy.models.http import NoAnswer
from understudy.models.ledger import Reply
from understudy.models.openai import Endpoint
from understudy.types import Completion, Message

_WINDOW = 8192  # where an endpoint does not say what its model takes
_WINDOW_NAMES = ("max_model_len", "context_length", "context_window", "n_ctx", "max_input_tokens")


class ServedModel:
    """A model behind an endpoint. protocol and the rest: see Endpoint."""

    def __init__(self, model: str, base_url: str | None = None, *, concurrency: int = 8, **endpoint: Any) -> None:
        self.endpoint = Endpoint(model, base_url, concurrency=concurrency, **endpoint)
        self.name = f"{self.endpoint.wire.scheme}:{model}" + (f"@{base_url}" if base_url else "")

    @cached_property
    def window(self) -> int:
        """What the endpoint says of the model (`max_model_len`, `context_length`), else 8192 tokens."""
        path = self.endpoint.wire.path(self.endpoint.base_url).removesuffix("/chat/completions")
        try:
            said = self.endpoint.client.get(f"{path.removesuffix('/messages')}/models/{self.endpoint.model}").body
        except NoAnswer:
            return _WINDOW
        for name in _WINDOW_NAMES if isinstance(said, Mapping) else ():
            if isinstance(said.get(name), int) and said[name] > 0:
                return int(said[name])
        return _WINDOW

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An upper estimate: the tokenizer is not known. Two bytes a token, and the marks of each turn."""
        return sum(8 + (len(m.content.encode()) + 1) // 2 for m in messages)

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
    ) -> list[Completion]:
        """One completion a conversation, asked for side by side, in the order given; thoughts are left out.

        With `choices` the answer is constrained by a schema where the endpoint keeps to schemas; what it says
        is returned as it is where it names none of them, a refusal and an empty answer too.
        Raises the TeacherErrors of `understudy.models.client`.
        """
        schema = _choice_schema(choices) if choices else None

        def one(messages: Sequence[Message]) -> Completion:
            try:
                reply = self.endpoint.reply(messages, max_tokens, temperature, stop, schema)
            except NothingSaid:
                reply = Reply("")
            text = chosen(reply.text, choices) if choices else without_thoughts(reply.text)
            cut = "length" if reply.finish_reason == "length" else "stop"
            return Completion(text, cut, reply.prompt_tokens, reply.completion_tokens)  # type: ignore[arg-type]

        # More threads than requests at once: those that wait to ask again leave their place to others.
        with ThreadPoolExecutor(max_workers=2 * self.endpoint.concurrency) as pool:
            return list(pool.map(one, conversations))

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        raise ModelError(
            f"{self.name}: a chat endpoint does not give the probability of a text of ours; "
            "measure it with generated answers (benchmark: {scoring: [generate]})"
        )


def _choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def chosen(text: str, choices: Sequence[str]) -> str:
    """The choice that an answer names, else what it says, less its thoughts."""
    clean = without_thoughts(text)
    for value, _ in json_values(clean):
        if isinstance(value, dict) and value.get("choice") in choices:
            return str(value["choice"])
    said = [c for c in choices if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", clean)]
    return said[0] if len(said) == 1 else clean
