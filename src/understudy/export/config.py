"""What can be written, and how near it must be to the measured model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.errors import InputError, did_you_mean

FORMATS = ("hf", "adapter", "gguf", "ollama", "jan", "serve")
"""Merged safetensors, the PEFT adapter alone, GGUF files, a folder for Ollama, a folder for Jan, and one with the index
for `understudy serve`."""

GGUF_FORMATS = ("gguf", "ollama", "jan")

EXAM_QUESTIONS = 60
"""Questions of the run's exam that an exported file sits again, at most."""
TEXTS = 12
"""Texts on which next-token distributions are compared, from corpus and exam in turn."""
PLACES = 24
"""Places in each text at which they are compared."""
ALPHA = 0.05
"""McNemar's p below which the exam's answers count as changed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """mean_kl: nats a place, at most. same_top: share of places with the same likeliest token, at least.

    greedy: whether greedy texts must be equal, word for word. tie: two tokens that the measured model finds within so
    many nats of each other are as good as one: which of them is likelier hangs on the order of a sum.
    """

    mean_kl: float
    same_top: float
    greedy: bool = False
    tie: float = 0.0


LIMITS = {
    "f16": Limits(0.001, 0.995, greedy=True, tie=0.05),
    "q8_0": Limits(0.005, 0.97),
    "q6_k": Limits(0.01, 0.95),
    "q4_k_m": Limits(0.06, 0.90),
}
QUANTS = tuple(LIMITS)


def check_format(name: str) -> str:
    """The format's name. Raises InputError."""
    if name not in FORMATS:
        raise InputError(
            f"--format {name}: no such format.{did_you_mean(name, FORMATS)} There are: {', '.join(FORMATS)}"
        )
    return name


def check_quants(names: Sequence[str]) -> tuple[str, ...]:
    """The quantisations in the order asked for, each once, in small letters. Raises InputError."""
    asked = tuple(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    for name in asked:
        if name not in QUANTS:
            raise InputError(
                f"--quant {name}: no such quantisation.{did_you_mean(name, QUANTS)} There are: {', '.join(QUANTS)}"
            )
    return asked or ("f16",)
