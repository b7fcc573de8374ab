"""Likelihoods of options: against a plain forward pass, for any batching, and against lm_eval."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from understudy.errors import ModelError
from understudy.models import score
from understudy.models.pairs import encode_pair, encode_pairs
from understudy.models.score import score_options, score_tokens

WORDS = [
    "the",
    "port",
    "of",
    "kestrel",
    "is",
    "set",
    "with",
    "a",
    "flag",
    "and",
    "listens",
    "on",
    "batch",
    "queue",
    "log",
    "level",
    "data",
    "messages",
    "days",
]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> tuple[Any, Any]:
    return AutoModelForCausalLM.from_pretrained(tiny_model), AutoTokenizer.from_pretrained(tiny_model)


def words(rng: random.Random, n: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(n))


def plain(model: Any, context: tuple[int, ...], choice: tuple[int, ...]) -> float:
    """One whole forward pass in float64: the reference."""
    ids = torch.tensor([[*context, *choice]])
    with torch.inference_mode():
        logits = model.double()(input_ids=ids).logits[0]
    model.float()
    logp = torch.log_softmax(logits, -1)
    return sum(float(logp[len(context) + k - 1, token]) for k, token in enumerate(choice))


def requests(seed: int, n: int = 12) -> tuple[list[tuple[int, ...]], list[list[tuple[int, ...]]]]:
    """Contexts of which some are equal, some begin alike and some stand alone; options of 1 to 9 tokens."""
    rng = random.Random(seed)

    def tokens(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(6, 400) for _ in range(rng.randint(low, high)))

    shared = tokens(60, 90)
    contexts = [rng.choice([tokens(3, 90), shared + tokens(1, 30), shared, shared[:50]]) for _ in range(n)]
    return contexts, [[tokens(1, 9) for _ in range(rng.randint(1, 5))] for _ in contexts]


@pytest.mark.parametrize("large", [False, True], ids=["small vocabulary", "large vocabulary"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_a_plain_forward_pass(
    loaded: tuple[Any, Any], seed: int, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large vocabulary is projected where a token is weighed only."""
    model, _ = loaded
    made: list[int] = []
    if large:
        monkeypatch.setattr(score, "LARGE_VOCABULARY", 1)
        head = model.get_output_embeddings()
        hook = head.register_forward_hook(lambda _, given, out: made.append(out.numel() // out.shape[-1]))
    contexts, choices = requests(seed)
    scores = score_tokens(model, contexts, choices)
    if large:
        hook.remove()
        # One for each token weighed; the first of an option is read off its context, once a context.
        assert sum(made) <= len(contexts) + sum(len(c) for row in choices for c in row)
    for context, row, got in zip(contexts, choices, scores, strict=True):
        assert got == pytest.approx([plain(model, context, c) for c in row], abs=2e-4)


def test_a_large_vocabulary_is_weighed_in_smaller_batches() -> None:
    cpu = torch.device("cpu")
    assert score._budget(cpu, 4096) == 8192  # the bundled models' batches are what they were
    assert score._budget(cpu, 49_152) == 4 * 682
    assert score._budget(cpu, 1 << 22) == 4 * score.MIN_SHARED


@pytest.mark.parametrize("batch_tokens", [1, 200, 700, 100_000])
def test_batching_and_order_do_not_move_results(loaded: tuple[Any, Any], batch_tokens: int) -> None:
    model, _ = loaded
    contexts, choices = requests(9, 20)
    expected = score_tokens(model, contexts, choices)
    order = list(range(len(contexts)))
    random.Random(1).shuffle(order)
    moved = score_tokens(model, [contexts[i] for i in order], [choices[i] for i in order], batch_tokens=batch_tokens)
    for k, i in enumerate(order):
        assert moved[k] == pytest.approx(expected[i], abs=1e-4)
    again = score_tokens(model, contexts, choices)
    assert again == expected


def test_a_shared_context_is_read_once(loaded: tuple[Any, Any]) -> None:
    model, _ = loaded
    seen: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    context = tuple(range(10, 310))
    shifts = [context + tuple(range(20 + s, 40 + s)) for s in range(4)]
    try:
        score_tokens(model, shifts, [[(5,), (6,), (7,), (8,)]] * 4)
    finally:
        hook.remove()
    assert sum(seen) <= 300 + 4 * 21


@pytest.mark.parametrize("sliding_window", [None, 40])
def test_attention_that_takes_no_mask_of_ours(loaded: tuple[Any, Any], sliding_window: int | None) -> None:
    """A window that slides over the context, and attention of another make, give what the model itself gives."""
    model, _ = loaded
    old = model.config.sliding_window, model.config._attn_implementation
    contexts, choices = requests(3)
    if sliding_window is None:
        model.config._attn_implementation = "eager"
    else:
        model.config.sliding_window = sliding_window
    try:
        scores = score_tokens(model, contexts, choices)
        expected = [[plain(model, c, o) for o in row] for c, row in zip(contexts, choices, strict=True)]
    finally:
        model.config.sliding_window, model.config._attn_implementation = old
    assert [x for row in scores for x in row] == pytest.approx([x for row in expected for x in row], abs=2e-4)
    if sliding_window:
        unlimited = score_tokens(model, contexts, choices)
        assert max(abs(a - b) for x, y in zip(scores, unlimited, strict=True) for a, b in zip(x, y, strict=True)) > 1e-3


def test_many_options_on_one_context(loaded: tuple[Any, Any]) -> None:
    model, _ = loaded
    options = [(k, k + 1) for k in range(10, 160)]
    scores = score_tokens(model, [(3, 4, 5)], [options])[0]
    assert scores[77] == pytest.approx(plain(model, (3, 4, 5), options[77]), abs=2e-4)


def test_tokens_are_cut_as_lm_eval_cuts_them(loaded: tuple[Any, Any]) -> None:
    _, tokenizer = loaded
    context, rest = encode_pair(tokenizer, "the port is \n", ["7411", "x"], add_special_tokens=False)
    assert context == tuple(tokenizer("the port is")["input_ids"])
    assert rest[0] == tuple(tokenizer("the port is \n7411")["input_ids"][len(context) :])
    empty, rest = encode_pair(tokenizer, "", ["port"], add_special_tokens=False)
    assert empty == (tokenizer.bos_token_id,)
    assert rest == [tuple(tokenizer("port")["input_ids"])]


def blank_first_tokenizer() -> Any:
    """Puts a blank before the first word of a text, as sentencepiece does, but not behind a special token."""
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0, "<s>": 1, "\u2581the": 2, "\u2581port": 3, "port": 4, "the": 5}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="[UNK]")


@pytest.mark.parametrize("kind", ["byte-level", "blank-first"])
def test_a_long_context_is_tokenised_once_to_the_same_end(loaded: tuple[Any, Any], kind: str) -> None:
    tokenizer = loaded[1] if kind == "byte-level" else blank_first_tokenizer()
    contexts = ["<s>the port ", "<s>the port <s>\n", "no mark at all ", "<s>the port <s>", "<s>the<s>port the "]
    options = [["port", "the port", " the"]] * len(contexts)
    expected = [encode_pair(tokenizer, c, o, add_special_tokens=False) for c, o in zip(contexts, options, strict=True)]
    assert encode_pairs(tokenizer, contexts, options) == expected
    assert encode_pairs(tokenizer, contexts[::-1], options) == expected[::-1]


def test_what_cannot_be_scored_is_named(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    with pytest.raises(ModelError, match="adds no token"):
        score_options(model, tokenizer, ["port"], [[""]])
    with pytest.raises(ModelError, match="window is 1024"):
        score_tokens(model, [tuple([7] * 1030)], [[(1,)]])


LM_EVAL = """
import json, sys
from lm_eval.models.huggingface import HFLM
from lm_eval.api.instance import Instance
request = json.load(open(sys.argv[1]))
lm = HFLM(pretrained=request["model"], device="cpu", dtype="float32", batch_size=4)
pairs = [(c, o) for c, options in zip(request["contexts"], request["options"]) for o in options]
instances = [Instance(request_type="loglikelihood", doc={}, arguments=p, idx=i) for i, p in enumerate(pairs)]
json.dump([r[0] for r in lm.loglikelihood(instances)], open(sys.argv[2], "w"))
"""


@pytest.mark.slow
def test_agrees_with_lm_eval(loaded: tuple[Any, Any], tiny_model: Path, tmp_path: Path) -> None:
    python = os.environ.get("UNDERSTUDY_LM_EVAL_PYTHON")
    if not python:
        pytest.skip("UNDERSTUDY_LM_EVAL_PYTHON does not name a Python that has lm_eval 0.4.13")
    model, tokenizer = loaded
    rng = random.Random(5)
    contexts = [words(rng, rng.randint(5, 80)) + rng.choice(["", " ", "\n", "\nAnswer:"]) for _ in range(20)]
    options = [[rng.choice(["", " "]) + words(rng, rng.randint(1, 5)) for _ in range(4)] for _ in contexts]
    (tmp_path / "in.json").write_text(
        json.dumps({"model": str(tiny_model), "contexts": contexts, "options": options}), encoding="utf-8"
    )
    subprocess.run(
        [python, "-c", LM_EVAL, str(tmp_path / "in.json"), str(tmp_path / "out.json")],
        check=True, timeout=280, capture_output=True,
    )  # fmt: skip
    theirs = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    ours = score_options(model, tokenizer, contexts, options)
    assert [x for row in ours for x in row] == pytest.approx(theirs, abs=1e-3)
    for k, row in enumerate(ours):
        other = theirs[4 * k : 4 * k + 4]
        best = sorted(row)[-2:]
        if best[1] - best[0] > 1e-3:
            assert max(range(4), key=row.__getitem__) == max(range(4), key=other.__getitem__)


@pytest.mark.parametrize("cached", [1, 40, 1 << 18])
def test_log_probabilities_a_few_rows_at_a_time_are_those_of_all_rows(
    cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "_CACHED", cached)
    logits = torch.randn(7, 20, generator=torch.Generator().manual_seed(1)).bfloat16()
    picks = [(6, 3), (0, 19), (2, 0), (2, 5), (0, 19), (5, 7)]  # in any order, some twice; row 1 not at all
    expected = torch.log_softmax(logits.double(), -1)
    found = score.log_probabilities(logits, picks)
    assert found == pytest.approx([float(expected[k]) for k in picks], abs=1e-6)
    assert score.log_probabilities(logits, []) == []
