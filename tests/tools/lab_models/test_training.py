"""Training: an independent check of Muon, a resumed run equals an uninterrupted one, initial heads look where told."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from tools.lab_models import evaluate as ev
from tools.lab_models import init, tasks
from tools.lab_models.muon import Muon, orthogonalise
from tools.lab_models.packing import Packer, collate
from tools.lab_models.train import CURRICULUM, Plan, Trainer, learning_rate, make_pool, shares
from understudy import lab

TEXT = [
    "The cache is a store of pages. It keeps 64 pages by default. `cache_size` sets the number of pages.\n"
    "The server is started with the init script. Set LOG_DIR to choose where messages are written to disk.\n" * 20
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(lab.path("reader") / "tokenizer.json"))


@pytest.mark.parametrize("shape", [(16, 16), (24, 10), (10, 24)])
def test_orthogonalise_keeps_the_singular_vectors(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).normal(size=shape)
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    got = orthogonalise(torch.tensor(matrix, dtype=torch.float32)).double().numpy()
    inside = u.T @ got @ vt.T
    assert np.all(np.abs(np.diag(inside) - 1) < 0.35)
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 1e-3


def test_muon_moves_against_the_gradient_by_its_rate() -> None:
    weight = torch.nn.Parameter(torch.zeros(8, 8))
    optimiser = Muon([weight], lr=0.1)
    weight.grad = torch.eye(8) * 3
    optimiser.step()
    assert torch.allclose(weight.diagonal(), torch.full((8,), -0.1), atol=0.035)


def test_the_first_heads_look_back_as_far_as_told(tokenizer: Tokenizer) -> None:
    model = init.build(tokenizer, seed=0, layers=1)
    model.set_attn_implementation("eager")
    ids = torch.randint(6, 4096, (2, 60), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        attention = model.model(input_ids=ids, output_attentions=True).attentions[0]
    back = torch.arange(60)[None, None] - attention.argmax(-1)
    assert (back[:, 0, 10:] == 1).float().mean() > 0.95
    assert (back[:, 1, 10:] == 2).float().mean() > 0.95


def test_spellings_of_a_word_begin_alike(tokenizer: Tokenizer) -> None:
    table = init.embeddings(tokenizer, 256, torch.Generator().manual_seed(0))
    table = table[:, 1:] / table[:, 1:].norm(dim=-1, keepdim=True)
    vocab = tokenizer.get_vocab()
    assert table[vocab["Ġport"]] @ table[vocab["port"]] > 0.7
    assert abs(table[vocab["Ġport"]] @ table[vocab["Ġfile"]]) < 0.5


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_every_task_makes_rows_with_something_to_learn(name: str, tokenizer: Tokenizer) -> None:
    packer = Packer(tokenizer)
    given = {"texts": TEXT} if name in tasks.NEEDS_TEXT else {}
    for level in (0.0, 0.5, 1.0):
        row = tasks.TASKS[name](random.Random(3), packer, 256, level, **given)
        again = tasks.TASKS[name](random.Random(3), packer, 256, level, **given)
        assert row == again
        assert any(row.weight)
        assert len(row.ids) == len(row.branch) == len(row.position) == len(row.weight)


def test_shares_interpolate_the_curriculum() -> None:
    assert shares(0) == CURRICULUM[0][1]
    assert shares(1e12) == CURRICULUM[-1][1]
    middle = (CURRICULUM[1][0] + CURRICULUM[2][0]) / 2
    assert shares(middle)["repeat"] == pytest.approx((CURRICULUM[1][1]["repeat"] + CURRICULUM[2][1]["repeat"]) / 2)


def test_the_rate_warms_up_stays_and_falls() -> None:
    plan = Plan(total_tokens=100.0, decay=0.2, warmup_steps=10)
    assert learning_rate(plan, 0, 0) == pytest.approx(0.1)
    assert learning_rate(plan, 50, 50) == 1.0
    assert learning_rate(plan, 99, 90) == pytest.approx(0.5)
    assert learning_rate(plan, 99, 100) == 0.0


def test_a_resumed_run_ends_with_the_same_weights(tokenizer: Tokenizer, tmp_path: Path) -> None:
    plan = Plan(total_tokens=1e5, batch_tokens=256)
    packer = Packer(tokenizer)
    batches = [ev.tensors(collate(rows)) for rows in make_pool(packer, TEXT, plan, 3)][:4]

    def fresh() -> Trainer:
        return Trainer(init.build(tokenizer, seed=0, layers=1, hidden=64, heads=2, mlp=64), plan)

    whole = fresh()
    for batch in batches:
        whole.learn(batch)
    first = fresh()
    for batch in batches[:2]:
        first.learn(batch)
    first.save(tmp_path)
    second = fresh()
    second.load(tmp_path)
    for batch in batches[2:]:
        second.learn(batch)
    assert second.tokens == whole.tokens
    for name, p in whole.average.items():
        assert torch.equal(p, second.average[name]), name
    assert json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["step"] == 2
    assert not list(tmp_path.glob("*.bin"))
    assert not list(tmp_path.glob("*.pt"))


def test_pools_are_a_function_of_their_number(tokenizer: Tokenizer) -> None:
    packer, plan = Packer(tokenizer), Plan(batch_tokens=512)
    first, again = (make_pool(packer, TEXT, plan, 900) for _ in range(2))
    assert first == again
    assert make_pool(packer, TEXT, plan, 901) != first
    for rows in first:
        assert len(rows) == 1 or max(len(r.ids) for r in rows) * len(rows) <= 512 * 1.1
