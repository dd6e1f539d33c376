"""A practice whose card money is at the twin, over HTTP, and what goes back of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from activities.contracts import (
    ApplyIn,
    ApplyOut,
    ApplyUnmatchedIn,
    CaseRef,
    PlaceIn,
    PlaceOut,
    UndoIn,
    UndoneOut,
    UnmatchedRef,
)
from activities.dispute_contracts import DisputeRef, FollowDisputeIn, FollowDisputeOut
from activities.disputes import DisputeActivities
from activities.posting import BY_MATCHING, apply_payment
from activities.previews import preview_undo
from activities.refund_contracts import (
    AskRefundIn,
    AskRefundOut,
    RefundRef,
    SettleRefundIn,
    SettleRefundOut,
)
from activities.refunds import RefundActivities
from activities.undoing import UndoActivities
from connectors.payments.stripe import StripeProcessor
from connectors.ports import LoosePayment
from domain import entries_held, ids
from domain.case import Decision, Undo
from domain.refund_case import RefundRequest
from domain.refund_types import RefundAsk
from store import catalogs, invoices, ledger, locations, payments, refunds, reviews, undos
from store.db import transaction
from store.invoices import Document
from store.payments import PaymentFact
from store.refunds import RefundMove
from store.reviews import Review
from tests.activities import refs
from tests.activities.practice import AT, ZONE, Practice
from tests.agreed import channels_on
from tests.connectors.stripe_world import World as Twin
from tests.fakes import FakeEngine
from tests.web.conftest import assemble, catalog, location


@dataclass
class Till:
    """One practice, the twin that took its cards, and the case engine that is told."""

    practice: Practice
    twin: Twin
    stripe: StripeProcessor
    engine: FakeEngine = field(default_factory=FakeEngine)

    @property
    def refunds(self) -> RefundActivities:
        return RefundActivities(self.practice.world.pool, self.stripe.reversals, self.engine)

    async def charge(self, cents: int) -> str:
        """Card money at the processor that the books do not have."""
        body = {"amount_cents": cents, "currency": "usd"}
        return (await self.twin.control("/loose_payment", **body))["id"]

    async def pay(
        self, case: CaseRef, who: str, cents: int, kind: str = "card", at: datetime = AT
    ) -> str:
        """A payment that is applied to a visit; too much of it becomes credit. Our id."""
        online = kind == "card"
        name = await self.charge(cents) if online else uuid4().hex
        return await self.book(name, case, who, cents, kind, at, outside=not online)

    async def book(
        self,
        name: str,
        case: CaseRef,
        who: str,
        cents: int,
        kind: str = "card",
        at: datetime = AT,
        outside: bool = False,
    ) -> str:
        source = "boulevard" if outside else "stripe"
        fact = PaymentFact(
            payment_id=ids.payment_id(source, name),
            source=source,
            object_id=name,
            kind=kind,
            state="paid",
            amount_cents=cents,
            occurred_at=at,
            case_id=case.case_id,
            client_id=self.practice.client_id(who),
            location_id=case.location_id,
            outside=outside,
        )
        async with transaction(self.practice.world.pool) as conn:
            if await payments.record(conn, fact):
                owed = max(0, await ledger.balance_of_case(conn, case.case_id))
                to_case = min(owed, cents)
                await apply_payment(conn, case, fact, to_case, cents - to_case, at, BY_MATCHING)
        return fact.payment_id

    async def over(self, who: str, parts: list[tuple[CaseRef, int]]) -> str:
        """One card payment over several visits, as from a page of the client's own."""
        cents = sum(part for _, part in parts)
        name = await self.charge(cents)
        fact = PaymentFact(
            payment_id=ids.payment_id("stripe", name),
            source="stripe",
            object_id=name,
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=AT,
            client_id=self.practice.client_id(who),
            location_id=self.practice.world.location_id,
        )
        async with transaction(self.practice.world.pool) as conn:
            await payments.record(conn, fact)
            for case, part in parts:
                await apply_payment(conn, case, fact, part, 0, AT, BY_MATCHING)
        return fact.payment_id

    async def owed(self, *cases: CaseRef) -> tuple[int, ...]:
        async with self.practice.world.pool.acquire() as conn:
            return tuple([await ledger.balance_of_case(conn, case.case_id) for case in cases])

    async def unidentified(self, name: str, cents: int) -> str:
        """Money of an unknown payer, in suspense."""
        fact = PaymentFact(
            payment_id=ids.payment_id("stripe", name),
            source="stripe",
            object_id=name,
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=AT,
            location_id=self.practice.world.location_id,
        )
        async with transaction(self.practice.world.pool) as conn:
            if await payments.record(conn, fact):
                entry = entries_held.unidentified_received(
                    payment_id=fact.payment_id,
                    source="stripe",
                    kind="card",
                    amount_cents=cents,
                    location_id=fact.location_id,
                    effective_on=AT.date(),
                )
                await ledger.post(conn, entry)
        return fact.payment_id

    async def loose(self, cents: int) -> UnmatchedRef:
        """Money of an unknown payer, held and asked about."""
        name = await self.charge(cents)
        self.practice.world.processor.payments[name] = LoosePayment(
            payment_id=name,
            amount_cents=cents,
            currency="usd",
            state="succeeded",
            invoice_ids=(),
            customer_id=None,
            paid_at=AT,
        )
        ref = refs.loose(self.practice.world.location_id, name)
        assert (await self.placed(ref)).status == "held"
        return ref

    async def placed(self, ref: UnmatchedRef) -> PlaceOut:
        ask = PlaceIn(payment=ref, at=AT, review_no="run/1")
        return await self.practice.unmatched.place_payment(ask)

    async def place(
        self, ref: UnmatchedRef, choice: str, **more: Any
    ) -> tuple[str, tuple[str, ...]]:
        """What becomes of held money; the effect and the refund that it owes."""
        review_id = (await self.placed(ref)).review_id or ""
        decision = Decision(review_id=review_id, choice=choice, by="dana", **more)
        ask = ApplyUnmatchedIn(payment=ref, decision=decision, at=AT)
        done = await self.practice.unmatched.apply_unmatched(ask)
        return done.effect, done.refund_ids

    async def fresh(self) -> "Till":
        """Another practice of its own at the same twin."""
        world = self.practice.world
        made = Practice(assemble(world.pool, world.wiring.settings, f"web-{uuid4().hex[:12]}"))
        async with transaction(world.pool) as conn:
            await locations.put_location(conn, location(made.world.location_id))
            await catalogs.put_catalog(conn, catalog(made.world.location_id), "test", "first")
            await channels_on(conn, made.world.location_id)
        await made.open()
        return Till(made, self.twin, self.stripe)

    async def name_of(self, payment_id: str) -> str:
        async with self.practice.world.pool.acquire() as conn:
            fact = await payments.get(conn, payment_id)
        assert fact is not None
        return fact.object_id

    # -- refunds that the desk asks for

    def ref(self, refund_id: str = "") -> RefundRef:
        return refs.refund(self.practice.world.location_id, refund_id or str(uuid4()))

    async def ask(
        self, case: CaseRef | None, who: str, ref: RefundRef, credit: int | None = None, **ask: Any
    ) -> AskRefundOut:
        request = RefundRequest(
            client_id=self.practice.client_id(who),
            by="dana",
            reason="unhappy",
            case_id=case.case_id if case else None,
            ask=RefundAsk.model_validate(ask),
            credit_cents=credit,
        )
        return await self.refunds.ask_refund(
            AskRefundIn(refund=ref, request=request, at=AT, review_no="run/1")
        )

    async def decide(
        self,
        ref: RefundRef | DisputeRef,
        review_id: str | None,
        choice: str,
        who: str | None = None,
        second: str | None = "eve",
        **more: Any,
    ) -> ApplyOut:
        """A named person's answer, carried out; a second one confirms where that is needed."""
        decision = Decision(review_id=review_id or "", choice=choice, by="dana", **more)
        ask = ApplyIn(
            case=CaseRef(
                case_id=ref.case_id, location_id=ref.location_id, pms="", visit_id="", zone=ZONE
            ),
            client_id=self.practice.client_id(who) if who else None,
            decision=decision,
            at=AT,
        )
        done = await self.practice.reviews.apply_decision(ask)
        if done.effect != "proposed" or second is None:
            return done
        yes = decision.model_copy(update={"confirmed_by": second})
        return await self.practice.reviews.apply_decision(ask.model_copy(update={"decision": yes}))

    async def refund(
        self, case: CaseRef | None, who: str, credit: int | None = None, **ask: Any
    ) -> tuple[RefundRef, SettleRefundOut]:
        """Asked, decided by two people and carried out as far as it goes."""
        ref = self.ref()
        asked = await self.ask(case, who, ref, credit, **ask)
        assert asked.status == "asked", asked.why
        done = await self.decide(ref, asked.review_id, "pay_back", who, reason="unhappy")
        assert done.refund_ids == (ref.refund_id,), done
        return ref, await self.settle(ref)

    async def settle(
        self, ref: RefundRef, patient: bool = True, tell: bool = False
    ) -> SettleRefundOut:
        return await self.refunds.settle_refund(
            SettleRefundIn(refund=ref, at=AT, patient=patient, tell=tell)
        )

    # -- refunds that somebody made in the processor's own pages

    def outside(self, object_id: str) -> RefundRef:
        return refs.outside_refund(self.practice.world.location_id, object_id)

    async def refunded_outside(self, payment_id: str, cents: int | None = None) -> RefundRef:
        body: dict[str, Any] = {"payment_intent": await self.name_of(payment_id)}
        if cents is not None:
            body["amount_cents"] = cents
        return self.outside((await self.twin.control("/refund", **body))["id"])

    # -- disputes

    @property
    def disputes(self) -> DisputeActivities:
        return DisputeActivities(self.practice.world.pool, self.stripe.reversals, self.engine)

    def dispute(self, dispute_id: str) -> DisputeRef:
        return refs.dispute(self.practice.world.location_id, dispute_id)

    async def disputed(self, payment_id: str, **more: Any) -> DisputeRef:
        body = {"payment_intent": await self.name_of(payment_id), **more}
        return self.dispute((await self.twin.control("/disputes", **body))["id"])

    async def bank(self, ref: DisputeRef, outcome: str, **more: Any) -> None:
        path = f"/disputes/{ref.dispute_id}/decide"
        await self.twin.control(path, outcome=outcome, **more)

    async def follow(self, ref: DisputeRef, tell: bool = False) -> FollowDisputeOut:
        return await self.disputes.follow_dispute(FollowDisputeIn(dispute=ref, at=AT, tell=tell))

    # -- what the books say

    async def accounts(self) -> dict[str, int]:
        """Every account of the location that is not zero, without revenue."""
        place = self.practice.world.location_id
        async with self.practice.world.pool.acquire() as conn:
            found = await ledger.account_balances(conn, place)
        return {account: cents for account, cents in found.items() if cents}

    async def document(self, case: CaseRef) -> Document:
        async with self.practice.world.pool.acquire() as conn:
            found = await invoices.latest_document(conn, case.case_id)
        assert found is not None
        return found

    async def moves(self, ref: RefundRef) -> list[RefundMove]:
        async with self.practice.world.pool.acquire() as conn:
            return await refunds.moves_of(conn, ref.refund_id or "")

    async def taken_back(self, review_id: str | None) -> UndoneOut:
        """By one person or, where two have decided, by two; shown before, which leaves nothing."""
        before = await self.accounts()
        async with self.practice.world.pool.acquire() as conn:
            review = await reviews.get(conn, review_id or "")
            undo = Undo(review_id=review.review_id, by="robin", reason="a mistake")
            if review.confirmed_by is not None:
                undo = undo.model_copy(update={"confirmed_by": "eve"})
            shown = await preview_undo(conn, undo, AT)
            if review.confirmed_by is not None:
                await undos.propose(conn, review.review_id, "robin", "a mistake", AT)
        assert await self.accounts() == before
        work = UndoActivities(self.practice.world.pool, self.engine)
        done = await work.take_back(UndoIn(undo=undo, at=AT))
        assert (shown.problem or "") == done.note
        assert bool(shown.entries) == (done.effect == "undone" and review.undone_by is None)
        return done

    async def review(self, review_id: str | None) -> Review:
        async with self.practice.world.pool.acquire() as conn:
            return await reviews.get(conn, review_id or "")

    async def shape(self) -> list[tuple[Any, ...]]:
        """The location's whole ledger without its ids."""
        async with self.practice.world.pool.acquire() as conn:
            rows = await conn.fetch(
                "SELECT event, account, debit_cents, credit_cents FROM ledger_entries"
                " JOIN ledger_postings USING (entry_id) WHERE location_id = $1"
                " ORDER BY 1, 2, 3, 4",
                self.practice.world.location_id,
            )
        return [tuple(row.values()) for row in rows]
