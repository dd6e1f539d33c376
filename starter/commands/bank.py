"""`tieout bank list|claim`: lines of the statement that no payout explains."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from domain.money import dollars
from starter.desk.bank_claims import claim as claim_line
from starter.desk.books import SHORT, only_location, open_books
from starter.desk.paper import LEFT, RIGHT, console, grid, plain, print_json, usage
from store import bank, bank_claims

app = typer.Typer(help="Say what a line of the bank's statement is.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds none of the bank's words.")]


class Kind(StrEnum):
    """Cash of the drawer that was taken to the bank, or money that is none of these books'."""

    DRAWER = "drawer"
    OTHER = "other"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show the lines that are no payout and that nobody has claimed.

    Example: tieout bank list
    """
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with open_books() as books:
        loose = await bank_claims.loose(books.conn)
        if as_json:
            print_json([line.model_dump(mode="json") for line in loose])
            return
        words = {line.line_id: line.words for line in await bank.unmatched(books.conn, books.vault)}
    if not loose:
        console().print(plain("Every line is a payout or claimed."))
        return
    columns = (
        ("line", LEFT, False),
        ("day", LEFT, False),
        ("amount", RIGHT, False),
        ("the bank says", LEFT, True),
    )
    rows = [
        (line.line_id[:SHORT], line.on, dollars(line.amount_cents), words.get(line.line_id, ""))
        for line in loose
    ]
    console().print(grid(*columns, rows=rows))


@app.command()
def claim(
    line: Annotated[str, typer.Argument(metavar="LINE", help="Its id, or the beginning of it.")],
    kind: Annotated[Kind, typer.Argument(help="Cash from the drawer, or none of ours.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    location: Annotated[
        str | None, typer.Option(help="Whose drawer, where there are several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a line is; a deposit of the drawer is booked from 1040 to 1010 on its day.

    Example: tieout bank claim 1a2b3c4d drawer --by dana --reason "slip 44"
    """
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    if not reason.strip():
        usage("Say why: --reason WHY.")
    asyncio.run(_claim(line, kind, location, by.strip(), reason.strip(), as_json))


async def _claim(
    line_id: str, kind: Kind, location: str | None, by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        place = None
        if kind is Kind.DRAWER:
            place = await books.known_location(location) or await only_location(books)
        async with books.conn.transaction():
            line = await claim_line(books.conn, line_id, kind.value, place, by, reason)
    if as_json:
        print_json({**line.model_dump(mode="json"), "kind": kind, "location_id": place, "by": by})
    else:
        what = f"cash from the drawer of {place}" if place else "none of these books' money"
        amount = dollars(line.amount_cents)
        console().print(plain(f"{line.line_id[:SHORT]}, {amount} on {line.on}: {what}, by {by}."))
