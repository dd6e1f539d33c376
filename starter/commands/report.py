"""`tieout report`: processor, lenders, PMS, bank and ledger, by the month and by the day."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain import calendar
from domain.month import Month, month_of, parse_month
from domain.month_end import MonthReport, plain_report
from starter.desk.books import Books, open_books
from starter.desk.paper import console, day_of, print_json, usage
from starter.errors import Refusal
from store import locations

if TYPE_CHECKING:
    from starter.desk.control_page import ControlReport

NO_LOCATION = "No location is known: run `tieout catalog import FILE` first."

app = typer.Typer(help="What the owner reads.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What the owner reads."""


@app.command("month-end")
def month_end(
    month: Annotated[
        str | None, typer.Option(help="The month; else the last one.", metavar="YYYY-MM")
    ] = None,
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the page for a browser.", metavar="FILE")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Show every item of every list.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")] = False,
) -> None:
    """Tie the month out, and name every cent of difference. It changes nothing.

    Example: tieout report month-end --month 2026-11 --html november.html

    Exit codes: 0 it ties out, 1 it does not, 2 something is misspelt.
    """
    try:
        meant = parse_month(month) if month else None
    except ValueError as fault:
        usage(str(fault))
    report = asyncio.run(_report(meant, location))
    if html is not None:
        _write(html, report)
    if as_json:
        print_json(plain_report(report))
    elif html is None:
        _print(report, whole)
    if not report.is_tied:
        raise typer.Exit(1)


async def _report(month: Month | None, location_id: str | None) -> MonthReport:
    from starter.desk.month_end import month_report

    async with open_books() as books:
        await books.known_location(location_id)
        month = month or await _last_month(books)
        async with books.conn.transaction(isolation="repeatable_read", readonly=True):
            return await month_report(books.conn, month, location_id)


async def _last_month(books: Books) -> Month:
    """The newest month that is over by the first location's calendar."""
    known = await locations.list_locations(books.conn)
    if not known:
        raise Refusal(NO_LOCATION)
    now = datetime.now(UTC) + timedelta(seconds=known[0].clock_shift_seconds)
    today = calendar.local_date(now, known[0].zone)
    return month_of(calendar.add_months(today.replace(day=1), -1))


def _print(report: MonthReport, whole: bool) -> None:
    from starter.desk.month_page import month_page

    console().print(month_page(report, whole=whole))


def _write(file: Path, report: MonthReport) -> None:
    from starter.desk.month_html import month_html

    try:
        file.write_text(month_html(report), encoding="utf-8")
    except OSError as error:
        usage(f"{file} cannot be written: {error.strerror or 'unknown reason'}.")
    typer.echo(f"{file} is written.", err=True)


@app.command("control")
def control(
    day: Annotated[
        date | None,
        typer.Option(
            parser=day_of,
            help="At the end of this day; else of the last one.",
            metavar="YYYY-MM-DD",
        ),
    ] = None,
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    whole: Annotated[bool, typer.Option("--all", help="Name everything that is off.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")] = False,
) -> None:
    """Show the daily control: each line, both sides, and who was asked. It changes nothing.

    Example: tieout report control --day 2026-11-20

    Exit codes: 0 nothing is off that nobody has explained, 1 something is, 2 misspelt.
    """
    reports = asyncio.run(_control(day, location))
    if as_json:
        from starter.desk.control_page import control_data

        print_json(control_data(reports))
    else:
        _print_control(reports, whole)
    if not all(report.is_settled for report in reports):
        raise typer.Exit(1)


async def _control(day: date | None, location_id: str | None) -> "list[ControlReport]":
    from activities.control import last_day_of
    from starter.desk.control_page import control_report

    async with open_books() as books:
        await books.known_location(location_id)
        known = await locations.list_locations(books.conn)
        if not known:
            raise Refusal(NO_LOCATION)
        places = [each for each in known if location_id in (None, each.location_id)]
        found = []
        for place in places:
            last = last_day_of(await books.now(place.location_id), place.zone)
            if day is not None and day > last:
                raise Refusal(f"{day} is not over at {place.location_id}; the last day is {last}.")
            async with books.conn.transaction(isolation="repeatable_read", readonly=True):
                found.append(await control_report(books.conn, place, day or last))
    return found


def _print_control(reports: "list[ControlReport]", whole: bool) -> None:
    from starter.desk.control_page import control_page

    for number, report in enumerate(reports):
        if number:
            typer.echo()
        console().print(control_page(report, whole=whole))
