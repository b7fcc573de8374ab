"""The prompts of a model teacher: presets, own files, and what is wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from understudy.errors import InputError
from understudy.generate.config import GenerateConfig
from understudy.generate.prompting import DEFAULT, PRESETS, folder_of, read_prompts


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_asks_for_facts_with_quotes(preset: str) -> None:
    prompts = read_prompts(preset)
    assert '{"facts": [{"quote"' in prompts.teach.format(wordings=3)
    assert "3" in prompts.teach.format(wordings=3)
    shown = prompts.chunk.format(
        title="T", section="S", text="TEXT", facts=4, wordings=3, focus=prompts.focus[0], asked=""
    )
    assert "<excerpt>\nTEXT\n</excerpt>" in shown
    assert prompts.focus[0] in shown


def test_a_folder_replaces_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "focus.md").write_text("Ask in rhyme.\n\nAsk in prose.\n", encoding="utf-8")
    own, preset = read_prompts(str(tmp_path)), read_prompts()
    assert own.focus == ("Ask in rhyme.", "Ask in prose.")
    assert (own.teach, own.chunk, own.round_trip) == (preset.teach, preset.chunk, preset.round_trip)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("teach.md", "Write {wording} questions.", "'wording' is no field of it; those are {wordings}"),
        ("teach.md", 'Answer {"facts": []}', "a brace that is text is written twice"),
        ("chunk.md", "Write {facts} facts.", "does not show the chunk"),
        ("focus.md", " \n", "is empty"),
        ("notes.md", "x", "holds none of teach.md"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_prompts(str(tmp_path))
    assert said in str(error.value)


def test_a_preset_that_is_misspelt_is_named() -> None:
    with pytest.raises(InputError, match="knowledge"):
        read_prompts("knowlege")


def test_the_texts_enter_the_key_and_the_path_does_not(tmp_path: Path) -> None:
    def config(prompts: str) -> GenerateConfig:
        return GenerateConfig.model_validate({"teacher": "openai:m@http://h/v1", "remote": {"prompts": prompts}})

    own = tmp_path / "mine"
    shutil.copytree(folder_of("published"), own)
    assert config(str(own)).files() == {"remote.prompts": str(own)}
    assert config("published").files() == {"remote.prompts": str(folder_of("published"))}
    assert config(DEFAULT).files() == {}
    assert config(str(own)).identity() == config(DEFAULT).identity()
    assert GenerateConfig.model_validate({"remote": {"prompts": "published"}}).files() == {}
