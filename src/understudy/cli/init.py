"""`understudy init`: write a commented recipe for a documentation folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from understudy.artifact import write_text
from understudy.cli.console import console
from understudy.errors import InputError

_RECIPE = """\
# A recipe says everything a run depends on. Try `understudy plan {file}`, then `understudy run {file}`.
name: {name}
seed: 0

# The model to teach. lab:reader is bundled, tiny and offline: good for trying the recipe in minutes.
base_model: lab:reader
# base_model: hf:Qwen/Qwen2.5-7B-Instruct   # a real one, for a GPU; ./FOLDER names one on this machine

docs:
  path: {docs}
  # include: ["**/*.md", "**/*.html"]   # default: every format that can be read
  # exclude: ["archive/**"]

chunk: {{chunk_size: 300, chunk_overlap: 30}}   # in tokens of the base model

generate:
  teacher: extractive                   # reads the structure of the documents: no model, offline
  # teacher: openai:gpt-4o              # a model behind an API; key in OPENAI_API_KEY, nothing is paid twice
  # teacher: hf:org/name                # a model in this process: no API, nothing paid
  # remote: {{price: {{input: 2.5, output: 10.0}}, max_usd: 5.0}}   # US dollars per million tokens; never above 5
  # remote: {{prompts: ./prompts}}        # or the presets facts, knowledge, published (docs/teachers.md)
  # pairs: pairs.csv                    # your own, with columns question and answer

index: {{retriever: hybrid, search: {{top_k: 5}}}}  # BM25 and embeddings, fused

sft: {{method: lora, r: 32, lora_alpha: 32, epochs: 3}}

benchmark:
  arms: [base, base+rag, sft, sft+rag]
  # questions: questions.csv            # columns question, a, b, c, d, correct; default: made from the docs
"""


def init(
    docs: Annotated[Path, typer.Argument(help="The documentation folder.")] = Path("docs"),
    recipe: Annotated[Path, typer.Option("--recipe", help="The file to write.")] = Path("recipe.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a commented recipe for a documentation folder."""
    if not docs.is_dir():
        raise InputError(f"{docs}: no such folder; name your documentation: understudy init FOLDER")
    if recipe.exists() and not force:
        raise InputError(f"{recipe}: is there already; choose another with --recipe, or add --force")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", docs.resolve().name).strip("-.") or "handbook"
    write_text(recipe, _RECIPE.format(file=recipe, name=name, docs=docs.as_posix()))
    console.print(f"wrote {recipe}; next: understudy plan {recipe}")
