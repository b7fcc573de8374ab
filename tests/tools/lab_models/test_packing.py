"""Many questions on one context give exactly what each gives alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models import init
from tools.lab_models.packing import Packer, collate, split_prompt
from understudy import lab
from understudy.prompts import with_passages

DOCS = "Relay\nThe relay listens on port 8123.\n\nCache\nThe cache keeps 64 MB."
PAIRS = [("Which port does the relay use?", "8123"), ("How much does the cache keep?", "64 MB"), ("Who?", "Nobody")]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(lab.path("reader") / "tokenizer.json"))


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> MistralForCausalLM:
    return init.build(tokenizer, seed=1, layers=2).eval()


def test_the_prompt_is_the_projects_own(tokenizer: Tokenizer) -> None:
    head, tail = split_prompt()
    question = PAIRS[0][0]
    whole = with_passages(question, [DOCS])[0].content
    assert head.replace("\x02", DOCS) + tail.replace("\x01", question) == whole
    row = Packer(tokenizer).row(DOCS, PAIRS[:1])
    text = tokenizer.decode(row.ids, skip_special_tokens=False)
    assert text == f"<s><|user|>{whole}</s><|assistant|>8123</s>"
    # Token by token as the chat template gives it, not only as text.
    assert row.ids[2 : -len(tokenizer.encode("8123").ids) - 3] == tokenizer.encode(whole, add_special_tokens=False).ids


def test_a_branch_sees_the_context_and_itself_only(model: MistralForCausalLM, tokenizer: Tokenizer) -> None:
    packer = Packer(tokenizer)
    together = ev.token_scores(model, [packer.row(DOCS, PAIRS)])[0]
    alone = [ev.token_scores(model, [packer.row(DOCS, [pair])])[0][0] for pair in PAIRS]
    for (a, n, _), (b, m, _) in zip(together, alone, strict=True):
        assert n == m
        assert a == pytest.approx(b, abs=1e-3)


def test_scores_agree_with_the_plain_forward_pass(model: MistralForCausalLM, tokenizer: Tokenizer) -> None:
    packer = Packer(tokenizer)
    row = packer.row(DOCS, PAIRS[1:2])
    ids = torch.tensor([row.ids])
    with torch.no_grad():
        logp = torch.log_softmax(model(input_ids=ids).logits.double(), -1)[0]
    expected = sum(float(logp[i - 1, row.ids[i]]) for i in range(len(row.ids)) if row.weight[i])
    assert ev.token_scores(model, [row])[0][0][0] == pytest.approx(expected, abs=1e-3)


def test_rows_keep_to_their_limit_and_drop_what_does_not_fit(tokenizer: Tokenizer) -> None:
    packer = Packer(tokenizer)
    whole = packer.row(DOCS, PAIRS)
    short = packer.row(DOCS, PAIRS, limit=len(whole.ids) - 1)
    assert len(short.ids) < len(whole.ids)
    assert max(short.branch) <= max(whole.branch)


def test_padding_is_marked_and_weighs_nothing(tokenizer: Tokenizer) -> None:
    packer = Packer(tokenizer)
    batch = collate([packer.row(DOCS, PAIRS), packer.row("", PAIRS[:1])])
    padded = batch["branch"] == -1
    assert padded.any()
    assert np.all(batch["weight"][padded] == 0)
    assert np.all(batch["ids"][padded] == 0)
