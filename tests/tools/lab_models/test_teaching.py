"""A generated manual can be taught to the bundled reader: closed book, on wordings it was not taught with."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models import teach
from tools.lab_models.packing import Packer
from understudy import lab
from understudy.lab.worlds import make_world


def test_held_out_wordings_are_not_learned_from() -> None:
    world = make_world(4, pages=3)
    learned, held_out = teach.split_paraphrases(world.facts)
    asked = {q for q, _ in learned}
    assert held_out
    assert not asked & {q for q, _ in held_out}
    for item in teach.items(world, held_out):
        assert len(set(item.options)) == 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_teaching_a_manual_lifts_closed_book_accuracy() -> None:
    world = make_world(77, pages=8)
    folder = lab.path("reader")
    packer = Packer(Tokenizer.from_file(str(folder / "tokenizer.json")))
    model = MistralForCausalLM.from_pretrained(folder, dtype=torch.float32)
    learned, held_out = teach.split_paraphrases(world.facts)
    items = teach.items(world, held_out)
    before = ev.measure(model, packer, items)
    taught, seconds = teach.teach(model, packer, learned)
    after = ev.measure(taught, packer, items)
    print(f"{len(world.facts)} facts, {len(learned)} pairs, {seconds:.0f} s: {before} -> {after}")
    assert before["acc_low"] < 0.4
    assert after["acc_low"] > before["acc_high"]
