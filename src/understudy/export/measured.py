"""The model as it was measured, in the words in which a runtime is asked: what parity compares with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from jinja2 import TemplateError

from understudy.models.chat import encode, render
from understudy.models.reader import TransformersModel
from understudy.types import LanguageModel, Message


class Runtime(LanguageModel, Protocol):
    """A model that can be asked for its template, its tokens and its next-token distributions."""

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as text, up to where the assistant begins."""
        ...

    def tokens(self, text: str) -> list[int]:
        """Tokens of rendered text, with whatever the runtime puts before it."""
        ...

    def chat_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the runtime reads for a conversation."""
        ...

    def next_tokens(self, ids: Sequence[int], places: Sequence[int]) -> list[dict[int, float]]:
        """Log-probabilities by token after the first `place` tokens, for each place in rising order."""
        ...

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        """At most `count` tokens written after these at temperature 0; one that ends the turn may stand last."""
        ...


class Measured(TransformersModel):
    """A transformers model as a Runtime: the measured model itself, or a written folder loaded again."""

    def render(self, messages: Sequence[Message]) -> str:
        return render(self.tokenizer, messages)

    def takes_system(self) -> bool:
        """Whether the template itself takes a system message; one that refuses is given it in the user's turn."""
        turns = [{"role": "system", "content": "documentation"}, {"role": "user", "content": "a"}]
        try:
            return "documentation" in self.tokenizer.apply_chat_template(turns, tokenize=False)
        except TemplateError:
            return False

    def tokens(self, text: str) -> list[int]:
        return encode(self.tokenizer, text)

    def chat_tokens(self, messages: Sequence[Message]) -> int:
        return self.count_tokens(messages)

    def end_tokens(self) -> list[int]:
        """Tokens that end a turn."""
        return self._end_tokens()

    def logprobs(self, ids: Sequence[int], places: Sequence[int]) -> torch.Tensor:
        """Log-probabilities of the next token after the first `place` tokens: (places, vocabulary), float64."""
        with torch.inference_mode():
            logits = self.model(input_ids=torch.tensor([list(ids)], device=self.device)).logits[0]
        return torch.log_softmax(logits[torch.tensor(places) - 1].double().cpu(), -1)

    def next_tokens(self, ids: Sequence[int], places: Sequence[int]) -> list[dict[int, float]]:
        return [dict(enumerate(row)) for row in self.logprobs(ids, places).tolist()]

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        ends = self.end_tokens()
        options: dict[str, Any] = {"eos_token_id": ends} if ends else {}
        with torch.inference_mode():
            asked = torch.tensor([list(ids)], device=self.device)
            written = self.model.generate(
                input_ids=asked, attention_mask=torch.ones_like(asked), max_new_tokens=count, do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id, **options,
            )  # fmt: skip
        row: list[int] = written[0, len(ids) :].tolist()
        end = next((i for i, token in enumerate(row) if token in ends), None)
        return row[:end]
