"""Where the money stands: what is posted, what is not trusted, what the processor is told."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from activities.contracts import CaseRef, PaymentDoorIn, StandingIn
from activities.standing import StandingActivities
from activities.tools import Tools
from connectors.ports import PmsPayment, PmsVisit, Refused
from domain import ids
from store import payments, processor, reviews
from store.db import transaction
from tests.fakes import open_invoice, paid
from tests.web.conftest import Owed, World, bill, settle

NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)


def standing(world: World) -> StandingActivities:
    tools = Tools(
        pool=world.pool,
        vault=world.vault,
        pms=world.wiring.pms,
        processor=world.processor,
        texts=world.text,
        emails=None,  # type: ignore[arg-type]  # nothing is mailed here
        public_base_url="http://pay.test",
    )
    return StandingActivities(tools)


def case_of(owed: Owed) -> CaseRef:
    _, location_id, pms, visit_id = owed.case_id.split("/", 3)
    return CaseRef(
        case_id=owed.case_id,
        location_id=location_id,
        pms=pms,
        visit_id=visit_id,
        zone="America/Chicago",
    )


def ask(owed: Owed) -> StandingIn:
    return StandingIn(case=case_of(owed), client_id=owed.client_id, at=NOW)


def door(owed: Owed) -> PaymentDoorIn:
    return PaymentDoorIn(case=case_of(owed), client_id=owed.client_id, due_days=14, at=NOW)


def tender(world: World, owed: Owed, kind: str, amount_cents: int) -> None:
    shown(world, owed, PmsPayment(payment_id=uuid4().hex, kind=kind, amount_cents=amount_cents))


def shown(world: World, owed: Owed, *payments: PmsPayment) -> None:
    """The PMS shows the visit with these tenders."""
    visit_id = case_of(owed).visit_id
    world.pms.visits[visit_id] = PmsVisit(
        visit_id=visit_id,
        client_ref="c",
        location_ref="l",
        currency="USD",
        service_at=NOW,
        closed_at=NOW,
        lines=(),
        payments=payments,
        total_cents=24000,
        unpaid_cents=24000 - sum(payment.amount_cents for payment in payments),
        tax_cents=0,
        raw_sha256="0",
    )


def asked(world: World, call: str) -> int:
    return [name for name, _ in world.processor.asked].count(call)


async def test_a_payment_is_posted_once_and_no_chart_is_read(world: World) -> None:
    owed = await bill(world)
    shown(world, owed)
    world.processor.invoices[owed.processor_id] = open_invoice(
        owed.processor_id, 24000, 24000, payments=(paid(f"inpay_{uuid4().hex}", "pi_1", 24000),)
    )
    for _ in range(2):
        read = await standing(world).refresh(ask(owed))
        assert (read.status, read.balance_cents, read.missing) == ("verified", 0, None)
    async with world.pool.acquire() as conn:
        [posted] = await payments.of_case(conn, owed.case_id)
        assert await payments.allocated(conn, posted.payment_id) == 24000
    assert {call for call, _ in world.pms.asked} == {"read_tenders"}


@pytest.mark.parametrize("shown_cents", [0, 10000])
async def test_money_that_no_payment_explains_is_not_asked_for_again(
    world: World, shown_cents: int
) -> None:
    owed = await bill(world)
    shown(world, owed)
    rows = (paid(f"inpay_{uuid4().hex}", "pi_1", shown_cents),) if shown_cents else ()
    world.processor.invoices[owed.processor_id] = open_invoice(
        owed.processor_id, 24000, 24000, payments=rows
    )
    read = await standing(world).refresh(ask(owed))
    assert read.status == "unverified"
    assert read.missing == "the processor shows money that no payment explains"
    assert read.balance_cents == 24000 - shown_cents


async def test_an_invoice_that_credits_closed_is_explained(world: World) -> None:
    owed = await bill(world)
    shown(world, owed)
    world.processor.invoices[owed.processor_id] = open_invoice(owed.processor_id, 0)
    assert (await standing(world).refresh(ask(owed))).status == "verified"


async def test_a_visit_that_the_pms_no_longer_shows_is_not_trusted(world: World) -> None:
    owed = await bill(world)
    world.processor.invoices[owed.processor_id] = open_invoice(owed.processor_id, 24000)
    read = await standing(world).refresh(ask(owed))
    assert (read.status, read.missing) == ("unverified", "the PMS no longer shows the visit")
    shown(world, owed)
    assert (await standing(world).refresh(ask(owed))).status == "verified"


async def test_a_tender_of_unknown_kind_is_not_trusted(world: World) -> None:
    owed = await bill(world)
    tender(world, owed, "unknown", 24000)
    read = await standing(world).refresh(ask(owed))
    assert (read.status, read.balance_cents) == ("unverified", 24000)


async def test_desk_money_that_the_processor_refuses_stays_unreported(world: World) -> None:
    owed = await bill(world)
    tender(world, owed, "cash", 10000)
    assert (await standing(world).refresh(ask(owed))).balance_cents == 14000
    world.processor.refuses = Refused(code="amount_above_remaining", kind="closed")
    await standing(world).open_payment_door(door(owed))
    async with world.pool.acquire() as conn:
        assert list((await processor.unreported_outside(conn, owed.case_id)).values()) == [10000]
    world.processor.refuses = None
    await standing(world).open_payment_door(door(owed))
    async with world.pool.acquire() as conn:
        assert await processor.unreported_outside(conn, owed.case_id) == {}
    assert asked(world, "record_outside_payment") == 2


async def test_money_on_its_way_into_the_books_is_not_asked_for_again(world: World) -> None:
    owed = await bill(world)
    inpay = f"inpay_{uuid4().hex}"
    world.processor.invoices[owed.processor_id] = open_invoice(
        owed.processor_id, 24000, 24000, payments=(paid(inpay, "pi_1", 24000),)
    )
    await standing(world).open_payment_door(door(owed))
    assert asked(world, "open_invoice") == 0


async def test_no_door_is_opened_while_money_waits_with_the_desk(world: World) -> None:
    """What was paid twice is owed again once the desk sends the second back, and can be paid."""
    owed = await bill(world)
    tender(world, owed, "cash", 14000)
    assert (await standing(world).refresh(ask(owed))).balance_cents == 10000
    tender_and_online = (paid(f"inpay_{uuid4().hex}", "pi_1", 14000),)
    world.processor.invoices[owed.processor_id] = open_invoice(
        owed.processor_id, 14000, 14000, payments=tender_and_online
    )
    read = await standing(world).refresh(ask(owed))
    assert ([one.code for one in read.mismatches], read.balance_cents) == (
        ["DUPLICATE_SUSPECTED"],
        10000,
    )
    await standing(world).open_payment_door(door(owed))
    assert asked(world, "open_invoice") == 0
    async with transaction(world.pool) as conn:
        await reviews.withdraw(conn, read.mismatches[0].review_id, "sent back")
    for _ in range(2):
        await standing(world).open_payment_door(door(owed))
    async with world.pool.acquire() as conn:
        first, second = await processor.invoices_of_case(conn, owed.case_id)
    assert first == owed.processor_id
    assert world.processor.invoices[second].amount_cents == 10000
    document_id = ids.document_id(owed.case_id, 1)
    keys = [key for name, key in world.processor.asked if name == "open_invoice"]
    assert keys == [f"document:{document_id}/2"]


async def test_a_refused_credit_ends_the_pass(world: World) -> None:
    owed = await bill(world)
    second = f"in_{uuid4().hex[:12]}"
    world.processor.invoices[second] = open_invoice(second, 5000)
    async with transaction(world.pool) as conn:
        document_id = ids.document_id(owed.case_id, 2)
        await processor.put_invoice(conn, document_id, second, owed.case_id)
    await settle(world, owed, 21000)  # 26000 too much is asked for: more than one invoice holds
    world.processor.refuses = Refused(code="invoice_paid", kind="closed")
    await standing(world).open_payment_door(door(owed))
    assert asked(world, "credit_invoice") == 1
    world.processor.refuses = None
    await standing(world).open_payment_door(door(owed))
    assert asked(world, "credit_invoice") == 3
