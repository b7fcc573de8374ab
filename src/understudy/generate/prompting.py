"""The prompts of a model teacher: a preset of the package, or a folder of files that a user wrote.

    teach.md       what the teacher is told; {wordings}
    chunk.md       how a chunk is shown; {title} {section} {text} {facts} {wordings} {focus} {asked}
    round_trip.md  how the second call is told to answer from the chunk alone; no fields
    focus.md       what each round is about, a line a round, begun again where there are more rounds

A file that a folder or preset does not hold is taken from the preset `facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import InputError, did_you_mean

DEFAULT = "facts"
PRESETS = ("facts", "knowledge", "published")
_PACKAGED = Path(__file__).parent / "prompts"
_FIELDS: Mapping[str, dict[str, object]] = {
    "teach.md": {"wordings": 1},
    "chunk.md": dict.fromkeys(("title", "section", "text", "wordings", "focus", "asked"), "") | {"facts": 1},
    "round_trip.md": {},
    "focus.md": {},
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """The texts. focus: a line a round."""

    teach: str
    chunk: str
    round_trip: str
    focus: tuple[str, ...]


def folder_of(prompts: str) -> Path:
    """The folder of a preset, or the one that is named."""
    return _PACKAGED / prompts if prompts in PRESETS else Path(prompts).expanduser()


def read_prompts(prompts: str = DEFAULT) -> Prompts:
    """The prompts of a preset or folder. Raises InputError for what is neither, and for a file that cannot be used."""
    folder = folder_of(prompts)
    if not folder.is_dir():
        hint = did_you_mean(prompts, PRESETS)
        raise InputError(
            f"generate.remote.prompts: {prompts}: no such folder, and no preset ({', '.join(PRESETS)}).{hint}"
        )
    own = [name for name in _FIELDS if (folder / name).is_file()]
    if not own:
        raise InputError(
            f"{folder}: holds none of {', '.join(_FIELDS)}; write one, the others are the preset {DEFAULT}'s"
        )
    text = {name: _read((folder if name in own else _PACKAGED / DEFAULT) / name) for name in _FIELDS}
    focus = tuple(line.strip() for line in text["focus.md"].splitlines() if line.strip())
    return Prompts(text["teach.md"], text["chunk.md"], text["round_trip.md"], focus)


def _read(path: Path) -> str:
    """A prompt's text, with fields that can be filled. Raises InputError naming the file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    fields = _FIELDS[path.name]
    if not text:
        raise InputError(f"{path}: is empty; delete it for the preset's text, or write it")
    if fields:
        try:
            text.format_map(fields)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            known = ", ".join(f"{{{name}}}" for name in fields)
            raise InputError(
                f"{path}: {error} is no field of it; those are {known}, and a brace that is text is written twice"
            ) from error
    if path.name == "chunk.md" and "{text}" not in text:
        raise InputError(f"{path}: does not show the chunk; write {{text}} where its text shall stand")
    return text
