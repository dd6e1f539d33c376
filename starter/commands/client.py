"""`tieout client`: what concerns one client, and what clients own at go-live."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from starter.commands import client_consents, client_holds
from starter.commands.client_log import log
from starter.desk.books import open_books
from starter.desk.openings import import_openings, read_openings
from starter.desk.paper import console, plain, print_json

app = typer.Typer(
    help="Clients: audit log, consent, holds, opening balances.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]


for name, run in (
    ("log", log),
    ("consents", client_consents.show),
    ("opt-out", client_consents.opt_out),
    ("opt-in", client_consents.opt_in),
    ("hold", client_holds.hold),
    ("exclude", client_holds.exclude),
    ("promise", client_holds.promise),
    ("release", client_holds.release),
):
    app.command(name)(run)


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
