"""What a decision about a plan books and says is shown before it is taken (3.4)."""

from datetime import date
from uuid import uuid4

from activities.previews import preview
from domain import calendar, entries
from domain.case import Decision
from domain.plan_case import Installment, Lender, PlanStatus
from domain.plan_course import touches
from domain.plan_policy import DEFAULT_PLAN
from domain.preview import Preview
from store import ledger, seen
from tests.activities.desk import booked_by, booked_since
from tests.activities.plans import DUE, Plan, accepted
from tests.activities.practice import AT, ZONE


async def _shown(plan: Plan, code: str, choice: str, **more: object) -> Preview:
    answer = Decision(review_id=await plan.ask(code), choice=choice, by="dana", **more)
    async with plan.practice.world.pool.acquire() as conn:
        since = await seen.start(conn)
        shown = await preview(conn, answer, AT)
    nothing = shown.model_copy(update={"entries": (), "lots": (), "money": ()})
    assert await booked_since(plan.practice, since) == booked_by(nothing), "nothing of it stays"
    assert shown.problem is None
    return shown


async def test_a_date_shows_the_reminders_that_it_calls_for(plan: Plan) -> None:
    await accepted(plan, first_payment_on=None)
    before = {touch.step.name for touch in touches((await plan.read()).facts, DEFAULT_PLAN, ZONE)}
    shown = await _shown(plan, "NULL_DATE", "enter_date", until=DUE)
    assert await plan.decide("NULL_DATE", "enter_date", until=DUE) == "read"
    today = calendar.local_date(AT, ZONE)
    now = touches((await plan.read()).facts, DEFAULT_PLAN, ZONE)
    goes = [
        f"Goes out: {touch.step.name} on {max(today, calendar.local_date(touch.due_at, ZONE))}."
        for touch in now
        if touch.last_on >= today
    ]
    assert list(shown.follows) == goes
    assert {touch.step.name for touch in now} - before, "the date has made a reminder"


async def test_the_end_of_a_sequence_names_what_does_not_go_out(plan: Plan) -> None:
    await accepted(plan)
    shown = await _shown(plan, "PLAN_DROPPED", "stop")
    assert shown.follows[0] == "No message of this plan is sent any more."
    assert shown.follows[1].startswith("Does not go out any more: ")
    assert "comes back on 2026-11-19" in (await _shown(plan, "PLAN_DROPPED", "wait")).follows[0]


async def test_a_plan_of_ours_that_runs_by_the_answer_shows_its_entry(plan: Plan) -> None:
    ours = Plan(plan.practice, plan.client_ref)
    plan_id = f"own-{uuid4()}"
    case_id = f"plan/{ours.ref.location_id}/{Lender.IN_HOUSE}/{plan_id}"
    own = {"lender": Lender.IN_HOUSE, "plan_id": plan_id, "case_id": case_id}
    ours.ref = ours.ref.model_copy(update=own)
    part = Installment(number=1, due_on=date(2026, 12, 10), amount_cents=60_000)
    await ours.told(
        client_id=ours.client_id,
        status=PlanStatus.PENDING_PATIENT,
        installments=(part,),
        financed_cents=60_000,
    )
    shown = await _shown(ours, "PLAN_STATUS_UNKNOWN", "set_status", status="accepted")
    [entry] = shown.entries
    assert entry.event == "plan_signed"
    assert [(line.account, line.debit_cents, line.credit_cents) for line in entry.lines] == [
        ("1105", 60_000, 0),
        ("3000", 0, 60_000),
    ]
    async with ours.practice.world.pool.acquire() as conn:
        key = entries.plan_signed_key(case_id)
        assert not await ledger.is_posted(conn, key, key)
