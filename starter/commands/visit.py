"""`tieout visit list|show|hold|release|close`: visits as the books have them, and the brake."""

import asyncio
from typing import Annotated

import typer

from domain.case import Close, Hold, Release
from starter.desk.books import Books, open_books
from starter.desk.paper import confirmed, console, plain, print_json, usage
from starter.desk.visits_view import (
    list_page,
    standing_data,
    standing_words,
    visit_data,
    visit_page,
)
from starter.errors import Refusal
from store import visits
from store.visits import Action, VisitStanding

app = typer.Typer(help="Treatment visits: list, show, hold, release, close.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
Name = Annotated[
    str,
    typer.Argument(metavar="VISIT", help="Invoice number, order id or its beginning, or case id."),
]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]

_DONE = {"hold": "Held", "release": "Released", "close": "Closed"}


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Settled and ended ones too.")] = False,
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the visits with something still to come, oldest first.

    Names are shown on a terminal alone; a pipe or a file gets initials.

    Example: tieout visit list --all --location lumin
    """
    asyncio.run(_list(all_, location, as_json))


async def _list(all_: bool, location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        known = await visits.standings(books.conn, await books.known_location(location))
        shown = [visit for visit in known if all_ or visit.is_open]
        if as_json:
            print_json([standing_data(visit) for visit in shown])
        elif shown:
            console().print(await list_page(books, shown))
        else:
            console().print(plain("No visit yet." if all_ else "No visit is open."))


@app.command()
def show(visit: Name, as_json: AsJson = False) -> None:
    """Tell a visit's story: bill with reasons, payments, messages, books, questions.

    Example: tieout visit show LUM-000001
    """
    asyncio.run(_show(visit, as_json))


async def _show(name: str, as_json: bool) -> None:
    async with open_books() as books:
        visit = await _standing(books, name)
        if as_json:
            print_json(await visit_data(books, visit))
        else:
            console().print(await visit_page(books, visit))
            # One unbroken line, so that a terminal makes it a link.
            console().print(plain(books.history_url(visit.case_id)), soft_wrap=True)


@app.command()
def hold(visit: Name, by: By = "", reason: Reason = "", as_json: AsJson = False) -> None:
    """Stop every message of a visit until somebody releases it.

    Example: tieout visit hold LUM-000001 --by dana --reason "patient called"
    """
    person, why = _answerable(by), _because(reason)
    asyncio.run(_tell("hold", visit, Hold(by=person, reason=why), why, as_json))


@app.command()
def release(visit: Name, by: By = "", reason: Reason = "", as_json: AsJson = False) -> None:
    """Let a held visit go on.

    Example: tieout visit release LUM-000001 --by dana
    """
    person = _answerable(by)
    asyncio.run(_tell("release", visit, Release(by=person), reason.strip(), as_json))


@app.command()
def close(
    visit: Name,
    by: By = "",
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a visit's case: no message follows, and what is owed stays in the books.

    Example: tieout visit close LUM-000001 --by dana --reason "settled in court"
    """
    person, why = _answerable(by), _because(reason)
    message = Close(by=person, reason=why)
    asyncio.run(_tell("close", visit, message, why, as_json, ask=not yes))


async def _tell(
    action: Action,
    name: str,
    message: Hold | Release | Close,
    reason: str,
    as_json: bool,
    ask: bool = False,
) -> None:
    async with open_books() as books:
        visit = await _standing(books, name)
        called = visit.number or visit.order_id
        if action == "release" and not visit.held:
            raise Refusal(f"{called} is not held: {standing_words(visit)}.")
        if not confirmed(f"Really {action} {called}?", yes=not ask, as_json=as_json):
            typer.echo("Nothing was changed.", err=True)
            raise typer.Exit(1)
        from starter.desk.engine import tell_case

        # Written first and committed last: a case that refuses leaves no trace of a deed.
        async with books.conn.transaction():
            await visits.record_action(books.conn, visit.case_id, action, message.by, reason)
            await tell_case(books.settings, visit.case_id, action, message)
    if as_json:
        print_json({"case_id": visit.case_id, "action": action, "by": message.by})
    else:
        console().print(plain(f"{_DONE[action]} {called}, by {message.by}."))


async def _standing(books: Books, name: str) -> VisitStanding:
    case_id = await books.case_named(name)
    return (await visits.standings(books.conn, case_ids=[case_id]))[0]


def _answerable(by: str) -> str:
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    return by.strip()


def _because(reason: str) -> str:
    if not reason.strip():
        usage("Say why: --reason WHY.")
    return reason.strip()
