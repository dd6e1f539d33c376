"""Money from a payment page of ours: split over the client's invoices, or held for a person.

Whoever sees it first books it: the visit that reads the money, the workflow of the payment, or
the pay page when the payer comes back. The payment's own fact in the books makes it once.
"""

from datetime import datetime

from activities.posting import grant_credit_to, has_home, note_paid
from activities.questions import ask_about_returned
from connectors.ports import LoosePayment, ProcessorCheckout
from domain import calendar, entries, entries_held, ids
from domain.model import Record
from domain.statement import InSuspense, OwedInvoice, Placed, place, split
from store import checkouts, invoices, ledger, payments
from store.checkouts import Checkout
from store.db import Conn
from store.payments import PaymentFact

BY_PAYER = "payer"
DUPLICATE_DAYS = 7
_NO_MONEY = frozenset({"requires_payment_method", "canceled"})


class Money(Record):
    """What came in: the processor's payment, in cents."""

    intent_id: str
    amount_cents: int
    currency: str
    paid_at: datetime | None


class Booked(Record):
    """The cases that were paid, or the code of the question about money in suspense."""

    payment_id: str
    amount_cents: int
    case_ids: tuple[str, ...] = ()
    held: str | None = None
    trace: tuple[str, ...] = ()


def money_of(read: ProcessorCheckout | LoosePayment) -> Money:
    """The money of a page that is paid, or of its payment."""
    if isinstance(read, LoosePayment):
        return Money(
            intent_id=read.payment_id,
            amount_cents=read.amount_cents,
            currency=read.currency,
            paid_at=read.paid_at,
        )
    return Money(
        intent_id=read.intent_id or "",
        amount_cents=read.paid_cents,
        currency=read.currency,
        paid_at=read.paid_at,
    )


def is_under_way(page: ProcessorCheckout) -> bool:
    """A bank debit that may still bring the money or not."""
    return page.payment_state == "processing"


def came_back(page: ProcessorCheckout) -> bool:
    """A bank debit that brought nothing."""
    return page.state == "complete" and page.payment_state in _NO_MONEY


async def settle_page(
    conn: Conn, source: str, page: ProcessorCheckout, zone: str, at: datetime
) -> Booked | None:
    """Book what a page brought and end it; None while, or because, it brought nothing.

    A debit that came back is asked about at the visit that it was to pay. The caller holds the
    client's lock.
    """
    row = await checkouts.unsettled_of_session(conn, page.session_id)
    if row is None:
        return None
    if page.payment_state == "succeeded" and page.paid_cents > 0:
        return await book(conn, source, row, money_of(page), zone, at)
    if page.state == "expired":
        await checkouts.finish(conn, row.checkout_id, "expired", at)
    elif came_back(page):
        await checkouts.finish(conn, row.checkout_id, "failed", at)
        await _ask_about_debit(conn, row, page, at)
    return None


async def _ask_about_debit(
    conn: Conn, row: Checkout, page: ProcessorCheckout, at: datetime
) -> None:
    """Nobody needs to be asked where nothing is owed any more."""
    owed = [one.case_id for one in await owed_by(conn, row.location_id, row.client_id)]
    if owed and page.failure_code is not None:
        await ask_about_returned(
            conn,
            row.case_id if row.case_id in owed else owed[0],
            row.location_id,
            row.client_id,
            row.amount_cents,
            page.intent_id or page.session_id,
            page.failure_code,
            at,
        )


async def book(
    conn: Conn, source: str, row: Checkout, money: Money, zone: str, at: datetime
) -> Booked:
    """Post a payment of a known payer once; a repeat answers what the first time did.

    The caller holds the client's lock.
    """
    payment_id = ids.payment_id(source, money.intent_id)
    await checkouts.finish(conn, row.checkout_id, "paid", at)
    known = await payments.get(conn, payment_id)
    if known is not None:
        return await _again(conn, row, known)
    fact = PaymentFact(
        payment_id=payment_id,
        source=source,
        object_id=money.intent_id,
        kind="card",
        state="paid",
        amount_cents=money.amount_cents,
        currency=money.currency.upper(),
        occurred_at=money.paid_at or at,
        client_id=row.client_id,
        location_id=row.location_id,
    )
    found = place(
        fact.amount_cents,
        await owed_by(conn, row.location_id, row.client_id),
        row.case_id,
        has_unseen_twin=await _has_unseen_twin(conn, row, fact),
    )
    await payments.record(conn, fact)
    await checkouts.finish_invoice_doors(conn, row.client_id, at)
    if isinstance(found, InSuspense):
        await _suspend(conn, fact, zone, at)
        return Booked(
            payment_id=payment_id,
            amount_cents=fact.amount_cents,
            held=found.code,
            trace=found.trace,
        )
    await _post(conn, fact, found, zone, at)
    return Booked(
        payment_id=payment_id,
        amount_cents=fact.amount_cents,
        case_ids=tuple(part.case_id for part in found.allocations),
        trace=found.trace,
    )


async def _again(conn: Conn, row: Checkout, fact: PaymentFact) -> Booked:
    case_ids = await payments.cases_of(conn, fact.payment_id)
    held = None
    if not case_ids and not await has_home(conn, fact.payment_id):
        is_twin = await _has_unseen_twin(conn, row, fact)
        held = "DUPLICATE_SUSPECTED" if is_twin else "OVERPAID"
    return Booked(
        payment_id=fact.payment_id, amount_cents=fact.amount_cents, case_ids=case_ids, held=held
    )


async def _has_unseen_twin(conn: Conn, row: Checkout, fact: PaymentFact) -> bool:
    return await checkouts.has_unseen_twin(
        conn, row.checkout_id, fact.payment_id, fact.amount_cents, DUPLICATE_DAYS
    )


async def owed_by(conn: Conn, location_id: str, client_id: str) -> list[OwedInvoice]:
    """The client's open invoices at a location, due longest first."""
    return [
        OwedInvoice(case_id=item.case_id, number=item.number, balance_cents=item.balance_cents)
        for item in await invoices.open_items(conn, location_id, client_id)
    ]


async def _post(conn: Conn, fact: PaymentFact, found: Placed, zone: str, at: datetime) -> None:
    """One entry per case; what is too much is the client's credit, in the last of them."""
    client_id, last = fact.client_id or "", found.allocations[-1]
    today = calendar.local_date(at, zone)
    await ledger.post_all(
        conn,
        [
            entries.payment_received(
                payment_id=fact.payment_id,
                source=fact.source,
                kind=fact.kind,
                amount_to_case_cents=part.cents,
                excess_cents=found.excess_cents if part is last else 0,
                client_id=client_id,
                case_id=part.case_id,
                location_id=fact.location_id,
                effective_on=today,
            )
            for part in found.allocations
        ],
    )
    for part in found.allocations:
        await payments.allocate(conn, fact.payment_id, part.case_id, part.cents, BY_PAYER, today)
        await note_paid(conn, part.case_id)
    if found.excess_cents:
        await grant_credit_to(
            conn, client_id, fact.location_id, fact.payment_id, found.excess_cents, at
        )


async def _suspend(conn: Conn, fact: PaymentFact, zone: str, at: datetime) -> None:
    await ledger.post(
        conn,
        entries_held.duplicate_received(
            payment_id=fact.payment_id,
            source=fact.source,
            kind=fact.kind,
            amount_cents=fact.amount_cents,
            client_id=fact.client_id or "",
            location_id=fact.location_id,
            effective_on=calendar.local_date(at, zone),
        ),
    )


async def release(
    conn: Conn,
    fact: PaymentFact,
    case_ids: tuple[str, ...] | None,
    by: str,
    zone: str,
    at: datetime,
) -> tuple[str, ...]:
    """A person says that held money is good: to the named cases, else to what is due longest.

    Returns the cases that were paid; what is left over becomes the client's credit. The caller
    holds the client's lock and does this once.
    """
    client_id = fact.client_id or ""
    owed = await owed_by(conn, fact.location_id, client_id)
    if case_ids is not None:
        owed = [one for one in owed if one.case_id in case_ids]
    parts, excess_cents = split(fact.amount_cents, owed)
    today = calendar.local_date(at, zone)
    for part in parts:
        await ledger.post(
            conn,
            entries_held.unapplied_applied(
                payment_id=fact.payment_id,
                amount_to_case_cents=part.cents,
                excess_cents=0,
                client_id=client_id,
                case_id=part.case_id,
                location_id=fact.location_id,
                effective_on=today,
            ),
        )
        await payments.allocate(conn, fact.payment_id, part.case_id, part.cents, by, today)
        await note_paid(conn, part.case_id)
    if excess_cents:
        await keep_as_credit(conn, fact, excess_cents, zone, at)
    return tuple(part.case_id for part in parts)


async def keep_as_credit(
    conn: Conn, fact: PaymentFact, cents: int, zone: str, at: datetime
) -> None:
    """Held money, or what is left of it, becomes the client's credit."""
    await ledger.post(
        conn,
        entries_held.unapplied_kept_as_credit(
            payment_id=fact.payment_id,
            amount_cents=cents,
            client_id=fact.client_id or "",
            location_id=fact.location_id,
            effective_on=calendar.local_date(at, zone),
        ),
    )
    await grant_credit_to(conn, fact.client_id or "", fact.location_id, fact.payment_id, cents, at)
