"""The strength of a training: exact at its ends, what is measured is what ships, and the rule keeps its word."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy import recipe
from understudy.artifact import digest_tree
from understudy.errors import ModelError, RecipeError
from understudy.models.adapter import attach, write_scaled
from understudy.models.load import load_model, load_tokenizer
from understudy.models.lora import with_lora
from understudy.models.open import open_language_model
from understudy.models.save import save_adapter, save_model
from understudy.sft import stage
from understudy.sft.config import ReplayConfig, SftConfig, SweepConfig
from understudy.sft.estimate import estimate
from understudy.sft.examiner import Examiner
from understudy.sft.strength import open_strength
from understudy.sft.sweep import Scored, choose, sweep
from understudy.stage import Inputs, RunContext
from understudy.types import MCQItem

IDS = torch.tensor([[3, 60, 61, 62, 90, 120, 33, 7]])


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=IDS).logits[0].float().clone()


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`adapter/` with weights drawn at random, as after a training."""
    folder = tmp_path_factory.mktemp("lora")
    torch.manual_seed(1)
    model = with_lora(load_model(tiny_model), 4, 8, 0.0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    save_adapter(model, folder / "adapter")
    return folder


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def whole(request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model/`: every weight moved a little, stored in two types."""
    folder = tmp_path_factory.mktemp("full")
    torch.manual_seed(2)
    model = load_model(tiny_model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    save_model(model, load_tokenizer(tiny_model), folder / "model", dtype=request.param)
    return folder


def test_an_adapter_is_the_base_at_zero_and_the_trained_model_at_one(
    tiny_model: Path, adapter: Path, tmp_path: Path
) -> None:
    strength = open_strength(str(tiny_model), adapter, device="cpu")
    base, trained = load_model(tiny_model), open_language_model(str(tiny_model), adapter=adapter / "adapter").model
    assert not torch.equal(logits(base), logits(trained))
    assert torch.equal(logits(strength.model), logits(trained))
    strength.set(0.0)
    assert torch.equal(logits(strength.model), logits(base))
    strength.set(0.6)
    write_scaled(adapter / "adapter", 0.6, tmp_path / "scaled")
    scaled = attach(load_model(tiny_model), tmp_path / "scaled").merge_and_unload(safe_merge=True)
    assert torch.allclose(logits(strength.model), logits(scaled))
    strength.set(1.0)
    assert torch.equal(logits(strength.model), logits(trained))


def test_a_whole_model_is_the_base_at_zero_and_the_trained_model_at_one(tiny_model: Path, whole: Path) -> None:
    strength = open_strength(str(tiny_model), whole, device="cpu")
    base, trained = load_model(tiny_model), load_model(whole / "model")
    strength.set(0.0)
    assert torch.equal(logits(strength.model), logits(base))
    strength.set(0.25)
    before, after = dict(base.named_parameters()), dict(trained.named_parameters())
    for name, parameter in strength.model.named_parameters():
        exact = before[name].double() + 0.25 * (after[name].double() - before[name].double())
        assert torch.allclose(parameter.double(), exact, rtol=2**-8, atol=1e-7), name
    strength.set(1.0)
    assert torch.equal(logits(strength.model), logits(trained))


@pytest.mark.parametrize("value", [0.0, 0.6, 1.0, 1.5])
def test_what_is_written_is_what_was_measured(tiny_model: Path, adapter: Path, tmp_path: Path, value: float) -> None:
    strength = open_strength(str(tiny_model), adapter, device="cpu")
    strength.set(value)
    measured = logits(strength.model)
    strength.write(value, tmp_path)
    shipped = open_language_model(str(tiny_model), adapter=tmp_path / "adapter").model
    assert torch.allclose(logits(shipped), measured, atol=1e-6)
    assert (digest_tree(tmp_path / "adapter") == digest_tree(adapter / "adapter")) == (value == 1)


@pytest.mark.parametrize("value", [0.0, 0.6, 1.0])
def test_a_whole_model_is_written_as_it_was_measured(
    tiny_model: Path, whole: Path, tmp_path: Path, value: float
) -> None:
    strength = open_strength(str(tiny_model), whole, device="cpu")
    strength.set(value)
    measured = logits(strength.model)
    strength.write(value, tmp_path)
    assert torch.equal(logits(load_model(tmp_path / "model")), measured) or value == 0  # stored in fewer bits
    assert torch.allclose(logits(load_model(tmp_path / "model")), measured, atol=0.05)


def test_a_scaled_adapter_changes_only_its_scale(adapter: Path, tmp_path: Path) -> None:
    write_scaled(adapter / "adapter", 0.25, tmp_path / "weaker")
    name = "adapter_model.safetensors"
    assert (tmp_path / "weaker" / name).read_bytes() == (adapter / "adapter" / name).read_bytes()
    before = json.loads((adapter / "adapter" / "adapter_config.json").read_text())
    after = json.loads((tmp_path / "weaker" / "adapter_config.json").read_text())
    assert after.pop("lora_alpha") == 0.25 * before.pop("lora_alpha")
    assert after == before


def test_models_that_do_not_belong_together_are_refused(tiny_model: Path, whole: Path, tmp_path: Path) -> None:
    model = load_model(whole / "model")
    model.resize_token_embeddings(model.config.vocab_size + 8)
    save_model(model, load_tokenizer(tiny_model), tmp_path / "model", dtype=torch.float32)
    with pytest.raises(ModelError, match="is not in the model before training"):
        open_strength(str(tiny_model), tmp_path, device="cpu")


# ── the rule ────────────────────────────────────────────────────────────────────────────────────────────

RULE = SweepConfig(margin=1.0, keep=0.8)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Shown to be within the margin: the best development score among these, not the best of all.
        ([(0.4, 0.70, 0.02, "kept"), (0.6, 0.75, 0.01, "kept"), (1.0, 0.80, -0.02, "lost")], (0.6, "kept")),
        # Nothing is shown: the best of those whose loss as measured is within the margin; its edge counts as within.
        ([(0.4, 0.70, 0.0, "?"), (0.6, 0.72, -0.01, "?"), (1.0, 0.80, -0.03, "?")], (0.6, "within")),
        # All lost more than the margin: the one that lost least among those that hold four fifths of the gain.
        ([(0.4, 0.40, -0.02, "lost"), (0.6, 0.72, -0.05, "?"), (1.0, 0.80, -0.08, "lost")], (0.6, "least")),
        # A strength that gives most of the learning away is not chosen, however well it keeps the rest.
        ([(0.4, 0.40, 0.05, "kept"), (0.8, 0.78, -0.005, "?"), (1.0, 0.80, -0.08, "lost")], (0.8, "within")),
        # Equal scores: the one nearer to the base.
        ([(0.6, 0.80, 0.0, "?"), (0.8, 0.80, 0.01, "?"), (1.0, 0.80, 0.0, "?")], (0.6, "within")),
        # Training helped nothing: the smallest loss.
        ([(0.4, 0.25, -0.01, "?"), (0.6, 0.24, -0.03, "?"), (1.0, 0.20, -0.08, "lost")], (0.4, "no gain")),
        # General skill could not be measured: the development score alone decides.
        ([(0.4, 0.60, None, "inconclusive"), (1.0, 0.80, None, "inconclusive")], (1.0, "within")),
    ],
)
def test_the_rule_on_scripted_scores(rows: list[Any], expected: tuple[float, str]) -> None:
    choice = choose([Scored(s, dev, change, verdict, 0.04) for s, dev, change, verdict in rows], 0.25, RULE)
    assert (choice.strength, choice.rule) == expected
    assert f"λ = {expected[0]:g}" in choice.why


def test_doubt_is_said_in_words() -> None:
    choice = choose([Scored(0.8, 0.7, 0.0, "inconclusive", 0.0432)], 0.25, RULE)
    assert "± 4.3 points" in choice.why
    assert "loses less than 1 point" in choice.why or "lose less than 1 point" in choice.why


# ── the sweep ───────────────────────────────────────────────────────────────────────────────────────────


class Scripted:
    """Answers a question right where its number is below a share that depends on the strength."""

    probe = ("Water boils at a lower temperature on a high mountain.",)

    def __init__(self, patience: int = 100) -> None:
        self.patience = patience
        self.asked: list[str] = []
        self.real = Examiner()

    def suite(self, per_skill: int) -> list[MCQItem]:
        return [
            MCQItem(f"g{k}-{i}", f"Which {k}{i}?", ("a", "b", "c", "d"), 0, doc_id=k, kind=k)
            for k in ("sums", "code")
            for i in range(per_skill)
        ]

    def ask(self, reader: Any, items: Sequence[MCQItem]) -> list[float | None]:
        if len(self.asked) == self.patience:
            raise KeyboardInterrupt
        self.asked.append(reader.name)
        value = float(reader.name.removeprefix("λ = "))
        dev = sum(item.source == "development" for item in items)
        right = [float(i < dev * (0.25 + 0.5 * value)) for i in range(dev)]
        rest = len(items) - dev
        return [*right, *(float(i < rest * (0.8 - 0.3 * max(0, value - 0.7))) for i in range(rest))]

    def accuracy(self, right: Sequence[float | None], labels: Sequence[str]) -> Mapping[str, Any]:
        return self.real.accuracy(right, labels)

    def change(self, *arguments: Any) -> Mapping[str, Any]:
        return self.real.change(*arguments)


DEV = [MCQItem(f"d{i}", f"What is {i}?", ("a", "b", "c", "d"), 0, f"c{i}", source="development") for i in range(40)]


def run_sweep(tiny_model: Path, trained: Path, work: Path, examiner: Scripted, **settings: Any) -> dict[str, Any]:
    config = SweepConfig(**{"general_items": 20, "keep": 0.5, **settings})
    opener = lambda: open_strength(str(tiny_model), trained, device="cpu")  # noqa: E731
    return sweep(config, examiner, DEV, opener, work, lambda *_: None)


def test_sweep_measures_every_strength_and_chooses(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    found = run_sweep(tiny_model, adapter, tmp_path, Scripted())
    assert [row["strength"] for row in found["strengths"]] == [0.4, 0.6, 0.8, 1.0]
    assert [row["dev"]["value"] for row in found["strengths"]] == [0.45, 0.55, 0.65, 0.75]
    assert found["base"]["dev"]["value"] == 0.25
    assert found["base"]["kl"] == 0.0
    kl = [row["kl"] for row in found["strengths"]]
    assert kl == sorted(kl)
    assert kl[0] > 0
    for row in (found["base"], *found["strengths"]):
        assert row["dev"]["n"] == 40
        assert row["general"]["n"] == 40
        assert row["general"]["low"] < row["general"]["value"] < row["general"]["high"]
        assert set(row["skills"]) == {"sums", "code"}
    change = {row["strength"]: row["general_change"]["value"] for row in found["strengths"]}
    assert change[0.6] == 0
    assert change[1.0] < -0.05
    assert (found["chosen"], found["rule"]) == (0.6, "within")


def test_sweep_goes_on_after_a_kill_between_two_strengths(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    whole = run_sweep(tiny_model, adapter, tmp_path / "whole", Scripted())
    with pytest.raises(KeyboardInterrupt):
        run_sweep(tiny_model, adapter, tmp_path / "cut", Scripted(patience=3))
    file = tmp_path / "cut" / "sweep.jsonl"
    assert file.read_text().count("\n") == 3
    file.write_text(file.read_text() + '{"stamp": "half a li')  # killed while it wrote
    rest = Scripted()
    assert run_sweep(tiny_model, adapter, tmp_path / "cut", rest) == whole
    assert rest.asked == ["λ = 0.8", "λ = 1"]
    nothing = Scripted(patience=0)
    assert run_sweep(tiny_model, adapter, tmp_path / "cut", nothing) == whole
    more = Scripted()  # other questions: what is known is of no use
    run_sweep(tiny_model, adapter, tmp_path / "cut", more, general_items=10)
    assert len(more.asked) == 5


# ── the stage ───────────────────────────────────────────────────────────────────────────────────────────

QUICK: dict[str, Any] = {
    "epochs": 1,
    "r": 4,
    "replay": ReplayConfig(source="off"),
    "sweep": SweepConfig(enabled=True, lambdas=(0.5,), general_items=2),
}


def test_the_stage_writes_the_chosen_strength(
    inputs: Inputs, context: Callable[[str], RunContext], tiny_model: Path
) -> None:
    run = context("swept")
    output = stage.run(SftConfig(**QUICK), inputs, run)
    found = json.loads((run.out / "sweep.json").read_text(encoding="utf-8"))
    assert found["chosen"] == output.metrics["strength"] == 0.5
    assert found["strengths"][0]["dev"]["n"] == 16
    assert output.metrics["sweep"]["dev"] == found["strengths"][0]["dev"]["value"]
    settings = json.loads((run.out / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["lora_alpha"] == 0.5 * 32
    again = context("again")
    stage.run(SftConfig(**QUICK), inputs, again)
    assert digest_tree(again.out) == digest_tree(run.out)

    off = context("off")
    output = stage.run(SftConfig(**{**QUICK, "sweep": SweepConfig(enabled=False)}), inputs, off)
    assert not (off.out / "sweep.json").exists()
    assert output.metrics["strength"] == 1

    full = context("full")
    stage.run(SftConfig(**{**QUICK, "method": "full", "learning_rate": 1e-2}), inputs, full)
    base, trained = load_model(tiny_model), load_model(full.work / "job" / "trained" / "model")
    shipped = dict(load_model(full.out / "model").named_parameters())
    for (name, before), (_, after) in zip(base.named_parameters(), trained.named_parameters(), strict=True):
        assert torch.allclose(shipped[name], (before + after) / 2, atol=1e-6)


def test_too_few_questions_choose_nothing(inputs: Inputs, context: Callable[[str], RunContext]) -> None:
    run = context("few")
    few = SftConfig(**{**QUICK, "sweep": SweepConfig(enabled=True, lambdas=(0.5,), dev_items=3)})
    output = stage.run(few, inputs, run)
    found = json.loads((run.out / "sweep.json").read_text(encoding="utf-8"))
    assert (found["chosen"], found["rule"]) == (1.0, "not swept")
    assert "Only 3 held-out wordings" in output.metrics["strength_why"]


@pytest.mark.parametrize(
    ("lambdas", "message"),
    [("[]", "names no strength"), ("[0.4, 1.6]", "1.6 is outside 0 to 1.5"), ("[0.4, 0.4]", "0.4 stands twice")],
)
def test_bad_strengths_are_named(lambdas: str, message: str) -> None:
    text = "name: x\nbase_model: lab:reader\ndocs: {path: docs}\ngenerate: {}\nsft: {sweep: {lambdas: %s}}\n"
    with pytest.raises(RecipeError, match=message) as caught:
        recipe.parse(text % lambdas)
    assert "sft.sweep.lambdas" in str(caught.value)


def test_a_bare_off_is_understood_and_the_sweep_is_part_of_the_estimate() -> None:
    text = "name: x\nbase_model: lab:reader\ndocs: {path: docs}\ngenerate: {}\nsft: {replay: {source: off}}\n"
    parsed = recipe.parse(text).sft
    assert parsed is not None
    assert parsed.replay.source == "off"
    known = {"generate": {"pairs": 1000}, "model": {"parameters": 1e9}}
    without = estimate(SftConfig(), known)
    assert 1 < (estimate(SftConfig(sweep=SweepConfig(enabled=True)), known).seconds or 0) / (without.seconds or 1) < 1.5


def test_examiner_never_asks_a_question_of_the_benchmark() -> None:
    from understudy.suite import SKILLS, general_suite

    found = Examiner().suite(60)
    assert {skill: sum(item.kind == skill for item in found) for skill in SKILLS} == dict.fromkeys(SKILLS, 60)
    assert not {item.question for item in found} & {item.question for item in general_suite()}
