"""`tieout plan add|list|show|dates|paid|pause|resume|cancel`: plans as the desk has them."""

import asyncio
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from activities.desk_installments import KINDS, DeskPayment
from activities.installments import unbilled
from domain import ids
from domain.case import Close, Hold, Release
from domain.in_house import Terms
from domain.money import dollars
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import PlanFact
from starter.desk import plan_entry
from starter.desk.answers import cents_of
from starter.desk.books import open_books
from starter.desk.paper import confirmed, console, day_of, plain, print_json, usage
from starter.desk.plans_view import (
    is_running,
    list_page,
    plan_data,
    plan_page,
    row_data,
    row_named,
)
from starter.errors import Refusal
from store import plans

app = typer.Typer(
    help="Financing plans: add, list, show, dates, paid, pause, resume, cancel.",
    no_args_is_help=True,
)

Tender = StrEnum("Tender", {kind.upper(): kind for kind in KINDS})  # type: ignore[misc]
"""How an instalment was paid at the desk."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
Plan = Annotated[str, typer.Argument(metavar="PLAN", help="Plan id or its beginning, or case id.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]
Day = typer.Option(parser=day_of, metavar="YYYY-MM-DD", help="A civil day.")
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")]


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    lender: Annotated[Lender | None, typer.Option(help="Of one lender alone.")] = None,
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the plans that are not over, the one that changed last first.

    Example: tieout plan list --lender cherry
    """
    asyncio.run(_list(all_, lender, location, as_json))


async def _list(all_: bool, lender: Lender | None, location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        place = await books.known_location(location)
        found = await plans.list_plans(books.conn, place, lender)
        shown = [row for row in found if all_ or is_running(row.standing)]
        if as_json:
            print_json([await row_data(books, row) for row in shown])
        elif shown:
            console().print(await list_page(books, shown))
        else:
            console().print(plain("No plan yet." if all_ else "No plan is running."))


@app.command()
def show(plan: Plan, as_json: AsJson = False) -> None:
    """Tell a plan's story: where it stands, what was said, what is asked.

    Example: tieout plan show 5f1c2a9e
    """
    asyncio.run(_show(plan, as_json))


async def _show(name: str, as_json: bool) -> None:
    async with open_books() as books:
        row = await row_named(books, name)
        if as_json:
            print_json(await plan_data(books, row))
        else:
            console().print(await plan_page(books, row))


@app.command()
def add(
    client: Annotated[str, typer.Option(help="Client id, its beginning, or an invoice.")],
    total: Annotated[str, typer.Option(help="What is paid by instalments, in dollars.")],
    installments: Annotated[int, typer.Option(help="How many; 1 to 60.")],
    first_due: Annotated[date, Day],
    every: Annotated[str, typer.Option(help="week, 2 weeks or month.")] = "month",
    visit: Annotated[str | None, typer.Option(help="The invoice that it pays for.")] = None,
    sessions: Annotated[int | None, typer.Option(help="Planned, if it is a series.")] = None,
    finance_charge: Annotated[str, typer.Option(help="In dollars; needs a disclosure.")] = "0",
    disclosure: Annotated[
        str | None, typer.Option(help="Id of the signed disclosure document.")
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Enter a plan that the practice lends itself, as it was signed.

    Example: tieout plan add --client LUM-000004 --visit LUM-000004 --total 600 --installments 3
    --first-due 2026-12-20 --by dana
    """
    terms = Terms(
        total_cents=cents_of(total) or 0,
        installments=installments,
        first_due_on=first_due,
        every=every,
        finance_charge_cents=cents_of(finance_charge) or 0,
        disclosure_id=disclosure,
    )
    asyncio.run(_add(client, terms, visit, sessions, _answerable(by), as_json))


async def _add(
    client: str, terms: Terms, visit: str | None, sessions: int | None, by: str, as_json: bool
) -> None:
    async with open_books() as books:
        fact = await plan_entry.signed_plan(books, client, terms, visit, sessions)
    await plan_entry.take(fact, by)
    if as_json:
        print_json({"plan_id": fact.plan_id, "case_id": _case_id(fact), "by": by})
        return
    console().print(plain(f"Plan {fact.plan_id} is entered, by {by}:", "bold"))
    for part in fact.installments or ():
        console().print(plain(f"  {part.due_on}  {dollars(part.amount_cents)}"))


@app.command()
def paid(
    plan: Plan,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which instalment.")],
    kind: Annotated[Tender, typer.Option(help="What was taken; card is the desk's terminal.")],
    receipt: Annotated[str, typer.Option(help="What the desk calls it; counts once.")],
    amount: Annotated[
        str | None, typer.Option(help="In dollars; without it, all that is owed.")
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Enter an instalment of our own that was paid at the desk; its reminders end.

    Example: tieout plan paid 5f1c2a9e 2 --kind cash --receipt R-1042 --by dana
    """
    cents = cents_of(amount) if amount is not None else None
    if amount is not None and not cents:
        usage("Give the amount in dollars: --amount 200.00.")
    asyncio.run(_paid(plan, number, kind.value, receipt.strip(), cents, _answerable(by), as_json))


async def _paid(
    name: str, number: int, kind: str, receipt: str, cents: int | None, by: str, as_json: bool
) -> None:
    async with open_books() as books:
        row = await row_named(books, name)
        at = await plan_entry.now_of(books, row.standing.location_id)
    if row.standing.lender is not Lender.IN_HOUSE:
        raise Refusal("This plan is the lender's: what is paid on it does not come to us.")
    if not receipt:
        usage("Name the receipt: --receipt R-1042.")
    given = DeskPayment(number=number, kind=kind, receipt=receipt, amount_cents=cents, by=by)
    booked_cents = await plan_entry.take_payment(row.standing, given, at)
    if as_json:
        print_json({"plan_id": row.standing.plan_id, "number": number, "paid_cents": booked_cents})
    elif booked_cents:
        words = f"Instalment {number}: {dollars(booked_cents)} by {kind}, entered by {by}."
        console().print(plain(words))
    else:
        console().print(plain(f"Receipt {receipt} was entered before; nothing was changed."))


@app.command()
def dates(
    plan: Plan,
    first: Annotated[date | None, Day] = None,
    final: Annotated[date | None, Day] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Enter the first or final payment date of a lender's plan; reminders follow it.

    Example: tieout plan dates 5f1c2a9e --first 2026-12-20 --by dana
    """
    if first is None and final is None:
        usage("Give a date: --first YYYY-MM-DD, --final YYYY-MM-DD, or both.")
    asyncio.run(_dates(plan, first, final, _answerable(by), as_json))


async def _dates(name: str, first: date | None, final: date | None, by: str, as_json: bool) -> None:
    async with open_books() as books:
        row = await row_named(books, name)
        fact = await plan_entry.dates_of(books, row.standing, first, final)
    await plan_entry.take(fact, by)
    _said(fact, "dates", by, "The dates are entered; the reminders follow them.", as_json)


@app.command()
def pause(plan: Plan, by: By = "", reason: Reason = "", as_json: AsJson = False) -> None:
    """Stop every message of a plan until somebody resumes it.

    Example: tieout plan pause 5f1c2a9e --by dana --reason "moving house"
    """
    person, why = _answerable(by), _because(reason)
    asyncio.run(_tell("hold", plan, Hold(by=person, reason=why), "Paused.", as_json))


@app.command()
def resume(plan: Plan, by: By = "", as_json: AsJson = False) -> None:
    """Let a paused plan go on.

    Example: tieout plan resume 5f1c2a9e --by dana
    """
    asyncio.run(_tell("release", plan, Release(by=_answerable(by)), "Resumed.", as_json))


@app.command()
def cancel(
    plan: Plan, by: By = "", reason: Reason = "", yes: Yes = False, as_json: AsJson = False
) -> None:
    """End a plan: our own is cancelled; of a lender's, our messages stop and the rest is theirs.

    Example: tieout plan cancel 5f1c2a9e --by dana --reason "patient withdrew"
    """
    asyncio.run(_cancel(plan, _answerable(by), _because(reason), yes, as_json))


async def _cancel(name: str, by: str, why: str, yes: bool, as_json: bool) -> None:
    async with open_books() as books:
        row = await row_named(books, name)
        at = await plan_entry.now_of(books, row.standing.location_id)
        left_cents = await unbilled(books.conn, row.standing)
    if not confirmed(f"Really cancel {row.standing.plan_id}?", yes=yes, as_json=as_json):
        raise Refusal("Nothing was changed.")
    if row.standing.lender is not Lender.IN_HOUSE:
        await _tell("close", name, Close(by=by, reason=why), "No message follows.", as_json)
        return
    fact = plan_entry.staff_fact(row.standing, at, status=PlanStatus.CANCELLED)
    await plan_entry.take(fact, by)
    words = "The plan is cancelled; what was billed stays owed."
    if left_cents > 0:
        words += (
            f" {dollars(left_cents)} were not billed yet: `tieout review list` asks about them."
        )
    _said(fact, "cancel", by, words, as_json)


async def _tell(
    update: str, name: str, message: Hold | Release | Close, done: str, as_json: bool
) -> None:
    from starter.desk.engine import tell_case

    async with open_books() as books:
        row = await row_named(books, name)
        standing = row.standing
        case_id = ids.plan_workflow_id(standing.location_id, standing.lender, standing.plan_id)
        await tell_case(books.settings, case_id, update, message)
    if as_json:
        print_json({"case_id": case_id, "action": update, "by": message.by})
    else:
        console().print(plain(f"{done} {standing.plan_id}, by {message.by}."))


def _said(fact: PlanFact, action: str, by: str, words: str, as_json: bool) -> None:
    if as_json:
        print_json({"case_id": _case_id(fact), "action": action, "by": by})
    else:
        console().print(plain(words))


def _case_id(fact: PlanFact) -> str:
    return ids.plan_workflow_id(fact.location_id, fact.lender, fact.plan_id)


def _answerable(by: str) -> str:
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    return by.strip()


def _because(reason: str) -> str:
    if not reason.strip():
        usage("Say why: --reason WHY.")
    return reason.strip()
