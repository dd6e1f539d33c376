"""`tieout import carecredit|in-house FILE`: what a lender's file says, and into the books."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from activities.file_intake import FileIntake
from activities.lending_contracts import FeedRef
from domain.plan_case import Lender
from starter.desk import lender_files
from starter.desk.books import open_books
from starter.desk.lender_files import Outcome
from starter.desk.paper import LEFT, console, grid, plain, print_json
from starter.settings import load_settings
from starter.wiring import Wiring, temporal_client, wired
from store.locations import Location

File = Annotated[Path, typer.Argument(help="CSV file.")]
Where = Annotated[str | None, typer.Option(metavar="ID", help="If there are several.")]
Apply = Annotated[bool, typer.Option("--apply", help="Import; else only look.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

Take = Callable[[Wiring, Location], Awaitable[int]]


def carecredit(
    file: File, location: Where = None, apply: Apply = False, by: By = "", as_json: AsJson = False
) -> None:
    """Read an export file by its own name; a dry run unless --apply is given.

    Bad rows are named by line and hold back no other.

    Example: tieout import carecredit cc_5348120012345678_20261103_1.csv --apply --by dana

    Exit codes: 0 done, 1 a row is bad or the file is not whole, 2 no such export.
    """
    asyncio.run(_carecredit(file, location, apply, by or getpass.getuser(), as_json))


def in_house(
    file: File, location: Where = None, apply: Apply = False, by: By = "", as_json: AsJson = False
) -> None:
    """Read plans that the practice lends itself; a dry run unless --apply is given.

    Example: tieout import in-house examples/plans.csv --apply --by dana

    Exit codes: 0 done, 1 a row is bad, 2 no such file.
    """
    asyncio.run(_in_house(file, location, apply, by or getpass.getuser(), as_json))


async def _carecredit(
    file: Path, location_id: str | None, is_applied: bool, by: str, as_json: bool
) -> None:
    raw = lender_files.bytes_of(file)
    async with open_books() as books:
        place = await lender_files.where(books, location_id)
        export = lender_files.carecredit(file.name, raw, place, _now(place))
        changes = await lender_files.changes(books.conn, export.facts)

    async def take(wiring: Wiring, place: Location) -> int:
        feed = FeedRef(location_id=place.location_id, lender=Lender.CARECREDIT)
        done = await FileIntake(wiring.pool, wiring.plans).take(export, raw, feed, None, by)
        return done.told

    outcome = Outcome(
        lender=Lender.CARECREDIT,
        location_id=place.location_id,
        applied=is_applied,
        rows=export.rows,
        plans=changes,
        bad=export.bad,
        fault=export.fault,
        told=await _apply(take, place) if is_applied else 0,
    )
    _end(outcome, as_json)


async def _in_house(
    file: Path, location_id: str | None, is_applied: bool, by: str, as_json: bool
) -> None:
    raw = lender_files.bytes_of(file)
    async with open_books() as books:
        place = await lender_files.where(books, location_id)
        found = lender_files.in_house(file.name, raw, place, _now(place))
        changes = await lender_files.changes(books.conn, found.facts)

    async def take(wiring: Wiring, _: Location) -> int:
        return len(await wiring.plans.take(found.facts, f"import by {by}"))

    outcome = Outcome(
        lender=Lender.IN_HOUSE,
        location_id=place.location_id,
        applied=is_applied,
        rows=found.rows,
        plans=changes,
        bad=found.bad,
        told=await _apply(take, place) if is_applied else 0,
    )
    _end(outcome, as_json)


async def _apply(take: Take, place: Location) -> int:
    """Into the books, and each plan's case told; nothing is written while Temporal is away."""
    settings = load_settings()
    async with wired(settings, await temporal_client(settings)) as wiring:
        return await take(wiring, place)


def _now(place: Location) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=place.clock_shift_seconds)


def _end(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json(outcome.model_dump(mode="json"))
    else:
        _show(outcome)
    if not outcome.is_well:
        raise typer.Exit(1)


def _show(outcome: Outcome) -> None:
    out = console()
    if outcome.plans:
        columns = (("plan", LEFT, False), ("status", LEFT, False), ("it is", LEFT, False))
        rows = [
            (each.plan_id, each.status.replace("_", " "), each.change) for each in outcome.plans
        ]
        out.print(grid(*columns, rows=rows))
    for bad in outcome.bad:
        out.print(plain(f"line {bad.row}: {bad.why}"))
    if outcome.fault:
        out.print(plain(f"The file is not whole: {outcome.fault}."))
    counts = f"{outcome.rows} rows, {len(outcome.plans)} plans, {len(outcome.bad)} bad rows"
    ends = f", {outcome.told} told" if outcome.applied else ". Nothing was written; add --apply"
    out.print(plain(f"{counts}{ends}."))
