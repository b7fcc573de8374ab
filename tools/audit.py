"""Ask for known vulnerabilities of what the locks pin, with pip-audit in an environment of its own.

    python tools/audit.py            exit code 1 where there are some
    python tools/audit.py --soft     only say so: what is published today must not break what nobody changed

Without a network it says that it was skipped, exit code 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 120


def run(words: list[str | Path]) -> subprocess.CompletedProcess[str] | None:
    """The command when it is done; None where it takes longer than the network deserves."""
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return None


def main() -> int:
    place = ROOT / "build" / "audit"
    if not (place / "bin" / "pip-audit").exists():
        run([sys.executable, "-m", "venv", place])
        got = run([place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "pip-audit"])
        if got is None or got.returncode:
            print("audit: skipped: pip-audit cannot be installed, most likely for want of a network")
            return 0
    text = (ROOT / "requirements-pypi.lock").read_text(encoding="utf-8")
    first = text[: text.index("==", text.index("==") + 2)].rpartition("\n")[0] + "\n"
    if not any("vulns" in package for package in audited(place, first)):  # one package tells whether there is an answer
        print("audit: skipped: this index does not answer what is known of a package's vulnerabilities")
        return 0
    found = audited(place, text)
    known = [package for package in found if "vulns" in package]
    weak = [(p["name"], p["version"], v["id"], v.get("fix_versions")) for p in known for v in p["vulns"]]
    for name, version, which, fixed in weak:
        print(f"audit: {name} {version}: {which}, fixed in {', '.join(fixed or ['no version yet'])}")
    print(f"audit: {len(known)} of {len(found)} packages asked for, {len(weak)} vulnerabilities known")
    return 1 if weak and "--soft" not in sys.argv else 0


def audited(place: Path, lock: str) -> list[dict[str, Any]]:
    """What pip-audit says of each package of a lock's text; nothing where it gets no answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(lock)
        file.flush()
        words = ["--disable-pip", "--progress-spinner", "off", "--format", "json", "--requirement", file.name]
        done = run([place / "bin" / "pip-audit", *words])
    try:
        return list(json.loads(done.stdout)["dependencies"]) if done is not None else []
    except (ValueError, KeyError):
        return []


if __name__ == "__main__":
    sys.exit(main())
