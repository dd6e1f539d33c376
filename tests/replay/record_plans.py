"""The paths of financing plans in the replay corpus."""

from datetime import timedelta

from domain.case import Close, Release
from domain.plan_case import (
    CardDeclined,
    Installment,
    Lender,
    PlanStatus,
    SessionCompleted,
    StatusChanged,
)
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World


async def financed(clinic: Clinic, _: World) -> Case:
    """Approved and accepted, without a date, sessions, a silent client, a decline, the renewal."""
    books = clinic.plans
    plan = await clinic.plan(plan_id="app-financed")
    await plan.day(3)
    books.plan(status=PlanStatus.ACCEPTED, accepted_at=await plan.now(), sessions_planned=4)
    await plan.signal("status_changed", StatusChanged(revision=2, status=PlanStatus.ACCEPTED))
    await plan.decide("enter_date", until=THURSDAY.date() + timedelta(days=34))
    await plan.decide("enter_date", until=THURSDAY.date() + timedelta(days=200))
    for day in (5, 33):
        await plan.day(day)
        books.session(await plan.now())
        told = SessionCompleted(visit_case_id=f"visit/{day}", at=await plan.now())
        await plan.signal("session_completed", told)
    await plan.hold()
    await plan.day(36)
    await plan.update("release", Release(by="desk-1"))
    declined = CardDeclined(event_id="e-1", at=await plan.now(), code="expired_card")
    await plan.signal("card_declined", declined)
    await plan.decide("called", "CARD_DECLINED")
    await plan.update("close", Close(by="desk-1", reason="MOVED"))
    return plan


async def financed_by_us(clinic: Clinic, _: World) -> Case:
    """Signed, billed by instalments, two missed, cancelled."""
    plan = await _ours(clinic, "own-financed")
    clinic.plans.patient(overdue_installments=2)
    await plan.day(26)
    await plan.decide("called", "INSTALLMENTS_MISSED")
    await _cancel(clinic, plan)
    return plan


async def ended_with_rest(clinic: Clinic, _: World) -> Case:
    """Cancelled with a part unbilled: left until a day, then billed as a last instalment."""
    plan = await _ours(clinic, "own-with-rest")
    await plan.day(12)
    clinic.plans.patient(rest_cents=10_000)
    await _cancel(clinic, plan)
    until = THURSDAY.date() + timedelta(days=20)
    await plan.decide("leave_open", "PLAN_REST", until=until)
    await plan.day(20)
    await plan.decide("bill", "PLAN_REST")
    return plan


async def _ours(clinic: Clinic, plan_id: str) -> Case:
    due = [THURSDAY.date() + timedelta(days=day) for day in (10, 24)]
    return await clinic.plan(
        plan_id=plan_id,
        lender=Lender.IN_HOUSE,
        status=PlanStatus.ACCEPTED,
        approved_at=None,
        accepted_at=THURSDAY,
        first_payment_on=due[0],
        first_payment_known_at=THURSDAY,
        final_payment_on=due[1],
        installments=tuple(
            Installment(number=n, due_on=day, amount_cents=10_000) for n, day in enumerate(due, 1)
        ),
    )


async def _cancel(clinic: Clinic, plan: Case) -> None:
    clinic.plans.plan(status=PlanStatus.CANCELLED, ended_at=await plan.now())
    await plan.signal("status_changed", StatusChanged(revision=3, status=PlanStatus.CANCELLED))
