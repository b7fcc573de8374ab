"""Write requirements.lock and requirements-pypi.lock from what is installed here: every file's sha256 beside its pin.

    make lock        (needs the package index; installs uv into a scratch environment)

requirements-pypi.lock is for plain PyPI on any system; on Linux, PyPI's torch brings the CUDA libraries, which stand in
it too. requirements.lock is the small one: on Linux x86-64 it takes torch's CPU build, elsewhere PyPI's. They cannot be
one file: pip prefers a file whose hash its index tells over a local one, so that a lock with both hashes would always
take the CUDA build.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("dev", "ray")
NOTES = {
    "requirements.lock": "torch on Linux x86-64 is its CPU build; for plain PyPI take requirements-pypi.lock",
    "requirements-pypi.lock": "plain PyPI on any system; on Linux, torch is the CUDA build with its libraries",
}
HEAD = """\
# Written by `make lock`: what pyproject.toml takes, with the sha256 of every file that may be installed for it.
# {note}.
"""
HERE = "sys_platform == 'linux' and platform_machine == 'x86_64'"
ELSEWHERE = "sys_platform != 'linux' or platform_machine != 'x86_64'"


def pins() -> list[str]:
    """What pyproject.toml takes with the extras of EXTRAS, and all that those need, as installed: `name==version`.

    A local build's mark (2.13.0+cpu) is left out. Raises PackageNotFoundError where one is not installed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"], "wheel"]
    waiting = [Requirement(line) for line in (*wanted, *(line for name in EXTRAS for line in extras[name]))]
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        needed = waiting.pop()
        name, chosen = _normal(needed.name), frozenset(needed.extras)
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        installed = metadata.distribution(needed.name)
        found[name] = f"{installed.name}=={installed.version.partition('+')[0]}"
        for line in installed.requires or ():
            other = Requirement(line)
            if other.marker is None or any(other.marker.evaluate({"extra": e}) for e in (*chosen, "")):
                waiting.append(other)
    return sorted(found.values(), key=str.lower)


def compiled(lines: list[str], work: Path) -> list[str]:
    """The entries that uv makes of the pins for every platform: pin, marker and hashes."""
    venv.create(work / "venv", with_pip=True)
    subprocess.run([work / "venv/bin/pip", "install", "--quiet", "uv"], check=True)
    (work / "in.txt").write_text("\n".join(lines) + "\n")
    command: list[str | Path] = [
        work / "venv/bin/uv",
        "pip",
        "compile",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
    ]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--quiet", work / "in.txt"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [e.rstrip("\n") for e in re.split(r"^(?=[A-Za-z0-9])", printed, flags=re.MULTILINE) if "==" in e]


def local_build(work: Path) -> tuple[str, str] | None:
    """(version, sha256) of the installed torch's file where it is a local build; None for PyPI's own."""
    version = metadata.version("torch")
    if "+" not in version:
        return None
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work / "torch")]
    subprocess.run([*command, f"torch=={version}"], check=True)
    (file,) = (work / "torch").iterdir()
    with open(file, "rb") as opened:
        return version, hashlib.file_digest(opened, "sha256").hexdigest()


def with_cpu_build(entry: str, version: str, digest: str) -> str:
    """Torch's entry split: the CPU build of this file's hash on Linux x86-64, PyPI's files elsewhere."""
    pin, _, hashes = entry.partition(" \\\n")
    return (
        f"torch=={version} ; {HERE} \\\n    --hash=sha256:{digest}\n"  # named as what it is: 2.13.0+cpu
        f"{pin} ; {ELSEWHERE} \\\n{hashes}"
    )


def main() -> None:
    here = pins()
    names = {_normal(line.partition("==")[0]) for line in here}
    with tempfile.TemporaryDirectory() as folder:
        entries = compiled(here, Path(folder))
        local = local_build(Path(folder))
    small = [e for e in entries if _normal(e.partition("==")[0]) in names or "linux" not in e.partition("\\")[0]]
    if local is not None:
        small = [with_cpu_build(e, *local) if e.startswith("torch==") else e for e in small]
    for name, listed in (("requirements.lock", small), ("requirements-pypi.lock", entries)):
        (ROOT / name).write_text(HEAD.format(note=NOTES[name]) + "\n".join(listed) + "\n")
        print(f"{name}: {len(listed)} packages")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


if __name__ == "__main__":
    main()
