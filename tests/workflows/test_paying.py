"""From the first message to the last cent: who hears what, on which day, and when it stops."""

from domain.case import Attention, VisitStatus
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World


def words(world: World) -> list[str]:
    return [message.words for message in world.messages]


async def test_paid_at_once_hears_one_message(case: Case, world: World) -> None:
    assert words(world) == ["invoice sms 10-15 14:00", "invoice email 10-15 14:00"]
    await case.pay()
    result = await case.ended()
    assert (result.status, result.due_cents, result.balance_cents) == ("paid", 20_000, 0)
    assert result.invoice_id == "document-1"
    assert len(world.messages) == 2
    assert world.codes == []


async def test_unpaid_is_reminded_on_days_3_7_14_then_asked_about(case: Case, world: World) -> None:
    await case.day(30)
    assert words(world)[2:] == [
        "day-3 sms 10-18 10:00",
        "day-7 sms 10-22 10:00",
        "day-7 email 10-22 10:00",
        "day-14 email 10-29 10:00",
    ]
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    assert world.of("open_review")[0].money_cents == 20_000
    assert await case.runs()


async def test_last_question_comes_with_the_last_reminder(case: Case, world: World) -> None:
    await case.day(14, hour=9)
    assert world.codes == []
    await case.day(14, hour=11)
    assert world.codes == ["CHASE_EXHAUSTED"]


async def test_debt_kept_open_rests_thirty_days_and_is_asked_about_again(
    case: Case, world: World
) -> None:
    await case.day(15)
    await case.decide("keep_open")
    await case.day(44)
    assert world.codes == ["CHASE_EXHAUSTED"]
    await case.day(46)
    assert world.codes == ["CHASE_EXHAUSTED"] * 2
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    assert len(world.messages) == 6


async def test_debt_kept_open_still_takes_money(case: Case, world: World) -> None:
    await case.day(15)
    await case.decide("keep_open")
    await case.day(20)
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_payment_answers_the_question_of_the_chase(case: Case, world: World) -> None:
    await case.day(15)
    await case.pay(5_000)
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.question("CHASE_EXHAUSTED").state == "withdrawn"


async def test_open_question_of_the_chase_does_not_stand_in_the_way_of_the_books(
    case: Case, world: World
) -> None:
    world.pms_shows_tender = False
    await case.day(15)
    await case.pay()
    assert world.open_codes == ["PMS_CONFIRM"]


async def test_written_off_ends_and_closes_the_payment_door(case: Case, world: World) -> None:
    await case.day(15)
    await case.decide("write_off", reason="moved away")
    result = await case.ended()
    assert (result.status, result.balance_cents) == ("written_off", 0)
    assert world.asked_cents == 0
    assert world.question("CHASE_EXHAUSTED").decision.by == "desk-1"  # type: ignore[union-attr]


async def test_stopped_ends_and_leaves_the_debt_in_the_books(case: Case, world: World) -> None:
    await case.day(15)
    await case.decide("stop", reason="goodwill")
    result = await case.ended()
    assert (result.status, result.balance_cents) == ("closed_by_staff", 20_000)
    assert len(world.messages) == 6


async def test_paid_on_day_9_never_hears_of_day_14(case: Case, world: World) -> None:
    await case.day(9)
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == ["invoice", "invoice", "day-3", "day-7", "day-7"]


async def test_payment_that_nobody_announced_stops_the_next_reminder(
    case: Case, world: World
) -> None:
    await case.day(2)
    await case.pay(announce=False)
    await case.day(3)
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == ["invoice", "invoice"]


async def test_part_payment_goes_on_for_the_rest_without_starting_over(
    case: Case, world: World
) -> None:
    await case.day(5)
    await case.pay(15_000)
    await case.day(7)
    assert world.said == ["invoice", "invoice", "day-3", "day-7", "day-7"]
    assert world.asked_cents == 5_000
    await case.pay()
    assert (await case.ended()).balance_cents == 0


async def test_money_taken_at_the_desk_lowers_what_the_processor_asks(
    case: Case, world: World
) -> None:
    await case.pay(12_000, "desk")
    assert world.asked_cents == 8_000
    assert world.times("open_payment_door") == 2


async def test_a_small_rest_is_carried_and_nobody_is_asked(case: Case, world: World) -> None:
    await case.day(1)
    await case.pay(19_600)
    await case.day(60)
    assert (world.said, world.codes) == (["invoice", "invoice"], [])
    assert (await case.handle.query("standing"))["attention"] == Attention.NONE
    world.paid_cents -= 10_000  # money went back: more is owed than may be carried
    await case.announced()
    assert world.said == ["invoice", "invoice", "day-14"]
    assert world.skipped == ["day-3", "day-7"]
    await case.pay()
    assert (await case.ended()).balance_cents == 0


async def test_a_rest_that_is_small_only_after_the_last_reminder_is_carried_too(
    case: Case, world: World
) -> None:
    await case.day(15)
    await case.decide("keep_open")
    await case.pay(19_600)
    await case.day(60)
    assert world.codes == ["CHASE_EXHAUSTED"]
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_part_paid_and_reminded_of_to_the_end_is_asked_about_as_such(
    case: Case, world: World
) -> None:
    await case.day(1)
    await case.pay(5_000)
    await case.day(20)
    assert world.open_codes == ["UNDERPAID"]
    await case.decide("leave_open")
    await case.day(45)
    assert world.open_codes == []
    await case.day(51)
    assert world.open_codes == ["UNDERPAID"]
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.open_codes == []


async def test_a_rest_that_is_owed_by_instalments_is_not_asked_of_the_visit_any_more(
    case: Case, world: World
) -> None:
    await case.day(1)
    await case.pay(5_000)
    await case.day(20)
    said = list(world.said)
    assert world.open_codes == ["UNDERPAID"]
    await case.decide("plan", amount_cents=5_000, until="2026-12-20")
    assert (await case.ended()).status == VisitStatus.PAID
    assert (world.said, world.asked_cents) == (said, 0)


async def test_a_note_that_the_pms_does_not_take_is_tried_again_by_a_person(
    case: Case, world: World
) -> None:
    world.pms_takes_notes = False
    await case.pay()
    assert world.open_codes == ["PMS_WRITE_FAILED"]
    await case.decide("retry")
    assert (world.codes, world.times("write_back")) == (["PMS_WRITE_FAILED"] * 2, 2)
    world.pms_takes_notes = True
    await case.decide("retry")
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == ["invoice", "invoice"]


async def test_after_write_back_was_suspended_the_desk_records_and_resuming_is_heard(
    case: Case, world: World
) -> None:
    world.pms_takes_notes = world.pms_shows_tender = False
    await case.pay()
    assert world.open_codes == ["PMS_WRITE_FAILED"]
    world.write_back_suspended = True
    await case.decide("suspend", reason="the PMS is being moved")
    assert (world.open_codes, world.times("write_back")) == (["PMS_CONFIRM"], 2)
    # As `tieout switch` tells it: the note that waits is looked after at once.
    await case.announced()
    assert (world.open_codes, world.times("write_back")) == (["PMS_CONFIRM"], 3)
    await case.decide("done")
    assert (await case.ended()).status == VisitStatus.PAID


async def test_nothing_due_gets_one_receipt_and_no_money_message(
    clinic: Clinic, world: World
) -> None:
    world.due_cents = 0
    case = await clinic.visit()
    assert (await case.ended()).status == VisitStatus.NOTHING_DUE
    assert words(world) == ["receipt_nothing_due email 10-15 14:00"]
    assert world.times("open_payment_door") == 0


async def test_receipt_waits_for_the_morning(clinic: Clinic, world: World) -> None:
    world.due_cents = 0
    case = await clinic.visit(THURSDAY.replace(hour=21))
    assert world.messages == []
    await case.day(1)
    assert (await case.ended()).status == VisitStatus.NOTHING_DUE
    assert words(world) == ["receipt_nothing_due email 10-16 09:00"]


async def test_first_message_of_the_night_goes_out_in_the_morning(
    clinic: Clinic, world: World
) -> None:
    case = await clinic.visit(THURSDAY.replace(hour=21))
    assert world.messages == []
    await case.day(3)
    assert words(world) == ["invoice sms 10-16 09:00", "invoice email 10-16 09:00"]
    await case.day(4)
    assert words(world)[2:] == ["day-3 sms 10-19 10:00"]


async def test_payment_under_way_silences_the_case_until_it_is_known(
    case: Case, world: World
) -> None:
    world.in_flight = True
    await case.day(5)
    assert world.said == ["invoice", "invoice"]
    world.in_flight = False
    await case.day(6, hour=11)
    assert words(world)[2:] == ["day-3 sms 10-21 10:00"]
    await case.day(9)
    assert words(world)[3:] == []
    await case.day(10)
    assert words(world)[3:] == ["day-7 sms 10-25 10:00", "day-7 email 10-25 10:00"]


async def test_repeated_announcements_of_one_payment_change_nothing(
    case: Case, world: World
) -> None:
    await case.pay(5_000)
    reads = world.times("read_standing")
    for _ in range(3):
        await case.announced()
    assert world.times("read_standing") == reads + 3
    assert world.paid_cents == 5_000
    assert world.asked_cents == 15_000
    await case.day(3)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_announcement_without_money_changes_nothing(case: Case, world: World) -> None:
    await case.announced()
    await case.day(3)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_switched_off_sends_nothing_and_still_ends_with_the_money(
    clinic: Clinic, world: World
) -> None:
    world.switched_on = False
    case = await clinic.visit()
    await case.day(8)
    assert world.messages == []
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_desk_records_the_payment_in_the_pms_before_the_case_ends(
    case: Case, world: World
) -> None:
    world.pms_shows_tender = False
    await case.pay()
    assert world.open_codes == ["PMS_CONFIRM"]
    await case.decide("done")
    assert (await case.ended()).status == VisitStatus.PAID


async def test_payment_seen_in_the_pms_needs_no_answer(case: Case, world: World) -> None:
    world.pms_shows_tender = False
    await case.pay()
    world.pms_shows_tender = True
    await case.day(4)
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.question("PMS_CONFIRM").state == "withdrawn"
    assert len(world.reminders) == 1


async def test_second_payment_is_asked_about_and_the_case_goes_on(case: Case, world: World) -> None:
    await case.day(1)
    await case.pay(20_000, "twice")
    assert world.open_codes == ["DUPLICATE_SUSPECTED"]
    await case.decide("keep_as_credit")
    await case.day(3)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_question_about_money_survives_the_payment_of_the_rest(
    case: Case, world: World
) -> None:
    await case.pay(20_000, "twice")
    await case.pay()
    assert world.open_codes == ["DUPLICATE_SUSPECTED"]
    assert await case.runs()
    await case.decide("keep_as_credit")
    assert (await case.ended()).status == VisitStatus.PAID


async def test_two_questions_are_answered_in_any_order(case: Case, world: World) -> None:
    world.announced.append((1_000, "twice"))
    await case.pay(2_000, "twice")
    first, second = world.questions
    assert world.open_codes == ["DUPLICATE_SUSPECTED"] * 2
    for question in (second, first):
        decision = case.answer("keep_as_credit", question.code)
        await case.update(
            "review_decided", decision.model_copy(update={"review_id": question.review_id})
        )
    assert world.open_codes == []
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
