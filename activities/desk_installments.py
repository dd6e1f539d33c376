"""An instalment of our own that was paid at the desk: no PMS knows of it, so a person enters it."""

from datetime import datetime

from activities.contracts import CaseRef
from activities.installments import IN_HOUSE
from activities.posting import apply_payment
from connectors.ports import CaseEngine
from domain import ids
from domain.case import PaymentPosted
from domain.model import Record
from domain.money import dollars
from domain.plan_case import InstallmentPosted, PlanStanding
from store import clients, invoices, ledger, locations, payments
from store.db import Pool, transaction
from store.payments import PaymentFact

KINDS = ("cash", "card", "cheque", "other")
"""Tenders of the desk; a card goes through its terminal, the others into the drawer."""


class NotPayable(Exception):
    """Nothing was booked; the text says why in one sentence."""


class DeskPayment(Record):
    """What was taken, and who says so. `receipt` names it at the desk, so that it counts once.

    `amount_cents` None is all that the instalment still owes.
    """

    number: int
    kind: str
    receipt: str
    amount_cents: int | None
    by: str


async def take_at_desk(
    pool: Pool, engine: CaseEngine, plan: PlanStanding, paid: DeskPayment, at: datetime
) -> int:
    """Book it and tell the cases; cents that it was, 0 when this receipt was entered before.

    The case of the instalment reads the books, ends its reminders and takes the amount off what
    the processor asks for. Raises NotPayable.
    """
    case = await _case(pool, plan, paid.number)
    payment_id = ids.payment_id(IN_HOUSE, f"{case.visit_id}/{paid.receipt}")
    cents = await _book(pool, case, paid, payment_id, at)
    # Also for a repeat: the first try may have died before it told anybody.
    await engine.signal(case.case_id, "payment_posted", PaymentPosted(payment_id=payment_id))
    plan_case = ids.plan_workflow_id(plan.location_id, plan.lender, plan.plan_id)
    await engine.signal(plan_case, "installment_posted", InstallmentPosted(payment_id=payment_id))
    return cents


async def _case(pool: Pool, plan: PlanStanding, number: int) -> CaseRef:
    async with pool.acquire() as conn:
        location = await locations.get_location(conn, plan.location_id)
    return CaseRef(
        case_id=ids.installment_workflow_id(plan.location_id, plan.plan_id, number),
        location_id=plan.location_id,
        pms=IN_HOUSE,
        visit_id=ids.installment_visit_id(plan.plan_id, number),
        zone=location.zone,
    )


async def _book(pool: Pool, case: CaseRef, paid: DeskPayment, payment_id: str, at: datetime) -> int:
    async with transaction(pool) as conn:
        document = await invoices.latest_document(conn, case.case_id)
        if document is None:
            raise NotPayable(f"Instalment {paid.number} of this plan has not been billed yet.")
        await clients.lock_client(conn, document.client_id)
        if payment_id in await payments.get_all(conn, {payment_id}):
            return 0
        owed_cents = await ledger.balance_of_case(conn, case.case_id)
        cents = owed_cents if paid.amount_cents is None else paid.amount_cents
        if not 0 < cents <= owed_cents:
            raise NotPayable(f"Instalment {paid.number} still owes {dollars(max(owed_cents, 0))}.")
        fact = PaymentFact(
            payment_id=payment_id,
            source=IN_HOUSE,
            object_id=f"{case.visit_id}/{paid.receipt}",
            kind=paid.kind,
            state="paid",
            amount_cents=cents,
            occurred_at=at,
            case_id=case.case_id,
            client_id=document.client_id,
            location_id=case.location_id,
            outside=True,
        )
        await payments.record(conn, fact)
        await apply_payment(conn, case, fact, cents, 0, at, paid.by)
        return cents
