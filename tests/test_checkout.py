"""The tests of a checkout test that checkout, though the package may be installed from another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import understudy

SOURCE = Path(__file__).resolve().parents[1] / "src" / "understudy" / "__init__.py"


def test_what_is_imported_is_what_stands_beside_the_tests() -> None:
    assert Path(understudy.__file__).resolve() == SOURCE
    command = [sys.executable, "-c", "import understudy; print(understudy.__file__)"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert Path(told.strip()).resolve() == SOURCE
