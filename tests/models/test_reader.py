"""The transformers reader: batches change nothing, likelihoods are the model's own, templates the tokenizer's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from understudy import prompts
from understudy.errors import InputError, ModelError, UsageError
from understudy.models.chat import PLAIN_TEMPLATE, completion_text, encode, ensure_template, render
from understudy.models.load import load_tokenizer, open_model, pick_device
from understudy.models.open import open_language_model
from understudy.models.reader import TransformersModel
from understudy.models.save import save_model, stored_dtype
from understudy.types import LanguageModel, Message


@pytest.fixture(scope="module")
def reader(tiny_model: Path) -> TransformersModel:
    model, tokenizer = open_model(str(tiny_model), device="cpu")
    return TransformersModel(model, tokenizer, name="tiny")


QUESTIONS = [
    prompts.closed_book("Which port?"),
    prompts.with_passages("Which port?", ["The port is 7411. " * 20]),
    prompts.closed_book("?"),
]


def test_it_is_a_reader(reader: TransformersModel) -> None:
    assert isinstance(reader, LanguageModel)
    assert reader.window == 1024
    assert reader.count_tokens(QUESTIONS[0]) == len(encode(reader.tokenizer, render(reader.tokenizer, QUESTIONS[0])))


def test_generation_is_greedy_and_batches_change_nothing(reader: TransformersModel) -> None:
    together = reader.generate(QUESTIONS, max_tokens=12)
    assert together == [reader.generate([q], max_tokens=12)[0] for q in QUESTIONS]
    small = TransformersModel(reader.model, reader.tokenizer, name="x", batch_tokens=1)
    assert small.generate(QUESTIONS, max_tokens=12) == together
    # An independent greedy decoding, token by token and without a cache.
    ids = encode(reader.tokenizer, render(reader.tokenizer, QUESTIONS[0]))
    written: list[int] = []
    with torch.inference_mode():
        while len(written) < 12:
            best = int(reader.model(torch.tensor([ids + written])).logits[0, -1].argmax())
            if best == reader.tokenizer.eos_token_id:
                break
            written.append(best)
    assert together[0].text == reader.tokenizer.decode(written, skip_special_tokens=True).strip()
    assert together[0].completion_tokens == len(written)


def test_likelihoods_are_the_models_own(reader: TransformersModel) -> None:
    options = ["7411", "32", "no"]
    (found,) = reader.loglikelihoods([QUESTIONS[0]], [options])
    context = encode(reader.tokenizer, render(reader.tokenizer, QUESTIONS[0]).rstrip())
    for option, value in zip(options, found, strict=True):
        whole = encode(reader.tokenizer, render(reader.tokenizer, QUESTIONS[0]) + option)
        with torch.inference_mode():
            logits = reader.model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
        expected = sum(float(logits[i - 1, whole[i]]) for i in range(len(context), len(whole)))
        assert value == pytest.approx(expected, abs=1e-4)


def test_choices_are_the_likeliest(reader: TransformersModel) -> None:
    choices = ["A", "B", "C"]
    scores = reader.loglikelihoods(QUESTIONS, [choices] * 3)
    found = [c.text for c in reader.generate(QUESTIONS, choices=choices)]
    assert found == [choices[max(range(3), key=row.__getitem__)] for row in scores]


def test_stop_cuts_the_text(reader: TransformersModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(text: str) -> None:
        ids = torch.tensor([encode(reader.tokenizer, text)])
        monkeypatch.setattr(reader.model, "generate", lambda **given: torch.cat([given["input_ids"], ids], dim=1))

    monkeypatch.setattr(reader, "flows", False)  # what the library writes, token by token
    write("one two\nthree")
    assert reader.generate([QUESTIONS[0]])[0].finish_reason == "length"
    (cut,) = reader.generate([QUESTIONS[0]], stop=["three", "\n"])
    assert (cut.text, cut.finish_reason) == ("one two", "stop")
    write("one two</s>three")
    (ended,) = reader.generate([QUESTIONS[0]])
    assert (ended.text, ended.finish_reason) == ("one two", "stop")
    assert ended.completion_tokens == len(encode(reader.tokenizer, "one two"))


def test_prompts_above_the_window_are_refused(reader: TransformersModel) -> None:
    with pytest.raises(ModelError, match=r"does not fit into the window of tiny, 1024 tokens"):
        reader.generate([prompts.closed_book("word " * 2000)])


def test_a_tokenizer_without_a_template_gets_the_plain_one(tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = load_tokenizer(tiny_model)
    own = tokenizer.chat_template
    assert ensure_template(tokenizer).chat_template == own
    tokenizer.chat_template = None
    ensure_template(tokenizer)
    assert tokenizer.chat_template == PLAIN_TEMPLATE
    assert "no chat template" in caplog.text
    assert render(tokenizer, [Message("user", "Hi")]) == "<s>User: Hi\n\nAssistant:"
    prompt, completion = completion_text(tokenizer, [Message("user", "Hi")], "Hello")
    assert prompt + completion == "<s>User: Hi\n\nAssistant: Hello</s>\n\n"


def test_a_template_that_rewrites_past_turns_still_gives_a_completion(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]<think>{% endif %}"
    )
    prompt, completion = completion_text(tokenizer, [Message("user", "Hi")], "Hello")
    assert (prompt, completion) == ("[user]Hi[assistant]<think>", "Hello</s>")
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(ModelError, match="refuses this conversation: no system role"):
        render(tokenizer, [Message("system", "x")])


def test_saved_models_are_whole_and_replace_what_was_there(
    reader: TransformersModel, tiny_model: Path, tmp_path: Path
) -> None:
    model, tokenizer = open_model(str(tiny_model), device="cpu")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old.txt").write_text("x")
    save_model(model, tokenizer, tmp_path / "m", dtype=torch.float32)
    assert not (tmp_path / "m" / "old.txt").exists()
    assert stored_dtype(tmp_path / "m") == torch.float32
    again = open_language_model(str(tmp_path / "m"))
    assert again.loglikelihoods([QUESTIONS[0]], [["7411"]]) == reader.loglikelihoods([QUESTIONS[0]], [["7411"]])
    save_model(model, tokenizer, tmp_path / "half")
    assert stored_dtype(tmp_path / "half") == torch.bfloat16
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_damaged_folders_are_refused_before_the_library_sees_them(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="is cut off"):
        open_language_model(str(folder))
    (folder / "model.safetensors").write_bytes(data)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="its tokenizer cannot be loaded"):
        open_language_model(str(folder))


def test_a_served_model_takes_no_adapter() -> None:
    with pytest.raises(InputError, match="an adapter cannot be put on it"):
        open_language_model("openai:gpt-4o", adapter=Path("adapter"))


def test_devices_are_checked() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match="not a device"):
        pick_device("quantum")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no CUDA"):
            pick_device("cuda")
