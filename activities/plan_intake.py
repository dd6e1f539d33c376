"""What was told of plans: kept in the books, and the case of each plan told that there is news."""

from collections.abc import Iterable

from activities.loan_intake import LoanIntake
from connectors.ports import CaseEngine
from domain import ids
from domain.case import PaymentPosted
from domain.lender_money import TAKEN_BACK
from domain.lender_news import FundingFact
from domain.model import Record
from domain.plan_case import DatesKnown, Lender, PlanInput, PlanStanding, PlanStatus, StatusChanged
from domain.plan_facts import PlanFact
from domain.plan_policy import DEFAULT_PLAN
from store import lender_money, locations, plans
from store.db import Pool, transaction
from store.locations import Location
from store.plans import Recorded

WORKFLOW = "FinancingPlan"


class PlanIntake:
    """The one way in for facts about plans, whoever tells them."""

    def __init__(self, pool: Pool, engine: CaseEngine) -> None:
        self._pool = pool
        self._engine = engine
        self._loans = LoanIntake(pool, engine)

    async def take(self, facts: Iterable[PlanFact], event_id: str) -> list[str]:
        """Keep facts and tell their cases; the workflow ids of those that heard something new."""
        told: list[str] = []
        for fact in facts:
            async with transaction(self._pool) as conn:
                location = await locations.get_location(conn, fact.location_id)
                recorded = await plans.record(conn, fact)
            # Also when nothing is new: an earlier try may have died before it told anybody.
            if is_to_tell(fact, recorded):
                told.append(await self._tell(location, recorded, event_id))
        return list(dict.fromkeys(told))

    async def keep_fundings(self, fundings: Iterable[FundingFact]) -> int:
        """Keep what was told of money and tell the loans' cases; how many heard something new."""
        async with transaction(self._pool) as conn:
            fresh = [each for each in fundings if await lender_money.record(conn, each)]
        return await self._loans.heard(fresh)

    async def _tell(self, location: Location, recorded: Recorded, event_id: str) -> str:
        after = recorded.after
        workflow_id = ids.plan_workflow_id(location.location_id, after.lender, after.plan_id)
        start = PlanInput(
            location_id=location.location_id,
            lender=after.lender,
            plan_id=after.plan_id,
            zone=location.zone,
            policy=DEFAULT_PLAN,
            event_id=event_id,
            staff_reminder_business_days=location.chase.staff_reminder_business_days,
            clock_shift_seconds=location.clock_shift_seconds,
        )
        for signal, message in news(recorded.before, after):
            outcome = await self._engine.start_or_signal(
                WORKFLOW, workflow_id, start, signal, message, location.location_id
            )
            if outcome == "started":
                break  # it reads all of it from the books
        await self._tell_money(location, after)
        async with self._pool.acquire() as conn:
            await plans.note_told(conn, after)
        return workflow_id

    async def _tell_money(self, location: Location, plan: PlanStanding) -> None:
        """A visit that a contract pays reads its balance anew; so does the lender's own case."""
        if plan.contract_id is None or plan.visit_ref is None or plan.lender is Lender.IN_HOUSE:
            return
        visit = ids.visit_workflow_id(location.location_id, location.pms, plan.visit_ref)
        hint = PaymentPosted(payment_id=plan.contract_id)
        await self._engine.signal(visit, "payment_posted", hint)
        if plan.status in TAKEN_BACK:
            await self._loans.tell(location.location_id, plan.lender, plan.contract_id)


def is_to_tell(fact: PlanFact, recorded: Recorded) -> bool:
    """Whether a plan's case has anything to read.

    A refund whose purchase nobody has told of yet is no plan: it waits in the books.
    """
    if recorded.after.status is PlanStatus.UNKNOWN and fact.status is None:
        return False
    return recorded.after.revision > recorded.told_revision


def news(before: PlanStanding | None, after: PlanStanding) -> list[tuple[str, Record]]:
    """The messages that tell a running case of what changed; never none."""
    told: list[tuple[str, Record]] = []
    if before is None or _but_dates(before) != _but_dates(after) or before == after:
        told.append(("status_changed", StatusChanged(revision=after.revision, status=after.status)))
    if before is not None and _dates(before) != _dates(after):
        first, final = after.first_payment_on, after.final_payment_on
        told.append(
            (
                "dates_known",
                DatesKnown(revision=after.revision, first_payment_on=first, final_payment_on=final),
            )
        )
    return told


_DATES = {"first_payment_on", "final_payment_on", "is_date_confirmed"}


def _dates(standing: PlanStanding) -> object:
    return standing.model_dump(include=_DATES)


def _but_dates(standing: PlanStanding) -> object:
    return standing.model_dump(exclude=_DATES | {"revision"})
