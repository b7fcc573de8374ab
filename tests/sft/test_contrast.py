"""Wrong answers: what may be one, and the loss of choosing among them, against float64."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy import prompts
from understudy.models.chat import render
from understudy.models.load import load_model, load_tokenizer
from understudy.models.score import score_options
from understudy.sft.batches import encode_rows, load_rows, save_rows
from understudy.sft.contrast import choosing_loss
from understudy.sft.reading import Reading, asked, bundles
from understudy.sft.rows import Row
from understudy.sft.wrong_answers import WrongAnswers
from understudy.types import QAPair

PAIRS = [
    QAPair("a", "Which port does the server use?", "The server uses port 7411.", "c1", doc_id="d", fact_id="f1"),
    QAPair("b", "What port is used by the server?", "Port 7411 is used by the server.", "c1", doc_id="d", fact_id="f1"),
    QAPair("c", "How long does a session last?", "A session lasts thirty minutes.", "c1", doc_id="d", fact_id="f2"),
    QAPair("d", "Where do logs go?", "Logs go to the folder named var.", "c2", doc_id="d", fact_id="f3"),
    QAPair("e", "Who may restart it?", "Only an operator may restart it.", "c3", doc_id="d", fact_id="f4"),
    QAPair(
        "f", "Which port does the mirror use?", "The mirror uses no port at all.", "c9", doc_id="other", fact_id="f5"
    ),
    QAPair("g", "Which port does the server use now?", "It takes 7411.", "c3", doc_id="d", fact_id="f6"),
]


def test_wrong_answers_are_of_other_facts_on_the_page_and_those_shown_come_first() -> None:
    found = WrongAnswers(PAIRS)
    for seed in range(20):
        wrong = found.of(PAIRS[0], 2, random.Random(seed), shown={"c1"})
        assert wrong[0] == "A session lasts thirty minutes."
        assert len(set(wrong)) == 2
        assert wrong[1] in {"Logs go to the folder named var.", "Only an operator may restart it."}


def test_an_answer_to_nearly_the_same_question_is_never_wrong() -> None:
    everything = WrongAnswers(PAIRS).of(PAIRS[0], 8, random.Random(0))
    assert "It takes 7411." not in everything
    assert not any("7411" in answer for answer in everything)
    assert len(everything) == 3


def test_the_loss_of_the_choice_is_the_cross_entropy_a_float64_reference_gives() -> None:
    likelihood = torch.tensor([-9.0, -14.0, -30.0, -4.0, -3.0])
    letters = torch.tensor([20, 25, 31, 8, 9])
    question = torch.tensor([0, 0, 0, 1, 1])
    loss = choosing_loss(likelihood, letters, question, torch.tensor([5, 3]), scale=7.0)
    mean = 7.0 * np.array([-9 / 20, -14 / 25, -30 / 31, -4 / 8, -3 / 9])
    expected = 5 * (math.log(np.exp(mean[:3]).sum()) - mean[0]) + 3 * (math.log(np.exp(mean[3:]).sum()) - mean[3])
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_what_is_chosen_among_is_what_the_benchmark_weighs(tiny_model: Path, tmp_path: Path) -> None:
    """Likelihoods of the answers in a training row against those that cloze scoring gives them."""
    model, tokenizer = load_model(tiny_model, device=torch.device("cpu")), load_tokenizer(tiny_model)
    options = ("The server uses port 7411.", "A session lasts thirty minutes.", "Logs go to the folder named var.")
    messages = prompts.with_passages("Which port does the server use?", ["The port is 7411.", "A session is long."])
    row = Row(messages, options[0], "context", "a", "Which port does the server use?", ("x",), options=options)
    encoded = [fitted[1] for fitted in encode_rows([row], tokenizer, 2000) if fitted]
    save_rows(encoded, tmp_path / "rows.safetensors")
    assert load_rows(tmp_path / "rows.safetensors") == encoded
    (one,) = encoded
    assert one.letters == tuple(map(len, options))
    inputs = {
        "input_ids": torch.tensor([one.ids]),
        "attention_mask": torch.ones(1, len(one.ids), dtype=torch.long),
        "labels": torch.tensor([one.labels]),
    }
    rows = asked(inputs, [one.against])
    assert bundles(rows) == [[0]]
    sequences = rows[0].sequences
    reading = Reading.plan(sequences, [one.read] * 3, [[0, 1, 2]])
    with torch.no_grad():
        logp = -torch.nn.functional.cross_entropy(
            reading.logits(model, torch.float32), reading.targets, reduction="none"
        )
    text = torch.tensor([one.text, 1 << 30, 1 << 30])
    answer = reading.turn < text[reading.of]
    found = torch.zeros(3).index_add(0, reading.of[answer], logp[answer])
    scored = torch.tensor(score_options(model, tokenizer, [render(tokenizer, messages)], [list(options)])[0])
    offset = found - scored  # a blank before the answer is the prompt's here and the option's there: alike for all
    torch.testing.assert_close(offset, offset[:1].expand(3), rtol=1e-4, atol=1e-4)
