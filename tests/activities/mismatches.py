"""The event behind each mismatch of the rules (3.4): what happens, until the desk is asked."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from activities.contacts import refresh_contact
from activities.contracts import WriteBackIn
from activities.control import ControlActivities
from activities.control_contracts import ApplyControlIn, AskControlIn, ControlRef
from activities.loan_contracts import ApplyLoanIn
from activities.lot_contracts import ApplyLotIn
from activities.plan_contracts import ApplyPlanIn, AskPlanIn, PlanRef
from activities.plans import PlanActivities
from connectors.ports import PmsPayment
from domain import ids
from domain.case import Decision
from domain.lender_news import FundingState
from domain.plan_case import Ask, PlanStatus
from domain.plan_desk import asks
from domain.plan_policy import DEFAULT_PLAN
from store import invoices, locations, processor
from store.db import transaction
from tests.activities.desk import (
    DUE_CENTS,
    SCENES,
    Open,
    Scene,
    arrived,
    billed,
    carried,
    held,
    of,
)
from tests.activities.held_drafts import DRAFTS
from tests.activities.loans import FEE, NET, Loans
from tests.activities.own_plans import Own
from tests.activities.plans import Plan, accepted
from tests.activities.practice import AT, ZONE, Practice
from tests.activities.test_expired_lots import Shelf
from tests.fakes import open_invoice, paid

# -- money that no invoice of ours asked for


async def number_of(practice: Practice, case_id: str) -> str:
    async with practice.world.pool.acquire() as conn:
        document = await invoices.latest_document(conn, case_id)
    assert document is not None
    return document.number


async def customer(practice: Practice, who: str) -> str:
    """The patient as a customer of the processor."""
    name = f"cus_{uuid4().hex}"
    async with transaction(practice.world.pool) as conn:
        await processor.put_customer(conn, practice.client_id(who), name)
    return name


async def wrong_client(practice: Practice) -> Scene:
    """Somebody whom the books know as another patient pays, and names an invoice."""
    who, case, _ = await billed(practice)
    other, _, _ = await billed(practice)
    number = await number_of(practice, case.case_id)
    payer = await customer(practice, other)
    scene = await arrived(practice, who, payer, f"Botox for {number.lower()}, thanks")
    scene.given = {"apply": {"invoice_id": number}}
    return scene


async def wrong_invoice(practice: Practice, given_up_cents: int = DUE_CENTS) -> Scene:
    """A payment for an invoice of which what was still owed was given up."""
    who, case, invoice = await billed(practice)
    if given_up_cents < DUE_CENTS:
        practice.pay_online(invoice, DUE_CENTS - given_up_cents)
        await practice.read(case, who)
    asked = await practice.ask_desk(case, who, "CHASE_EXHAUSTED", DUE_CENTS)
    await practice.decide(case, who, asked, "write_off", reason="moved away")
    payer = await customer(practice, who)
    return await arrived(practice, who, payer, await number_of(practice, case.case_id))


async def ambiguous(practice: Practice) -> Scene:
    """The payer owes four invoices; two pairs of them are exactly what came."""
    who, numbers = practice.client(), []
    for days, units in enumerate(("10", "20", "30", "40")):
        at = AT - timedelta(days=days)
        case = practice.chart(who, ("TOXIN-UNIT", units), at=at)
        await practice.bill(case, at)
        numbers.append(await number_of(practice, case.case_id))
    scene = await arrived(practice, who, await customer(practice, who))
    scene.given = {"choose": {"invoice_id": f"{numbers[1]}, {numbers[2]}"}}
    return scene


# -- what the books, the processor and the PMS say of a visit


async def short(practice: Practice) -> Scene:
    """A part came; the case says so after the last reminder."""
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS - 20_000)
    read = await practice.read(case, who)
    await practice.ask_desk(case, who, "UNDERPAID", read.balance_cents)
    return await of(practice, who, case, "UNDERPAID")


async def late(practice: Practice) -> Scene:
    """The processor shows a payment as open again that our books have as paid."""
    who, case, invoice = await billed(practice)
    row = paid("inpay_" + uuid4().hex, "pi_" + uuid4().hex, DUE_CENTS)
    pages = practice.world.processor.invoices
    pages[invoice] = open_invoice(invoice, DUE_CENTS, DUE_CENTS, payments=(row,))
    await practice.read(case, who)
    older = row.model_copy(update={"state": "open", "paid_at": None})
    pages[invoice] = open_invoice(invoice, DUE_CENTS, payments=(older,))
    await practice.read(case, who)
    return await of(practice, who, case, "LATE_EVENT")


async def returned(practice: Practice) -> Scene:
    """The bank sends a debit back."""
    who, case, invoice = await billed(practice)
    row = paid("inpay_" + uuid4().hex, "pi_" + uuid4().hex, DUE_CENTS)
    back = row.model_copy(update={"state": "open", "failure_code": "R01"})
    practice.world.processor.invoices[invoice] = open_invoice(invoice, DUE_CENTS, payments=(back,))
    await practice.read(case, who)
    return await of(practice, who, case, "SETTLEMENT_FAILED")


async def disagrees(practice: Practice) -> Scene:
    """The PMS shows less of a payment than it showed when it was booked."""
    who, case, _ = await billed(practice)
    cash = PmsPayment(payment_id=uuid4().hex, kind="cash", amount_cents=DUE_CENTS)
    practice.tenders(case, cash)
    await practice.read(case, who)
    practice.tenders(case, cash.model_copy(update={"refunded_cents": 20_000}))
    await practice.read(case, who)
    return await of(practice, who, case, "PMS_DISAGREES")


async def not_taken(practice: Practice) -> Scene:
    """The PMS takes no note of what was collected."""
    async with transaction(practice.world.pool) as conn:
        here = practice.world.location_id
        await locations.set_switch(conn, here, locations.WRITE_BACK, "live", "owner", "resumed")
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    practice.world.pms.note_refusal = "The PMS has no such client."
    back = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    assert (await practice.back.write_back(back)).code == "PMS_WRITE_FAILED"
    practice.world.pms.note_refusal = None
    return await of(practice, who, case, "PMS_WRITE_FAILED")


async def other_lots(practice: Practice) -> Scene:
    """The PMS drew from a package that our books do not know."""
    drawn = PmsPayment(payment_id=uuid4().hex, kind="voucher", amount_cents=60_000)
    scene = await held("LOT_MISMATCH", ("TOXIN-UNIT", "50"), payments=(drawn,))(practice)
    scene.given = {"correct_ours": {"sku": "TOXIN-UNIT", "reason": "sold before go-live"}}
    return scene


# -- plans, lenders, and what went back


async def no_date(practice: Practice) -> Scene:
    """A lender tells of a signed plan without its first date."""
    who = practice.client()
    await refresh_contact(practice.tools, practice.world.location_id, who)
    plan = Plan(practice, who)
    await accepted(plan, first_payment_on=None)
    [ask] = asks((await plan.read()).facts, DEFAULT_PLAN, AT, ZONE)
    return await asked_of_plan(practice, plan.acts, plan.ref, who, ask)


async def asked_of_plan(
    practice: Practice, acts: PlanActivities, ref: PlanRef, who: str, ask: Ask
) -> Scene:
    """What a plan asks when its facts, or what happened, call for it."""
    known: dict[str, Any] = {
        "plan": ref,
        "client_id": practice.client_id(who),
        "code": ask.code,
        "at": AT,
    }
    opened = await acts.ask_about_plan(
        AskPlanIn(**known, subject=ask.key, says=ask.says, review_no=f"run/{uuid4()}")
    )

    async def carry(decision: Decision) -> str:
        return (await acts.apply_to_plan(ApplyPlanIn(**known, decision=decision))).effect

    return await carried(practice, opened.review_id, who, carry)


async def left_over(practice: Practice) -> Scene:
    """A plan of our own is cancelled when one of its three instalments is billed."""
    who = practice.client()
    await refresh_contact(practice.tools, practice.world.location_id, who)
    own = Own(practice, who)
    await own.told()
    await own.sign()
    await own.bill(1)
    await own.told(status=PlanStatus.CANCELLED, as_of=AT + timedelta(minutes=1))
    scene = await own.asked()
    scene.given = {"leave_open": {"until": date(2026, 12, 1)}}
    return scene


def of_lender(code: str) -> Open:
    """A lender's part of a visit: kept a fee that is off, did not pay, took its money back."""

    async def scene(practice: Practice) -> Scene:
        loans = Loans(practice)
        await loans.agree()
        who, case, loan_id = await loans.visit()
        ref, days = loans.ref(loan_id, case), 0
        if code == "LENDER_FEE_DIFF":
            await loans.deposit(loan_id, fee_cents=FEE + 500, net_cents=NET - 500)
        elif code == "LENDER_REVERSED":
            name = await loans.deposit(loan_id)
            await loans.settle(ref)
            await loans.deposit(
                loan_id, funding_id=name, state=FundingState.REVERSED, as_of=AT + timedelta(hours=1)
            )
        else:
            days = 30
        [asked] = (await loans.settle(ref, days=days)).questions
        assert asked.code == code

        async def carry(decision: Decision) -> str:
            ask = ApplyLoanIn(loan=ref, decision=decision, at=AT)
            done = await loans.work.apply_to_loan(ask)
            if done.effect == "again":
                await loans.settle(ref)
            return done.effect

        return await carried(practice, asked.review_id, who, carry)

    return scene


async def unused(practice: Practice) -> Scene:
    """A package has run out with units in it."""
    shelf = Shelf(practice)
    await shelf.open()
    lot_id = await shelf.units()

    async def carry(decision: Decision) -> str:
        ask = ApplyLotIn(lot=shelf.ref(lot_id), decision=decision, at=AT)
        return (await shelf.work.apply_to_lot(ask)).effect

    scene = await carried(practice, await shelf.ask(lot_id), shelf.who, carry)
    scene.given = {"extend": {"until": date(2027, 3, 1), "reason": "was ill"}}
    return scene


async def not_tied(practice: Practice) -> Scene:
    """A lender tells of a deposit that the books do not have; the daily control finds it."""
    loans, place = Loans(practice), practice.world.location_id
    await loans.agree()
    who, _, loan_id = await loans.visit()
    await loans.deposit(loan_id)
    work = ControlActivities(practice.world.pool, practice.world.engine)
    control = ControlRef(
        case_id=ids.control_workflow_id(place, "LENDERS"),
        location_id=place,
        line="LENDERS",
        since=AT.date(),
        zone=ZONE,
    )
    ask = AskControlIn(control=control, at=AT + timedelta(days=1), review_no="run/1")

    async def carry(decision: Decision) -> str:
        given = ApplyControlIn(control=control, decision=decision, at=AT)
        return (await work.apply_to_control(given)).effect

    return await carried(practice, (await work.ask_about_control(ask)).review_id, who, carry)


EVENTS: Mapping[str, Open] = {
    **SCENES,
    **DRAFTS,
    "BREAKAGE": unused,
    "CONTROL_DIFF": not_tied,
    "AMBIGUOUS_GROUP": ambiguous,
    "LATE_EVENT": late,
    "LENDER_FEE_DIFF": of_lender("LENDER_FEE_DIFF"),
    "LENDER_REVERSED": of_lender("LENDER_REVERSED"),
    "LENDER_UNFUNDED": of_lender("LENDER_UNFUNDED"),
    "LOT_MISMATCH": other_lots,
    "NULL_DATE": no_date,
    "PLAN_REST": left_over,
    "PMS_DISAGREES": disagrees,
    "PMS_WRITE_FAILED": not_taken,
    "SETTLEMENT_FAILED": returned,
    "TAX_DIFF": held("TAX_DIFF", ("SERUM", "1"), tax_cents=900),
    "UNDERPAID": short,
    "WRONG_CLIENT": wrong_client,
    "WRONG_INVOICE": wrong_invoice,
}
