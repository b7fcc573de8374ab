"""The text of an answer token by token is the text of its tokens."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.export.models import of_pieces
from understudy.models.growing import Growing
from understudy.models.load import load_tokenizer
from understudy.models.resolve import local_folder

TEXT = "Größe über 10 °C: 日本語 – 🙂👩‍👩‍👧 and `--flag`.\n\n  Indented , spaced ."


@pytest.fixture(scope="module", params=["bytes", "pieces"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "bytes":
        return load_tokenizer(local_folder("lab:reader"))
    return load_tokenizer(of_pieces(tmp_path_factory.mktemp("pieces"), "always"))


def test_letters_of_several_tokens_grow_to_the_text(tokenizer: Any) -> None:
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    grown = Growing(tokenizer)
    said = ""
    for count in range(1, len(ids) + 1):
        text = grown.text(ids[:count])
        settled = text.rstrip("\ufffd")
        assert settled.startswith(said) or said.startswith(settled)  # a run of bytes is shown once all are there
        said = max(said, settled, key=len)
    assert text == tokenizer.decode(ids, skip_special_tokens=True)
    assert text.strip() == TEXT


@pytest.mark.parametrize("seed", range(20))
def test_any_tokens_grow_to_what_they_are_decoded_to_at_once(tokenizer: Any, seed: int) -> None:
    """Special tokens among them, and of a tokenizer of bytes halves of letters and bytes that are none."""
    draws = random.Random(seed)
    written = [i for i in range(len(tokenizer)) if not tokenizer.convert_ids_to_tokens(i).startswith("<0x")]
    ids = [draws.choice(written) for _ in range(60)]
    grown = Growing(tokenizer)
    for count in range(1, len(ids) + 1):
        text, whole = grown.text(ids[:count]), tokenizer.decode(ids[:count], skip_special_tokens=True)
        if not whole.endswith("\ufffd"):
            assert text == whole, count


def test_a_long_answer_is_not_decoded_anew_for_every_token() -> None:
    class Counting:
        decoded = 0

        def decode(self, tokens: list[int], **_: object) -> str:
            self.decoded += len(tokens)
            return "x" * len(tokens)

    counting = Counting()
    grown = Growing(counting)
    for count in range(1, 1001):
        assert len(grown.text([1] * count)) == count
    assert counting.decoded <= 4 * 1000
