"""The files beside the weights: configuration, tokenizer, chat template, generation settings, card and recipe."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from understudy.artifact import write_json, write_text
from understudy.errors import RecipeError, did_you_mean
from understudy.merge.card import write_card
from understudy.merge.chat_templates import CHAT_TEMPLATES
from understudy.merge.checkpoint import read_json
from understudy.merge.parents import Parent
from understudy.merge.plan import MergePlan
from understudy.merge.schema import Merge

# what says the same as tokenizer.json, for other libraries
_SAME = ("tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json", "vocab.txt")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", *_SAME)
_TEMPLATE = "chat_template.jinja"


def write_companions(config: Merge, todo: MergePlan, folder: Path) -> None:
    """Write everything but the weights into a merged model's folder."""
    donor = todo.alignment.donor if todo.alignment else todo.reference
    document = todo.alignment.document if todo.alignment else None
    write_json(folder / "config.json", todo.config)
    for name in (*_TOKENIZER, _TEMPLATE, "generation_config.json"):
        if (donor.folder / name).is_file() and not (document and name in _SAME):
            shutil.copyfile(donor.folder / name, folder / name)
    if document:
        write_json(folder / "tokenizer.json", document)
        _declare(document, folder / "tokenizer_config.json")
    template = choose_template(config.chat_template, list(todo.parents.values()))
    if template is not None:
        write_text(folder / _TEMPLATE, template)
        settings = folder / "tokenizer_config.json"
        if settings.is_file():
            write_json(settings, {k: v for k, v in read_json(settings).items() if k != "chat_template"})
    recipe = config.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)
    write_text(folder / "merge.yaml", text)
    write_card(folder / "README.md", todo, text)


def _declare(document: dict[str, Any], settings: Path) -> None:
    """Tell tokenizer_config.json of added tokens, where it lists them."""
    if not settings.is_file():
        return
    values = read_json(settings)
    if isinstance(values.get("added_tokens_decoder"), dict):
        for entry in document["added_tokens"]:
            fields = {k: v for k, v in entry.items() if k != "id"}
            values["added_tokens_decoder"].setdefault(str(entry["id"]), fields)
        write_json(settings, values)


def template_of(parent: Parent) -> str | None:
    """A model's chat template as text, None where it has none."""
    if (parent.folder / _TEMPLATE).is_file():
        return (parent.folder / _TEMPLATE).read_text(encoding="utf-8")
    settings = parent.folder / "tokenizer_config.json"
    found = read_json(settings).get("chat_template") if settings.is_file() else None
    if isinstance(found, list):  # several by name
        found = next((t.get("template") for t in found if t.get("name") == "default"), None)
    return found if isinstance(found, str) else None


def choose_template(wanted: str | None, parents: list[Parent]) -> str | None:
    """The template to write: one of a known name, or the text itself; `auto`, the one most models have; None keeps
    the donor's.

    Raises RecipeError for what is neither.
    """
    if wanted is None:
        return None
    if wanted == "auto":
        found = [t.strip() for p in parents if (t := template_of(p))]
        return Counter(found).most_common(1)[0][0] if found else None
    if wanted in CHAT_TEMPLATES:
        return CHAT_TEMPLATES[wanted]
    if "{" not in wanted or len(wanted) < 20:
        known = ", ".join(CHAT_TEMPLATES)
        raise RecipeError(
            f"chat_template: {wanted!r} is neither auto, nor one of {known}, nor a Jinja template: paste the "
            f"template's text.{did_you_mean(wanted, CHAT_TEMPLATES)}"
        )
    return wanted
