"""`tieout client log`: everything that happened to one client, on the screen or as one file."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.messages import newest_version
from domain.quiet_laws import TABLE_AS_OF
from starter.desk.books import SHORT, open_books
from starter.desk.log_view import log_data, log_page
from starter.desk.paper import console, plain, print_json
from starter.errors import Refusal
from store.client_log import client_log, location_of

EXPORT_SCHEMA = 1
"""Version of the file's shape; docs/messages.md describes it."""
_PRIVATE = 0o600


def log(
    client: Annotated[
        str,
        typer.Argument(
            metavar="CLIENT", help="Client id, its first 4 or more letters, or an invoice."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Write everything to this new file instead.", dir_okay=False),
    ] = None,
) -> None:
    """Show everything sent, attempted, skipped, moved, received, asked, decided and booked.

    Example: tieout client log LUM-000001 --export log.json
    """
    asyncio.run(_log(client, as_json, export))


async def _log(name: str, as_json: bool, export: Path | None) -> None:
    async with open_books() as books:
        client_id = await books.client_named(name)
        rows = await client_log(books.conn, client_id)
        data: dict[str, Any] = {"client_id": client_id, "events": log_data(rows)}
        if export is not None:
            location_id = await location_of(books.conn, client_id)
            _write(export, {**_head(location_id), **data})
            data = {"client_id": client_id, "file": str(export), "event_count": len(rows)}
        if as_json:
            print_json(data)
            return
        screen = console()
        screen.print(plain(f"{await books.name(client_id)}, client {client_id[:SHORT]}", "bold"))
        if export is not None:
            screen.print(plain(f"{len(rows)} events are in {export}."))
        elif rows:
            location_id = await location_of(books.conn, client_id)
            screen.print(await log_page(books, location_id, rows))
        else:
            screen.print(plain("Nothing has happened yet."))


def _head(location_id: str) -> dict[str, Any]:
    return {
        "schema": EXPORT_SCHEMA,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "location_id": location_id,
        "template_version": newest_version(),
        "quiet_laws_as_of": TABLE_AS_OF.isoformat(),
    }


def _write(file: Path, data: dict[str, Any]) -> None:
    """A new file that its owner alone may read; a file that is there is never replaced."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError:
        raise Refusal(f"{file} is there already: name a new file.") from None
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(data, out, indent=2, ensure_ascii=False)
        out.write("\n")
