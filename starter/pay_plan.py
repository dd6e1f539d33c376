"""What a plan's link shows: nothing of it before the second factor, then its terms."""

from domain.lender_contracts import CONTRACTS
from domain.model import Record
from domain.plan_case import Lender
from starter.pay_standing import Standing
from starter.pay_words import long_date
from starter.wiring import Wiring
from store import plan_sessions, plans
from store.invoices import PayLink

_PLAN = "plan/"


class PlanShown(Record):
    """A plan as its patient reads it; None is not known, and is not shown."""

    payee: str
    limit_cents: int | None
    financed_cents: int | None
    monthly_cents: int | None
    first_payment: str | None
    final_payment: str | None
    sessions_done: int
    sessions_planned: int | None


def is_plan(link: PayLink) -> bool:
    """Whether a link came with a message about a plan."""
    return link.case_id.startswith(_PLAN)


async def plan_shown(wiring: Wiring, standing: Standing, language: str) -> PlanShown | None:
    """The plan that a link stands for, as the books have it now."""
    location_id, lender, plan_id = standing.link.case_id.removeprefix(_PLAN).split("/", 2)
    async with wiring.pool.acquire() as conn:
        plan = await plans.standing(conn, location_id, lender, plan_id)
        done = await plan_sessions.of_plan(conn, location_id, lender, plan_id)
    if plan is None:
        return None
    is_ours = plan.lender is Lender.IN_HOUSE
    first, final = plan.first_payment_on, plan.final_payment_on
    return PlanShown(
        payee=standing.location.practice_name if is_ours else CONTRACTS[plan.lender].name,
        limit_cents=plan.available_cents or plan.approved_cents,
        financed_cents=plan.financed_cents,
        monthly_cents=plan.monthly_cents,
        first_payment=long_date(first, language) if first else None,
        final_payment=long_date(final, language) if final else None,
        sessions_done=len(done),
        sessions_planned=plan.sessions_planned,
    )
