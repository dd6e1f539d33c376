"""Plans of the practice's own: signed once, each instalment a case, two missed for a person."""

from datetime import timedelta

from domain.plan_case import CardDeclined, Installment, InstallmentPosted, Lender, PlanStatus
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World

SIGNED = THURSDAY.date()


def parts(*days: int) -> tuple[Installment, ...]:
    return tuple(
        Installment(number=n, due_on=SIGNED + timedelta(days=day), amount_cents=20_000)
        for n, day in enumerate(days, 1)
    )


async def ours(clinic: Clinic, *days: int) -> Case:
    """A plan of our own, signed on a Thursday."""
    schedule = parts(*days)
    return await clinic.plan(
        lender=Lender.IN_HOUSE,
        status=PlanStatus.ACCEPTED,
        approved_at=None,
        accepted_at=THURSDAY,
        first_payment_on=schedule[0].due_on,
        first_payment_known_at=THURSDAY,
        final_payment_on=schedule[-1].due_on,
        installments=schedule,
    )


async def test_a_signed_plan_is_booked_once_and_its_visit_reads_its_money_anew(
    clinic: Clinic, world: World
) -> None:
    visit = await clinic.visit()
    reads = world.times("read_standing")
    clinic.plans.financed = visit.handle.id
    plan = await ours(clinic, 30, 60)
    await plan.day(2)
    await visit.settled()
    assert world.times("sign_plan") == 1
    assert world.times("read_standing") == reads + 1


async def test_each_instalment_has_its_case_three_days_before_it_is_due(
    clinic: Clinic, world: World
) -> None:
    plan = await ours(clinic, 30, 60)
    await plan.day(26)
    assert clinic.plans.opened == []
    await plan.day(58)
    days = [SIGNED + timedelta(days=day) for day in (27, 57)]
    assert clinic.plans.opened == list(enumerate(days, 1))


async def test_a_case_that_could_not_be_opened_is_opened_later(
    clinic: Clinic, world: World
) -> None:
    plan = await ours(clinic, 30)
    world.failing["open_installment"] = "Misconfigured"
    await plan.day(28)
    assert clinic.plans.opened == []
    world.failing.clear()
    await plan.pass_(hours=2)
    assert [number for number, _ in clinic.plans.opened] == [1]


async def test_two_missed_instalments_are_for_a_person(clinic: Clinic, world: World) -> None:
    plan = await ours(clinic, 30, 60)
    clinic.plans.patient(overdue_installments=1)
    await plan.day(29)
    assert "INSTALLMENTS_MISSED" not in world.codes
    await plan.day(60)
    clinic.plans.patient(overdue_installments=2)
    await plan.day(61, hour=9)
    assert "INSTALLMENTS_MISSED" not in world.codes
    await plan.day(61, hour=11)
    assert "INSTALLMENTS_MISSED" in world.open_codes


async def test_a_plan_over_more_than_the_visit_owes_is_asked_about(
    clinic: Clinic, world: World
) -> None:
    clinic.plans.over_cents = 500
    await ours(clinic, 30)
    assert "PLAN_OVER_BALANCE" in world.open_codes


async def test_the_plan_itself_says_nothing_of_an_instalment(clinic: Clinic, world: World) -> None:
    plan = await ours(clinic, 30)
    await plan.day(40)
    assert [step for step in world.said if step.startswith("first-payment")] == []


async def declined(plan: Case, event_id: str = "ch_1", installment: int = 1) -> None:
    told = CardDeclined(
        event_id=event_id, at=await plan.now(), code="expired", installment=installment
    )
    await plan.signal("card_declined", told)


async def test_a_declined_card_is_asked_about_once_for_each_attempt(
    clinic: Clinic, world: World
) -> None:
    plan = await ours(clinic, 30, 60)
    await plan.day(28)
    for _ in range(10):
        await declined(plan)
    assert world.codes == ["CARD_DECLINED"]
    await plan.decide("new_link")
    await declined(plan)
    assert (world.codes, world.open_codes) == (["CARD_DECLINED"], [])
    await declined(plan, "ch_2")
    assert world.codes == ["CARD_DECLINED"] * 2


async def test_an_instalment_that_was_paid_meanwhile_leaves_no_question(
    clinic: Clinic, world: World
) -> None:
    plan = await ours(clinic, 30, 60)
    await plan.day(28)
    await declined(plan)
    posted = InstallmentPosted(payment_id="p-1")
    clinic.plans.patient(settled_installments=(2,))
    await plan.signal("installment_posted", posted)
    assert world.open_codes == ["CARD_DECLINED"]
    clinic.plans.patient(settled_installments=(1, 2))
    await plan.signal("installment_posted", posted)
    assert (world.codes, world.open_codes) == (["CARD_DECLINED"], [])
    await declined(plan, "ch_2")
    assert world.codes == ["CARD_DECLINED"], "paid before it was heard"


async def test_what_waits_for_other_instalments_does_not_come_back_when_it_is_paid(
    clinic: Clinic, world: World
) -> None:
    plan = await ours(clinic, 30, 60)
    await plan.day(28)
    await declined(plan)
    await plan.decide("plan")
    clinic.plans.patient(settled_installments=(1,))
    await plan.pass_(days=9)
    assert world.codes == ["CARD_DECLINED"]
