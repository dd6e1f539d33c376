"""When a case must say nothing: holds of the client, payments under way, credit, no consent."""

from datetime import UTC, timedelta

import pytest

from activities.contracts import SendOut
from domain.case import INBOUND_REPLY, ClientReleased, Hold, Release, Stage, VisitStatus
from tests.workflows.clinic import Case, Clinic
from tests.workflows.fakes import World

HELD = SendOut(status="held", balance_cents=0, reason="HOLD_DISPUTE")


async def stage(case: Case) -> str:
    """Where the case says that it stands."""
    return str((await case.handle.query("standing"))["stage"])


async def released(case: Case) -> None:
    """Somebody has lifted a hold of the client."""
    await case.signal("client_released", ClientReleased(hold_id="hold-1"))


async def test_a_hold_of_the_client_keeps_the_step_until_it_is_lifted(
    case: Case, world: World
) -> None:
    world.answers = [HELD]
    await case.day(5)
    assert await stage(case) == Stage.HELD
    assert (await case.handle.query("standing"))["held_by"] == "HOLD_DISPUTE"
    assert world.said == ["invoice", "invoice"]
    await released(case)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_a_second_hold_is_found_when_the_first_is_lifted(case: Case, world: World) -> None:
    world.answers = [HELD, HELD]
    await case.day(4)
    await released(case)
    assert await stage(case) == Stage.HELD
    assert world.said == ["invoice", "invoice"]


async def test_a_release_that_nobody_told_is_found_within_a_week(case: Case, world: World) -> None:
    world.answers = [HELD]
    await case.day(9)
    assert world.said == ["invoice", "invoice"]
    await case.day(11)
    assert world.said[:3] == ["invoice", "invoice", "day-7"]


async def test_a_release_while_the_hold_is_being_read_is_heard(case: Case, world: World) -> None:
    async def lift() -> None:
        await case.handle.signal("client_released", ClientReleased(hold_id="hold-1"))

    world.answers = [HELD]
    world.during_send.append(lift)
    await case.day(4)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_the_desk_may_lift_the_silence_of_a_case(case: Case, world: World) -> None:
    world.answers = [HELD]
    await case.day(4)
    await case.update("release", Release(by="desk-1"))
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_a_payment_ends_a_case_that_is_silenced(case: Case, world: World) -> None:
    world.answers = [HELD]
    await case.day(4)
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID


async def test_a_release_lifts_the_hold_of_a_reply_and_not_that_of_a_person(
    case: Case, world: World
) -> None:
    await case.signal("hold", Hold(by=INBOUND_REPLY, reason="reply"))
    await case.day(4)
    await released(case)
    assert world.said == ["invoice", "invoice", "day-3"]
    await case.hold()
    await case.day(8)
    await released(case)
    assert world.said == ["invoice", "invoice", "day-3"]


@pytest.mark.parametrize("hold", ["HOLD_PROMISE", "HOLD_DISPUTE"])
async def test_a_dated_hold_that_is_lifted_early_is_not_waited_for(
    case: Case, world: World, hold: str
) -> None:
    """A dispute over another visit is looked at again every day, unless its end is told (D6)."""
    until = (await case.now()) + timedelta(days=20)
    world.answers = [SendOut(status="snoozed", balance_cents=0, reason=hold, until=until)]
    await case.day(4)
    assert world.said == ["invoice", "invoice"]
    await released(case)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_a_later_release_does_not_end_the_rest_that_the_desk_gave(
    case: Case, world: World
) -> None:
    until = (await case.now()).astimezone(UTC) + timedelta(days=4)
    world.answers = [SendOut(status="snoozed", balance_cents=0, reason="HOLD_PROMISE", until=until)]
    await case.day(16)
    assert world.open_codes == ["CHASE_EXHAUSTED"]
    await case.decide("keep_open")
    await released(case)
    assert world.open_codes == []


async def test_a_step_that_another_message_covered_is_taken(clinic: Clinic, world: World) -> None:
    world.answers = [SendOut(status="covered", balance_cents=0, reason="IN_STATEMENT")]
    case = await clinic.visit()
    assert world.messages == []
    await case.day(3)
    assert [message.words for message in world.messages] == ["day-3 sms 10-18 10:00"]


async def test_without_any_consent_a_person_is_asked_to_record_one(
    clinic: Clinic, world: World
) -> None:
    world.answers = [SendOut(status="no_consent", balance_cents=0)]
    case = await clinic.visit()
    assert world.open_codes == ["CONSENT_MISSING"]
    await case.decide("retry")
    assert world.said == ["invoice", "invoice"]


async def test_a_bill_that_went_by_post_is_the_step_and_the_chase_goes_on_from_it(
    clinic: Clinic, world: World
) -> None:
    world.answers = [SendOut(status="no_consent", balance_cents=0)]
    case = await clinic.visit()
    await case.day(2)
    await case.decide("letter")
    [answered] = [ask.decision for ask in world.of("apply_decision")]
    assert (answered.choice, answered.by) == ("letter", "desk-1")
    await case.day(4)
    assert (world.messages, world.open_codes) == ([], [])
    await case.day(5)
    assert [message.words for message in world.messages] == ["day-3 sms 10-20 10:00"]


async def test_a_payment_answers_the_question_of_consent(clinic: Clinic, world: World) -> None:
    world.answers = [SendOut(status="no_consent", balance_cents=0)]
    case = await clinic.visit()
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.question("CONSENT_MISSING").state == "withdrawn"


async def test_credit_is_used_when_a_person_says_so(clinic: Clinic, world: World) -> None:
    world.answers = [SendOut(status="credit", balance_cents=0)]
    case = await clinic.visit()
    assert world.open_codes == ["CREDIT_ON_ACCOUNT"]
    await case.decide("apply_credit")
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.asked_cents == 0
    assert world.messages == []


async def test_credit_is_kept_when_a_person_says_so(clinic: Clinic, world: World) -> None:
    world.answers = [SendOut(status="credit", balance_cents=0)]
    case = await clinic.visit()
    await case.decide("chase_anyway", reason="kept for the next visit")
    assert world.said == ["invoice", "invoice"]
    assert [ask.despite_credit for ask in world.of("send_step")] == [False, True]


async def test_a_failed_payment_resumes_the_same_step_and_bursts_nothing(
    case: Case, world: World
) -> None:
    world.in_flight = True
    await case.day(8, hour=9)
    assert world.said == ["invoice", "invoice"]
    world.in_flight = False
    await case.day(8, hour=19)
    assert world.said == ["invoice", "invoice", "day-3"]
    assert world.of("send_step")[-1].in_flight_cents == 20_000
    await case.day(11)
    assert len(world.messages) == 3
    await case.day(13)
    assert world.said[3:] == ["day-7", "day-7"]
    assert world.of("send_step")[-1].in_flight_cents is None


async def test_a_payment_under_way_for_a_week_is_a_persons_question(
    case: Case, world: World
) -> None:
    world.in_flight = True
    await case.day(10, hour=9)
    assert world.codes == []
    await case.day(11, hour=11)
    assert world.open_codes == ["STATE_UNKNOWN"]
    await case.decide("try_again")
    await case.day(16)
    assert world.codes == ["STATE_UNKNOWN"]
    world.in_flight = False
    await case.day(17)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_a_payment_that_was_under_way_between_two_steps_is_remembered(
    case: Case, world: World
) -> None:
    world.in_flight = True
    await case.announced()
    world.in_flight = False
    await case.day(3)
    assert world.of("send_step")[-1].in_flight_cents == 20_000


async def test_a_part_payment_is_told_to_the_next_step(case: Case, world: World) -> None:
    await case.pay(5_000)
    await case.day(8)
    asked = [ask.asked_cents for ask in world.of("send_step")]
    assert asked == [None, 20_000, 15_000]


async def test_what_is_tried_again_on_the_next_day_goes_by_the_same_money(
    case: Case, world: World
) -> None:
    await case.pay(5_000)
    world.in_flight = True
    await case.announced()
    world.in_flight = False
    await case.day(3)
    await case.bounced("sms", "retry_tomorrow")
    await case.day(4, hour=15)
    assert world.said == ["invoice", "invoice", "day-3", "day-3"]
    first, again = world.of("send_step")[-2:]
    assert again.retry_of is not None
    for ask in (first, again):
        assert (ask.asked_cents, ask.in_flight_cents) == (20_000, 15_000)


async def test_when_nothing_arrives_a_person_mends_it_and_day_0_moves(
    case: Case, world: World
) -> None:
    await case.bounced("sms")
    await case.bounced("email")
    assert world.open_codes == ["UNREACHABLE"]
    await case.day(2)
    await case.decide("retry")
    assert world.said == ["invoice"] * 4
    await case.day(4)
    assert len(world.messages) == 4
    await case.day(5)
    assert world.messages[-1].words == "day-3 sms 10-20 10:00"


async def test_the_first_message_is_the_invoice_however_late_it_can_be_sent(
    clinic: Clinic, world: World
) -> None:
    world.consents = ()
    case = await clinic.visit()
    assert world.open_codes == ["UNREACHABLE"]
    await case.day(15, 12)
    world.consents = ("sms", "email")
    await case.decide("retry")
    assert world.said == ["invoice", "invoice"]
    await case.day(19)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_a_temporary_failure_is_tried_once_more_on_the_same_channel(
    case: Case, world: World
) -> None:
    await case.day(3)
    await case.bounced("sms", "retry_later")
    assert len(world.messages) == 3
    await case.day(3, hour=19)
    assert world.messages[-1].words == "day-3 sms 10-18 18:00"
    assert world.of("send_step")[-1].retry_of == world.messages[-2].key
    await case.bounced("sms", "retry_later")
    await case.pass_(minutes=5)
    assert world.messages[-1].words == "day-3 email 10-18 19:00"


async def test_a_late_bounce_of_an_older_step_repeats_nothing(case: Case, world: World) -> None:
    await case.day(4)
    await case.bounced("sms", nth=0)
    await case.day(6)
    assert world.said == ["invoice", "invoice", "day-3"]
