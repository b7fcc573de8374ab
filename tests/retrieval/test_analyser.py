"""Identifiers stay whole, parts and inflected words match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.retrieval import analyser
from understudy.retrieval.analyser import STOP_WORDS, terms
from understudy.retrieval.stem import stem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`cont_batching`", ["cont_batching", "cont", "batch"]),
        ("`--port`", ["--port", "port"]),
        ("-ngl 100", ["-ngl", "ngl", "100"]),
        ("GET /v1/models", ["get", "/v1/models", "v1/models", "v1", "model"]),
        ("--port=8080", ["--port", "port", "8080"]),
        ("http://localhost:3928/v1", ["http://localhost:3928/v1", "/v1", "http", "localhost", "3928", "v1"]),
        ("loadModel", ["loadmodel", "load", "model"]),
        ("C++ and C#", ["c++", "c#"]),
        ("llama.cpp's", ["llama.cpp", "llama", "cpp"]),
        ("fine-tuned", ["fine-tuned", "fine", "tune"]),
        ("well - spaced -- dashes |---|", ["well", "space", "dash"]),
        ("What is the?", []),
        ("数据库", ["数据", "据库"]),
        ("बिल", ["बिल"]),
        ("कीमतों की सूची", ["कीमतों", "की", "सूची"]),
        ("Größenwahl", ["grössenwahl", "grossenwahl"]),
        ("naïve", ["naïve", "naive"]),
        ("Đường dây", ["đường", "dây", "day"]),
        ("Ёлка", ["ёлка"]),
        ("ÜberMut", ["übermut", "ubermut", "über", "mut"]),
        ("ข้าวสวย", ["ข้า", "าว", "วส", "สว", "วย"]),
        ("東京 v2です", ["東京", "v2", "です"]),
        ("می\u200cروم", ["میروم"]),
        ("HTTPServer2", ["httpserver2", "http", "server"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("passage", "question"),
    [
        ("Set `cont_batching` to true.", "How is continuous batching (cont batching) set?"),
        ("Start with `--port 3928`.", "which ports can I use"),
        ("Installation of the engine", "installing an engine"),
        ('{"llama_model_path": "x"}', "the model's path"),
        ("POST to `/v1/chat/completions`", "chat completion"),
        ("call `unloadModel`", "unload a model"),
    ],
)
def test_plain_words_find_identifiers(passage: str, question: str) -> None:
    assert set(terms(passage)) & set(terms(question))


def test_marks_tell_words_apart() -> None:
    assert len({tuple(terms(word)) for word in ("बिल", "बाल", "बोल", "बल")}) == 4
    assert terms("e\u0301te\u0301") == terms("été")


def test_a_whole_identifier_is_a_term_of_its_own() -> None:
    assert "cont_batching" in terms("use cont_batching")
    assert "cont_batching" not in terms("cont batching")


@given(st.text(max_size=200))
def test_any_text_gives_clean_terms(text: str) -> None:
    for term in terms(text):
        assert term
        assert "\n" not in term
        assert term not in STOP_WORDS or term.isalpha()


# Pairs that the paper itself gives for its steps, carried through all of them.
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("cats", "cat"), ("feed", "feed"), ("agreed", "agre"),
        ("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"), ("sing", "sing"),
        ("conflated", "conflat"),
        ("troubling", "troubl"), ("sized", "size"), ("hopping", "hop"), ("falling", "fall"),
        ("hissing", "hiss"),
        ("failing", "fail"), ("filing", "file"), ("happy", "happi"), ("sky", "sky"), ("relational", "relat"),
        ("conditional", "condit"), ("rational", "ration"), ("digitizer", "digit"), ("operator", "oper"),
        ("feudalism", "feudal"), ("hopefulness", "hope"), ("formaliti", "formal"), ("triplicate", "triplic"),
        ("electrical", "electr"), ("goodness", "good"), ("revival", "reviv"), ("allowance", "allow"),
        ("adjustable", "adjust"), ("replacement", "replac"), ("adoption", "adopt"), ("effective", "effect"),
        ("probate", "probat"), ("rate", "rate"), ("cease", "ceas"), ("controll", "control"), ("roll", "roll"),
        ("generalizations", "gener"), ("oscillators", "oscil"),
    ],
)  # fmt: skip
def test_porter(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_words_outside_english_letters_are_left_alone() -> None:
    assert stem("größe") == "größe"
    assert stem("v2") == "v2"


@given(st.text(st.characters(max_codepoint=127) | st.sampled_from("--//::..'_@~$#+"), max_size=40))
def test_plain_text_is_read_in_a_faster_way_with_the_same_words(text: str) -> None:
    assert analyser._ASCII_WORD.findall(text) == analyser._WORD.findall(text)


def test_words_are_remembered_and_long_ones_are_not() -> None:
    analyser._remembered.cache_clear()
    for _ in range(3):
        assert terms("Port's " + "x" * 100_000) == ["port", "x" * 100_000]
    assert analyser._remembered.cache_info()[:2] == (2, 1)
