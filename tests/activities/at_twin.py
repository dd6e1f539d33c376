"""The event behind each question about money at the processor: the twin does it, over HTTP."""

from collections.abc import Mapping
from datetime import date
from functools import partial

from activities.contracts import CaseRef
from activities.dispute_contracts import DisputeRef
from activities.payout_contracts import ApplyPayoutIn
from activities.refund_contracts import RefundRef
from connectors.payments.stripe import StripeProcessor
from domain.case import Decision
from domain.month import Month
from domain.plan_desk import about_declined
from store import periods
from store.db import transaction
from store.periods import PeriodClose
from tests.activities.declines import LOST, CardPage
from tests.activities.desk import DUE_CENTS, Open, Scene, billed, carried
from tests.activities.loans import Loans
from tests.activities.mismatches import asked_of_plan
from tests.activities.practice import AT, ZONE, Practice
from tests.activities.reversals import Till
from tests.activities.test_payouts import House
from tests.connectors.stripe_world import World as Twin


def at_twin(twin: Twin, stripe: StripeProcessor) -> Mapping[str, Open]:
    """Scenes of money at the processor itself."""

    async def disputed(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        ref = await till.disputed(await till.pay(case, who, DUE_CENTS))
        [asked] = (await till.follow(ref)).questions
        return await _reversal(till, ref, asked.review_id, who)

    async def lost(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        ref = await till.disputed(await till.pay(case, who, DUE_CENTS))
        await till.follow(ref)
        await till.bank(ref, "lost")
        [asked] = (await till.follow(ref)).questions
        return await _reversal(till, ref, asked.review_id, who)

    async def asked_for(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        await till.pay(case, who, DUE_CENTS)
        ref = till.ref()
        asked = await till.ask(case, who, ref, amount_cents=20_000)
        return await _reversal(till, ref, asked.review_id, who)

    async def by_hand(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        await till.pay(case, who, DUE_CENTS, kind="cash")
        ref, settled = await till.refund(case, who, amount_cents=20_000)
        [asked] = settled.questions
        return await _reversal(till, ref, asked.review_id, who)

    async def to_lender(practice: Practice) -> Scene:
        till, loans = Till(practice, twin, stripe), Loans(practice)
        await loans.agree()
        who, case, _ = await loans.visit()
        ref, settled = await till.refund(case, who, amount_cents=20_000)
        [asked] = settled.questions
        return await _reversal(till, ref, asked.review_id, who)

    async def failed(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        await till.pay(case, who, DUE_CENTS)
        await twin.control("/next_refund", status="failed")
        ref, settled = await till.refund(case, who, amount_cents=20_000)
        [asked] = settled.questions
        return await _reversal(till, ref, asked.review_id, who)

    async def outside(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, case, _ = await billed(practice)
        ref = await till.refunded_outside(await till.pay(case, who, DUE_CENTS), 20_000)
        [asked] = (await till.settle(ref)).questions
        return await _reversal(till, ref, asked.review_id, who)

    async def unlinked(practice: Practice) -> Scene:
        till = Till(practice, twin, stripe)
        who, _, _ = await billed(practice)
        name = await till.charge(9_000)
        made = await twin.control("/refund", payment_intent=name, amount_cents=4_000)
        ref = till.outside(made["id"])
        [asked] = (await till.settle(ref, patient=False)).questions
        return await _reversal(till, ref, asked.review_id, who)

    async def after_close(practice: Practice) -> Scene:
        # A month is closed once: each question is of a practice of its own.
        till = await Till(practice, twin, stripe).fresh()
        who, case, _ = await billed(till.practice)
        ref = await till.refunded_outside(await till.pay(case, who, DUE_CENTS), 20_000)
        async with transaction(practice.world.pool) as conn:
            await periods.close(conn, _november(case.location_id))
        [asked] = (await till.settle(ref)).questions
        return await _reversal(till, ref, asked.review_id, who)

    async def declined(practice: Practice) -> Scene:
        page = await CardPage(practice, twin, stripe).open()
        await page.pay(LOST)
        ask = about_declined((await page.hear())[0])
        own = page.own
        return await asked_of_plan(practice, own.acts, own.ref, own.client_ref, ask)

    async def payout(
        practice: Practice, *, is_missing: bool = True, by_hand_cents: int | None = None
    ) -> Scene:
        house = House(practice.world.pool, twin, stripe, location_id=practice.world.location_id)
        await house.money(10_000)
        if is_missing:
            await house.money(5_000, book=False)
        body = {} if by_hand_cents is None else {"amount_cents": by_hand_cents}
        made = await twin.control("/payouts", **body)
        if not is_missing and by_hand_cents is None:
            await twin.control("/wrong_cent", payout=made["id"], cents=1)
        asked = await house.tie(made)

        async def carry(decision: Decision) -> str:
            ask = ApplyPayoutIn(
                payout=house.ref(made["id"]), code=asked.code or "", decision=decision, at=AT
            )
            done = await house.work.apply_payout(ask)
            if done.effect == "again":
                await house.tie(made, number="run/2")
            return done.effect

        return await carried(practice, asked.review_id, practice.client(), carry)

    return {
        "CARD_DECLINED": declined,
        "DISPUTE_LOST": lost,
        "DISPUTE_OPEN": disputed,
        "REFUND_AFTER_CLOSE": after_close,
        "REFUND_ASKED": asked_for,
        "REFUND_BY_HAND": by_hand,
        "REFUND_FAILED": failed,
        "REFUND_OUTSIDE": outside,
        "REFUND_TO_LENDER": to_lender,
        "REFUND_UNLINKED": unlinked,
        "PAYOUT_DIFF": payout,
        "PAYOUT_DIFF accept": partial(payout, is_missing=False),
        "PAYOUT_MANUAL": partial(payout, is_missing=False, by_hand_cents=3_000),
    }


async def _reversal(
    till: Till, ref: RefundRef | DisputeRef, review_id: str | None, who: str
) -> Scene:
    """A case of its own, whose answers are carried out like a visit's."""
    case = CaseRef(case_id=ref.case_id, location_id=ref.location_id, pms="", visit_id="", zone=ZONE)
    return Scene(till.practice, await till.review(review_id), who, case)


def _november(location_id: str) -> PeriodClose:
    return PeriodClose(
        location_id=location_id,
        month=Month(first=date(2026, 11, 1)),
        signed_by="owner",
        limit_cents=0,
        off_cents=0,
        open_above_limit=0,
        figures={},
        signed_at=AT,
    )


OF_TWIN = (
    "CARD_DECLINED",
    "DISPUTE_LOST",
    "DISPUTE_OPEN",
    "PAYOUT_DIFF",
    "PAYOUT_MANUAL",
    "REFUND_AFTER_CLOSE",
    "REFUND_ASKED",
    "REFUND_BY_HAND",
    "REFUND_FAILED",
    "REFUND_OUTSIDE",
    "REFUND_TO_LENDER",
    "REFUND_UNLINKED",
)
"""Codes that `at_twin` has a scene for."""
