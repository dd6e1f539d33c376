"""`tieout lender`: whether lenders are heard of, and what they are taken to do."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from domain import ids
from domain.lender_contracts import CONTRACTS, LenderContract
from domain.lender_feed import missed
from domain.lender_money import LenderTerms
from domain.model import Authored, Record
from domain.plan_case import Lender
from starter.desk.books import Books, open_books
from starter.desk.paper import (
    LEFT,
    RIGHT,
    bullet,
    console,
    grid,
    heading,
    pairs,
    plain,
    print_json,
    usage,
)
from starter.files import BadFile, read_file, refuse
from store import lender_loans, lenders, reviews

app = typer.Typer(help="Lenders: their feeds, and what we take them to do.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
_DAY = timedelta(days=1)


class FeedStatus(Record):
    """One lender at one location. Instants are UTC; None is never."""

    lender: Lender
    location_id: str
    contract: str
    modes: tuple[str, ...]
    last_event: datetime | None
    last_poll: datetime | None
    last_file: datetime | None
    webhooks_missed: int
    """Changes of the last day that no webhook told."""
    unconfirmed: int
    """Plans whose status a webhook alone has told."""
    calls_this_hour: int
    """Of every location: the limit is the lender's."""
    calls_per_hour: int
    paused_seconds: int | None
    questions: int
    """Troubles of the feed that wait for a person."""


@app.callback()
def _group() -> None:
    """Lenders: their feeds, and what we take them to do."""


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show when each lender was last heard of, what is missing, and how much it was called.

    Example: tieout lender status

    Exit codes: 0 all is well, 1 a webhook is missed or a question is open.
    """
    asyncio.run(_status(as_json))


@app.command()
def contract(
    lender: Annotated[Lender, typer.Argument(help="Whose.")], as_json: AsJson = False
) -> None:
    """Show what a lender is taken to do, and what each claim rests on.

    Example: tieout lender contract cherry
    """
    found = CONTRACTS[lender]
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _show_contract(found)


class AgreedTerms(Authored):
    """A file of what a practice has agreed with its lenders."""

    terms: tuple[LenderTerms, ...] = Field(min_length=1)


@app.command()
def terms(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Its id.")],
    file: Annotated[Path, typer.Argument(help="JSON; see examples/lender-terms.json.")],
    by: Annotated[
        str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Agree on fees, days and tender names; loans keep the fee of the day they were signed.

    Example: tieout lender terms lumin examples/lender-terms.json --by dana
    """
    if not by:
        usage("Say who answers for it: --by NAME.")
    try:
        agreed = read_file(file, AgreedTerms, "it holds the terms of a few lenders")
    except BadFile as fault:
        refuse(str(fault))
    versions = asyncio.run(_agree(location, agreed, by))
    if as_json:
        print_json({"location_id": location, "versions": versions})
        return
    said = ", ".join(f"{lender} version {version}" for lender, version in versions.items())
    console().print(plain(f"Agreed at {location}: {said}."))


async def _agree(location_id: str, agreed: AgreedTerms, by: str) -> dict[str, int]:
    async with open_books() as books, books.conn.transaction():
        place = await books.location(location_id)
        return {
            str(each.lender): await lender_loans.put_terms(books.conn, place.location_id, each, by)
            for each in agreed.terms
        }


async def _status(as_json: bool) -> None:
    async with open_books() as books:
        found = [
            await _of(books, name, location_id)
            for name, keys in books.settings.lenders.items()
            for location_id in sorted(keys.accounts)
        ]
        if as_json:
            print_json([each.model_dump(mode="json") for each in found])
        else:
            await _show(books, found)
    if any(each.webhooks_missed or each.questions for each in found):
        raise typer.Exit(1)


async def _of(books: Books, name: str, location_id: str) -> FeedStatus:
    conn, of = books.conn, CONTRACTS[Lender(name)]
    place = await books.location(location_id)
    now = datetime.now(UTC) + timedelta(seconds=place.clock_shift_seconds)
    times = await lenders.times(conn, location_id, name)
    found = await lenders.found_since(conn, location_id, name, now - 2 * _DAY)
    asked = await reviews.open_of_case(conn, ids.feed_workflow_id(location_id, name))
    return FeedStatus(
        lender=of.lender,
        location_id=location_id,
        contract=of.version,
        modes=of.modes,
        last_event=times.last_event,
        last_poll=times.last_poll,
        last_file=times.last_file,
        webhooks_missed=len(missed(of, found, now)),
        unconfirmed=len(await lenders.hints(conn, location_id, name)),
        calls_this_hour=await lenders.calls_within(conn, name),
        calls_per_hour=of.calls_per_hour,
        paused_seconds=await lenders.pause_left(conn, name),
        questions=len(asked),
    )


async def _show(books: Books, found: list[FeedStatus]) -> None:
    async def when(each: FeedStatus, at: datetime | None) -> str:
        return await books.local(each.location_id, at) if at else "-"

    rows = [
        (
            each.lender,
            each.location_id,
            await when(each, each.last_event),
            await when(each, each.last_poll),
            await when(each, each.last_file),
            each.webhooks_missed or "-",
            each.unconfirmed or "-",
            f"{each.calls_this_hour}/{each.calls_per_hour}",
            each.questions or "-",
        )
        for each in found
    ]
    columns = (
        ("lender", LEFT, False), ("at", LEFT, True), ("event", LEFT, True), ("poll", LEFT, True),
        ("file", LEFT, True), ("missed", RIGHT, False), ("hints", RIGHT, False),
        ("calls", RIGHT, False), ("asked", RIGHT, False),
    )  # fmt: skip
    console().print(grid(*columns, rows=rows))


def _show_contract(found: LenderContract) -> None:
    out = console()
    ways = ", ".join(found.modes)
    limit = f"{found.calls_per_hour:,} an hour" if found.calls_per_hour else "none"
    first = (("contract", found.version), ("ways in", ways), ("calls", limit))
    out.print(pairs(first))
    out.print(heading("What it rests on"))
    for claim in found.claims:
        out.print(bullet(f"{claim.basis}: {claim.text}"))
