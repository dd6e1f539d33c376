"""One payment for several invoices: booked once, whoever sees it first and however often."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.contracts import (
    ApplyUnmatchedIn,
    CaseRef,
    PaymentDoorIn,
    PlaceIn,
    PlaceOut,
    StandingIn,
    StandingOut,
    UnmatchedRef,
)
from activities.standing import StandingActivities
from activities.statements import settle_page
from activities.tools import Tools
from activities.unmatched import UnmatchedActivities
from connectors.ports import CheckoutOrder, LoosePayment, PmsVisit
from domain import ids
from domain.case import Decision
from store import checkouts, clients, entitlements, ledger, payments, processor, reviews
from store.checkouts import Checkout
from store.db import transaction
from tests.activities import refs
from tests.fakes import open_invoice, paid
from tests.web.conftest import Owed, World, bill, settle

NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)
ZONE = "America/Chicago"


class Payer:
    """A client with invoices of several visits, and everything that may see the money."""

    def __init__(self, world: World, owed: list[Owed]) -> None:
        self.world, self.owed = world, owed
        tools = Tools(
            pool=world.pool,
            vault=world.vault,
            pms=world.wiring.pms,
            processor=world.processor,
            texts=world.text,
            emails=None,  # type: ignore[arg-type]  # nothing is mailed here
            public_base_url="http://pay.test",
        )
        self.standing, self.unmatched = StandingActivities(tools), UnmatchedActivities(tools)
        self.client_id = owed[0].client_id
        for one in owed:
            world.pms.visits[ref(one).visit_id] = visit(ref(one).visit_id)

    async def goes_to_pay(self, cents: int, chosen: str | None = None) -> str:
        """Open a payment page; returns the processor's name for it."""
        row = Checkout(
            checkout_id=str(uuid4()),
            location_id=self.world.location_id,
            client_id=self.client_id,
            case_id=chosen,
            door="session",
            amount_cents=cents,
            opened_at=NOW,
            lock_until=NOW + timedelta(minutes=15),
        )
        customer = f"cus_{self.client_id[:8]}"
        order = CheckoutOrder(
            checkout_id=row.checkout_id,
            customer_id=customer,
            amount_cents=cents,
            currency="USD",
            done_url="http://pay.test/done",
            back_url="http://pay.test/back",
            expires_at=NOW + timedelta(minutes=40),
        )
        page = await self.world.processor.open_checkout(order)
        async with transaction(self.world.pool) as conn:
            await processor.put_customer(conn, self.client_id, customer)
            await checkouts.open_checkout(conn, row)
            await checkouts.put_session(conn, row.checkout_id, page.session_id)
        return page.session_id

    async def reads(self, one: Owed, at: datetime = NOW) -> StandingOut:
        """The visit looks where its money stands."""
        ask = StandingIn(case=ref(one), client_id=one.client_id, at=at)
        return await self.standing.read_standing(ask)

    async def arrives(self, payment: LoosePayment) -> PlaceOut:
        """The payment's own workflow places it."""
        return await self.unmatched.place_payment(
            PlaceIn(payment=self.loose(payment), at=NOW, review_no="run/1")
        )

    def loose(self, payment: LoosePayment) -> UnmatchedRef:
        return refs.loose(self.world.location_id, payment.payment_id)

    async def comes_back(self, session_id: str) -> None:
        """The payer's browser returns to the pay page, which books what it finds."""
        page = await self.world.processor.read_checkout(session_id)
        async with transaction(self.world.pool) as conn:
            await clients.lock_client(conn, self.client_id)
            await settle_page(conn, "stripe", page, ZONE, NOW)

    async def decides(self, payment: LoosePayment, held: PlaceOut, choice: str, **more: str):
        decision = Decision(review_id=held.review_id or "", choice=choice, by="dana", **more)
        return await self.unmatched.apply_unmatched(
            ApplyUnmatchedIn(payment=self.loose(payment), decision=decision, at=NOW)
        )

    async def left(self) -> list[int]:
        async with self.world.pool.acquire() as conn:
            return [await ledger.balance_of_case(conn, one.case_id) for one in self.owed]

    async def accounts(self) -> dict[str, int]:
        async with self.world.pool.acquire() as conn:
            found = await ledger.account_balances(conn, None, [self.client_id])
            totals = await ledger.totals(conn, [self.client_id])
        assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
        return {account: cents for account, cents in found.items() if cents}

    async def parts(self, payment: LoosePayment) -> dict[str, int]:
        payment_id = ids.payment_id("stripe", payment.payment_id)
        async with self.world.pool.acquire() as conn:
            return {
                one.case_id: await payments.allocated(conn, payment_id, one.case_id)
                for one in self.owed
            }


def ref(owed: Owed) -> CaseRef:
    _, location_id, pms, visit_id = owed.case_id.split("/", 3)
    return CaseRef(
        case_id=owed.case_id, location_id=location_id, pms=pms, visit_id=visit_id, zone=ZONE
    )


def visit(visit_id: str) -> PmsVisit:
    return PmsVisit(
        visit_id=visit_id,
        client_ref="c",
        location_ref="l",
        currency="USD",
        service_at=NOW,
        closed_at=NOW,
        lines=(),
        payments=(),
        total_cents=0,
        unpaid_cents=0,
        tax_cents=0,
        raw_sha256="0",
    )


@pytest.fixture
async def payer(world: World) -> Payer:
    """Owes 100, 200 and 50 dollars, oldest first."""
    first = await bill(world, 10_000, issued_at=NOW - timedelta(days=30))
    second = await bill(world, 20_000, of=first, issued_at=NOW - timedelta(days=10))
    third = await bill(world, 5_000, of=first, issued_at=NOW - timedelta(days=1))
    return Payer(world, [first, second, third])


Seen = Callable[[], Awaitable[object]]


def sightings(payer: Payer, session_id: str, payment: LoosePayment) -> dict[str, Seen]:
    return {
        "first visit": lambda: payer.reads(payer.owed[0]),
        "last visit": lambda: payer.reads(payer.owed[2]),
        "its workflow": lambda: payer.arrives(payment),
        "the payer": lambda: payer.comes_back(session_id),
    }


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_every_order_of_sightings_ends_in_the_same_books(
    payer: Payer, order: tuple[int, ...]
) -> None:
    session = await payer.goes_to_pay(15_000)
    payment = payer.world.processor.pay_checkout(session)
    ways = list(sightings(payer, session, payment).values())
    for number in (*order, *order):
        await ways[number]()
    assert await payer.left() == [0, 15_000, 5_000]
    assert list((await payer.parts(payment)).values()) == [10_000, 5_000, 0]
    assert await payer.accounts() == {"1020": 15_000, "1100": 20_000, "4010": -35_000}


async def test_all_at_once_it_is_booked_once(payer: Payer) -> None:
    session = await payer.goes_to_pay(35_000)
    payment = payer.world.processor.pay_checkout(session)
    ways = list(sightings(payer, session, payment).values())
    await asyncio.gather(*(way() for way in ways * 3))
    assert await payer.left() == [0, 0, 0]
    assert sum((await payer.parts(payment)).values()) == 35_000
    placed = await payer.arrives(payment)
    assert placed.status == "settled"
    assert set(placed.case_ids) == {one.case_id for one in payer.owed}


async def test_the_chosen_invoice_comes_first(payer: Payer) -> None:
    session = await payer.goes_to_pay(6_000, payer.owed[2].case_id)
    await payer.arrives(payer.world.processor.pay_checkout(session))
    assert await payer.left() == [9_000, 20_000, 0]


async def test_a_visit_sees_the_money_before_any_webhook(payer: Payer) -> None:
    session = await payer.goes_to_pay(35_000)
    assert (await payer.reads(payer.owed[0])).balance_cents == 10_000
    payer.world.processor.pay_checkout(session)
    seen = await payer.reads(payer.owed[0])
    assert (seen.balance_cents, seen.in_flight) == (0, False)
    asked = len(payer.world.processor.asked)
    await payer.reads(payer.owed[0])
    again = payer.world.processor.asked[asked:]
    assert "read_checkout" not in [call for call, _ in again]


async def test_a_debit_under_way_holds_every_visit_of_the_payer(payer: Payer) -> None:
    session = await payer.goes_to_pay(35_000)
    payer.world.processor.pay_checkout(session, "processing")
    assert [(await payer.reads(one)).in_flight for one in payer.owed] == [True] * 3
    payer.world.processor.pay_checkout(session, "requires_payment_method")
    seen = await payer.reads(payer.owed[0])
    assert (seen.in_flight, seen.balance_cents) == (False, 10_000)
    async with payer.world.pool.acquire() as conn:
        assert await checkouts.unsettled(conn, payer.client_id) == []


async def test_nobody_is_asked_while_the_page_cannot_be_read(payer: Payer) -> None:
    await payer.goes_to_pay(35_000)
    payer.world.processor.down = True
    assert (await payer.reads(payer.owed[0])).status == "unverified"


async def test_more_than_is_owed_by_now_becomes_credit(payer: Payer) -> None:
    session = await payer.goes_to_pay(35_000)
    other = payer.world.processor
    row = paid("inpay_" + uuid4().hex, None, 10_000)
    name = payer.owed[0].processor_id
    other.invoices[name] = open_invoice(name, 10_000, 10_000, payments=(row,))
    await payer.reads(payer.owed[0])
    payment = other.pay_checkout(session)
    assert (await payer.arrives(payment)).status == "settled"
    assert await payer.left() == [0, 0, 0]
    assert await payer.accounts() == {"1020": 45_000, "2060": -10_000, "4010": -35_000}
    async with payer.world.pool.acquire() as conn:
        lots = await entitlements.lot_statement(conn, payer.client_id)
    assert [lot.remaining_cents for lot in lots] == [10_000]


async def _same_amount_elsewhere(payer: Payer) -> tuple[LoosePayment, PlaceOut]:
    """Two people pay 100 dollars at the same time, one on the page, one on the invoice."""
    session = await payer.goes_to_pay(10_000, payer.owed[1].case_id)
    name = payer.owed[0].processor_id
    row = paid("inpay_" + uuid4().hex, None, 10_000)
    payer.world.processor.invoices[name] = open_invoice(name, 10_000, 10_000, payments=(row,))
    await payer.reads(payer.owed[0])
    payment = payer.world.processor.pay_checkout(session)
    return payment, await payer.arrives(payment)


@pytest.mark.parametrize(
    ("choice", "left", "account"),
    [
        ("keep_as_credit", [0, 20_000, 5_000], "2060"),
        ("refund", [0, 20_000, 5_000], "2100"),
        ("not_duplicate", [0, 10_000, 5_000], None),
    ],
)
async def test_the_same_amount_at_the_same_time_is_for_a_person(
    payer: Payer, choice: str, left: list[int], account: str | None
) -> None:
    payment, held = await _same_amount_elsewhere(payer)
    assert (held.status, held.code) == ("held", "DUPLICATE_SUSPECTED")
    assert (await payer.accounts())["2090"] == -10_000
    assert await payer.left() == [0, 20_000, 5_000]
    assert await payer.arrives(payment) == held
    for _ in range(2):
        done = await payer.decides(payment, held, choice)
    assert done.case_ids == ((payer.owed[1].case_id,) if account is None else ())
    assert await payer.left() == left
    accounts = await payer.accounts()
    assert "2090" not in accounts
    assert account is None or accounts[account] == -10_000
    assert (await payer.arrives(payment)).status in ("placed", "settled")


async def test_money_that_nobody_owes_any_more_is_for_a_person(payer: Payer) -> None:
    session = await payer.goes_to_pay(5_000)
    first, second, third = payer.owed
    for one, cents in ((first, 10_000), (second, 20_000), (third, 2_000), (third, 3_000)):
        await settle(payer.world, one, cents)
    payment = payer.world.processor.pay_checkout(session)
    held = await payer.arrives(payment)
    assert (held.status, held.code) == ("held", "OVERPAID")
    async with payer.world.pool.acquire() as conn:
        (asked,) = await reviews.of_case(conn, payer.loose(payment).case_id)
    assert asked.client_id == payer.client_id
    wrong = await payer.decides(payment, held, "apply", invoice_id="LUM-999999")
    assert wrong.effect == "failed"
    async with payer.world.pool.acquire() as conn:
        (asked,) = await reviews.of_case(conn, payer.loose(payment).case_id)
    assert asked.state == "open"  # another answer may come


async def test_a_strangers_reference_is_not_believed(payer: Payer) -> None:
    session = await payer.goes_to_pay(5_000)
    payment = payer.world.processor.pay_checkout(session)
    for change in ({"customer_id": "cus_other"}, {"checkout_id": str(uuid4())}):
        forged = payment.model_copy(update={"payment_id": f"pi_{uuid4().hex}", **change})
        payer.world.processor.payments[forged.payment_id] = forged
        assert (await payer.arrives(forged)).code == "NO_REFERENCE"
    assert await payer.left() == [10_000, 20_000, 5_000]


async def test_the_processor_is_told_what_each_visit_was_paid(payer: Payer) -> None:
    session = await payer.goes_to_pay(15_000)
    await payer.arrives(payer.world.processor.pay_checkout(session))
    for one in payer.owed[:2]:
        ask = PaymentDoorIn(case=ref(one), client_id=one.client_id, due_days=14, at=NOW)
        for _ in range(2):
            await payer.standing.open_payment_door(ask)
    told = [
        subject for call, subject in payer.world.processor.asked if call == "record_outside_payment"
    ]
    assert told == [payer.owed[0].processor_id, payer.owed[1].processor_id]


async def test_the_rest_paid_on_the_invoices_page_is_no_duplicate(payer: Payer) -> None:
    """Half on a page of its own, the other half on the invoice's: both were meant."""
    one = payer.owed[0]
    session = await payer.goes_to_pay(5_000, one.case_id)
    await payer.arrives(payer.world.processor.pay_checkout(session))
    row = paid("inpay_" + uuid4().hex, None, 5_000)
    name = one.processor_id
    payer.world.processor.invoices[name] = open_invoice(name, 10_000, 5_000, payments=(row,))
    seen = await payer.reads(one, datetime.now(UTC))  # within days of the first half
    assert (seen.balance_cents, seen.mismatches) == (0, ())
