"""Write a software bill of materials of the locks as CycloneDX 1.6 JSON: name, version, licence, hashes.

python tools/sbom.py build/sbom.cdx.json
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_ENTRY = re.compile(
    r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)[^\n]*((?:\n\s+--hash=sha256:[0-9a-f]{64}[ \\]*)+)", re.MULTILINE
)
LOCKS = ("requirements.lock", "requirements-pypi.lock")


def components(lock: str) -> list[dict[str, Any]]:
    """The packages of a lock's text as CycloneDX components; each hash is that of one file that may be installed."""
    found = []
    for name, version, hashes in _ENTRY.findall(lock):
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
            "externalReferences": [
                {"type": "distribution", "url": f"pkg:pypi/{name.lower()}@{version}", "hashes": [_hash(h)]}
                for h in re.findall(r"sha256:([0-9a-f]{64})", hashes)
            ],
        }
        licence = _licence(name)
        if licence:
            component["licenses"] = [{"license": {"name": licence}}]
        found.append(component)
    return found


def bill(locks: list[str], version: str) -> dict[str, Any]:
    """The whole bill: no time and no serial number in it, so that equal locks give equal bytes."""
    listed = {c["bom-ref"]: c for text in locks for c in components(text)}
    project = {"type": "application", "bom-ref": "understudy", "name": "understudy", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": project},
        "components": [listed[ref] for ref in sorted(listed)],
    }


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


def _licence(name: str) -> str:
    """What an installed package says of its licence in a few words; empty where it is not installed or says a text."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    said = next((about[field] for field in ("License-Expression", "License") if field in about), "")
    return said if "\n" not in said and len(said) < 100 else ""


def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/sbom.cdx.json")
    made = bill([(ROOT / name).read_text(encoding="utf-8") for name in LOCKS], metadata.version("understudy"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target}: {len(made['components'])} packages")


if __name__ == "__main__":
    main()
