"""Payouts of the twin, over HTTP, tied out in real books."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from activities.intake import Intake
from activities.intake_payouts import PayoutIntake
from activities.payout_contracts import ApplyPayoutIn, ApplyPayoutOut, PayoutRef, TieIn, TieOut
from activities.payouts import PayoutActivities
from activities.previews import preview
from activities.translation import Ignored
from connectors.payments.stripe import StripeProcessor
from domain import entries_held, ids
from domain.case import Decision
from domain.preview import Preview
from store import ledger, locations, payments, payouts, reviews
from store.db import Pool, transaction
from store.inbox import InboxEvent
from store.payments import PaymentFact
from tests.activities import refs
from tests.connectors.stripe_world import World
from tests.fakes import FakeEngine
from tests.web.conftest import World as WebWorld
from tests.web.conftest import location

ZONE = "America/Chicago"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


def net_of(shown: Preview) -> dict[str, int]:
    """Net debits by account of what a preview shows."""
    net: dict[str, int] = {}
    for line in (line for entry in shown.entries for line in entry.lines):
        cents = net.get(line.account, 0) + line.debit_cents - line.credit_cents
        net[line.account] = cents
    return {account: cents for account, cents in net.items() if cents}


@dataclass
class House:
    """One location's books beside the twin."""

    pool: Pool
    twin: World
    stripe: StripeProcessor
    location_id: str = field(default_factory=lambda: f"pay-{uuid4().hex[:12]}")
    engine: FakeEngine = field(default_factory=FakeEngine)

    @property
    def work(self) -> PayoutActivities:
        return PayoutActivities(self.pool, self.stripe.payouts, self.engine)

    async def money(self, cents: int, booked: int | None = None, book: bool = True) -> str:
        """A card payment at the processor, in the books too unless told otherwise."""
        body = {"amount_cents": cents, "currency": "usd"}
        intent = await self.twin.control("/loose_payment", **body)
        if book:
            await self.book(intent["id"], cents if booked is None else booked)
        return intent["id"]

    async def book(self, name: str, cents: int) -> None:
        at = datetime.now(UTC)
        payment_id = ids.payment_id("stripe", name)
        fact = PaymentFact(
            payment_id=payment_id,
            source="stripe",
            object_id=name,
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=at,
            location_id=self.location_id,
        )
        async with transaction(self.pool) as conn:
            if await payments.record(conn, fact):
                entry = entries_held.unidentified_received(
                    payment_id=payment_id,
                    source="stripe",
                    kind="card",
                    amount_cents=cents,
                    location_id=self.location_id,
                    effective_on=at.astimezone(ZoneInfo(ZONE)).date(),
                )
                await ledger.post(conn, entry)

    def ref(self, payout_id: str) -> PayoutRef:
        return refs.payout(self.location_id, payout_id)

    async def tie(
        self, payout: dict, patient: bool = False, number: str = "run/1", asked: str | None = None
    ) -> TieOut:
        return await self.work.tie_payout(
            TieIn(
                payout=self.ref(payout["id"]),
                at=datetime.now(UTC),
                review_no=number,
                patient=patient,
                open_review_id=asked,
            )
        )

    async def decide(self, payout: dict, asked: TieOut, choice: str, **more: Any) -> ApplyPayoutOut:
        given = {"review_id": asked.review_id, "choice": choice, "by": "Dana", **more}
        return await self.work.apply_payout(
            ApplyPayoutIn(
                payout=self.ref(payout["id"]),
                code=asked.code,
                decision=Decision.model_validate(given),
                at=datetime.now(UTC),
            )
        )

    async def shows(self, asked: TieOut, choice: str, **more: Any) -> Preview:
        given = {"review_id": asked.review_id, "choice": choice, "by": "Dana", **more}
        async with self.pool.acquire() as conn:
            return await preview(conn, Decision.model_validate(given), datetime.now(UTC))

    async def accounts(self) -> dict[str, int]:
        async with self.pool.acquire() as conn:
            found = await ledger.account_balances(conn, self.location_id)
        return {account: cents for account, cents in found.items() if cents}

    async def facts(self, asked: TieOut) -> list[str]:
        async with self.pool.acquire() as conn:
            return (await reviews.get(conn, asked.review_id)).shown["facts"]

    async def shape(self) -> str:
        """The location's whole ledger without its ids."""
        async with self.pool.acquire() as conn:
            rows = await conn.fetch(
                "SELECT event, effective_on, account, debit_cents, credit_cents, client_id"
                " FROM ledger_entries JOIN ledger_postings USING (entry_id)"
                " WHERE location_id = $1 ORDER BY 1, 2, 3, 4, 5",
                self.location_id,
            )
        return "\n".join(str(tuple(row.values())) for row in rows)


@pytest.fixture
async def house(running: World, pool: Pool) -> AsyncIterator[House]:
    stripe = running.processor()
    yield await _open(running, pool, stripe)
    await stripe.close()


async def test_a_mixed_payout_ties_and_leaves_nothing_in_clearing(house: House) -> None:
    await house.money(10_000)
    second = await house.money(5_000)
    await house.twin.control("/refund", payment_intent=second, amount_cents=1_000)
    await house.twin.control("/adjustment", amount_cents=-200, category="fee")
    payout = await house.twin.control("/payouts", arrives_in_days=2)
    assert (await house.tie(payout)).status == "tied"
    assert await house.accounts() == {
        "1010": 9_680 + 4_825 - 1_000 - 200,
        "2095": -15_000,
        "2100": 1_000,
        "6010": 320 + 175 + 200,
    }
    async with house.pool.acquire() as conn:
        row = await payouts.get(conn, "stripe", payout["id"])
        days = await conn.fetch(
            "SELECT DISTINCT event, effective_on FROM ledger_entries WHERE location_id = $1",
            house.location_id,
        )
    assert row is not None
    assert row.is_settled
    today = datetime.now(ZoneInfo(ZONE)).date()
    arrival = (datetime.now(UTC) + timedelta(days=2)).date()
    assert {d["event"]: d["effective_on"] for d in days} == {
        "unidentified_received": today,
        "processor_fee": today,
        "refund_paid": today,
        "payout_paid": arrival,
    }


async def test_repeats_change_nothing(house: House) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts", paid=False)
    assert (await house.tie(payout)).status == "on_the_way"
    assert "1010" not in await house.accounts()
    await house.twin.control(f"/payouts/{payout['id']}/pay")
    for _ in range(3):
        assert (await house.tie(payout)).status == "tied"
    assert await house.accounts() == {"1010": 9_680, "2095": -10_000, "6010": 320}


async def test_parts_that_cannot_be_listed_yet_are_waited_for(house: House) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts", reconciled=False)
    assert (await house.tie(payout)).status == "on_the_way"
    await house.twin.control(f"/payouts/{payout['id']}/reconcile")
    assert (await house.tie(payout)).status == "tied"


@pytest.mark.parametrize("cents", [1, -1])
async def test_a_planted_cent_in_the_payout_is_shown_and_accepted(house: House, cents: int) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts")
    await house.twin.control("/wrong_cent", payout=payout["id"], cents=cents)
    asked = await house.tie(payout)
    assert (asked.status, asked.code) == ("asked", "PAYOUT_DIFF")
    amount = f"$96.{80 + cents}"
    off = "$0.01" if cents > 0 else "-$0.01"
    assert await house.facts(asked) == [
        f"The parts come to $96.80, the payout to {amount}: {off} apart."
    ]
    assert "1010" not in await house.accounts()
    before = await house.accounts()
    shown = await house.shows(asked, "accept", reason="one cent")
    assert shown.follows == ("The payout is tied in the books.",)
    assert await house.accounts() == before  # a preview leaves nothing behind
    applied = await house.decide(payout, asked, "accept", reason="one cent")
    assert applied.effect == "again"
    assert (await house.tie(payout, number="run/2")).status == "tied"
    books = await house.accounts()
    booked = {each: books.get(each, 0) - before.get(each, 0) for each in {*books, *before}}
    assert net_of(shown) == {account: cents for account, cents in booked.items() if cents}
    assert (books["1010"], books["6010"]) == (9_680 + cents, 320 - cents)
    assert "1020" not in books


async def test_a_charge_that_differs_from_the_books_is_named(house: House) -> None:
    await house.money(10_000)
    wrong = await house.money(5_000)
    await house.twin.control("/wrong_cent", payment_intent=wrong, cents=-1)
    payout = await house.twin.control("/payouts")
    asked = await house.tie(payout)
    [fact] = await house.facts(asked)
    assert "$49.99 there and $50.00 in the books" in fact
    await house.decide(payout, asked, "accept", reason="their rounding")
    assert (await house.tie(payout, number="run/2")).status == "tied"
    assert "1020" not in await house.accounts()


async def test_a_missing_payment_is_waited_for_then_asked_and_cannot_be_accepted(
    house: House,
) -> None:
    await house.money(10_000)
    lost = await house.money(5_000, book=False)
    payout = await house.twin.control("/payouts")
    assert (await house.tie(payout, patient=True)).status == "missing"
    asked = await house.tie(payout)
    assert lost in (await house.facts(asked))[0]
    refused = await house.decide(payout, asked, "accept", reason="whatever")
    assert refused.note is not None
    again = await house.tie(payout, number="run/2")
    assert (again.status, again.review_id != asked.review_id) == ("asked", True)
    added = await house.decide(payout, again, "add_missing")
    assert added.added == 1
    [(workflow, workflow_id, start, _)] = house.engine.started
    assert (workflow, workflow_id) == ("UnmatchedPayment", f"payment/stripe/{lost}")
    assert start.payment_id == lost
    await house.book(lost, 5_000)
    assert (await house.tie(payout, number="run/3")).status == "tied"
    assert "1020" not in await house.accounts()


async def test_an_acceptance_holds_for_the_difference_that_was_shown_alone(house: House) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts")
    await house.twin.control("/wrong_cent", payout=payout["id"], cents=1)
    asked = await house.tie(payout)
    await house.twin.control("/wrong_cent", payout=payout["id"], cents=500)
    await house.decide(payout, asked, "accept", reason="one cent")
    assert (await house.tie(payout, number="run/2")).status == "asked"
    assert "1010" not in await house.accounts()


async def test_a_payout_by_hand_is_for_a_person(house: House) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts", amount_cents=3_000)
    asked = await house.tie(payout)
    assert asked.code == "PAYOUT_MANUAL"
    assert "1010" not in await house.accounts()
    assert (await house.decide(payout, asked, "call_processor")).effect == "rest"
    later = await house.tie(payout, number="run/2")
    assert net_of(await house.shows(later, "book")) == {"1010": 3_000, "1020": -3_000}
    await house.decide(payout, later, "book")
    assert (await house.tie(payout, number="run/3")).status == "tied"
    books = await house.accounts()
    assert (books["1010"], books["1020"]) == (3_000, 7_000)


async def test_a_payout_that_fails_after_it_was_paid_is_undone_and_paid_anew(house: House) -> None:
    await house.money(10_000)
    first = await house.twin.control("/payouts")
    assert (await house.tie(first)).status == "tied"
    await house.twin.control(f"/payouts/{first['id']}/fail")
    assert (await house.tie(first)).status == "returned"
    assert await house.accounts() == {"1020": 9_680, "2095": -10_000, "6010": 320}
    second = await house.twin.control("/payouts")
    assert (await house.tie(second)).status == "tied"
    assert await house.accounts() == {"1010": 9_680, "2095": -10_000, "6010": 320}


async def test_what_came_back_is_not_paid_before_the_failure_is_known(house: House) -> None:
    await house.money(10_000)
    first = await house.twin.control("/payouts")
    await house.twin.control(f"/payouts/{first['id']}/fail")
    second = await house.twin.control("/payouts")
    assert (await house.tie(second, patient=True)).status == "missing"
    assert (await house.tie(first)).status == "returned"
    assert (await house.tie(second, patient=True)).status == "tied"
    assert await house.accounts() == {"1010": 9_680, "2095": -10_000, "6010": 320}


async def _open(running: World, pool: Pool, stripe: StripeProcessor) -> House:
    running.reset()
    made = House(pool, running, stripe)
    async with transaction(pool) as conn:
        await locations.put_location(conn, location(made.location_id))
    return made


async def test_any_order_and_repetition_ends_in_the_same_books(
    running: World, pool: Pool, house: House
) -> None:
    """Two late payments, a refund, a payout that failed and the one after it, in all orders."""
    found = set()
    for order in itertools.permutations(("one", "two", "first", "second")):
        house = await _open(running, pool, house.stripe)
        names = {"one": await house.money(10_000, book=False)}
        first = await house.twin.control("/payouts")
        await house.twin.control(f"/payouts/{first['id']}/fail")
        names["two"] = await house.money(5_000, book=False)
        await house.twin.control("/refund", payment_intent=names["one"], amount_cents=700)
        second = await house.twin.control("/payouts")
        made = {"first": first, "second": second}
        for step in (*order, *order, "first", "second"):
            if step in made:
                await house.tie(made[step], patient=True)
            else:
                await house.book(names[step], {"one": 10_000, "two": 5_000}[step])
        assert (await house.tie(second)).status == "tied", order
        found.add(await house.shape())
    assert len(found) == 1


async def test_news_opens_or_tells_the_case_and_the_sweep_finds_what_was_lost(
    house: House,
) -> None:
    engine = FakeEngine()
    intake = PayoutIntake(house.pool, house.stripe.payouts, engine)
    await house.money(10_000)
    payout = await house.twin.control("/payouts")
    case_id = ids.payout_workflow_id("stripe", payout["id"])
    [made, _, paid] = [e for e in await house.twin.events() if e["type"].startswith("payout.")]
    with pytest.raises(Ignored):
        await intake.translate(news(made))
    assert await intake.translate(news(paid)) == case_id
    [(workflow, workflow_id, start, _)] = engine.started
    assert (workflow, workflow_id, start.payout_id) == ("PayoutTieOut", case_id, payout["id"])
    since = datetime.now(UTC) - timedelta(days=14)
    assert await intake.find(since) == {"read": 1, "told": 1}
    assert engine.signals[0][:2] == (case_id, "payout_moved")
    await house.tie(payout)
    assert await intake.find(since) == {"read": 1, "told": 0}
    await house.twin.control(f"/payouts/{payout['id']}/fail")
    assert await intake.find(since) == {"read": 1, "told": 1}
    assert engine.signals[-1][2].state == "failed"


async def test_the_inbox_leads_payout_events_to_their_case(house: House, world: WebWorld) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts")
    paid = next(e for e in await house.twin.events() if e["type"] == "payout.paid")
    intake = Intake(
        house.pool,
        world.vault,
        {},
        house.stripe,
        world.text,
        house.engine,
        payouts=house.stripe.payouts,
    )
    assert await intake._translate(news(paid)) == f"payout/stripe/{payout['id']}"
    since = datetime.now(UTC) - timedelta(hours=1)
    assert await intake.find_payouts(since) == {"read": 1, "told": 1}
    assert [each[0] for each in house.engine.started] == ["PayoutTieOut"]
    # A house without the port leaves them alone.
    assert await world.intake.find_payouts(since) == {}


def news(event: dict) -> InboxEvent:
    return InboxEvent(
        inbox_id=str(uuid4()),
        source="stripe",
        location_id=None,
        event_id=event["id"],
        event_type=event["type"],
        occurred_at=datetime.now(UTC),
        received_at=datetime.now(UTC),
        body=json.dumps(event).encode(),
    )
