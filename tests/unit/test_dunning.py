"""Where a case stands in its cadence when messages bounce and payments hang."""

from datetime import UTC, date, datetime, timedelta

import pytest

from activities.contracts import SendOut, StepOpens
from domain.case import Channel, ChannelOutcome, DeliveryFailed
from domain.dunning import AfterBounce, Dunning
from domain.policies import DEFAULT_CHASE

ZONE = "America/Chicago"
DAY0 = date(2026, 10, 15)
NOON = datetime(2026, 10, 15, 17, 0, tzinfo=UTC)
SMS, EMAIL = Channel.SMS, Channel.EMAIL


def answer(*outcomes: tuple[str, Channel, str], **changes: object) -> SendOut:
    """A send's answer; outcomes are (key, channel, state)."""
    rows = tuple(
        ChannelOutcome(channel=channel, message_key=key, state=state)
        for key, channel, state in outcomes
    )
    return SendOut(status="sent", balance_cents=20_000, outcomes=rows).model_copy(update=changes)


def take(dunning: Dunning, step: int, on: date, sent: SendOut) -> None:
    dunning.sent(DEFAULT_CHASE.steps[step], sent)
    dunning.took(DEFAULT_CHASE.steps[step], (), on)


def begun(*outcomes: tuple[str, Channel, str]) -> Dunning:
    """A cadence whose first step went out."""
    dunning = Dunning(DEFAULT_CHASE, ZONE)
    take(
        dunning, 0, DAY0, answer(*(outcomes or (("a", SMS, "accepted"), ("b", EMAIL, "accepted"))))
    )
    return dunning


def failed(key: str, channel: Channel, code: str = "unreachable") -> DeliveryFailed:
    return DeliveryFailed(message_key=key, channel=channel, code=code)


def test_one_of_two_channels_is_enough() -> None:
    dunning = begun()
    assert dunning.bounced(failed("a", SMS), NOON) is AfterBounce.NOTHING
    assert dunning.day0 == DAY0


def test_when_both_channels_bounce_a_person_is_asked_and_the_days_count_anew() -> None:
    dunning = begun()
    dunning.bounced(failed("a", SMS), NOON)
    assert dunning.bounced(failed("b", EMAIL), NOON) is AfterBounce.ASK
    assert dunning.day0 is None
    called = NOON + timedelta(days=2)
    due = dunning.due(called)
    assert dunning.day0 == date(2026, 10, 17)
    assert due is not None
    assert due.step.name == "day-3"


def test_a_corrected_address_gets_the_first_step_again_and_is_day_0() -> None:
    dunning = begun()
    dunning.bounced(failed("a", SMS), NOON)
    dunning.bounced(failed("b", EMAIL), NOON)
    dunning.take_again()
    due = dunning.due(NOON + timedelta(days=1))
    assert due is not None
    assert (due.step.name, due.step.channels) == ("invoice", (SMS, EMAIL))
    take(dunning, 0, date(2026, 10, 16), answer(("c", SMS, "accepted")))
    assert dunning.day0 == date(2026, 10, 16)


def test_a_failure_is_heard_once() -> None:
    dunning = begun(("a", SMS, "accepted"))
    assert dunning.bounced(failed("a", SMS), NOON) is AfterBounce.AGAIN
    assert dunning.bounced(failed("a", SMS), NOON) is AfterBounce.NOTHING


def test_an_old_message_that_bounces_late_never_repeats_the_newest_step() -> None:
    dunning = begun(("a", SMS, "accepted"))
    take(dunning, 1, date(2026, 10, 18), answer(("c", SMS, "accepted")))
    assert dunning.bounced(failed("a", SMS), NOON) is AfterBounce.NOTHING
    assert dunning.bounced(failed("nobody's", SMS), NOON) is AfterBounce.NOTHING
    due = dunning.due(NOON + timedelta(days=3, hours=1))
    assert due is not None
    assert due.step.name == "day-7"


def test_a_phone_that_is_off_is_tried_once_more_after_four_hours_then_the_other_channel() -> None:
    dunning = begun(("a", SMS, "accepted"), ("b", EMAIL, "refused"))
    take(dunning, 1, date(2026, 10, 18), answer(("c", SMS, "accepted")))
    now = NOON + timedelta(days=3)
    assert dunning.bounced(failed("c", SMS, "retry_later"), now) is AfterBounce.AGAIN
    due = dunning.due(now)
    assert due is not None
    assert (due.step.name, due.step.channels) == ("day-3", (SMS,))
    assert (due.at, due.retry_of) == (now + timedelta(hours=4), "c")
    dunning.sent(due.step, answer(("d", SMS, "accepted")))
    dunning.took(due.step, (), date(2026, 10, 18))
    later = now + timedelta(hours=5)
    assert dunning.bounced(failed("d", SMS, "retry_later"), later) is AfterBounce.AGAIN
    due = dunning.due(later)
    assert due is not None
    assert (due.step.channels, due.at, due.retry_of) == ((EMAIL,), later, None)


def test_a_used_up_carrier_is_tried_the_next_day() -> None:
    dunning = begun(("a", SMS, "accepted"))
    assert dunning.bounced(failed("a", SMS, "retry_tomorrow"), NOON) is AfterBounce.AGAIN
    due = dunning.due(NOON)
    assert due is not None
    assert due.at == NOON + timedelta(days=1)


def test_day_0_is_that_of_the_message_which_was_not_reported_lost() -> None:
    dunning = begun(("a", SMS, "accepted"))
    dunning.bounced(failed("a", SMS), NOON)
    assert dunning.day0 is None
    due = dunning.due(NOON + timedelta(days=1))
    assert due is not None
    assert due.step.channels == (EMAIL,)
    dunning.sent(due.step, answer(("b", EMAIL, "accepted")))
    dunning.took(due.step, (), date(2026, 10, 16))
    assert dunning.day0 == date(2026, 10, 16)


def test_a_message_that_was_never_there_does_not_keep_the_step_alive() -> None:
    dunning = begun(("a", SMS, "unknown"), ("b", EMAIL, "accepted"))
    dunning.resolved((ChannelOutcome(channel=SMS, message_key="a", state="absent"),))
    assert dunning.bounced(failed("b", EMAIL), NOON) is AfterBounce.AGAIN


def test_the_step_of_a_failed_payment_goes_and_the_others_keep_their_distance() -> None:
    dunning = begun()
    step = DEFAULT_CHASE.steps[1]
    now = NOON + timedelta(days=3)
    assert not dunning.pause_for_payment(step, now)
    failed_on = now + timedelta(days=5)
    due = dunning.due(failed_on)
    assert due is not None
    assert (due.step.name, due.skipped) == ("day-3", ())
    dunning.sent(step, answer(("c", SMS, "accepted")))
    dunning.took(step, (), date(2026, 10, 23))
    following = dunning.due(failed_on + timedelta(hours=1))
    assert following is not None
    assert following.step.name == "day-7"
    assert following.at.date() == date(2026, 10, 27)


def test_a_payment_that_is_under_way_for_more_than_a_week_is_asked_about_weekly() -> None:
    dunning = begun()
    step = DEFAULT_CHASE.steps[1]
    asked = [
        day
        for day in range(20)
        if dunning.pause_for_payment(step, NOON + timedelta(days=day, minutes=day))
    ]
    assert asked == [7, 14]


def test_silent_hours_of_a_later_step_are_known_in_advance() -> None:
    dunning = Dunning(DEFAULT_CHASE, ZONE)
    noon = datetime(2026, 10, 18, 17, 0, tzinfo=UTC)
    take(dunning, 0, DAY0, answer(later=(StepOpens(name="day-3", at=noon),)))
    due = dunning.due(NOON + timedelta(days=1))
    assert due is not None
    assert (due.step.name, due.at) == ("day-3", noon)


def test_what_was_asked_for_and_what_hung_are_remembered() -> None:
    dunning = begun()
    assert dunning.asked_cents == 20_000
    dunning.note_in_flight(20_000)
    assert dunning.in_flight_cents == 20_000
    take(dunning, 1, date(2026, 10, 18), answer(("c", SMS, "accepted"), balance_cents=15_000))
    assert (dunning.asked_cents, dunning.in_flight_cents) == (15_000, None)


@pytest.mark.parametrize(
    ("first_cents", "then_cents", "spoken"),
    [
        (20_000, None, (20_000, 20_000)),
        (15_000, None, (20_000, None)),
        (None, None, (20_000, None)),
        (None, 12_000, (20_000, 12_000)),
    ],
    ids=["a payment failed", "a part was paid", "nothing moved", "another payment hangs"],
)
def test_a_step_that_is_said_once_more_goes_by_what_it_was_said_for(
    first_cents: int | None, then_cents: int | None, spoken: tuple[int, int | None]
) -> None:
    dunning = begun()
    if first_cents == 20_000:
        dunning.note_in_flight(20_000)
    step = DEFAULT_CHASE.steps[2]
    cents = first_cents or 20_000
    take(dunning, 2, date(2026, 10, 22), answer(("c", SMS, "accepted"), balance_cents=cents))
    if then_cents is not None:
        dunning.note_in_flight(then_cents)
    for _ in range(2):  # a repetition is no step of its own
        again = dunning.words_of(step)
        assert (again.asked_cents, again.in_flight_cents) == spoken
        dunning.sent(step, answer(("d", SMS, "accepted"), balance_cents=cents))
    following = dunning.words_of(DEFAULT_CHASE.steps[3])
    assert (following.asked_cents, following.in_flight_cents) == (cents, None)


def test_a_part_that_was_paid_since_the_first_try_counts() -> None:
    dunning = begun()
    take(dunning, 1, date(2026, 10, 18), answer(("c", SMS, "accepted"), balance_cents=30_000))
    assert dunning.words_of(DEFAULT_CHASE.steps[1]).asked_cents == 30_000


def test_a_payment_that_came_in_part_has_not_failed_when_more_is_owed_again() -> None:
    dunning = begun()
    dunning.note_in_flight(20_000)
    dunning.note_settled(20_000)
    assert dunning.in_flight_cents == 20_000
    dunning.note_settled(8_000)
    assert dunning.words_of(DEFAULT_CHASE.steps[1]).in_flight_cents is None


def test_an_address_that_was_mended_may_fall_back_again() -> None:
    dunning = begun(("a", SMS, "refused"), ("b", EMAIL, "refused"))
    dunning.take_again()
    take(dunning, 0, DAY0, answer(("c", SMS, "accepted"), ("d", EMAIL, "accepted")))
    assert dunning.bounced(failed("c", SMS), NOON) is AfterBounce.NOTHING
    assert dunning.bounced(failed("d", EMAIL), NOON) is AfterBounce.ASK


def test_days_may_count_from_a_date_that_no_message_moves() -> None:
    case = Dunning(DEFAULT_CHASE.model_copy(update={"day0_on": DAY0}), ZONE)
    late = case.due(NOON + timedelta(days=3))
    assert late is not None
    assert (late.step.name, late.skipped) == ("day-3", ("invoice",))
    case.took(late.step, late.skipped, DAY0 + timedelta(days=3))
    assert case.day0 == DAY0
