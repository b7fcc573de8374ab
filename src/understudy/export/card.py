"""The card of an exported model: where it comes from, how it was measured, and whether it is proven the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from understudy import yaml_text

_LONGEST = 1_000_000  # bytes of a README that are read: it is somebody else's
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)


def licence_of(folder: Path) -> str | None:
    """The licence that a model folder's README states; None where it states none."""
    try:
        with (folder / "README.md").open("rb") as file:
            found = _FRONT.match(file.read(_LONGEST).decode("utf-8", "replace"))
        values = yaml_text.load(found[1]) if found else None
    except (OSError, yaml_text.YamlError):
        return None
    licence = values.get("license") if isinstance(values, dict) else None
    if isinstance(licence, list) and all(isinstance(one, str) for one in licence):
        licence = ", ".join(licence)
    return licence if isinstance(licence, str) and licence else None


def card(
    label: str, arm: str, base: str, licence: str | None, sentence: str | None, files: list[dict[str, Any]]
) -> str:
    """README.md of an export. sentence: the run's verdict; None where it has none. files: as parity.json lists them."""
    front: dict[str, Any] = {"tags": ["understudy"], **({"license": licence} if licence else {})}
    if base.startswith("hf:"):
        front["base_model"] = base.removeprefix("hf:").partition("@")[0]
    lines = ["---", yaml.safe_dump(front, sort_keys=False).rstrip(), "---", f"# {label}: {arm}", ""]
    lines += [f"Exported by Understudy from the arm `{arm}` of the run `{label}`; base model `{base}`.", ""]
    if licence is None:
        lines += ["The base model states no licence; see to it before you pass this model on.", ""]
    if sentence:
        lines += ["What the run's exam found: " + sentence, ""]
    lines += ["| file | parity with the measured model |", "|---|---|"]
    for file in files:
        failed = [c["name"] for c in file["checks"] if not c["passed"]]
        said = "not checked" if not file["checks"] else "proven" if not failed else f"fails: {', '.join(failed)}"
        lines.append(f"| {file['file']} | {said} |")
    return "\n".join([*lines, "", "`parity.json` has every figure.", ""])
