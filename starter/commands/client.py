"""`tieout client log`: everything that happened to one client. `tieout client import`: go-live."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from starter.desk.books import SHORT, open_books
from starter.desk.log_view import log_data, log_page
from starter.desk.openings import import_openings, read_openings
from starter.desk.paper import console, plain, print_json
from store.client_log import client_log, location_of

app = typer.Typer(help="Clients: audit log, opening balances.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]


@app.command()
def log(
    client: Annotated[
        str,
        typer.Argument(metavar="CLIENT", help="Client id or its beginning, or an invoice number."),
    ],
    as_json: AsJson = False,
) -> None:
    """Show everything sent, attempted, skipped, received, asked, decided and booked.

    Example: tieout client log LUM-000001
    """
    asyncio.run(_log(client, as_json))


async def _log(name: str, as_json: bool) -> None:
    async with open_books() as books:
        client_id = await books.client_named(name)
        rows = await client_log(books.conn, client_id)
        if as_json:
            print_json({"client_id": client_id, "events": log_data(rows)})
            return
        screen = console()
        screen.print(plain(f"{await books.name(client_id)}, client {client_id[:SHORT]}", "bold"))
        if rows:
            location_id = await location_of(books.conn, client_id)
            screen.print(await log_page(books, location_id, rows))
        else:
            screen.print(plain("Nothing has happened yet."))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON file; see examples/openings.json.")],
    as_json: AsJson = False,
) -> None:
    """Put what clients own at go-live into the books; a repeat changes nothing.

    Example: tieout client import examples/openings.json
    """
    asyncio.run(_import(file, as_json))


async def _import(file: Path, as_json: bool) -> None:
    openings = read_openings(file)
    async with open_books() as books, books.conn.transaction():
        client_ids = await import_openings(books, openings)
    if as_json:
        print_json({"location_id": openings.location_id, "client_ids": client_ids})
    else:
        console().print(plain(f"{len(client_ids)} clients of {openings.location_id} are in."))
