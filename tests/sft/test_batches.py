"""Tokens and their order: only the completion is learned, lengths meet, nothing is lost or doubled."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from understudy import prompts
from understudy.models.chat import IGNORED, encode_row, render
from understudy.models.load import load_tokenizer
from understudy.sft.batches import Encoded, columns, encode_rows, in_order, load_rows, save_rows
from understudy.sft.rows import Row


def test_loss_is_on_the_answer_and_its_end_alone(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    messages = prompts.closed_book("Which port?")
    ids, labels = encode_row(tokenizer, messages, "7411")
    learned = [t for t in labels if t != IGNORED]
    assert tokenizer.decode(learned) == "7411</s>"
    assert labels[: len(ids) - len(learned)] == [IGNORED] * (len(ids) - len(learned))
    assert tokenizer.decode(ids) == render(tokenizer, messages) + "7411</s>"


def test_passages_are_left_out_until_a_row_fits_and_the_golden_one_stays(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    passages = tuple(f"Passage number {i} says something about the queue." for i in range(4))
    row = Row(prompts.with_passages("Q?", passages), "yes", "context", "p", "Q?", passages, (3, 2, 0))
    whole = len(encode_row(tokenizer, row.messages, row.answer)[0])
    (fitted,) = encode_rows([row], tokenizer, whole - 1)
    assert fitted is not None
    assert fitted[0].passages == passages[:3]
    assert len(fitted[1].ids) < whole
    assert encode_rows([row], tokenizer, 10) == [None]


@given(
    st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=70), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_order_keeps_every_row_once_and_epochs_apart(lengths: list[list[int]], batch_size: int, seed: int) -> None:
    epochs = [[Encoded((e, i, *range(n)), 1) for i, n in enumerate(epoch)] for e, epoch in enumerate(lengths)]
    ordered = in_order(epochs, batch_size, random.Random(seed))
    assert sorted(r.ids for r in ordered) == sorted(r.ids for epoch in epochs for r in epoch)
    assert ordered == in_order(epochs, batch_size, random.Random(seed))
    position = 0
    for number, epoch in enumerate(epochs):  # a row may wait for its epoch's rest to fill a batch, never longer
        position += len(epoch)
        early = {r.ids for r in ordered[: position // batch_size * batch_size]}
        assert all(ids[0] <= number for ids in early)


def test_rows_of_like_length_share_a_batch() -> None:
    rng = random.Random(0)
    rows = [Encoded(tuple(range(rng.randint(5, 500))), 1) for _ in range(640)]
    ordered = in_order([rows], 16, random.Random(1))
    padded = sum(16 * max(len(r.ids) for r in ordered[i : i + 16]) for i in range(0, 640, 16))
    assert padded < 1.15 * sum(len(r.ids) for r in rows)  # shuffled without buckets it would be nearly twice


def test_rows_survive_the_disk(tmp_path: Path) -> None:
    rows = [Encoded((5, 6, 7), 2), Encoded((8,), 0), Encoded((1, 2, 3, 4), 4)]
    save_rows(rows, tmp_path / "rows.safetensors")
    assert load_rows(tmp_path / "rows.safetensors") == rows
    assert columns(rows)["labels"] == [[IGNORED, IGNORED, 7], [8], [IGNORED] * 4]
    save_rows([], tmp_path / "none.safetensors")
    assert load_rows(tmp_path / "none.safetensors") == []


def test_rows_about_the_same_passages_share_a_batch() -> None:
    rng = random.Random(0)
    rows = [Encoded((g, *range(rng.randint(5, 500))), 1, seat=g) for g in range(1, 41) for _ in range(4)]
    rng.shuffle(rows)
    ordered = in_order([rows], 16, random.Random(1))
    batches = [{r.seat for r in ordered[i : i + 16]} for i in range(0, 160, 16)]
    assert sorted(map(len, batches)) == [4] * 10
    assert sorted(r.ids for r in ordered) == sorted(r.ids for r in rows)
