"""Vocabularies: rows follow tokens, new rows come from where it is said, padding stays."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from understudy.errors import InputError, RecipeError
from understudy.merge.engine import merge, plan
from understudy.merge.schema import MergeDocument

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def tokenizer(vocabulary: list[str], added: list[str] = [], merges: list[list[str]] = []) -> dict[str, Any]:  # noqa: B006
    tokens = {t: n for n, t in enumerate(vocabulary)}
    extra = [
        {"id": len(vocabulary) + n, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for n, t in enumerate(added)
    ]  # fmt: skip
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": tokens,
             "merges": merges}  # fmt: skip
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": extra, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model}  # fmt: skip


def model(maker: ModuleType, place: Path, rows: int, document: dict[str, Any] | None, seed: int) -> Path:
    maker.make_model(place, maker.Shape(hidden=8, layers=1, vocabulary=rows, intermediate=16), seed=seed, dtype="F32")
    if document:
        (place / "tokenizer.json").write_text(json.dumps(document))
        (place / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }} of " + place.name}))
    return place


@pytest.fixture
def pair(maker: ModuleType, tmp_path: Path) -> tuple[Path, Path]:
    """a: tokens a b c ab and <s>, padded to 8 rows; b: c b d <s> and <x>, in another order, 5 rows."""
    a = model(maker, tmp_path / "a", 8, tokenizer(["a", "b", "c", "ab"], ["<s>"], [["a", "b"]]), 0)
    b = model(maker, tmp_path / "b", 6, tokenizer(["c", "b", "d", "cb"], ["<s>", "<x>"], [["c", "b"]]), 1)
    return a, b


def mean(a: Path, b: Path, **more: Any) -> MergeDocument:
    entries = [{"model": str(p), "parameters": {"weight": 0.5}} for p in (a, b)]
    return MergeDocument.model_validate({"merge_method": "linear", "base_model": str(a), "models": entries, **more})


def test_base_matches_rows_by_token_and_keeps_padding(
    pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    merge(mean(a, b, tokenizer_source="base"), tmp_path / "out")
    x, y, out = (maker.load_arrays(p) for p in (a, b, tmp_path / "out"))
    for name in (EMBED, HEAD):
        i, j, k = x[name], y[name], out[name]
        expected = [i[0], (i[1] + j[1]) / 2, (i[2] + j[0]) / 2, i[3], (i[4] + j[4]) / 2, i[5], i[6], i[7]]
        assert np.allclose(k, expected, atol=1e-7)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["vocab_size"] == 8
    assert json.loads((tmp_path / "out" / "tokenizer.json").read_text()) == json.loads(
        (a / "tokenizer.json").read_text()
    )


def test_union_adds_tokens_with_their_rows_and_merges(
    pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    merge(mean(a, b, tokenizer_source="union"), tmp_path / "out")
    x, y, out = (maker.load_arrays(p) for p in (a, b, tmp_path / "out"))
    made = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    ids = made.get_vocab()
    assert {t: ids[t] for t in ("a", "b", "c", "ab", "<s>")} == {"a": 0, "b": 1, "c": 2, "ab": 3, "<s>": 4}
    assert sorted(ids[t] for t in ("d", "cb", "<x>")) == [5, 6, 7]
    assert made.encode("ab").tokens == ["ab"]
    assert made.encode("cb").tokens == ["cb"]
    assert made.encode("<x>d").tokens == ["<x>", "d"]
    assert np.allclose(out[EMBED][ids["d"]], y[EMBED][2])
    assert np.allclose(out[HEAD][ids["<x>"]], y[HEAD][5])
    assert np.allclose(out[EMBED][ids["c"]], (x[EMBED][2] + y[EMBED][0]) / 2, atol=1e-7)
    assert len(out[EMBED]) == 8


def test_another_model_as_source_and_padding_to_a_multiple(
    pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    config = mean(a, b, tokenizer={"source": str(b), "pad_to_multiple_of": 4})
    merge(config, tmp_path / "out")
    x, y, out = (maker.load_arrays(p)[EMBED] for p in (a, b, tmp_path / "out"))
    assert len(out) == 8
    assert np.allclose(out[0], (x[2] + y[0]) / 2, atol=1e-7)
    assert np.allclose(out[2], y[2])


def test_rows_of_named_tokens(pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path) -> None:
    a, b = pair
    tokens = {
        "<x>": {"source": {"kind": "zero"}}, "d": {"source": {"kind": "model_token", "model": str(a), "token": "ab"}},
        "b": {"source": str(b), "force": True},
    }  # fmt: skip
    merge(mean(a, b, tokenizer={"source": "union", "tokens": tokens}), tmp_path / "out")
    x, y, out = (maker.load_arrays(p)[EMBED] for p in (a, b, tmp_path / "out"))
    ids = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")).get_vocab()
    assert np.allclose(out[ids["<x>"]], y[5] / 2)
    assert np.allclose(out[ids["d"]], (y[2] + x[3]) / 2, atol=1e-7)
    assert np.allclose(out[ids["b"]], y[1])
    with pytest.raises(RecipeError, match=r"no model has the token 'dd'; a new one needs a source.*Did you mean 'd'"):
        plan(mean(a, b, tokenizer={"source": "union", "tokens": {"dd": {"source": str(a)}}}))
    with pytest.raises(RecipeError, match="is not a model of this merge"):
        plan(mean(a, b, tokenizer={"source": "union", "tokens": {"d": {"source": "elsewhere"}}}))


@pytest.mark.parametrize("source", ["union", "base"])
def test_tokens_that_no_model_has_are_added(
    source: str, pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    tokens = {
        "<new>": {"source": {"kind": "model_token", "model": str(b), "token": "<x>"}},
        "<nil>": {"source": {"kind": "zero"}},
    }
    merge(mean(a, b, tokenizer={"source": source, "tokens": tokens}), tmp_path / "out")
    y, out = (maker.load_arrays(p)[EMBED] for p in (b, tmp_path / "out"))
    made = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert made.encode("a<new>").tokens == ["a", "<new>"]
    assert np.allclose(out[made.token_to_id("<new>")], y[5])
    assert not out[made.token_to_id("<nil>")].any()
    assert len(set(made.get_vocab().values())) == len(made.get_vocab()) <= len(out)


def test_a_token_of_several_models_but_not_the_base_takes_their_mean(
    pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    c = model(maker, tmp_path / "c", 5, tokenizer(["d", "a", "b", "c", "e"]), 2)
    entries = [{"model": str(p), "parameters": {"weight": 1.0}} for p in (a, b, c)]
    config = mean(a, b, tokenizer_source="union").model_copy(update={"entries": None})
    stated = config.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)
    merge(
        MergeDocument.model_validate({**stated, "models": entries}),
        tmp_path / "out",
    )
    y, z, out = (maker.load_arrays(p)[EMBED] for p in (b, c, tmp_path / "out"))
    number = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")).get_vocab()["d"]
    mean_row = (y[2] + z[0]) / 2
    assert np.allclose(out[number], (y[2] + z[0] + mean_row) / 3, atol=1e-7)


def test_different_vocabularies_are_refused_or_matched_never_cut(
    pair: tuple[Path, Path], maker: ModuleType, tmp_path: Path
) -> None:
    a, b = pair
    with pytest.raises(InputError, match=r"different vocabularies \(6 and 8 rows.*tokenizer_source"):
        plan(mean(a, b))
    same_size = model(maker, tmp_path / "c", 8, tokenizer(["b", "a", "c", "ab"], ["<s>"], [["a", "b"]]), 2)
    assert any("matched by token" in w for w in plan(mean(a, same_size)).warnings)
    merge(mean(a, same_size), tmp_path / "out")
    x, z, out = (maker.load_arrays(p)[EMBED] for p in (a, same_size, tmp_path / "out"))
    assert np.allclose(out[0], (x[0] + z[1]) / 2, atol=1e-7)
    nameless = model(maker, tmp_path / "d", 6, None, 3)
    with pytest.raises(InputError, match="set tokenizer_source"):
        plan(mean(a, nameless))
    with pytest.raises(InputError, match=r"no tokenizer\.json.*\n.*AutoTokenizer"):
        plan(mean(a, nameless, tokenizer_source="base"))
    unigram = tokenizer([])
    unigram["model"] = {"type": "Unigram", "unk_id": 0, "vocab": [["z", -1.0], ["y", -2.0]]}
    other = model(maker, tmp_path / "u", 8, unigram, 4)
    with pytest.raises(InputError, match="they have no union"):
        plan(mean(a, other, tokenizer_source="union"))


def test_chat_templates(pair: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = pair
    merge(mean(a, b, tokenizer_source="base"), tmp_path / "kept")
    assert "of a" in (tmp_path / "kept" / "tokenizer_config.json").read_text()
    text = "{% for m in messages %}{{ m.content }}{% endfor %}"
    merge(mean(a, b, tokenizer_source="base", chat_template=text), tmp_path / "own")
    assert (tmp_path / "own" / "chat_template.jinja").read_text() == text
    assert "chat_template" not in json.loads((tmp_path / "own" / "tokenizer_config.json").read_text())
    merge(mean(a, b, tokenizer_source="base", chat_template="auto"), tmp_path / "auto")
    assert (tmp_path / "auto" / "chat_template.jinja").read_text() == "{{ messages }} of a"
    merge(mean(a, b, tokenizer_source="base", chat_template="chatml"), tmp_path / "named")
    assert "<|im_start|>" in (tmp_path / "named" / "chat_template.jinja").read_text()
    with pytest.raises(RecipeError, match=r"neither auto, nor one of chatml.*Did you mean 'alpaca'"):
        merge(mean(a, b, tokenizer_source="base", chat_template="alpacca"), tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_licences_that_differ_are_a_warning(pair: tuple[Path, Path]) -> None:
    a, b = pair
    (a / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A\n")
    (b / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# B\n")
    warnings = plan(mean(a, b, tokenizer_source="base")).warnings
    assert any("different licences" in w and "cc-by-nc-4.0" in w for w in warnings)
    (b / "README.md").write_text("# no front matter\n")
    assert any("states no licence" in w for w in plan(mean(a, b, tokenizer_source="base")).warnings)
