"""Docs in, expert out, with proof.

    import understudy

    run = understudy.run("recipe.yaml", set={"sft.r": 16})
    print(run.verdict, run.report_path)
    print(run.ask("Which port does the server listen on?").text)

What is exported here is loaded when it is first used: importing costs what `understudy --help` costs. See docs/api.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy import network

network.silence()  # before any library is imported that reads its switches then

__version__ = "0.1.0"
__all__ = [
    "Plan",
    "Run",
    "UnderstudyError",
    "compare",
    "list_runs",
    "load_index",
    "load_model",
    "merge",
    "open_run",
    "plan",
    "run",
]

if TYPE_CHECKING:
    from understudy import merge
    from understudy.api import Plan, Run, compare, list_runs, load_index, load_model, open_run, plan, run
    from understudy.errors import UnderstudyError


def __getattr__(name: str) -> Any:
    if name == "UnderstudyError":
        from understudy.errors import UnderstudyError

        return UnderstudyError
    if name == "merge":  # the room, which can be called
        import importlib

        return importlib.import_module("understudy.merge")
    if name in __all__:
        from understudy import api

        return getattr(api, name)
    raise AttributeError(f"module 'understudy' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
