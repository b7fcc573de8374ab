"""Sequences as one tree: every token in its place, and a model computes what it computes for each alone."""

from __future__ import annotations

from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.models.load import load_model
from understudy.models.tree import Tree, additive, common, grow, size

SEQUENCES = st.lists(st.lists(st.integers(6, 9), min_size=1, max_size=12), min_size=1, max_size=7)


@given(SEQUENCES)
def test_a_tree_holds_each_sequence_and_what_is_common_once(sequences: list[list[int]]) -> None:
    tree, columns = grow(sequences)
    sees = tree.sees()
    for sequence, at in zip(sequences, columns, strict=True):
        assert [tree.tokens[c] for c in at] == sequence
        assert [tree.positions[c] for c in at] == list(range(len(sequence)))
        for k, column in enumerate(at):  # a token sees itself and what stands before it in its own sequence, no other
            assert sees[column].nonzero().flatten().tolist() == sorted(at[: k + 1])
    prefixes = {tuple(s[:k]) for s in sequences for k in range(1, len(s) + 1)}
    assert len(tree.tokens) == size(sequences) == len(prefixes)


def test_a_model_reads_a_tree_as_it_reads_the_sequences_apart(tiny_model: Path) -> None:
    model = load_model(tiny_model, device=torch.device("cpu"))
    sequences = [[7, 8, 9, 10, 11], [7, 8, 9, 12], [7, 8, 20, 21, 22, 23], [30, 31]]
    tree, columns = grow(sequences)
    with torch.no_grad():
        together = model(
            input_ids=torch.tensor([tree.tokens]),
            position_ids=torch.tensor([tree.positions]),
            attention_mask=additive(tree.sees(), torch.float32)[None, None],
        ).logits[0]
        for sequence, at in zip(sequences, columns, strict=True):
            alone = model(input_ids=torch.tensor([sequence])).logits[0]
            torch.testing.assert_close(together[at], alone, rtol=1e-4, atol=1e-5)


def test_no_sequence_makes_an_empty_tree() -> None:
    assert grow([]) == (Tree(), [])
    assert common([1, 2, 3], [1, 2]) == 2
