"""What a project calls itself, by the file from which its pages are built into a site."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from understudy.ingest.base import SkipFile
from understudy.ingest.walk import read_bytes
from understudy.normal import folded

_QUOTED = r"""["']?{}["']?(?:[ \t]*:[ \t]*\w+(?=[ \t]*=))?[ \t]*[:=][ \t]*u?(?P<q>["'`])(?P<v>[^"'`\n]+)(?P=q)"""
_PLAIN = r"{}[ \t]*:[ \t]*(?P<v>[^\s\"'`#\{{\[|>&*!][^#\n]*)"
_FILES = {
    "mkdocs.yml": "site_name",
    "mkdocs.yaml": "site_name",
    "zensical.toml": "site_name",
    "conf.py": "project",
    "docusaurus.config.js": "title",
    "docusaurus.config.ts": "title",
    "docusaurus.config.mjs": "title",
    ".vitepress/config.js": "title",
    ".vitepress/config.ts": "title",
    ".vitepress/config.mjs": "title",
    ".vitepress/config.mts": "title",
    "astro.config.mjs": "title",
    "antora.yml": "title",
    "book.toml": "title",
    "hugo.toml": "title",
    "hugo.yaml": "title",
    "_config.yml": "title",
}
"""Files of generators of sites, with the setting that holds the project's name."""
_BYTES = 1_000_000


def project_file(path: str) -> Path | None:
    """The file of a site's generator in the documentation's folder, in its `source` or around it; None without one."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return None
    folder = folder.resolve()
    return next((p for p in _places(folder) if os.access(p, os.R_OK) and p.is_file()), None)


def _places(folder: Path) -> Iterator[Path]:
    for around in (folder, folder / "source", folder.parent):
        yield from (around / name for name in _FILES)


def project_name(path: str) -> str:
    """What that file says the project is called; empty where there is none or it says nothing."""
    file = project_file(path)
    if file is None:
        return ""
    name = next(name for name in _FILES if file.as_posix().endswith(f"/{name}"))
    try:
        text = read_bytes(file, _BYTES).decode("utf-8", "replace")
    except (OSError, SkipFile):
        return ""
    ways = (_QUOTED, _PLAIN) if file.suffix in (".yml", ".yaml") else (_QUOTED,)
    found = (re.search(rf"^[ \t]*{way.format(_FILES[name])}", text, re.MULTILINE) for way in ways)
    return next((folded(said["v"])[:200] for said in found if said), "")
