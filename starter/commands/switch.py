"""`tieout switch list|set`: what a location may send or write, read at the moment of doing it."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from domain.case import PaymentPosted
from starter.desk.books import Books, open_books
from starter.desk.paper import LEFT, console, grid, plain, print_json, usage
from store import locations, reviews
from store.locations import Location, SwitchChange

app = typer.Typer(
    help="Switch a location's messages and its PMS write-back off and on.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]


class Name(StrEnum):
    """What can be switched: first messages, reminders, messages of plans, writes to the PMS."""

    SEND = "send"
    CHASE = "chase"
    PLANS = "plans"
    WRITE_BACK = locations.WRITE_BACK


class State(StrEnum):
    """A step that falls due while its switch is off is recorded as skipped, not sent later.

    A note for the PMS waits, and is written once its switch is live.
    """

    LIVE = "live"
    OFF = "off"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show every location's switches; of those that are not live, who set them, when and why."""
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with open_books() as books:
        known = await locations.list_locations(books.conn)
        changes = await locations.not_live(books.conn)
        if as_json:
            print_json({one.location_id: _data(one, changes) for one in known})
            return
        columns = (("location", LEFT, False), *((str(name), LEFT, False) for name in Name))
        rows = [(one.location_id, *(one.switch(name) for name in Name)) for one in known]
        console().print(grid(*columns, rows=rows))
        for change in changes:
            console().print(plain(await _set_by(books, change)))


def _data(one: Location, changes: list[SwitchChange]) -> dict[str, object]:
    set_by = {each.name: each for each in changes if each.location_id == one.location_id}
    why = {"changed_by", "reason", "recorded_at"}
    not_live = {name: each.model_dump(mode="json", include=why) for name, each in set_by.items()}
    return {**{name: one.switch(name) for name in Name}, "not_live": not_live}


async def _set_by(books: Books, change: SwitchChange) -> str:
    since = await books.local(change.location_id, change.recorded_at)
    what = f"{change.name} is {change.state} at {change.location_id} since {since}"
    return f"{what}, by {change.changed_by}: {change.reason}"


@app.command("set")
def set_(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Its id.")],
    name: Annotated[Name, typer.Argument(help="What is switched.")],
    state: Annotated[State, typer.Argument(help="Off acts on what is queued, too.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    as_json: AsJson = False,
) -> None:
    """Switch at once; money is still received and booked.

    While write-back is off, nothing is written to the PMS and each payment is a task for the
    desk; live again, the visits with a note that waits look in the PMS for it and write it.

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
    from starter.desk.engine import tell_cases

    async with open_books() as books:
        resumes = (name, state) == (Name.WRITE_BACK, State.LIVE)
        case_ids = await reviews.with_waiting_note(books.conn, location_id) if resumes else []
        # Reached before the switch changes: a visit that is not told waits for its reminder.
        async with tell_cases(books.settings, case_ids) as tell:
            await locations.set_switch(books.conn, location_id, name.value, state.value, by, reason)
            hint = PaymentPosted(payment_id=f"{name}/{location_id}")
            told = await tell("payment_posted", hint)
    done = {"location_id": location_id, "name": name, "state": state, "by": by}
    if as_json:
        print_json({**done, "visits_told": told} if resumes else done)
        return
    console().print(plain(f"{name} is {state} at {location_id}, by {by}."))
    if resumes:
        console().print(plain(f"Visits with a note that waited: {told}; each writes it now."))
