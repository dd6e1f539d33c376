"""What the providers and the other systems do to a message: silence, doubt, failure."""

from itertools import pairwise

from domain.case import VisitStatus
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import World


async def test_nothing_is_said_on_a_balance_that_cannot_be_verified(
    case: Case, world: World
) -> None:
    world.silent = "ProviderUnavailable"
    await case.day(3, hour=23)
    assert world.said == ["invoice", "invoice"]
    tries = [world.local(ask.at) for ask in world.of("send_step")[1:]]
    pauses = [round((b - a).total_seconds() / 60) for a, b in pairwise(tries)]
    assert pauses[:5] == [15, 30, 60, 120, 240]
    assert world.codes == []
    world.silent = None
    await case.day(4)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_after_a_day_of_silence_a_person_is_asked(case: Case, world: World) -> None:
    world.silent = "ProviderUnavailable"
    await case.day(4, hour=9)
    assert world.codes == []
    await case.day(4, hour=16)
    assert world.open_codes == ["STATE_UNKNOWN"]
    tried = world.times("send_step")
    await case.day(6)
    assert world.times("send_step") == tried
    world.silent = None
    await case.decide("try_again")
    await case.pass_(hours=1)
    assert world.said == ["invoice", "invoice", "day-3"]
    assert world.open_codes == []


async def test_two_short_silences_are_not_one_long_one(case: Case, world: World) -> None:
    for day in (3, 7):
        await case.day(day, hour=9)
        world.silent = "ProviderUnavailable"
        await case.day(day, hour=13)
        world.silent = None
        await case.day(day, hour=19)
    assert world.codes == []
    assert world.said == ["invoice", "invoice", "day-3", "day-7", "day-7"]


async def test_person_may_stop_a_case_that_cannot_be_verified(case: Case, world: World) -> None:
    world.silent = "ProviderUnavailable"
    await case.day(5)
    await case.decide("stop", reason="enough")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF


async def test_announced_payment_answers_the_question_of_silence(case: Case, world: World) -> None:
    world.silent = "ProviderUnavailable"
    await case.day(5)
    assert world.open_codes == ["STATE_UNKNOWN"]
    world.silent = None
    await case.pay()
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.question("STATE_UNKNOWN").state == "withdrawn"


async def test_payment_that_cannot_be_read_is_read_later_and_asked_about_in_the_end(
    case: Case, world: World
) -> None:
    world.silent = "ProviderUnavailable"
    await case.pay()
    await case.pass_(hours=6)
    assert world.codes == []
    await case.pass_(hours=24)
    assert world.open_codes == ["STATE_UNKNOWN"]
    reads = world.times("read_standing")
    assert reads < 15
    await case.day(6)
    assert world.times("read_standing") == reads
    world.silent = None
    await case.decide("try_again")
    assert (await case.ended()).status == VisitStatus.PAID
    assert world.said == ["invoice", "invoice"]


async def test_decision_is_carried_out_although_news_came_first(case: Case, world: World) -> None:
    world.consents = ()
    await case.day(3)
    assert world.open_codes == ["UNREACHABLE"]
    await case.announced()
    await case.decide("stop", reason="no contact")
    assert (await case.ended()).status == VisitStatus.CLOSED_BY_STAFF


async def test_open_question_keeps_the_patient_undisturbed(case: Case, world: World) -> None:
    world.consents = ()
    await case.day(3)
    world.consents = ("sms", "email")
    await case.announced()
    await case.day(10)
    assert world.said == ["invoice", "invoice"]
    assert world.open_codes == ["UNREACHABLE"]
    await case.decide("called")
    await case.pass_(hours=1)
    assert world.said == ["invoice", "invoice", "day-7", "day-7"]


async def test_corrected_contact_gets_the_step_again(clinic: Clinic, world: World) -> None:
    world.consents = ()
    case = await clinic.visit()
    world.consents = ("email",)
    await case.day(1)
    await case.decide("retry")
    assert [m.words for m in world.messages] == ["invoice email 10-16 14:00"]


async def test_message_of_unknown_outcome_is_looked_up_before_anything_else(
    clinic: Clinic, world: World
) -> None:
    world.providers, world.lookups = ["unknown"], ["accepted"]
    case = await clinic.visit()
    await case.pass_(minutes=5)
    assert world.times("send_step") == 1
    assert sorted(m.channel for m in world.messages) == ["email", "sms"]
    assert world.codes == []


async def test_message_that_is_certainly_absent_goes_again_once(case: Case, world: World) -> None:
    world.providers, world.lookups = ["unknown"], ["unknown", "absent"]
    await case.day(3)
    assert world.said == ["invoice", "invoice", "day-3"]
    assert [ask.last_look for ask in world.of("resolve_sends")] == [False, True]
    assert world.times("send_step") == 3
    assert world.codes == []


async def test_message_that_is_absent_twice_is_asked_about(case: Case, world: World) -> None:
    world.providers = ["unknown", "unknown"]
    world.lookups = ["unknown", "absent", "unknown", "absent"]
    await case.day(3)
    assert world.said == ["invoice", "invoice"]
    assert world.times("send_step") == 3
    assert world.open_codes == ["MESSAGE_UNKNOWN"]


async def test_message_that_stays_unknown_is_asked_about(case: Case, world: World) -> None:
    world.providers = ["unknown"]
    await case.day(3)
    assert world.times("resolve_sends") == 2
    assert world.open_codes == ["MESSAGE_UNKNOWN"]
    await case.day(6)
    await case.decide("treat_as_sent")
    await case.day(7)
    assert world.said == ["invoice", "invoice", "day-7", "day-7"]


async def test_person_sends_an_unclear_message_again(case: Case, world: World) -> None:
    world.providers = ["unknown"]
    await case.day(3)
    await case.decide("send_again")
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_failed_delivery_goes_by_the_other_channel_once(case: Case, world: World) -> None:
    await case.day(3)
    await case.bounced("sms")
    await case.bounced("sms")
    assert world.codes == []
    await case.bounced("email")
    assert [(m.step, m.channel) for m in world.messages[2:]] == [
        ("day-3", "sms"),
        ("day-3", "email"),
    ]
    assert world.open_codes == ["UNREACHABLE"]
    await case.decide("called")
    await case.day(7)
    assert len(world.messages) == 6


async def test_failed_delivery_of_a_step_that_used_both_channels_sends_nothing(
    case: Case, world: World
) -> None:
    await case.bounced("sms")
    assert len(world.messages) == 2


async def test_failed_delivery_at_night_goes_by_the_other_channel_in_the_morning(
    case: Case, world: World
) -> None:
    await case.day(3, hour=21)
    await case.bounced("sms")
    assert len(world.messages) == 3
    await case.day(4)
    assert world.messages[-1].words == "day-3 email 10-19 09:00"
    await case.day(7)
    assert [m.words for m in world.messages[4:]] == [
        "day-7 sms 10-22 10:00",
        "day-7 email 10-22 10:00",
    ]


async def test_failed_delivery_after_payment_sends_nothing(case: Case, world: World) -> None:
    await case.day(3)
    world.pms_shows_tender = False
    await case.pay()
    await case.bounced("sms")
    await case.day(4)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_failed_delivery_after_payment_stays_unsent_when_the_money_goes_back(
    case: Case, world: World
) -> None:
    await case.day(3)
    world.pms_shows_tender = False
    await case.pay()
    await case.bounced("sms")
    world.paid_cents = 0
    await case.announced()
    await case.decide("done")
    await case.day(5)
    assert world.said == ["invoice", "invoice", "day-3"]


async def test_failed_delivery_while_held_sends_nothing_until_released(
    case: Case, world: World
) -> None:
    await case.day(3)
    await case.hold()
    await case.bounced("sms")
    await case.day(4)
    assert len(world.messages) == 3


async def test_nobody_is_written_to_twice_on_one_day(clinic: Clinic, world: World) -> None:
    case = await clinic.visit(THURSDAY.replace(hour=21))
    await case.day(40)
    days = [(m.channel, m.local.date()) for m in world.messages]
    assert len(days) == len(set(days)) == 6
