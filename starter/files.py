"""Files that a person writes for a what-if: read whole, checked, refused with one sentence."""

from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.text import Text

from domain.model import Authored

_BYTES_MAX = 5_000_000
_Authored = TypeVar("_Authored", bound=Authored)


class BadFile(Exception):
    """The file cannot be used; the text is one sentence that says why."""


def read_file(
    file: Path, model: type[_Authored], holds: str, *, is_strict: bool = False
) -> _Authored:
    """The file's content, checked; raises BadFile. `holds` says what a file of it holds."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_BYTES_MAX + 1)
    except OSError as error:
        raise BadFile(f"{file} cannot be read: {error.strerror or 'unknown reason'}.") from None
    if len(raw) > _BYTES_MAX:
        raise BadFile(f"{file} is larger than 5 MB; {holds}.")
    try:
        return model.model_validate_json(raw, strict=is_strict or None)
    except ValidationError as error:
        raise BadFile(f"{file}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    """The first fault with its place, without the file's own values."""
    fault = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    what = fault["msg"].removeprefix("Value error, ")
    more = error.error_count() - 1
    rest = f" (and {more} more)" if more else ""
    return f"{place + ': ' if place else ''}{what}{rest}."


def refuse(sentence: str) -> NoReturn:
    """Say one sentence on stderr and leave with 2."""
    typer.echo(printable(sentence), err=True)
    raise typer.Exit(2)


def cells(*texts: Any) -> tuple[Text, ...]:
    """Table cells that are never read as markup."""
    return tuple(Text(printable(str(text))) for text in texts)


def printable(text: str) -> str:
    """The text without characters that steer a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)
