"""`understudy`: the commands, and how an error leaves the program."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from typing import Any

import typer
from rich.text import Text

from understudy import __version__, network
from understudy.cli import lab, store
from understudy.cli.ask import ask
from understudy.cli.chat import chat
from understudy.cli.compare import compare
from understudy.cli.console import error_console
from understudy.cli.doctor import doctor
from understudy.cli.export import export
from understudy.cli.extract import extract
from understudy.cli.init import init
from understudy.cli.mcp import mcp
from understudy.cli.merge import merge
from understudy.cli.pairs import pairs
from understudy.cli.plan import plan
from understudy.cli.review import review
from understudy.cli.run import run
from understudy.cli.runs import report, runs, show
from understudy.cli.serve import serve
from understudy.cli.served import promote, rollback, watch
from understudy.cli.study import study
from understudy.errors import Interrupted, UnderstudyError, UsageError
from understudy.failures import explain
from understudy.redact import PlainFormatter, RedactFilter, redact

app = typer.Typer(
    name="understudy",
    help="Docs in, expert out, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    init,
    plan,
    run,
    runs,
    report,
    ask,
    chat,
    serve,
    mcp,
    review,
    show,
    compare,
    export,
    pairs,
    merge,
    extract,
    study,
    doctor,
):
    app.command()(command)
for serving in (watch, promote, rollback):
    app.command()(serving)
app.add_typer(lab.app, name="lab")
app.add_typer(store.app, name="store")

# What typer raises for a command line that it cannot read: the base of its public BadParameter.
_UsageOfCommand: Any = typer.BadParameter.__mro__[2]
_INTERRUPTED = Interrupted.exit_code


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"understudy {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what the stages do."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactFilter())
    handler.setFormatter(PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
    if not verbose:  # what libraries say to their callers' authors is not for a user
        warnings.simplefilter("ignore")
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a stage failed, 2 the input is wrong, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks is no reason to stop
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    sys.exit(_run())


def _run() -> int:
    """The exit code of the command, whose every failure is told in the project's words."""
    try:
        with network.only(()):  # a command that may reach a host says which
            code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            error_console.print("stopped; everything finished is kept, the same command goes on from here")
        return code if isinstance(code, int) else 0
    except typer.Abort:
        error_console.print("stopped before anything was done")
        return 1
    except _UsageOfCommand as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its text is the help
            error.show()
        else:
            _tell(UsageError(f"{error.format_message()} Try --help."))
        return int(error.exit_code)
    except BrokenPipeError:  # whoever read what was printed has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        told = explain(error)
        _tell(told)
        logging.getLogger(__name__).info("where it happened", exc_info=error)
        return told.exit_code


def _tell(error: UnderstudyError) -> None:
    error_console.print(Text.assemble(("error:", "bold red"), f" {redact(str(error))}"), soft_wrap=True)


if __name__ == "__main__":
    main()
