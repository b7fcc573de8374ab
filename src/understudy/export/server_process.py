"""The process in which llama.cpp runs: it serves one GGUF file on this machine until its input is closed.

Started by `runtime.py` as `python -m understudy.export.server_process FILE CONTEXT THREADS`; a fault in compiled code
ends this process alone. Light: imports nothing of Understudy's models.
"""

from __future__ import annotations

import sys
from typing import Any


def main() -> None:
    """Load the file, say where it is served, wait for the end of the input."""
    file, context, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = file
    params.n_ctx, params.n_parallel, params.port = context, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup, params.use_jinja, params.ui, params.verbosity = False, True, False, -1
    params.n_gpu_layers = 0
    server = xllamacpp.Server(params)
    print(f"\nlistening {server.listening_address}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
