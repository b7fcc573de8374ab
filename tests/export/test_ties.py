"""Two tokens as good as one: which is the likelier hangs on the order of a sum, and is no fault of what was written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from understudy.export import parity
from understudy.export.config import LIMITS
from understudy.types import Message

END = 9


class Writes:
    """Ten tokens. Any text goes on with 3 or 4, 3 being likelier by `gap` nats; after twelve tokens it ends."""

    def __init__(self, gap: float) -> None:
        self.gap = gap

    def row(self, length: int) -> list[float]:
        weights = [0.001] * 10
        if length < 12:
            weights[3], weights[4] = math.exp(self.gap / 2), math.exp(-self.gap / 2)
        else:
            weights[END] = 1.0
        return [math.log(w / sum(weights)) for w in weights]

    def logprobs(self, ids: Sequence[int], places: Sequence[int]) -> torch.Tensor:
        return torch.tensor([self.row(place) for place in places], dtype=torch.float64)

    def next_tokens(self, ids: Sequence[int], places: Sequence[int]) -> list[dict[int, float]]:
        return [dict(enumerate(self.row(place))) for place in places]

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        written: list[int] = []
        while len(written) < count:
            row = self.row(len(ids) + len(written))
            written.append(max(range(10), key=row.__getitem__))
            if written[-1] == END:
                break
        return written

    def tokens(self, text: str) -> list[int]:
        return [1] * 9

    def render(self, messages: Sequence[Message]) -> str:
        return "text"

    def takes_system(self) -> bool:
        return False

    def chat_tokens(self, messages: Sequence[Message]) -> int:
        return 9

    def end_tokens(self) -> list[int]:
        return [END]


def compared(measured: Any, written: Any, kind: str = "f16") -> dict[str, parity.Check]:
    found = parity.check(measured, written, parity.Material(["a passage"] * 3), LIMITS[kind], bos=None)
    return {c.name: c for c in found}


def test_a_tie_that_falls_the_other_way_is_counted_and_passes() -> None:
    found = compared(Writes(0.004), Writes(-0.004))
    assert found["same top token"].passed
    assert found["same top token"].found == {"share": 1.0, "ties": found["same top token"].n}
    assert found["greedy text"].passed
    assert found["greedy text"].found == {"equal": 0, "ties": 3}


def test_equal_models_have_no_ties() -> None:
    found = compared(Writes(0.004), Writes(0.004))
    assert found["same top token"].found["ties"] == 0
    assert found["greedy text"].found == {"equal": 3, "ties": 0}


def test_what_the_measured_model_prefers_must_stay() -> None:
    found = compared(Writes(0.06), Writes(-0.06))
    assert {name for name, c in found.items() if not c.passed} >= {"same top token", "greedy text"}


def test_a_text_that_ends_elsewhere_is_no_tie() -> None:
    early = Writes(0.5)
    early.greedy = lambda ids, count: [3, END]  # type: ignore[method-assign]
    found = compared(Writes(0.5), early)
    assert not found["greedy text"].passed
    assert found["same top token"].passed


@pytest.mark.parametrize("kind", ["q8_0", "q6_k", "q4_k_m"])
def test_a_quantisation_is_held_to_the_likeliest_token_itself(kind: str) -> None:
    assert not compared(Writes(0.004), Writes(-0.004), kind)["same top token"].passed
