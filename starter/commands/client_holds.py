"""`tieout client hold|release|exclude|promise`: when a client hears nothing, and until when."""

import asyncio
import contextlib
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, get_args
from uuid import uuid4

import typer

from connectors.ports import ConnectorError
from domain import calendar, ids
from domain.case import ClientHeld, ClientReleased
from domain.reply_case import promise_problem
from starter.desk.books import Books, open_books
from starter.desk.paper import confirmed, console, day_of, plain, print_json, usage
from starter.errors import Refusal
from store import holds, invoices, ledger, replies
from store.client_log import location_of
from store.holds import PERMANENT, ClientHold, HoldKind

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
Client = Annotated[
    str,
    typer.Argument(metavar="CLIENT", help="Client id, its first 4 or more letters, or an invoice."),
]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]
Day = Annotated[
    date | None,
    typer.Option(parser=day_of, help="The last silent day.", metavar="YYYY-MM-DD"),
]


Lifted = StrEnum("Lifted", {kind.upper(): kind for kind in get_args(HoldKind)})  # type: ignore[misc]
"""Every kind of hold; a release names one, or all that can be lifted are."""


class Kind(StrEnum):
    """Why a client hears nothing; the last two are for ever."""

    REPLY = "reply"
    DISPUTE = "dispute"
    COMPLAINT = "complaint"
    ADVERSE_EVENT = "adverse_event"
    LEGAL_HOLD = "legal_hold"
    DECEASED = "deceased"


def hold(
    client: Client,
    kind: Annotated[Kind, typer.Option(help="Why.")],
    by: By = "",
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Silence a client until a person lifts it; `legal_hold` and `deceased` are never lifted.

    Example: tieout client hold LUM-000001 --kind dispute --by dana --reason "wrong item"
    """
    answers_for(by, reason)
    is_sure = kind not in PERMANENT or confirmed(
        f"{kind} silences {client} for good, and nobody can lift it: go on?",
        yes=yes,
        as_json=as_json,
    )
    if not is_sure:
        raise Refusal("Nothing was changed.")
    asyncio.run(_hold(client, kind.value, by.strip(), reason.strip(), None, as_json))


def exclude(
    client: Client,
    by: By = "",
    reason: Reason = "",
    until: Day = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing to a client, for good or up to a day.

    Example: tieout client exclude LUM-000001 --until 2026-03-20 --by dana --reason hardship
    """
    answers_for(by, reason)
    asyncio.run(_hold(client, "exclusion", by.strip(), reason.strip(), until, as_json))


def promise(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="The printed number.")],
    until: Day = None,
    by: By = "",
    reason: Reason = "promised to pay",
    as_json: AsJson = False,
) -> None:
    """Send nothing about an invoice until the day after a promised one; one promise an invoice.

    Example: tieout client promise LUM-000001 --until 2026-03-20 --by dana
    """
    answers_for(by, reason)
    asyncio.run(_promise(invoice, until, by.strip(), reason, as_json))


def release(
    client: Client,
    by: By = "",
    reason: Reason = "",
    kind: Annotated[Lifted | None, typer.Option(help="Only holds of this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lift what silences a client; waiting visits go on, and look at everything again first.

    Example: tieout client release LUM-000001 --by dana --reason "settled by phone"
    """
    answers_for(by, reason)
    asyncio.run(_release(client, kind, by.strip(), reason.strip(), as_json))


def answers_for(by: str, reason: str) -> None:
    """Leave with 2 unless a named person says why."""
    if not by.strip():
        usage("Say who does it: --by NAME, or set TIEOUT_STAFF.")
    if not reason.strip():
        usage("Say why: --reason WHY.")


async def _today(books: Books, client_id: str) -> tuple[datetime, date]:
    """Now and the civil day on the clock of the client's location."""
    where = await books.location(await location_of(books.conn, client_id))
    now = datetime.now(UTC) + timedelta(seconds=where.clock_shift_seconds)
    return now, calendar.local_date(now, where.zone)


async def _hold(
    name: str, kind: str, by: str, reason: str, until: date | None, as_json: bool
) -> None:
    async with open_books() as books:
        client_id = await books.client_named(name)
        now, today = await _today(books, client_id)
        if until is not None and until < today:
            usage("The last silent day is past.")
        placed = _made(ids.hold_id(f"desk|{uuid4()}", client_id), client_id, kind, by, reason, now)
        placed = placed.model_copy(update={"until": until})
        await holds.place(books.conn, placed)
        await _tell_plans(books, placed)
    _say(placed, as_json)


async def _tell_plans(books: Books, placed: ClientHold) -> None:
    """Silence never waits for the engine: a plan that is not told reads it before it speaks."""
    from connectors.engine.client import EngineUnreachable
    from starter.desk.engine import tell_cases

    case_ids = await replies.plan_cases(books.conn, [placed.client_id])
    with contextlib.suppress(EngineUnreachable, ConnectorError):
        async with tell_cases(books.settings, case_ids) as tell:
            await tell("client_held", ClientHeld(hold_id=placed.hold_id))


async def _promise(name: str, until: date | None, by: str, reason: str, as_json: bool) -> None:
    async with open_books() as books:
        case_id = await books.case_named(name)
        document = await invoices.latest_document(books.conn, case_id)
        if document is None:
            raise Refusal(f"Nothing was billed for {name}.")
        if await ledger.balance_of_case(books.conn, case_id) <= 0:
            raise Refusal(f"Nothing is owed on {document.number}; nothing was changed.")
        now, today = await _today(books, document.client_id)
        problem = promise_problem(until, today)
        if problem is not None:
            usage(problem if until else "Say by when: --until DATE.")
        hold_id = ids.hold_id(f"promise|{case_id}", document.client_id)
        made = _made(hold_id, document.client_id, "promise", by, reason, now)
        made = made.model_copy(update={"case_id": case_id, "until": until})
        if not await holds.place(books.conn, made):
            raise Refusal("This invoice has had its one promise already; nothing was changed.")
    _say(made, as_json)


def _made(
    hold_id: str, client_id: str, kind: str, by: str, reason: str, at: datetime
) -> ClientHold:
    return ClientHold.model_validate(
        {
            "hold_id": hold_id,
            "client_id": client_id,
            "kind": kind,
            "placed_by": by,
            "reason": reason,
            "placed_at": at,
        }
    )


def _say(placed: ClientHold, as_json: bool) -> None:
    if as_json:
        print_json(placed.model_dump(mode="json"))
        return
    ends = f"until {placed.until}" if placed.until else "until a person lifts it"
    if placed.kind in PERMANENT:
        ends = "for good"
    console().print(plain(f"Silent {ends}: {placed.kind}, by {placed.placed_by}."))


async def _release(name: str, kind: Lifted | None, by: str, reason: str, as_json: bool) -> None:
    from starter.desk.engine import tell_cases

    async with open_books() as books:
        client_id = await books.client_named(name)
        now, _ = await _today(books, client_id)
        standing = [
            hold
            for hold in await holds.of_client(books.conn, client_id)
            if hold.released_at is None and kind in (None, hold.kind)
        ]
        lifted = [hold for hold in standing if hold.kind not in PERMANENT]
        if not lifted:
            forever = ", ".join(hold.kind for hold in standing)
            why = (
                f"{forever} is never lifted" if standing else f"{_none(kind)} silences this client"
            )
            raise Refusal(f"Nothing was changed: {why}.")
        case_ids = await replies.waiting_cases(books.conn, [client_id])
        # Reached before the books change: a visit that is not told would wait for ever.
        async with tell_cases(books.settings, case_ids) as tell:
            async with books.conn.transaction():
                for hold in lifted:
                    await holds.release(books.conn, hold.hold_id, by, reason, now)
            told = await tell("client_released", ClientReleased(hold_id=lifted[0].hold_id))
    _say_released(client_id, lifted, told, as_json)


def _none(kind: Lifted | None) -> str:
    return f"no {kind.replace('_', ' ')}" if kind else "nothing"


def _say_released(client_id: str, lifted: list[holds.PastHold], told: int, as_json: bool) -> None:
    if as_json:
        done: dict[str, Any] = {"client_id": client_id, "visits_told": told}
        print_json({**done, "released": [hold.hold_id for hold in lifted]})
        return
    kinds = ", ".join(sorted({hold.kind for hold in lifted}))
    visits = "1 visit goes on" if told == 1 else f"{told} visits go on"
    console().print(plain(f"Lifted: {kinds}. {visits}."))
