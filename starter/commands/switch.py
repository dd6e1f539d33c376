"""`tieout switch list|set`: what a location may send, read at the moment of each message."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from starter.desk.books import open_books
from starter.desk.paper import LEFT, console, grid, plain, print_json, usage
from store import locations

app = typer.Typer(help="Switch a location's messages off and on.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]


class Name(StrEnum):
    """What can be switched: a visit's first messages, its reminders, the messages of plans."""

    SEND = "send"
    CHASE = "chase"
    PLANS = "plans"


class State(StrEnum):
    """A step that falls due while its switch is off is recorded as skipped, not sent later."""

    LIVE = "live"
    OFF = "off"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every location's switches."""
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with open_books() as books:
        known = await locations.list_locations(books.conn)
    if as_json:
        print_json({one.location_id: {name: one.switch(name) for name in Name} for one in known})
        return
    columns = (("location", LEFT, False), *((str(name), LEFT, False) for name in Name))
    rows = [(one.location_id, *(one.switch(name) for name in Name)) for one in known]
    console().print(grid(*columns, rows=rows))


@app.command("set")
def set_(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Its id.")],
    name: Annotated[Name, typer.Argument(help="First messages, reminders, or messages of plans.")],
    state: Annotated[State, typer.Argument(help="Off acts on what is queued, too.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    as_json: AsJson = False,
) -> None:
    """Switch at once; money is still received and booked.

    Example: tieout switch set lumin chase off --by dana --reason "wrong template"
    """
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    if not reason.strip():
        usage("Say why: --reason WHY.")
    asyncio.run(_set(location, name, state, by.strip(), reason.strip(), as_json))


async def _set(
    location_id: str, name: Name, state: State, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        await locations.set_switch(books.conn, location_id, name.value, state.value, by, reason)
    if as_json:
        print_json({"location_id": location_id, "name": name, "state": state, "by": by})
    else:
        console().print(plain(f"{name} is {state} at {location_id}, by {by}."))
