"""`tieout period close|list`: months that are signed off and never change again."""

import asyncio
from typing import Annotated

import typer

from domain.money import dollars
from domain.month import Month, parse_month
from starter.desk.answers import cents_of
from starter.desk.books import Books, only_location, open_books
from starter.desk.closing import close_month
from starter.desk.paper import (
    LEFT,
    RIGHT,
    confirmed,
    console,
    grid,
    plain,
    print_json,
    usage,
)
from store import periods
from store.periods import PeriodClose

app = typer.Typer(help="Close a month, and list the closed ones.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names of clients.")]
Where = Annotated[str | None, typer.Option(help="Its id, where there are several.")]


@app.command("list")
def list_(location: Where = None, as_json: AsJson = False) -> None:
    """Show the closed months: who signed them, and what was open then.

    Example: tieout period list
    """
    asyncio.run(_list(location, as_json))


async def _list(location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        closed = await periods.list_closed(books.conn, await books.known_location(location))
        if as_json:
            print_json([_data(each) for each in closed])
        elif closed:
            console().print(await _page(books, closed))
        else:
            console().print(plain("No month is closed."))


@app.command()
def close(
    month: Annotated[str, typer.Option(help="The month.", metavar="YYYY-MM")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who signs it.", metavar="NAME")
    ] = "",
    location: Where = None,
    reason: Annotated[
        str, typer.Option(help="Why it is signed although it is off.", metavar="WHY")
    ] = "",
    limit: Annotated[
        str, typer.Option(help="Open questions up to this may stay.", metavar="DOLLARS")
    ] = "0.00",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a month for good; later facts are booked in the next one, as adjustments.

    It must tie out, and no question above the limit may be open, unless it is signed with a reason.

    Example: tieout period close --month 2026-11 --by dana

    Exit codes: 0 closed, 1 refused, 2 something is missing or misspelt.
    """
    if not by.strip():
        usage("Say who signs: --by NAME, or set TIEOUT_STAFF.")
    try:
        meant = parse_month(month)
    except ValueError as fault:
        usage(str(fault))
    if not confirmed(f"Close {meant} for good?", yes=yes, as_json=as_json):
        typer.echo("Nothing was closed.", err=True)
        raise typer.Exit(1)
    limit_cents = cents_of(limit) or 0
    asyncio.run(_close(location, meant, by.strip(), reason.strip(), limit_cents, as_json))


async def _close(
    location: str | None, month: Month, by: str, reason: str, limit_cents: int, as_json: bool
) -> None:
    async with open_books() as books:
        place = await books.known_location(location) or await only_location(books)
        period = await close_month(books, place, month, by, reason, limit_cents)
    if as_json:
        print_json(_data(period))
    else:
        console().print(plain(f"{month} is closed at {place}, by {by}."))


def _data(period: PeriodClose) -> dict[str, object]:
    return {**period.model_dump(mode="json", exclude={"month"}), "month": str(period.month)}


async def _page(books: Books, closed: list[PeriodClose]) -> object:
    columns = (
        ("month", LEFT, False),
        ("location", LEFT, True),
        ("signed", LEFT, False),
        ("by", LEFT, True),
        ("off by", RIGHT, False),
        ("open", RIGHT, False),
        ("reason", LEFT, True),
    )
    rows = [
        (
            each.month,
            each.location_id,
            (await books.local(each.location_id, each.signed_at))[:10],
            each.signed_by,
            dollars(each.off_cents) if not each.unchecked else "not checked",
            each.open_above_limit,
            each.reason,
        )
        for each in closed
    ]
    return grid(*columns, rows=rows)
