"""`tieout agency list|export|remit|recall`: debts that a person handed to a collection agency."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from domain.ledger import ACCOUNTS
from domain.money import dollars
from starter.desk import agency as desk
from starter.desk.answers import cents_of
from starter.desk.books import Books, open_books
from starter.desk.paper import (
    LEFT,
    RIGHT,
    bullet,
    confirmed,
    console,
    day_of,
    grid,
    heading,
    indented,
    plain,
    print_json,
    usage,
)
from store import agency
from store.agency import Placement

app = typer.Typer(help="Debts at a collection agency.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")]
Place = Annotated[str | None, typer.Option("--location", help="Of one location alone.")]


@app.command("list")
def list_(location: Place = None, as_json: AsJson = False) -> None:
    """Show every debt that was handed over, what is owed of it, and who has it.

    Example: tieout agency list --location lumin
    """
    asyncio.run(_list(location, as_json))


async def _list(location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        place = await books.known_location(location)
        known = await agency.placements(books.conn, place)
    if as_json:
        print_json([_data(each) for each in known])
    elif known:
        console().print(_table(known))
    else:
        console().print(plain("No debt was handed to an agency."))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV to write.")],
    to: Annotated[str, typer.Option("--to", help="The agency's name.", metavar="AGENCY")] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Those that it has, too, as they stand today.")
    ] = False,
    location: Place = None,
    by: By = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Write the agency's list: debtor, amount, last payment, days of our messages.

    The file names patients and says nothing of a treatment. What is on it is the agency's then.

    Example: tieout agency export november.csv --to "our agency" --by dana
    """
    if not to.strip():
        usage("Say which agency: --to AGENCY.")
    _answerable(by)
    asyncio.run(_export(file, to.strip(), every, location, by.strip(), dry_run, yes, as_json))


async def _export(
    file: Path,
    to: str,
    every: bool,
    location: str | None,
    by: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    async with open_books() as books:
        place = await books.known_location(location)
        known = await agency.placements(books.conn, place)
        listed = [each for each in desk.to_list(known, every) if each.agency in (None, to)]
        if not as_json:
            console().print(_table(listed) if listed else plain("No debt waits for a list."))
        is_meant = bool(listed) and not dry_run
        if is_meant and confirmed(f"Hand {len(listed)} to {to}?", yes=yes, as_json=as_json):
            text = await desk.file_of(books, listed)
            async with books.conn.transaction():
                ids = [each.placement_id for each in listed]
                await agency.export(books.conn, ids, to, by, datetime.now(UTC))
                desk.write(file, text, is_again=any(each.agency is None for each in listed))
        else:
            is_meant = False
    if as_json:
        rows = [_data(each) for each in listed]
        print_json({"file": str(file) if is_meant else None, "agency": to, "debts": rows})
    elif is_meant:
        console().print(plain(f"{file}: {len(listed)} for {to}. Send it as the agency asks."))


@app.command()
def remit(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The agency's own.")],
    paid: Annotated[
        list[str], typer.Argument(metavar="INVOICE=AMOUNT...", help="What debtors paid, in full.")
    ],
    fee: Annotated[str, typer.Option(help="What the agency keeps of it.", metavar="AMOUNT")],
    net: Annotated[str, typer.Option(help="What it pays to the bank.", metavar="AMOUNT")],
    on: Annotated[
        date, typer.Option(parser=day_of, help="Day of its payment.", metavar="YYYY-MM-DD")
    ],
    by: By = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Book what the agency has paid: the invoices, less its fee, is what the bank got.

    Example: tieout agency remit R-77 LUM-000007=200 --fee 70 --net 130 --on 2026-12-04 --by dana
    """
    _answerable(by)
    gross: dict[str, int] = {}
    for each in paid:
        name, is_given, amount = each.rpartition("=")
        cents = cents_of(amount) if is_given else None
        if not cents or name in gross:
            usage(f"{each} is not an invoice with its amount; write LUM-000007=200.00, each once.")
        gross[name] = cents
    fee_cents, net_cents = cents_of(fee) or 0, cents_of(net) or 0
    asyncio.run(
        _remit(reference, gross, (fee_cents, net_cents), on, by.strip(), (dry_run, yes, as_json))
    )


async def _remit(
    reference: str,
    gross: dict[str, int],
    less: tuple[int, int],
    on: date,
    by: str,
    how: tuple[bool, bool, bool],
) -> None:
    from starter.desk.engine import wake

    dry_run, yes, as_json = how
    async with open_books() as books:
        # Nobody waits for a lock while a person reads.
        attempt = books.conn.transaction()
        await attempt.start()
        try:
            done = await desk.book(books, reference, on, gross, *less, by)
        finally:
            await attempt.rollback()
        if not as_json:
            _say_remitted(done)
        is_meant = not dry_run and confirmed("Book it?", yes=yes, as_json=as_json)
        if is_meant:
            async with books.conn.transaction():
                done = await desk.book(books, reference, on, gross, *less, by)
            place = await books.location(done.paid.location_id)
            await wake(books.settings, place, done.settled, f"agency/{done.paid.remittance_id}")
    if as_json:
        print_json({**done.model_dump(mode="json"), "is_booked": is_meant})
    elif is_meant:
        console().print(plain("Booked." if done.is_new else "It was booked before; nothing new."))


def _say_remitted(done: desk.Booked) -> None:
    nets: dict[str, int] = {}
    for line in (line for entry in done.entries for line in entry.postings):
        nets[line.account] = nets.get(line.account, 0) + line.debit_cents - line.credit_cents
    columns = (("", LEFT, False), ("account", LEFT, True), ("debit", RIGHT, False))
    rows = [(account, ACCOUNTS[account], *_sides(cents)) for account, cents in sorted(nets.items())]
    page = console()
    page.print(heading(f"{done.paid.agency}, {done.paid.reference}: in the ledger"))
    page.print(indented(grid(*columns, ("credit", RIGHT, False), rows=rows)))
    for case_id, cents in done.left_cents.items():
        page.print(bullet(f"{case_id.rpartition('/')[2]}: {dollars(cents)} is owed then."))


def _sides(cents: int) -> tuple[str, str]:
    return (dollars(cents), "") if cents > 0 else ("", dollars(-cents) if cents else "")


@app.command()
def recall(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="The printed number.")],
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")] = "",
    as_json: AsJson = False,
) -> None:
    """Take a debt back; the desk is asked how it goes on, and the patient hears nothing.

    Tell the agency yourself.

    Example: tieout agency recall LUM-000007 --by dana --reason "pays the practice now"
    """
    _answerable(by)
    if not reason.strip():
        usage("Say why: --reason WHY.")
    asyncio.run(_recall(invoice, by.strip(), reason.strip(), as_json))


async def _recall(invoice: str, by: str, reason: str, as_json: bool) -> None:
    from starter.desk.engine import wake

    async with open_books() as books:
        placed = await desk.recall(books, invoice, by, reason, await _now(books, invoice))
        place = await books.location(placed.location_id)
        woken = [placed.case_id] if placed.owed_cents > 0 else []
        await wake(books.settings, place, woken, f"recall/{placed.placement_id}")
    if as_json:
        print_json(_data(placed.model_copy(update={"recalled_at": datetime.now(UTC)})))
    else:
        console().print(plain(f"{placed.number} is the practice's again; the desk is asked."))


async def _now(books: Books, invoice: str) -> datetime:
    case_id = await books.case_named(invoice)
    place = await books.location(case_id.split("/")[1])
    return datetime.now(UTC) + timedelta(seconds=place.clock_shift_seconds)


def _data(each: Placement) -> dict[str, object]:
    return {**each.model_dump(mode="json"), "state": each.state}


def _table(known: list[Placement]) -> object:
    rows = [
        (
            each.number,
            each.placed_on,
            dollars(each.owed_cents),
            dollars(each.remitted_cents),
            each.agency or "",
            each.state.replace("_", " "),
        )
        for each in known
    ]
    columns = (("invoice", LEFT, False), ("since", LEFT, False), ("owed", RIGHT, False))
    return grid(
        *columns, ("came in", RIGHT, False), ("agency", LEFT, True), ("", LEFT, True), rows=rows
    )


def _answerable(by: str) -> None:
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
