"""What the case of a lender's feed does: compare, ask, carry out."""

from collections.abc import Mapping

from temporalio import activity

from activities.errors import vendor_errors
from activities.lender_desk import FeedDesk, port_of, unread
from activities.lending_contracts import (
    ApplyFeedIn,
    ApplyFeedOut,
    AskFeedIn,
    AskFeedOut,
    CheckFeedIn,
    CheckFeedOut,
)
from activities.plan_intake import PlanIntake
from activities.questions import question
from connectors.ports import CaseEngine, LenderPort
from domain.lender_contracts import CONTRACTS
from domain.lender_feed import HINT
from domain.plan_case import PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import reviews
from store.db import Pool, transaction

RESTS = frozenset({"ask_lender"})
"""Choices after which the trouble is asked about again while it lasts."""


class FeedActivities:
    """Lenders' feeds. `known` maps a lender to its port."""

    def __init__(
        self, pool: Pool, engine: CaseEngine, known: Mapping[str, LenderPort], plans: PlanIntake
    ) -> None:
        self._pool = pool
        self._known = known
        self._plans = plans
        self._desk = FeedDesk(pool, engine)

    @activity.defn
    @vendor_errors
    async def check_feed(self, ask: CheckFeedIn) -> CheckFeedOut:
        """Tell the feed's case what is wrong, and what has answered itself."""
        port = port_of(self._known, ask.feed.lender)
        said = list(ask.unread)
        if ask.failed is not None:
            day = ask.at.date().isoformat()
            said.append(f"{port.contract.name} could not be read on {day}: {ask.failed}.")
        done = await self._desk.check(ask.feed.location_id, port, unread(said), ask.at)
        return CheckFeedOut(told=done.told, healed=done.healed)

    @activity.defn
    @vendor_errors
    async def ask_feed(self, ask: AskFeedIn) -> AskFeedOut:
        """Put one trouble to the desk."""
        trouble, contract = ask.trouble, CONTRACTS[ask.feed.lender]
        asked = question(
            ask.case_id,
            ask.feed.location_id,
            trouble.code,
            0,
            ask.number,
            ask.at,
            facts=trouble.says,
            theirs={"lender": contract.name, "contract": contract.version},
        )
        shown = {**asked.shown, "subject": trouble.key}
        async with self._pool.acquire() as conn:
            await reviews.open_review(conn, asked.model_copy(update={"shown": shown}))
        return AskFeedOut(review_id=asked.review_id)

    @activity.defn
    @vendor_errors
    async def apply_feed(self, ask: ApplyFeedIn) -> ApplyFeedOut:
        """Write who decided what; a hint that a person confirms becomes a fact of theirs."""
        decision, trouble = ask.decision, ask.trouble
        async with transaction(self._pool) as conn:
            await reviews.decide(
                conn,
                decision.review_id,
                decision.model_dump(mode="json"),
                decision.by,
                decision.reason,
                ask.at,
            )
        if trouble.code == HINT and decision.choice == "confirm_hint" and trouble.plan_id:
            await self._plans.take([_confirmed(ask, trouble.plan_id)], decision.review_id)
        return ApplyFeedOut(effect="rest" if decision.choice in RESTS else "done")


def _confirmed(ask: ApplyFeedIn, plan_id: str) -> PlanFact:
    return PlanFact(
        location_id=ask.feed.location_id,
        lender=ask.feed.lender,
        plan_id=plan_id,
        source=FactSource.STAFF,
        key=f"decision/{ask.decision.review_id}",
        as_of=ask.at,
        observed_at=ask.at,
        status=PlanStatus(ask.trouble.key.rpartition("/")[2]),
    )
