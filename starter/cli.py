"""The `tieout` command. Exit codes: 0 done, 1 refused or found wanting, 2 usage."""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from starter.exit import end

COMMANDS = (
    "dev",
    "demo",
    "worker",
    "serve",
    "migrate",
    "doctor",
    "review",
    "visit",
    "plan",
    "refund",
    "agency",
    "client",
    "price",
    "match",
    "catalog",
    "switch",
    "period",
    "report",
    "bank",
    "simulate",
    "messages",
    "channel",
    "import",
    "lender",
)
"""In the order of `--help`. Each is a module of `starter.commands`: with `app` for a group of
verbs, or with one function of the command's own name."""


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    end(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command line; every failure is one sentence on stderr and an exit code."""
    try:
        command_line(words)(list(words), prog_name="tieout")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return 1
    except Exception as error:
        if os.environ.get("TIEOUT_DEBUG"):
            traceback.print_exc()
        else:
            from starter.errors import sentence

            typer.echo(sentence(error), err=True)
        return _code_of(error)
    return 0


def _code_of(error: Exception) -> int:
    from starter.errors import Misspelt

    return 2 if isinstance(error, Misspelt) else 1


def command_line(words: Sequence[str]) -> typer.Typer:
    """The commands, but only the named one is imported when one is named: starts stay fast."""
    app = typer.Typer(
        help="Durable visit-to-cash for med spas.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _root() -> None:
        """Durable visit-to-cash for med spas."""

    names = [words[0]] if words and words[0] in COMMANDS else COMMANDS
    for name in names:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    module_name = f"starter.commands.{name}"
    if importlib.util.find_spec(module_name) is None:
        return
    module = importlib.import_module(module_name)
    if isinstance(group := getattr(module, "app", None), typer.Typer):
        app.add_typer(group, name=name)
    else:
        app.command(name)(getattr(module, name))
