"""Preference pairs from a file or the hub, in any of their usual shapes, filtered and in a fixed order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.align.config import AlignConfig
from understudy.errors import InputError
from understudy.models.chat import encode_row
from understudy.models.resolve import dataset_folder
from understudy.rows import read_rows
from understudy.types import Message


@dataclass(frozen=True, slots=True)
class Preference:
    """A conversation and two replies to it, the better one first."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str

    def as_row(self) -> dict[str, list[dict[str, str]]]:
        """The row that TRL's trainer reads."""
        return {
            "prompt": [{"role": m.role, "content": m.content} for m in self.prompt],
            "chosen": [{"role": "assistant", "content": self.chosen}],
            "rejected": [{"role": "assistant", "content": self.rejected}],
        }


def read(config: AlignConfig) -> list[Preference]:
    """All pairs of the data set. Raises InputError naming file, line and the columns that are expected."""
    if config.dataset.startswith("hf:"):
        from datasets import load_dataset

        try:
            rows: Iterable[Any] = load_dataset(str(dataset_folder(config.dataset)), split=config.split)
        except ValueError as error:
            raise InputError(f"align.dataset: {config.dataset}: {error}") from error
        return [_preference(row, f"{config.dataset} row {i}") for i, row in enumerate(rows, 1)]
    try:
        found = read_rows(Path(config.dataset).expanduser())
    except InputError as error:
        raise InputError(f"align.dataset: {error}") from error
    return [_preference(row.values, row.where) for row in found.rows]


def _preference(row: Any, where: str) -> Preference:
    """One pair from a row; the prompt may also stand at the beginning of both conversations."""
    if not isinstance(row, Mapping) or "chosen" not in row or "rejected" not in row:
        raise InputError(f"{where}: needs the columns prompt, chosen and rejected (or question, chosen, rejected)")
    chosen, rejected = _turns(row["chosen"], "assistant", where), _turns(row["rejected"], "assistant", where)
    prompt = _turns(row.get("prompt") or row.get("question") or (), "user", where)
    if isinstance(row.get("system"), str) and row["system"].strip():
        prompt = (Message("system", row["system"]), *prompt)
    if not prompt:
        prompt, chosen, rejected = chosen[:-1], chosen[-1:], rejected[-1:]
    elif len(chosen) > 1:  # whole conversations although the prompt is given as well
        chosen, rejected = chosen[-1:], rejected[-1:]
    if not prompt or not chosen or not rejected:
        raise InputError(f"{where}: has no prompt; add the column `prompt` (or `question`)")
    return Preference(prompt, chosen[0].content, rejected[0].content)


def _turns(value: Any, role: str, where: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message(role, value),) if value.strip() else ()  # type: ignore[arg-type]
    try:
        return tuple(Message(turn["role"], str(turn["content"])) for turn in value)
    except (TypeError, KeyError) as error:
        raise InputError(f"{where}: a conversation is a text or a list of messages with role and content") from error


def select(
    pairs: Sequence[Preference], config: AlignConfig, tokenizer: Any, seed: int
) -> tuple[list[Preference], Counter[str]]:
    """The pairs that are trained on, in random order, and how many were left out by reason.

    Length alone must not tell the answers apart, or a model learns to write longer ones (`length_ratio`).
    """
    kept: list[Preference] = []
    rejected: Counter[str] = Counter()
    order = list(pairs)
    random.Random(f"{seed}|align").shuffle(order)
    for pair in order:
        if config.max_pairs is not None and len(kept) == config.max_pairs:
            rejected["above max_pairs"] = len(order) - sum(rejected.values()) - len(kept)
            break
        reason = _reason_against(pair, config, tokenizer)
        if reason:
            rejected[reason] += 1
        else:
            kept.append(pair)
    return kept, rejected


def _reason_against(pair: Preference, config: AlignConfig, tokenizer: Any) -> str:
    if not pair.chosen.strip() or not pair.rejected.strip():
        return "an empty answer"
    if pair.chosen.strip() == pair.rejected.strip():
        return "equal answers"
    if config.length_ratio is not None:
        least, most = config.length_ratio
        if not least <= len(pair.chosen) / len(pair.rejected) <= most:
            return "length_ratio"
    longest = max(len(encode_row(tokenizer, pair.prompt, a)[0]) for a in (pair.chosen, pair.rejected))
    return "longer than max_length" if longest > config.max_length else ""
