"""Make a smaller GGUF file of an unquantised one, by llama.cpp's own quantiser."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path

from understudy.artifact import atomic_path
from understudy.errors import MissingExtraError, ModelError

_FILE_TYPES = {"q6_k": 18, "q4_k_m": 15}
BY_QUANTISER = tuple(_FILE_TYPES)
_PROGRAM = """
import sys
import cyllama.llama.llama_cpp as llama
llama.disable_logging()
params = llama.LlamaModelQuantizeParams()
params.ftype, params.nthread = int(sys.argv[3]), int(sys.argv[4])
llama.model_quantize(sys.argv[1], sys.argv[2], params)
"""


def need_quantiser(kind: str) -> None:
    """Raise MissingExtraError where a quantisation needs a package that is missing."""
    if kind in _FILE_TYPES and util.find_spec("cyllama") is None:
        raise MissingExtraError(
            f"--quant {kind} needs llama.cpp's quantiser; install it with  pip install 'understudy[llamacpp]'  "
            "(f16 and q8_0 need none)"
        )


def quantise(file: Path, out: Path, kind: str, *, threads: int = 2) -> None:
    """Write `file` with weights of `kind`, in a process of its own. Raises ModelError where the quantiser fails."""
    need_quantiser(kind)
    with atomic_path(out) as temporary:
        command = [sys.executable, "-c", _PROGRAM, str(file), str(temporary), str(_FILE_TYPES[kind]), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode or not temporary.is_file():
            last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise ModelError(f"{file.name}: llama.cpp's quantiser failed at {kind}: {last}")
