"""The chart decides what is billed: held drafts, late charts, amendments, reopened cases."""

from domain.case import VisitStatus
from domain.plan_case import PlanStatus
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World


async def test_held_draft_sends_nothing_until_it_is_decided(clinic: Clinic, world: World) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    await case.day(1, hour=8)
    assert world.open_codes == ["CATALOG_UNMAPPED"]
    assert world.messages == []
    world.hold_code = None
    await case.day(1)
    await case.decide("map", sku="BTX")
    assert world.said == ["invoice", "invoice"]
    assert world.question("CATALOG_UNMAPPED").state == "decided"
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_held_draft_fixed_in_the_chart_takes_the_question_back(
    clinic: Clinic, world: World
) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    world.hold_code = None
    await case.amended()
    assert world.question("CATALOG_UNMAPPED").state == "withdrawn"
    assert world.said == ["invoice", "invoice"]


async def test_held_draft_that_stays_held_keeps_its_one_question(
    clinic: Clinic, world: World
) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    await case.amended("event-2")
    await case.amended("event-3")
    assert world.codes == ["CATALOG_UNMAPPED"]
    assert world.open_codes == ["CATALOG_UNMAPPED"]


async def test_held_draft_with_another_problem_asks_the_new_question(
    clinic: Clinic, world: World
) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    world.hold_code = "QUANTITY_BOUND"
    await case.amended()
    assert world.codes == ["CATALOG_UNMAPPED", "QUANTITY_BOUND"]
    assert world.open_codes == ["QUANTITY_BOUND"]


async def test_answer_that_does_not_help_asks_again(clinic: Clinic, world: World) -> None:
    world.hold_code = "CATALOG_UNMAPPED"
    case = await clinic.visit()
    await case.decide("chart_fixed")
    assert world.codes == ["CATALOG_UNMAPPED"] * 2
    assert world.open_codes == ["CATALOG_UNMAPPED"]


async def test_draft_left_alone_by_decision_ends_unbilled(clinic: Clinic, world: World) -> None:
    world.hold_code = "LOCATION_MISMATCH"
    case = await clinic.visit()
    await case.decide("stop", reason="other location")
    result = await case.ended()
    assert (result.status, result.invoice_id) == ("closed_by_staff", None)


async def test_visit_without_anything_to_bill_ends_silently(clinic: Clinic, world: World) -> None:
    world.billable = False
    case = await clinic.visit()
    assert (await case.ended()).status == VisitStatus.NOT_BILLABLE
    assert world.messages == []
    assert world.codes == []


async def test_chart_that_is_not_ready_is_looked_at_every_hour(
    clinic: Clinic, world: World
) -> None:
    world.chart_ready = False
    case = await clinic.visit(THURSDAY.replace(hour=10))
    await case.pass_(hours=3, minutes=1)
    assert world.times("build_invoice") == 4
    world.chart_ready = True
    await case.pass_(minutes=58)
    assert world.messages == []
    await case.pass_(minutes=3)
    assert world.messages[0].words == "invoice sms 10-15 14:00"


async def test_event_of_a_ready_chart_is_billed_at_once(clinic: Clinic, world: World) -> None:
    world.chart_ready = False
    case = await clinic.visit()
    world.chart_ready = True
    await case.amended()
    assert world.said == ["invoice", "invoice"]


async def test_payment_before_the_chart_is_ready_waits_without_a_storm(
    clinic: Clinic, world: World
) -> None:
    world.chart_ready = False
    case = await clinic.visit()
    await case.pay(20_000)
    assert world.times("build_invoice") <= 2
    world.chart_ready = True
    await case.amended()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.messages == []


async def test_same_event_twice_is_one_amendment(case: Case, world: World) -> None:
    await case.amended("event-1")
    assert world.times("build_invoice") == 1
    await case.amended("event-2")
    await case.amended("event-2")
    assert world.times("build_invoice") == 2


async def test_amendment_up_starts_over_for_the_new_document(case: Case, world: World) -> None:
    await case.day(5)
    world.due_cents = 26_000
    await case.amended()
    assert world.asked_cents == 26_000
    assert [m.words for m in world.messages[3:]] == [
        "invoice sms 10-20 14:00",
        "invoice email 10-20 14:00",
    ]
    assert {m.document_id for m in world.messages[3:]} == {"document-2"}
    await case.day(8)
    assert world.messages[-1].words == "day-3 sms 10-23 10:00"
    assert len(world.messages) == 6


async def test_amendment_down_goes_on_where_it_was(case: Case, world: World) -> None:
    await case.day(5)
    world.due_cents = 15_000
    await case.amended()
    assert world.asked_cents == 15_000
    await case.day(7)
    assert world.said == ["invoice", "invoice", "day-3", "day-7", "day-7"]
    assert {m.document_id for m in world.messages} == {"document-1"}


async def test_amendment_below_what_was_paid_asks_where_the_rest_goes(
    case: Case, world: World
) -> None:
    world.pms_shows_tender = False
    await case.pay()
    world.due_cents = 15_000
    await case.amended()
    assert sorted(world.open_codes) == ["CHART_CHANGED", "PMS_CONFIRM"]
    world.paid_cents = 15_000
    await case.decide("credit", "CHART_CHANGED")
    assert world.open_codes == ["PMS_CONFIRM"]
    await case.decide("done")
    assert (await case.ended()).status == VisitStatus.PAID


async def test_news_without_change_leaves_the_desks_question_open(case: Case, world: World) -> None:
    world.pms_shows_tender = False
    await case.pay()
    await case.amended()
    assert world.open_codes == ["PMS_CONFIRM"]
    await case.decide("done")
    assert (await case.ended()).status == VisitStatus.PAID


async def test_amended_draft_that_is_held_still_takes_the_payment(case: Case, world: World) -> None:
    world.hold_code = "QUANTITY_BOUND"
    await case.amended()
    await case.pay(20_000)
    assert world.paid_cents == 20_000
    assert world.open_codes == ["QUANTITY_BOUND"]
    await case.day(8)
    assert world.said == ["invoice", "invoice"]
    world.hold_code, world.due_cents = None, 26_000
    await case.decide("approve", reason="yes")
    assert world.said == ["invoice"] * 4
    assert world.balance_cents == 6_000


async def test_order_reopened_in_the_pms_still_takes_the_payment(case: Case, world: World) -> None:
    world.chart_ready = False
    await case.amended()
    await case.pay()
    assert world.balance_cents == 0
    assert world.times("build_invoice") <= 3


async def test_case_opened_again_by_late_news_asks_for_no_money(
    clinic: Clinic, world: World
) -> None:
    case = await clinic.visit(visit_id="again")
    await case.day(15)
    await case.decide("stop", reason="goodwill")
    await case.ended()
    messages = len(world.messages)
    again = await clinic.visit(THURSDAY.replace(day=31), visit_id="again")
    await again.pass_(days=20)
    assert len(world.messages) == messages
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await again.pay()
    assert (await again.ended()).status == VisitStatus.PAID


async def test_case_opened_again_asks_for_what_a_later_amendment_adds(
    clinic: Clinic, world: World
) -> None:
    case = await clinic.visit(visit_id="more")
    await case.pay()
    await case.ended()
    world.pms_shows_tender = False
    again = await clinic.visit(visit_id="more")
    messages = len(world.messages)
    world.due_cents = 26_000
    await again.amended()
    assert world.said[messages:] == ["invoice", "invoice"]
    assert world.asked_cents == 6_000


async def test_a_plan_is_told_of_the_session_that_the_visit_was(
    clinic: Clinic, world: World
) -> None:
    plan = await clinic.plan(status=PlanStatus.ACCEPTED, sessions_planned=4)
    reads = world.times("read_plan")
    world.plan_case_id = plan.handle.id
    await clinic.visit()
    await plan.settled()
    assert world.times("read_plan") == reads + 1


async def test_a_plan_that_is_over_stops_no_visit(clinic: Clinic, world: World) -> None:
    world.plan_case_id = "plan/lumin/cherry/gone"
    visit = await clinic.visit()
    assert "closed already" in await visit.details()
    assert world.said == ["invoice", "invoice"]
