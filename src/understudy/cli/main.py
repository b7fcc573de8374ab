"""`understudy`: the commands, and how an error leaves the program."""

from __future__ import annotations

import logging
import sys
import warnings

import typer

from understudy import __version__, network
from understudy.cli import lab
from understudy.cli.ask import ask
from understudy.cli.compare import compare
from understudy.cli.console import error_console
from understudy.cli.doctor import doctor
from understudy.cli.init import init
from understudy.cli.merge import merge
from understudy.cli.plan import plan
from understudy.cli.run import run
from understudy.cli.runs import report, runs, show
from understudy.cli.study import study
from understudy.errors import UnderstudyError
from understudy.redact import RedactFilter, redact

app = typer.Typer(
    name="understudy",
    help="Docs in, expert out, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (init, plan, run, runs, report, ask, show, compare, merge, study, doctor):
    app.command()(command)
app.add_typer(lab.app, name="lab")


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
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
    if not verbose:  # what libraries say to their callers' authors is not for a user
        warnings.simplefilter("ignore")
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a stage failed, 2 the input is wrong, 130 interrupted."""
    try:
        with network.only(()):  # a command that may reach a host says which
            app()
    except UnderstudyError as error:
        error_console.print(f"[bold red]error:[/] {_plain(redact(str(error)))}", soft_wrap=True, highlight=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        error_console.print("stopped; everything finished is kept, the same command goes on from here")
        sys.exit(130)


def _plain(text: str) -> str:
    """Text with rich's markup brackets escaped."""
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()
