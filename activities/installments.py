"""Instalments of the practice's own plans: signed once, then billed one by one as they fall due.

An instalment is a case like a visit, whose chart is the schedule that the patient signed: the
receivable moves from "not yet due" to due, the processor asks for it, and only it is chased.
"""

from datetime import date, time
from decimal import Decimal

from activities.billing import issue
from activities.contracts import BuildIn, BuildOut
from activities.plan_contracts import PlanRef, SignedOut
from domain import calendar, entries, ids
from domain.chart import Chart, ChartLine
from domain.in_house import INSTALLMENTS_MAX
from domain.invoice import InvoiceLine, LineKind, PricedInvoice
from domain.model import input_hash
from domain.plan_case import Installment, Lender, PlanStanding
from domain.plan_course import ENDED, RUNNING
from store import clients, invoices, ledger, plans
from store.db import Conn

IN_HOUSE = Lender.IN_HOUSE.value
"""Stands where a visit names its PMS: the schedule is the chart, and no other system has it."""

_SKU = "INSTALMENT"
_ENGINE = "installment-1"


async def bill_installment(conn: Conn, ask: BuildIn) -> BuildOut:
    """Issue the invoice of one instalment; `not_billable` when its plan does not run any more."""
    case = ask.case
    plan_id, number = ids.installment_of(case.visit_id)
    plan = await plans.standing(conn, case.location_id, IN_HOUSE, plan_id)
    if plan is not None and plan.client_id is not None:
        await clients.lock_client(conn, plan.client_id)
        # Who takes the plan back holds the lock until it is over.
        plan = await plans.standing(conn, case.location_id, IN_HOUSE, plan_id)
    part = _numbered(plan, number)
    if plan is None or plan.client_id is None or part is None:
        return BuildOut(status="not_billable")
    if plan.status not in RUNNING and not part.is_rest:
        return BuildOut(status="not_billable")
    latest = await invoices.latest_document(conn, case.case_id)
    chart = _chart(ask, part)
    is_new = latest is None or latest.chart_hash != input_hash(chart)
    if latest is None or is_new:
        latest = await issue(conn, ask, plan.client_id, chart, _priced(part), latest, ())
    return BuildOut(
        status="issued" if is_new or latest.issued_at == ask.at else "unchanged",
        client_id=plan.client_id,
        document_id=latest.document_id,
        due_cents=latest.priced.due_cents,
        balance_cents=await ledger.balance_of_case(conn, case.case_id),
    )


async def sign(conn: Conn, ref: PlanRef, pms: str, today: date) -> SignedOut:
    """The patient owes by instalments from now on, no longer on the visit (2.12 row 20).

    Without a visit of ours the debt is older than the books. A plan over more than the visit
    still owes moves what is owed; the rest is said, for a person to look at.
    """
    key = (ref.location_id, ref.lender, ref.plan_id)
    plan, visit_ref = await plans.standing(conn, *key), await plans.visit_of(conn, *key)
    if plan is None or plan.client_id is None or not plan.installments:
        return SignedOut()
    await clients.lock_client(conn, plan.client_id)
    visit_id = ids.visit_workflow_id(ref.location_id, pms, visit_ref) if visit_ref else None
    total_cents = sum(part.amount_cents for part in plan.installments)
    key_of_entry = entries.plan_signed_key(ref.case_id)
    if await ledger.is_posted(conn, key_of_entry, key_of_entry):
        return SignedOut(visit_case_id=visit_id)
    owed_cents = await ledger.balance_of_case(conn, visit_id) if visit_id else total_cents
    moved_cents = max(0, min(total_cents, owed_cents))
    if moved_cents:
        await ledger.post(
            conn,
            entries.plan_signed(
                plan_case_id=ref.case_id,
                amount_cents=moved_cents,
                client_id=plan.client_id,
                visit_case_id=visit_id,
                location_id=ref.location_id,
                effective_on=today,
            ),
        )
    return SignedOut(visit_case_id=visit_id, over_cents=total_cents - moved_cents)


async def overdue(conn: Conn, plan: PlanStanding, today: date) -> int:
    """How many instalments that are past due are still owed."""
    found = 0
    for part in plan.installments:
        case_id = ids.installment_workflow_id(plan.location_id, plan.plan_id, part.number)
        if part.due_on < today and await ledger.balance_of_case(conn, case_id) > 0:
            found += 1
    return found


async def settled(conn: Conn, plan: PlanStanding) -> tuple[int, ...]:
    """Numbers of the instalments that were billed and of which nothing is owed any more."""
    found = []
    for part in plan.installments:
        case_id = ids.installment_workflow_id(plan.location_id, plan.plan_id, part.number)
        is_billed = await invoices.latest_document(conn, case_id) is not None
        if is_billed and await ledger.balance_of_case(conn, case_id) <= 0:
            found.append(part.number)
    return tuple(found)


async def rest_of(conn: Conn, plan: PlanStanding) -> tuple[int, Installment | None]:
    """Of a plan of our own that has ended: cents on 1105 that nobody has decided about, and
    the last instalment that waits for its invoice; nothing of any other plan."""
    if plan.lender is not Lender.IN_HOUSE or plan.status not in ENDED:
        return 0, None
    left_cents = await unbilled(conn, plan)
    billed = await billed_of(conn, plan)
    waits = (each for each in plan.installments if each.is_rest and each.number not in billed)
    last = next(waits, None)
    return max(0, left_cents - (last.amount_cents if last else 0)), last


async def unbilled(conn: Conn, plan: PlanStanding) -> int:
    """Cents that were signed for and are neither billed nor given up (account 1105)."""
    place, case_id = (
        plan.location_id,
        ids.plan_workflow_id(plan.location_id, plan.lender, plan.plan_id),
    )
    numbers = range(1, INSTALLMENTS_MAX + 2)
    parts = [ids.installment_workflow_id(place, plan.plan_id, number) for number in numbers]
    return await ledger.unbilled_of_plan(conn, entries.plan_signed_key(case_id), [case_id, *parts])


async def billed_of(conn: Conn, plan: PlanStanding) -> set[int]:
    """Numbers of the instalments that have their invoice."""
    found = set()
    for part in plan.installments:
        case_id = ids.installment_workflow_id(plan.location_id, plan.plan_id, part.number)
        if await invoices.latest_document(conn, case_id) is not None:
            found.add(part.number)
    return found


def _numbered(plan: PlanStanding | None, number: int) -> Installment | None:
    parts = plan.installments if plan else ()
    return next((part for part in parts if part.number == number), None)


def _chart(ask: BuildIn, part: Installment) -> Chart:
    line = ChartLine(
        line_id=str(part.number),
        code=_SKU,
        quantity=Decimal(1),
        one_off_unit_cents=part.amount_cents,
    )
    return Chart(
        visit_id=ask.case.visit_id,
        location_id=ask.case.location_id,
        service_at=calendar.instant(part.due_on, time(0), ask.case.zone),
        lines=(line,),
    )


def _priced(part: Installment) -> PricedInvoice:
    line = InvoiceLine(
        line_id=str(part.number),
        chart_line_id=str(part.number),
        kind=LineKind.SALE,
        sku=_SKU,
        item_class=entries.INSTALLMENT,
        quantity=Decimal(1),
        unit_cents=part.amount_cents,
        gross_cents=part.amount_cents,
        net_cents=part.amount_cents,
        trace=(f"instalment {part.number}, due on {part.due_on.isoformat()}, as signed",),
    )
    return PricedInvoice(
        engine_version=_ENGINE,
        catalog_version=1,
        currency="USD",
        lines=(line,),
        subtotal_cents=part.amount_cents,
        discount_cents=0,
        tax_cents=0,
        tip_cents=0,
        total_cents=part.amount_cents,
        tenders=(),
        due_cents=part.amount_cents,
        trace=line.trace,
    )
