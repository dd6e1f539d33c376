"""How the desk's commands write: plain tables inside 80 columns, JSON, one-sentence refusals."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NoReturn

import typer
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

LEFT, RIGHT = "left", "right"
INDENT = 2


def console() -> Console:
    """Standard output; 80 columns wide when it is no terminal."""
    return Console(highlight=False)


def plain(text: object, style: str = "") -> Text:
    """Text that is never read as markup and cannot steer a terminal."""
    shown = "".join(each if each.isprintable() or each == "\n" else "?" for each in str(text))
    return Text(shown, style=style)


def heading(text: str) -> Text:
    """A section's name."""
    return Text(f"\n{text}", style="bold")


def stack(*parts: RenderableType) -> Group:
    """Parts below each other in one cell."""
    return Group(*parts)


def grid(*columns: tuple[str, str, bool], rows: Iterable[Sequence[object]]) -> Table:
    """A table without rules. A column is (heading, left or right, may wrap)."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, side, wraps in columns:
        table.add_column(
            name, justify="right" if side == RIGHT else "left", no_wrap=not wraps, overflow="fold"
        )
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    return table


def pairs(rows: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one pair a line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, _cell(value))
    return table


def indented(part: RenderableType, columns: int = INDENT) -> Padding:
    """The part moved to the right."""
    return Padding(part, (0, 0, 0, columns))


def command(words: str) -> Text:
    """A command line to copy."""
    return plain(words, "bold cyan")


def halves(left: tuple[str, RenderableType], right: tuple[str, RenderableType]) -> Table:
    """Two things side by side, each with half of the width."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for name in (left[0], right[0]):
        table.add_column(name, ratio=1, overflow="fold")
    table.add_row(left[1], right[1])
    return table


def bullet(text: str) -> Table:
    """One item of a list; its further lines stay below its first word."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row("-", plain(text))
    return table


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def usage(sentence: str) -> NoReturn:
    """Refuse in one sentence what was typed; a command ends with 2."""
    # Imported here: it knows every part that can fail, and most commands never do.
    from starter.errors import Misspelt

    raise Misspelt(sentence)


def day_of(text: str) -> date:
    """`2026-12-04` as a civil day; refuses any other way to write one."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        usage(f"{text} is not a day; write it like 2026-12-04.")


def owns_terminal() -> bool:
    """Whether a person can have the whole screen. It is drawn on stderr: a file would get names."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def confirmed(question: str, *, yes: bool, as_json: bool) -> bool:
    """Ask a person who sits at a terminal; anybody else has confirmed by calling."""
    if yes or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    return typer.confirm(question)


def _cell(cell: object) -> RenderableType:
    if isinstance(cell, Text | Group | Table | Padding):
        return cell
    return plain(cell)
