"""One history played into real books by the product's own activities, in one order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from activities.contacts import refresh_contact
from activities.contracts import ApplyIn, ApplyUnmatchedIn, CaseRef, Mismatch, PlaceIn, UnmatchedRef
from activities.dispute_contracts import FollowDisputeIn
from activities.disputes import DisputeActivities
from activities.payout_contracts import TieIn
from activities.payouts import PayoutActivities
from activities.refund_contracts import RefundRef, SettleRefundIn
from activities.refunds import RefundActivities
from connectors.ports import LoosePayment, PmsPayment
from domain import ids
from domain.case import Decision
from domain.chart import UnitLot
from starter.opening import Opening, open_books
from store import entitlements, ledger, processor, reviews
from store.db import transaction
from store.reviews import Review
from tests.activities import refs
from tests.activities.practice import AT, ZONE, Practice
from tests.fakes import open_invoice, paid
from tests.histories.outside import Account
from tests.histories.story import History, News

ASKED_CENTS = 10_000_000
"""What the processor asks for on the visit's invoice: more than anybody pays."""
ROUNDS_MAX = 9
LEFT_OPEN = frozenset({"DISPUTE_OPEN"})
"""Questions whose answer changes no books."""
ANSWERS = {
    "OVERPAID": "credit",
    "CHART_CHANGED": "credit",
    "PMS_DISAGREES": "take_pms",
    "NO_REFERENCE": "apply",
    "REFUND_FAILED": "pay_again",
    "REFUND_BY_HAND": "given_back",
    "CREDIT_ON_ACCOUNT": "apply_credit",
}
"""A draft that is held because it is unlikely is approved."""


@dataclass
class Play:
    """The patient of a history at a practice of its own."""

    practice: Practice
    history: History
    token: str = field(default_factory=lambda: uuid4().hex[:12])
    journal: Path | None = None
    """Where news and answers are kept before they are acted on, so that another process can go on:
    the vendors go on showing the one, the engine keeps the other."""

    def __post_init__(self) -> None:
        world = self.practice.world
        clients = world.pms.clients
        self.who, self.place = f"urn:blvd:Client:{self.token}", world.location_id
        clients[self.who] = clients.pop(self.practice.client())
        self.account = Account(self.token, AT, self.history.news)
        self.case = CaseRef(
            case_id=ids.visit_workflow_id(self.place, "boulevard", self.token),
            location_id=self.place,
            pms="boulevard",
            visit_id=self.token,
            zone=ZONE,
        )
        self.answers: list[tuple[str, Decision]] = []
        self.invoice = f"in_{self.token}"
        self.is_billed = False
        self.ours: list[RefundRef] = []
        self.refunds = RefundActivities(world.pool, self.account, world.engine)
        self.disputes = DisputeActivities(world.pool, self.account, world.engine)
        self.payouts = PayoutActivities(world.pool, self.account, world.engine)

    @property
    def names(self) -> dict[object, str]:
        """Ids that differ from play to play, and what they stand for."""
        return {self.case.case_id: "the visit"}

    async def through(self, order: tuple[News, ...]) -> None:
        """Hear the news in an order; then look at all of it until the desk has nothing to do."""
        await self._open()
        heard, seen, answers = self._journaled()
        for one in order[:heard]:
            self._hear(one)
        self.is_billed = any(one.what == "chart" for one in order[:seen])
        for number, one in enumerate(order[seen:], seen + 1):
            self._keep("heard", number)
            self._hear(one)
            await self._look(one)
            self._keep("seen", number)
        for case_id, decision in answers:
            self.answers.append((case_id, decision))
            await self._carry_out(case_id, decision)
        last = {one.name: one for one in self.history.news}
        for _ in range(ROUNDS_MAX):
            for one in last.values():
                await self._look(one)
            for ref in self.ours:
                await self._settle(ref)
            if not (await self._answer_all() or await self._use_credit()):
                return
        raise AssertionError("the desk never gets to the end of it")

    async def _open(self) -> None:
        """The patient has four syringes of a package; the processor asks for the visit."""
        lot = UnitLot(
            lot_id=ids.lot_id(self.token, "opening", 0),
            skus=("FILLER-SYRINGE",),
            remaining=Decimal(4),
            value_cents=238_001,
            purchased_at=AT - timedelta(days=30),
            expires_on="2027-11-05",
        )
        tools = self.practice.tools
        self.client_id = await refresh_contact(tools, self.place, self.who)
        document_id = ids.document_id(self.case.case_id, 1)
        async with transaction(tools.pool) as conn:
            opening = Opening(unit_lots=[lot])
            await open_books(conn, self.client_id, self.place, opening, AT, ZONE)
            await processor.put_invoice(conn, document_id, self.invoice, self.case.case_id)

    # -- what the vendors show

    def _hear(self, one: News) -> None:
        self.account.hear(one)
        heard = self.account.heard
        chart = heard.get("A")
        if chart is not None:
            tenders = [self._tender(n) for n in heard.values() if n.what in ("desk", "desk_refund")]
            self.practice.chart(self.who, *chart.lines, case=self.case)
            self.practice.tenders(self.case, *tenders)
        fake = self.practice.world.processor
        rows = tuple(
            paid(self.account.id("inpay", n.name), self.account.id("pi", n.name), n.cents)
            for n in heard.values()
            if n.what == "pay"
        )
        fake.invoices[self.invoice] = open_invoice(
            self.invoice, ASKED_CENTS, sum(row.amount_cents for row in rows), payments=rows
        )
        if one.what == "loose":
            name = self.account.id("pi", one.name)
            fake.payments[name] = LoosePayment(
                payment_id=name,
                amount_cents=one.cents,
                currency="usd",
                state="succeeded",
                invoice_ids=(),
                customer_id=None,
                paid_at=AT,
            )

    def _tender(self, shown: News) -> PmsPayment:
        taken = next(n for n in self.history.news if n.name == shown.name)
        return PmsPayment(
            payment_id=self.account.id("tender", taken.name),
            kind=taken.kind,
            amount_cents=taken.cents,
            refunded_cents=shown.cents if shown.what == "desk_refund" else 0,
            paid_at=AT,
        )

    # -- what the product does when it is told

    async def _look(self, one: News) -> None:
        match one.what:
            case "chart":
                await self._bill()
            case "pay" | "desk" | "desk_refund":
                await self._read()
            case "loose":
                await self.practice.unmatched.place_payment(
                    PlaceIn(payment=self._loose(one), at=AT, review_no="run/1")
                )
            case "refund" | "refund_failed":
                await self._settle(refs.outside_refund(self.place, self.account.id("re", one.name)))
            case "dispute" | "won" | "lost":
                ref = refs.dispute(self.place, self.account.id("dp", one.name))
                ask = FollowDisputeIn(dispute=ref, at=AT, tell=False)
                followed = await self.disputes.follow_dispute(ask)
                await self._asks(ref.case_id, followed.questions)
            case "payout":
                await self.payouts.tie_payout(
                    TieIn(
                        payout=refs.payout(self.place, self.account.id("po", one.name)),
                        at=AT,
                        review_no="run/1",
                        patient=True,
                    )
                )

    async def _bill(self) -> None:
        done = await self.practice.bill(self.case, number=f"run/{len(self.answers)}")
        self.is_billed = self.is_billed or done.status in ("issued", "unchanged")
        await self._read()

    async def _read(self) -> None:
        # The case reads its money only once there is an invoice.
        if self.is_billed:
            await self.practice.read(self.case, self.who)

    async def _settle(self, ref: RefundRef) -> None:
        ask = SettleRefundIn(refund=ref, at=AT, patient=True, tell=False)
        await self._asks(ref.case_id, (await self.refunds.settle_refund(ask)).questions)

    async def _asks(self, case_id: str, questions: Sequence[Mismatch]) -> None:
        """What the case asks no more is taken back, as its workflow does."""
        asked = {one.review_id for one in questions}
        async with transaction(self.practice.world.pool) as conn:
            for review in await reviews.open_of_case(conn, case_id):
                if review.review_id not in asked:
                    await reviews.withdraw(conn, review.review_id, "it has moved on")

    def _loose(self, one: News) -> UnmatchedRef:
        return refs.loose(self.place, self.account.id("pi", one.name))

    # -- what the desk answers

    async def _answer_all(self) -> bool:
        """Every question that can be answered now, by code and amount; False without any."""
        async with self.practice.world.pool.acquire() as conn:
            asked = await reviews.list_open(conn, self.place)
        asked = [review for review in asked if review.code not in LEFT_OPEN]
        # What a refund is about waits until the refund is explained.
        effects = [
            await self._answer(review)
            for review in sorted(asked, key=lambda one: (one.code, one.money_cents))
        ]
        assert not asked or set(effects) != {"failed"}, [one.code for one in asked]
        return bool(asked)

    async def _answer(self, review: Review) -> str:
        """By one person, and a second one where that is needed."""
        choice = {**ANSWERS, **self.history.answers}.get(review.code, "approve")
        decision = Decision(review_id=review.review_id, choice=choice, by="dana", reason="agreed")
        if choice == "apply":
            document_id = ids.document_id(self.case.case_id, 1)
            decision = decision.model_copy(update={"invoice_id": document_id})
        effect = await self._apply(review, decision)
        if effect == "proposed":
            effect = await self._apply(review, decision.model_copy(update={"confirmed_by": "eve"}))
        return effect

    def _journaled(self) -> tuple[int, int, list[tuple[str, Decision]]]:
        """How much a process that died had heard and seen to the end, and its answers."""
        if self.journal is None or not self.journal.exists():
            return 0, 0, []
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        heard, seen = (
            max((said for name, said in lines if name == word), default=0)
            for word in ("heard", "seen")
        )
        given = [(n, said) for n, said in lines if n not in ("heard", "seen")]
        return heard, seen, [(n, Decision.model_validate(said)) for n, said in given]

    def _keep(self, name: str, said: object) -> None:
        if self.journal is not None:
            with self.journal.open("a") as kept:
                kept.write(json.dumps((name, said)) + "\n")

    async def _apply(self, review: Review, decision: Decision) -> str:
        self.answers.append((review.case_id, decision))
        self._keep(review.case_id, decision.model_dump(mode="json"))
        return await self._carry_out(review.case_id, decision)

    async def _carry_out(self, case_id: str, decision: Decision) -> str:
        loose = next((n for n in self.history.news if n.what == "loose"), None)
        if loose is not None and case_id == self._loose(loose).case_id:
            ask = ApplyUnmatchedIn(payment=self._loose(loose), decision=decision, at=AT)
            return (await self.practice.unmatched.apply_unmatched(ask)).effect
        case = self.case.model_copy(update={"case_id": case_id})
        ask = ApplyIn(case=case, client_id=self.client_id, decision=decision, at=AT)
        done = await self.practice.reviews.apply_decision(ask)
        self.ours += [refs.refund(self.place, refund_id) for refund_id in done.refund_ids]
        return done.effect

    async def _use_credit(self) -> bool:
        """Credit pays what is still owed on the visit, as the chase would have it asked."""
        async with self.practice.world.pool.acquire() as conn:
            owed_cents = await ledger.balance_of_case(conn, self.case.case_id)
            held = await entitlements.read(conn, self.client_id, AT, ZONE, None)
        credit_cents = sum(lot.remaining_cents for lot in held.money_lots)
        if owed_cents <= 0 or not credit_cents:
            return False
        await self.practice.ask_desk(
            self.case, self.who, "CREDIT_ON_ACCOUNT", min(owed_cents, credit_cents)
        )
        return True
