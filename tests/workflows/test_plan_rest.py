"""A plan of our own that ends with a part unbilled: its case ends when a person has said."""

from datetime import timedelta

from domain.plan_case import PlanInput, PlanOutcome, PlanStatus
from domain.policies import INSTALLMENT_CHASE
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World
from tests.workflows.plans import changed
from tests.workflows.test_plan_installments import SIGNED, ours
from tests.workflows.undoing import first_input, reopened, undo_of

REST_CENTS = 20_000


async def cancelled(clinic: Clinic, rest_cents: int = REST_CENTS) -> Case:
    """One of two instalments is billed, and the plan is cancelled on day 40."""
    plan = await ours(clinic, 30, 60)
    await plan.day(40)
    clinic.plans.patient(rest_cents=rest_cents)
    await changed(plan, status=PlanStatus.CANCELLED, ended_at=await plan.now())
    return plan


async def test_the_rest_is_asked_about_once_and_the_plan_is_not_over(
    clinic: Clinic, world: World
) -> None:
    plan = await cancelled(clinic)
    assert world.open_codes == ["PLAN_REST"]
    assert world.of("ask_about_plan")[-1].money_cents == REST_CENTS
    await changed(plan, status=PlanStatus.CANCELLED)
    await plan.pass_(days=30)
    assert world.codes == ["PLAN_REST"]
    assert await plan.runs()
    assert [number for number, _ in clinic.plans.opened] == [1]


async def test_with_nothing_left_nobody_is_asked(clinic: Clinic, world: World) -> None:
    plan = await cancelled(clinic, rest_cents=0)
    assert (await plan.ended()).outcome is PlanOutcome.CANCELLED
    assert world.codes == []


async def test_billed_now_it_is_a_case_of_its_own_and_the_plan_is_over(
    clinic: Clinic, world: World
) -> None:
    plan = await cancelled(clinic)
    await plan.decide("bill", "PLAN_REST")
    assert (await plan.ended()).outcome is PlanOutcome.CANCELLED
    today = SIGNED + timedelta(days=40)
    assert clinic.plans.opened[1:] == [(9, today)]
    asked = world.of("open_installment")[-1]
    assert asked.due_on == today + timedelta(days=14)
    # Told at once; the day before it falls due and after it as every instalment.
    usual = [step.day for step in INSTALLMENT_CHASE.steps]
    assert asked.chase.due_days == 14
    assert [step.day for step in asked.chase.steps] == [0, *(day + 11 for day in usual[1:])]


async def test_given_up_by_two_people_the_plan_is_over(clinic: Clinic, world: World) -> None:
    world.two_people = ("write_off",)
    plan = await cancelled(clinic)
    await plan.decide("write_off", "PLAN_REST", reason="moved")
    assert await plan.runs()
    yes = plan.answer("confirm", "PLAN_REST").model_copy(update={"by": "eve"})
    await plan.update("review_decided", yes)
    assert (await plan.ended()).outcome is PlanOutcome.CANCELLED
    assert [number for number, _ in clinic.plans.opened] == [1]


async def test_left_open_it_comes_back_on_its_day(clinic: Clinic, world: World) -> None:
    plan = await cancelled(clinic)
    until = SIGNED + timedelta(days=70)
    await plan.decide("leave_open", "PLAN_REST", until=until)
    await plan.day(69)
    assert (await plan.runs(), world.open_codes) == (True, [])
    await plan.day(70)
    assert world.open_codes == ["PLAN_REST"]


async def test_another_rest_by_the_time_of_the_answer_is_asked_about_anew(
    clinic: Clinic, world: World
) -> None:
    plan = await cancelled(clinic)
    clinic.plans.rests = [5_000]
    await plan.decide("bill", "PLAN_REST")
    await plan.settled()
    assert world.codes == ["PLAN_REST", "PLAN_REST"]
    assert [question.state for question in world.questions] == ["withdrawn", "open"]
    assert world.of("ask_about_plan")[-1].money_cents == 5_000


async def test_the_end_of_the_sequence_ends_a_plan_of_our_own(clinic: Clinic, world: World) -> None:
    plan = await ours(clinic, 30, 60, 90)
    clinic.plans.patient(overdue_installments=2)
    await plan.day(62)
    clinic.plans.patient(rest_cents=REST_CENTS)
    await plan.decide("stop", "INSTALLMENTS_MISSED")
    await plan.settled()
    assert (await plan.runs(), world.open_codes) == (True, ["PLAN_REST"])


async def test_given_up_and_taken_back_it_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    plan = await cancelled(clinic)
    start = await first_input(plan, PlanInput)
    world.two_people = ()
    await plan.decide("write_off", "PLAN_REST", reason="moved")
    await plan.ended()
    clinic.plans.plan(ended_at=THURSDAY)  # a new run begins at the unskipped hour
    clinic.plans.patient(rest_cents=REST_CENTS)
    await reopened(plan, "FinancingPlan", start)
    assert (await plan.runs(), world.open_codes) == (True, ["PLAN_REST"])
    assert len(world.questions) == 2
    await plan.decide("bill", "PLAN_REST")
    assert (await plan.ended()).outcome is PlanOutcome.CANCELLED


async def test_left_open_and_taken_back_it_is_asked_about_at_once(
    clinic: Clinic, world: World
) -> None:
    plan = await cancelled(clinic)
    await plan.decide("leave_open", "PLAN_REST", until=SIGNED + timedelta(days=70))
    await plan.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["PLAN_REST"]
    assert len(world.questions) == 2
    await plan.day(71)
    assert len(world.questions) == 2
