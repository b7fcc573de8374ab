"""General prompts with the base's own answers, mixed in against forgetting (on-policy replay)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.artifact import read_records, write_records
from understudy.errors import InputError
from understudy.models.resolve import dataset_folder
from understudy.rows import read_rows
from understudy.sft.config import PRACTICE, ReplayConfig
from understudy.sft.general_prompts import general_prompts
from understudy.sft.rows import Row
from understudy.suite import practice
from understudy.types import LanguageModel, Message

_AT_ONCE = 64  # prompts answered between two savings, and two signs of life
Conversation = tuple[tuple[Message, ...], str]  # what is asked, and the reply; an empty one is still to be written


def replay_rows(
    config: ReplayConfig,
    wanted: int,
    *,
    seed: int,
    work: Path,
    open_language_model: Callable[[], LanguageModel],
    progress: Callable[[str, float, float | None], None],
) -> list[Row]:
    """At most `wanted` different rows. Answers that the base must write are kept in `work` as they are written.

    Raises InputError naming file and line of a row that has neither prompt nor messages.
    """
    if config.source == "off" or wanted <= 0:
        return []
    if config.source == "self":
        found: list[Conversation] = [((Message("user", p),), "") for p in general_prompts(wanted, seed)]
    elif config.source == PRACTICE:
        found = [((Message("user", question),), answer) for question, answer in practice(wanted, seed)]
    else:
        found = _read(config.source, wanted)
    missing = [messages for messages, reply in found if not reply]
    written = _answers(missing, config, work, open_language_model, progress)
    replies = iter(written)
    rows = [Row(m, reply or next(replies), "replay", held=config.loss == "kl") for m, reply in found]
    return [row for row in rows if row.held or row.answer.strip()]


def _answers(
    prompts: Sequence[tuple[Message, ...]],
    config: ReplayConfig,
    work: Path,
    open_language_model: Callable[[], LanguageModel],
    progress: Callable[[str, float, float | None], None],
) -> list[str]:
    """The base's own answers, greedy; written to disk batch by batch so that an interruption loses one batch."""
    if not prompts:
        return []
    file = work / "replay.jsonl"
    done = [str(a["answer"]) for a in read_records(file, dict)] if file.is_file() else []
    if len(done) >= len(prompts):
        return done[: len(prompts)]
    reader = open_language_model()
    while len(done) < len(prompts):
        progress("replay: the base answers general prompts", len(done), len(prompts))
        batch = prompts[len(done) : len(done) + _AT_ONCE]
        done += [c.text for c in reader.generate(batch, max_tokens=config.max_tokens)]
        write_records(file, ({"answer": answer} for answer in done))
    progress("replay: the base answers general prompts", len(done), len(prompts))
    return done


def _read(source: str, wanted: int) -> list[Conversation]:
    """Rows of a .jsonl file or of a hub data set."""
    if source.startswith("hf:"):
        from datasets import load_dataset

        rows: Iterable[tuple[str, Mapping[str, Any]]] = (
            (f"{source} row {i}", row)
            for i, row in enumerate(load_dataset(str(dataset_folder(source)), split="train"), 1)
        )
    else:
        rows = _lines(Path(source).expanduser())
    found: list[Conversation] = []
    for where, row in rows:
        if len(found) == wanted:
            break
        found.append(_conversation(where, row))
    if not found:
        raise InputError(f"sft.replay.source: {source}: holds no rows")
    return found


def _lines(file: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        return [(row.where, row.values) for row in read_rows(file).rows]
    except InputError as error:
        raise InputError(f"sft.replay.source: {error}") from error


def _conversation(where: str, row: Mapping[str, Any]) -> Conversation:
    turns = row.get("messages") if isinstance(row, Mapping) else None
    if isinstance(turns, list) and turns:
        try:
            messages = tuple(Message(t["role"], str(t["content"])) for t in turns)
        except (TypeError, KeyError) as error:
            raise InputError(f"{where}: messages need role and content") from error
        if messages[-1].role == "assistant" and len(messages) > 1:
            return messages[:-1], messages[-1].content
        return messages, ""
    prompt = row.get("prompt") if isinstance(row, Mapping) else None
    if isinstance(prompt, str) and prompt.strip():
        return (Message("user", prompt),), str(row.get("completion") or "")
    raise InputError(f"{where}: has neither `prompt` nor `messages`")
