"""Where a payment lies in the books: owed back, in suspense, in the client's credit, on visits.

What takes a payment back takes it from there, in this order, and of visits the last one first.
"""

from datetime import date
from decimal import Decimal

from activities.posting import credit_lot, is_placed
from domain import entries_held
from domain.entries_refund import OWED_BACK
from domain.model import Record
from store import ledger, lots, payments, refund_facts, refunds
from store.db import Conn
from store.payments import PaymentFact

UNKNOWN, UNAPPLIED, CREDIT = "2095", "2090", "2060"


class Lies(Record):
    """Parts of an amount by where they lie; `rest_cents` was used up elsewhere."""

    owed_cents: int = 0
    """Owed back already (2100)."""
    held_in: str | None = None
    held_cents: int = 0
    credit_cents: int = 0
    cases: tuple[tuple[str, int], ...] = ()
    rest_cents: int = 0


async def where_it_lies(conn: Conn, fact: PaymentFact, cents: int, *, owed: bool) -> Lies:
    """Where so much of a payment lies. `owed` counts what is about to go back of it, too."""
    owed_cents = min(cents, await refunds.waiting(conn, fact.payment_id)) if owed else 0
    left_cents = cents - owed_cents
    held_in = await _held_in(conn, fact)
    if held_in is not None:
        return Lies(owed_cents=owed_cents, held_in=held_in, held_cents=left_cents)
    lot_id = await credit_lot(conn, fact.payment_id)
    credit_cents = min(left_cents, await refund_facts.left_in(conn, lot_id))
    left_cents -= credit_cents
    parts = []
    for case_id in reversed(await payments.cases_of(conn, fact.payment_id)):
        on_case = {one.payment_id: one for one in await refund_facts.applied(conn, case_id)}
        part_cents = min(left_cents, on_case[fact.payment_id].left_cents)
        if part_cents > 0:
            parts.append((case_id, part_cents))
            left_cents -= part_cents
    return Lies(
        owed_cents=owed_cents,
        credit_cents=credit_cents,
        cases=tuple(parts),
        rest_cents=left_cents,
    )


async def _held_in(conn: Conn, fact: PaymentFact) -> str | None:
    """The account of money that nobody has placed; 2100 of such that is owed back whole."""
    if await payments.allocated(conn, fact.payment_id):
        return None
    if not await is_placed(conn, fact.payment_id):
        return UNKNOWN if fact.client_id is None else UNAPPLIED
    owed = entries_held.held_refund_key(fact.payment_id)
    return OWED_BACK if await ledger.is_posted(conn, owed, owed) else None


async def end_credit(conn: Conn, fact: PaymentFact, act_id: str, cents: int, on: date) -> str:
    """Take unused credit out for good; whose it was. The caller books where it went."""
    lot_id = await credit_lot(conn, fact.payment_id)
    await lots.end(conn, "refund", act_id, lot_id, Decimal(0), cents, on)
    return await lots.owner(conn, lot_id)
