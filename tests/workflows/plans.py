"""A plan that is signed, told of and listened to."""

from datetime import timedelta

from domain.plan_case import PlanStatus, SessionCompleted, StatusChanged
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World

SIGNED = THURSDAY.date()


def said(world: World) -> list[str]:
    """What the patient heard, a line per step and local time; channels together."""
    return list(dict.fromkeys(f"{m.step} {m.local:%m-%d %H:%M}" for m in world.messages))


async def changed(case: Case, **facts: object) -> None:
    """The books learn something, and the case is told."""
    plans = case.clinic.plans
    plans.plan(**facts)
    status = plans.facts.plan.status
    await case.signal("status_changed", StatusChanged(revision=2, status=status))


async def running(clinic: Clinic, **facts: object) -> Case:
    """A plan that is signed, with all of its dates."""
    known = {
        "status": PlanStatus.ACCEPTED,
        "accepted_at": THURSDAY,
        "first_payment_on": SIGNED + timedelta(days=30),
        "first_payment_known_at": THURSDAY,
        "final_payment_on": SIGNED + timedelta(days=365),
        "sessions_planned": 4,
    }
    return await clinic.plan(**{**known, **facts})


async def session(case: Case) -> None:
    at = await case.now()
    case.clinic.plans.session(at)
    await case.signal("session_completed", SessionCompleted(visit_case_id="visit/1", at=at))
