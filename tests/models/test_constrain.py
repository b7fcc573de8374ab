"""Constrained decoding: what a model that knows nothing writes fits the schema, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from understudy.errors import InputError, ModelError
from understudy.models.chat import encode
from understudy.models.constrain import ANY_OBJECT, Constrainer
from understudy.models.decode import Asked, decode
from understudy.models.load import open_model
from understudy.models.reader import TransformersModel, Turn
from understudy.types import Completion, Message

ASK = [Message("user", "Which port?")]
SMALL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "grün", 'with "quotes"']},
        "sizes": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 99}, "maxItems": 3},
        "good": {"type": "boolean"},
    },
    "required": ["colour", "sizes", "good"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=["tiny", "lab:reader"])
def reader(request: pytest.FixtureRequest, tiny_model: Path) -> TransformersModel:
    model, tokenizer = open_model(str(tiny_model) if request.param == "tiny" else request.param, device="cpu")
    return TransformersModel(model, tokenizer, name=request.param, batch_tokens=1400)


def test_what_ends_by_itself_fits_the_schema(reader: TransformersModel) -> None:
    torch.manual_seed(3)
    written = reader.generate([ASK] * 4, max_tokens=300, temperature=1.0, schema=SMALL)
    assert {c.finish_reason for c in written} == {"stop"}
    for completion in written:
        jsonschema.validate(json.loads(completion.text), SMALL)
    assert len({c.text for c in written}) > 1
    free = reader.generate([ASK] * 4, max_tokens=20, temperature=1.0)
    assert not any(c.text.startswith("{") for c in free)  # nothing else made it write JSON


def test_a_cut_is_reported_as_one(reader: TransformersModel) -> None:
    whole = reader.generate([ASK], max_tokens=300, schema=SMALL)[0]
    (cut,) = reader.generate([ASK], max_tokens=whole.completion_tokens - 1, schema=SMALL)
    assert (whole.finish_reason, cut.finish_reason) == ("stop", "length")
    assert whole.text.startswith(cut.text)
    with pytest.raises(ValueError):
        json.loads(cut.text)
    assert reader.generate([ASK], max_tokens=whole.completion_tokens, schema=SMALL) == [whole]


def test_each_row_of_a_batch_has_its_own_grammar(reader: TransformersModel) -> None:
    """Rows with different schemas and rows with none, some coming later, all as they are alone."""
    number = {"type": "integer", "minimum": 100, "maximum": 999}
    schemas = [SMALL, None, number, {"const": "yes"}, SMALL, None, number]
    alone = [reader.generate([ASK], max_tokens=60, schema=s)[0].text for s in schemas]
    waiting = [Turn(ASK, 60, guide=None if s is None else reader.constrainer.guide(s)) for s in schemas]
    texts: dict[int, str] = {}
    for number_, text, done in reader.converse(lambda: [waiting.pop(0)] if waiting else [], lambda n: False):
        texts[number_] = texts.get(number_, "") + text
        assert done is None or isinstance(done, Completion)
    assert [texts[k].strip() for k in range(len(schemas))] == [a.strip() for a in alone]
    assert 100 <= int(texts[2]) <= 999
    assert texts[3] == '"yes"'


def test_a_seeded_row_draws_the_same_whatever_is_beside_it(reader: TransformersModel) -> None:
    prompt = encode(reader.tokenizer, "Which port?")

    def drawn(*others: Asked) -> list[int]:
        asked = [Asked(prompt, 12, 1.0, seed=7), *others]
        rows = decode(reader.model, asked, ends=set(), budget=10_000)
        return next(list(w.tokens) for place, w, finished in rows if place == 0 and finished)

    torch.manual_seed(1)
    alone = drawn()
    torch.manual_seed(2)
    assert drawn(Asked(prompt, 12, 1.0, seed=8), Asked(prompt, 12, 0.7), Asked(prompt, 12)) == alone
    assert drawn(Asked([*prompt, *prompt], 12, 1.0)) == alone


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"not": {"type": "string"}}, 'Unimplemented keys: ["not"]'),
        ({"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}, '["uniqueItems"]'),
        ({"x-guidance": {"lenient": True}, "not": {"type": "string"}}, '["not"]'),
        ({"type": "string", "pattern": "^a(?=b)"}, "look-around"),
        ({"type": "string", "format": "telephone"}, "Unknown format: telephone"),
        ({"$ref": "https://example.org/schema"}, "https://example.org/schema"),
        ({"$ref": "#"}, "no text fits it"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "incompatible types"),
        ({"type": "object", "description": "x" * 200_000}, "characters"),
    ],
)
def test_what_cannot_be_held_to_is_named(reader: TransformersModel, schema: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        reader.constrainer.guide(schema)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_json_is_written_on_one_line_and_nothing_else_is_lost(reader: TransformersModel) -> None:
    """A model that likes blanks cannot go on with them; what programs write on one line all goes through."""

    def accepted(text: str) -> bool:
        guide, whole = reader.constrainer.guide(ANY_OBJECT), False
        for token in encode(reader.tokenizer, text):
            if whole or not guide.allowed()[token]:
                return False
            whole = guide.take(token)
        return whole

    value = {"a": [1, -2.5e3, None, True, 'é\n"\\ \u2028'], "b": {"c": {}, "d": []}}
    assert accepted(json.dumps(value, ensure_ascii=False))  # no letter is written as an escape
    assert accepted(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert not accepted('{"a":  1}')
    assert not accepted('{"a": 1\n}')
    assert not accepted(json.dumps([1]))


def test_a_guide_that_cannot_go_on_fails_its_own_row_alone(reader: TransformersModel) -> None:
    class Lost:
        problem = ""

        def allowed(self) -> Any:
            self.problem = "the grammar became too large"
            return np.zeros(reader.model.get_output_embeddings().weight.shape[0], dtype=bool)

        def take(self, token: int) -> bool:
            raise AssertionError("it was over")

    turns = [Turn(ASK, 10, 1.0, guide=Lost()), Turn(ASK, 10, guide=reader.constrainer.guide({"const": "yes"}))]  # type: ignore[arg-type]
    ended = {
        n: done for n, _, done in reader.converse(lambda: [turns.pop(0)] if turns else [], lambda n: False) if done
    }
    assert isinstance(ended[0], ModelError)
    assert "the grammar became too large" in str(ended[0])
    assert isinstance(ended[1], Completion)
    assert ended[1].text == '"yes"'


def test_a_tokenizer_that_cannot_be_led_says_so() -> None:
    with pytest.raises(ModelError, match="tokenizer cannot be held to a schema"):
        Constrainer(object(), 100, [2]).guide(ANY_OBJECT)


def test_a_model_without_keys_of_every_token_says_so(
    reader: TransformersModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "flows", False)
    with pytest.raises(ModelError, match="held to no schema"):
        reader.generate([ASK], schema=SMALL)
