"""The loss on where to look is what attention itself says, and learning it makes a head look there."""

from __future__ import annotations

import math

import pytest
import torch
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models import init
from tools.lab_models.looking import HEAD, Looking
from tools.lab_models.packing import Ask, Packer, collate
from tools.lab_models.tasks.asking import ask
from tools.lab_models.train import Plan, Trainer
from understudy import lab

DOCS = "The relay listens on port 8123. The cache keeps 64 MB."
ASKED = [
    ask("Which port does the relay use?", "8123", DOCS, 0, 31),
    ask("How much does the cache keep?", "64 MB", DOCS, 32, len(DOCS)),
    Ask("Who?", "Nobody"),
]


@pytest.fixture(scope="module")
def packer() -> Packer:
    return Packer(Tokenizer.from_file(str(lab.path("reader") / "tokenizer.json")))


def test_a_row_knows_where_its_answers_stand(packer: Packer) -> None:
    row = packer.row(DOCS, ASKED)
    decode = packer.tokenizer.decode
    begins = [k for k in row.looks if k.first >= 0]
    assert [decode(row.ids[k.first : k.last + 1]).strip() for k in begins] == [DOCS[:31], DOCS[32:]]
    assert [decode(row.ids[k.at : k.at + 2]).strip() for k in begins] == ["81", "64"]
    assert [row.ids[k.query] for k in begins] == [packer.assistant] * 2  # nothing is known of the third
    onward = [k for k in row.looks if k.first < 0]
    assert [row.ids[k.at] for k in onward] == [row.ids[k.query + 1] for k in onward]
    assert decode([row.ids[k.at] for k in onward]).replace(" ", "") == "1234MB"


def test_questions_beyond_the_limit_leave_no_look(packer: Packer) -> None:
    assert len([k for k in packer.row(DOCS, ASKED, limit=1).looks if k.first >= 0]) == 1


def test_the_loss_is_the_share_of_attention(packer: Packer) -> None:
    model = init.build(packer.tokenizer, seed=1, layers=3).eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():  # soft enough that no share rounds to nothing
        for layer in model.model.layers[-2:]:
            layer.self_attn.q_proj.weight.mul_(0.05)
    rows = [packer.row("Read this first.", ASKED[2:]), packer.row(DOCS, ASKED)]
    batch = ev.tensors(collate(rows))
    looking = Looking(model)
    with torch.no_grad(), looking:
        attention = model.model(
            input_ids=batch["ids"],
            attention_mask=ev.attention_mask(batch["branch"]),
            position_ids=batch["position"],
            output_attentions=True,
        ).attentions
    begins = [k for k in rows[1].looks if k.first >= 0]
    statement = [float(attention[1][1, HEAD, k.query, k.first : k.last + 1].sum()) for k in begins]
    answer = [float(attention[2][1, HEAD, k.query, k.at]) for k in begins]
    onward = [float(attention[2][1, HEAD, k.query, k.at]) for k in rows[1].looks if k.first < 0]
    expected = [-sum(map(math.log, shares)) / len(shares) for shares in (statement, answer, onward)]
    assert looking.loss(batch).tolist() == pytest.approx(expected, rel=1e-4)


def test_learning_makes_the_head_look_there(packer: Packer) -> None:
    def after(weight: float) -> float:
        model: MistralForCausalLM = init.build(packer.tokenizer, seed=2, layers=2, hidden=64, mlp=64)
        trainer = Trainer(model, Plan(total_tokens=1e9, lr=0.01, warmup_steps=1, looking=weight))
        batch = ev.tensors(collate([packer.row(DOCS, ASKED)]))
        for _ in range(8):
            trainer.learn(batch)
        with torch.no_grad(), trainer.looking:
            ev.hidden_states(model, batch)
        return float(trainer.looking.loss(batch).sum())

    assert after(0.5) < after(0.0) - 1
