"""The model card of a merge: what it is made of, how, and under which licences."""

from __future__ import annotations

from pathlib import Path

import yaml

from understudy.artifact import write_text
from understudy.merge.licence import licence_of
from understudy.merge.plan import MergePlan


def write_card(path: Path, todo: MergePlan, recipe: str) -> None:
    """Write README.md with the method, the parents, their licences and the recipe."""
    parents = list(todo.parents.values())
    licences = {licence_of(p) for p in parents}
    front = {"library_name": "transformers", "tags": ["merge", todo.method.name]}
    hub = [p.reference.removeprefix("hf:") for p in parents if p.reference.startswith("hf:")]
    if hub:
        front["base_model"] = hub
    if len(licences) == 1 and None not in licences:
        front["license"] = str(licences.pop())
    rows = [f"| {p.reference} | {p.architecture} | {p.n_layers} | {licence_of(p) or 'not stated'} |" for p in parents]
    notes = [f"- {w}" for w in todo.warnings]
    text = "\n".join(
        [
            "---",
            yaml.safe_dump(front, sort_keys=False).rstrip(),
            "---",
            f"# {todo.method.title} merge",
            "",
            f"Made with Understudy by {todo.method.title} ({todo.method.paper}).",
            "",
            "| model | architecture | layers | licence |",
            "|---|---|---|---|",
            *rows,
            "",
            *(["To know before use:", "", *notes, ""] if notes else []),
            "```yaml",
            recipe.rstrip(),
            "```",
            "",
        ]
    )
    write_text(path, text)
