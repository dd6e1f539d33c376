"""The course of a plan as a function of facts: rules G1-G10, day by day, without a server."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import calendar, plan_desk
from domain.plan_case import Lender, PlanStanding, PlanStatus
from domain.plan_course import (
    OVER,
    PlanFacts,
    Session,
    date_problem,
    dropped_on,
    is_pointless,
    next_touch,
    touches,
)
from domain.plan_policy import DEFAULT_PLAN, Anchor, PlanPolicy, Unless

ZONE = "America/Chicago"
HERE = ZoneInfo(ZONE)
SIGNED = datetime(2026, 3, 5, 11, 0, tzinfo=HERE)


OWN = {"sessions", "booked_on", "session_interval_days", "last_touch_on"} | {
    "overdue_installments",
    "is_disputed",
    "has_reaction",
}


def facts(status: PlanStatus = PlanStatus.ACCEPTED, **more: Any) -> PlanFacts:
    known: dict[str, Any] = {"lender": Lender.CHERRY, "approved_at": SIGNED}
    known |= {"first_payment_known_at": SIGNED}
    known |= {name: value for name, value in more.items() if name not in OWN}
    plan = PlanStanding(
        location_id="lumin",
        plan_id="app-1",
        client_id="client-1",
        status=status,
        status_as_of=SIGNED,
        is_confirmed=True,
        revision=1,
        **known,
    )
    return PlanFacts(plan=plan, **{name: more[name] for name in OWN & set(more)})


def at(day: date, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=HERE)


def live(plan: PlanFacts, begins: date, days: int, learned: dict[date, PlanFacts] | None = None):
    """Every touch taken, by local day, when somebody looks each morning at 10:00."""
    done: set[str] = set()
    said: list[tuple[date, str]] = []
    for n in range(days):
        day = begins + timedelta(days=n)
        plan = (learned or {}).get(day, plan)
        found = next_touch(plan, DEFAULT_PLAN, done, at(day), ZONE)
        done.update(touch.key for touch in found.missed)
        if found.touch is not None and found.touch.due_at <= at(day):
            done.add(found.touch.key)
            said.append((day, found.touch.step.name))
    return said


def names(plan: PlanFacts) -> list[str]:
    return [touch.step.name for touch in touches(plan, DEFAULT_PLAN, ZONE)]


def test_g1_g2_an_approval_is_told_at_once_and_then_nudged_at_48_hours_5_days_and_before_its_end():
    approved = facts(PlanStatus.APPROVED, approval_expires_on=date(2026, 4, 4))
    assert [(t.step.name, t.due_at) for t in touches(approved, DEFAULT_PLAN, ZONE)] == [
        ("approval", SIGNED),
        ("booking-48h", SIGNED + timedelta(hours=48)),
        ("booking-5d", SIGNED + timedelta(hours=120)),
        ("booking-expiry", at(date(2026, 4, 1))),
    ]


def test_g2_who_has_booked_is_not_nudged():
    booked = facts(PlanStatus.APPROVED, booked_on=date(2026, 3, 20))
    pointless = {s.name: is_pointless(s, booked) for s in DEFAULT_PLAN.steps}
    assert pointless["booking-48h"] == pointless["booking-5d"] == Unless.BOOKED
    assert pointless["approval"] is None
    begun = facts(PlanStatus.APPROVED, sessions=sessions(0))
    assert is_pointless(DEFAULT_PLAN.steps[1], begun) is Unless.STARTED


def test_g3_the_first_payment_is_announced_three_days_and_one_day_before_and_never_on_the_day():
    due = date(2026, 4, 4)
    said = live(facts(first_payment_on=due), date(2026, 3, 20), 60)
    assert said == [(date(2026, 4, 1), "first-payment-3"), (date(2026, 4, 3), "first-payment-1")]


@pytest.mark.parametrize(
    ("days_left", "expected"),
    [
        (4, [(-3, "first-payment-3"), (-1, "first-payment-1")]),
        (3, [(-3, "first-payment-3"), (-1, "first-payment-1")]),
        (2, [(-2, "first-payment-3"), (-1, "first-payment-1")]),
        (1, [(-1, "first-payment-1")]),
        (0, []),
        (-1, []),
    ],
)
def test_g3_learned_late_the_remaining_reminders_go(days_left: int, expected: list[Any]) -> None:
    due = date(2026, 4, 4)
    learned = due - timedelta(days=days_left)
    said = live(
        facts(first_payment_on=due, first_payment_known_at=at(learned)),
        learned,
        max(1, days_left + 3),
    )
    assert [((day - due).days, name) for day, name in said] == expected


def test_g3_a_moved_date_has_new_reminders_and_no_second_one_for_the_same_due_date():
    first, then = date(2026, 4, 4), date(2026, 4, 20)
    plan, moved = facts(first_payment_on=first), facts(first_payment_on=then)
    learned = {date(2026, 4, 2): moved, date(2026, 4, 10): plan, date(2026, 4, 11): moved}
    said = live(plan, date(2026, 3, 28), 30, learned)
    assert said == [
        (date(2026, 4, 1), "first-payment-3"),
        (date(2026, 4, 17), "first-payment-3"),
        (date(2026, 4, 19), "first-payment-1"),
    ]


def test_g3_no_policy_can_speak_on_the_due_day() -> None:
    step = next(s for s in DEFAULT_PLAN.steps if s.name == "first-payment-1")
    with pytest.raises(ValidationError, match="could go on the due day"):
        PlanPolicy(version=2, steps=(type(step)(**{**step.model_dump(), "grace_days": 1}),))


def test_f4_a_missing_or_absurd_first_payment_is_a_question_and_no_reminder() -> None:
    signed = SIGNED.date()
    assert date_problem(facts(), DEFAULT_PLAN, ZONE) == "NULL_DATE"
    for days, problem in ((-1, "ABSURD_DATE"), (0, None), (90, None), (91, "ABSURD_DATE")):
        plan = facts(first_payment_on=signed + timedelta(days=days))
        assert date_problem(plan, DEFAULT_PLAN, ZONE) == problem
        assert ("first-payment-3" in names(plan)) is (problem is None)
    odd = facts(first_payment_on=signed + timedelta(days=200), is_date_confirmed=True)
    assert date_problem(odd, DEFAULT_PLAN, ZONE) is None
    assert "first-payment-1" in names(odd)


def test_a_card_has_no_first_payment_to_ask_about() -> None:
    assert date_problem(facts(has_schedule=False), DEFAULT_PLAN, ZONE) is None


def sessions(*days: int, hour: int = 15) -> tuple[Session, ...]:
    begun = SIGNED.replace(hour=hour)
    return tuple(
        Session(visit_id=f"v{n}", completed_at=begun + timedelta(days=day, minutes=n))
        for n, day in enumerate(days)
    )


def test_g4_a_check_in_follows_each_session_after_24_hours() -> None:
    plan = facts(sessions=sessions(0, 28), sessions_planned=3)
    found = [t for t in touches(plan, DEFAULT_PLAN, ZONE) if t.step.name == "check-in"]
    assert [t.due_at - s.completed_at for t, s in zip(found, plan.sessions, strict=True)] == [
        timedelta(hours=24)
    ] * 2


def test_g5_two_sessions_of_one_day_count_as_two_and_are_spoken_of_once() -> None:
    plan = facts(sessions=sessions(0, 0), sessions_planned=4)
    assert names(plan).count("check-in") == 1
    assert names(plan).count("mid-plan") == 1


@pytest.mark.parametrize(
    ("done", "planned", "goes"), [(1, 4, 0), (2, 4, 1), (2, 3, 0), (3, 6, 0), (2, 6, 1)]
)
def test_g5_mid_plan_after_the_second_session_of_four_or_more(
    done: int, planned: int, goes: int
) -> None:
    plan = facts(sessions=sessions(*range(0, 28 * done, 28)), sessions_planned=planned)
    assert names(plan).count("mid-plan") == goes


def test_g5_a_session_that_was_taken_back_and_done_again_brings_no_second_mid_plan() -> None:
    two = facts(sessions=sessions(0, 28), sessions_planned=4)
    again = facts(sessions=sessions(0, 35), sessions_planned=4)
    done = {t.key for t in touches(two, DEFAULT_PLAN, ZONE)}
    left = [t.step.name for t in touches(again, DEFAULT_PLAN, ZONE) if t.key not in done]
    assert "mid-plan" not in left


def test_g6_renewal_goes_30_days_before_the_final_payment() -> None:
    plan = facts(final_payment_on=date(2027, 3, 5))
    (renewal,) = [t for t in touches(plan, DEFAULT_PLAN, ZONE) if t.step.name == "renewal"]
    assert calendar.local_date(renewal.due_at, ZONE) == date(2027, 2, 3)


def test_g6_a_plan_shorter_than_30_days_hears_it_at_its_last_session() -> None:
    short = facts(final_payment_on=SIGNED.date() + timedelta(days=20), sessions_planned=2)
    assert "renewal" not in names(short)
    done = short.model_copy(update={"sessions": sessions(0, 10)})
    (renewal,) = [t for t in touches(done, DEFAULT_PLAN, ZONE) if t.step.name == "renewal"]
    assert calendar.local_date(renewal.due_at, ZONE) == SIGNED.date() + timedelta(days=10)


@pytest.mark.parametrize(
    ("first_in", "final_in", "offered_in"),
    [
        (10, 38, 31),  # three instalments, two weeks apart: 30 days before lies before the first
        (10, 40, 31),  # on the day of the first payment
        (10, 41, 11),
        (None, 29, 31),
        (None, 30, 0),
    ],
)
def test_g6_no_offer_before_the_first_payment_was_made(
    first_in: int | None, final_in: int, offered_in: int
) -> None:
    signed_on = SIGNED.date()
    plan = facts(
        lender=Lender.IN_HOUSE,
        accepted_at=SIGNED,
        first_payment_on=signed_on + timedelta(days=first_in) if first_in else None,
        final_payment_on=signed_on + timedelta(days=final_in),
        sessions_planned=2,
        sessions=sessions(5, 31),
    )
    (renewal,) = [t for t in touches(plan, DEFAULT_PLAN, ZONE) if t.step.name == "renewal"]
    assert calendar.local_date(renewal.due_at, ZONE) == signed_on + timedelta(days=offered_in)


def test_g6_an_early_payoff_is_spoken_of_once_a_week_after_the_last_word() -> None:
    paid = datetime(2026, 9, 1, 12, 0, tzinfo=HERE)
    plan = facts(
        PlanStatus.PAID_OFF,
        ended_at=paid,
        final_payment_on=date(2027, 3, 5),
        last_touch_on=date(2026, 8, 30),
    )
    (renewal,) = touches(plan, DEFAULT_PLAN, ZONE)
    assert calendar.local_date(renewal.due_at, ZONE) == date(2026, 9, 6)
    assert renewal.key == "renewal"  # the same as the one before the final payment


@pytest.mark.parametrize("unless", [Unless.OVERDUE, Unless.DISPUTED, Unless.REACTION])
def test_g6_no_renewal_while_something_is_wrong(unless: Unless) -> None:
    step = next(s for s in DEFAULT_PLAN.steps if s.name == "renewal")
    field = {
        "overdue": "overdue_installments",
        "disputed": "is_disputed",
        "reaction": "has_reaction",
    }
    assert is_pointless(step, facts(**{field[unless]: 1})) is unless
    assert is_pointless(step, facts()) is None


def test_g7_a_decline_has_one_message_and_no_cadence_and_can_turn_into_an_approval() -> None:
    declined = facts(PlanStatus.DECLINED, approved_at=None, declined_at=SIGNED)
    assert names(declined) == ["declined"]
    later = facts(PlanStatus.APPROVED, declined_at=SIGNED, approved_at=SIGNED + timedelta(days=2))
    assert names(later) == ["approval", "booking-48h", "booking-5d"]


@pytest.mark.parametrize("status", sorted(OVER))
def test_g8_a_plan_that_is_over_says_nothing_more(status: PlanStatus) -> None:
    plan = facts(
        status,
        first_payment_on=date(2026, 4, 4),
        final_payment_on=date(2027, 3, 5),
        sessions=sessions(0, 28),
        sessions_planned=4,
        ended_at=SIGNED,
    )
    assert names(plan) == []


def test_g10_a_plan_without_session_for_one_and_a_half_intervals_is_dropped() -> None:
    plan = facts(sessions=sessions(0), sessions_planned=4, session_interval_days=21)
    assert dropped_on(plan, DEFAULT_PLAN, ZONE) == SIGNED.date() + timedelta(days=32)
    through = facts(sessions=sessions(0, 28), sessions_planned=2)
    assert dropped_on(through, DEFAULT_PLAN, ZONE) is None


def test_after_an_outage_the_latest_word_goes_once_and_the_older_ones_are_missed() -> None:
    plan = facts(PlanStatus.APPROVED)
    found = next_touch(plan, DEFAULT_PLAN, set(), SIGNED + timedelta(days=5, hours=1), ZONE)
    assert found.touch is not None
    assert found.touch.step.name == "booking-5d"
    assert [t.step.name for t in found.missed] == ["approval", "booking-48h"]


def test_before_anything_is_due_the_next_touch_is_named() -> None:
    plan = facts(first_payment_on=date(2026, 5, 1))
    done = {t.key for t in touches(plan, DEFAULT_PLAN, ZONE) if t.step.anchor is Anchor.APPROVED}
    found = next_touch(plan, DEFAULT_PLAN, done, at(date(2026, 3, 20)), ZONE)
    assert found.touch is not None
    assert found.touch.due_at == at(date(2026, 4, 28))


days_ahead = st.integers(min_value=-5, max_value=80)


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(["America/New_York", "America/Phoenix", "Pacific/Honolulu"]),
    first=days_ahead,
    planned=st.integers(min_value=0, max_value=6),
    visits=st.lists(st.integers(min_value=0, max_value=120), max_size=6),
    looks=st.lists(st.integers(min_value=0, max_value=24 * 150), min_size=1, max_size=60),
)
def test_nothing_is_said_twice_on_a_due_day_or_outside_its_window(
    zone: str, first: int, planned: int, visits: list[int], looks: list[int]
) -> None:
    plan = facts(
        first_payment_on=SIGNED.date() + timedelta(days=first),
        sessions_planned=planned,
        sessions=sessions(*sorted(visits)),
        final_payment_on=SIGNED.date() + timedelta(days=140),
    )
    done: set[str] = set()
    for hour in sorted(looks):
        now = SIGNED.astimezone(UTC) + timedelta(hours=hour)
        found = next_touch(plan, DEFAULT_PLAN, done, now, zone)
        keys = [t.key for t in (*found.missed, *([found.touch] if found.touch else []))]
        assert len(keys) == len(set(keys))
        assert not done & set(keys)
        done.update(t.key for t in found.missed)
        if found.touch is not None and found.touch.due_at <= now:
            today = calendar.local_date(now, zone)
            assert today <= found.touch.last_on
            if found.touch.step.anchor is Anchor.FIRST_PAYMENT:
                assert plan.plan.first_payment_on is not None
                assert today < plan.plan.first_payment_on
            done.add(found.touch.key)


def test_a_chapter_begins_with_the_application_and_with_each_year() -> None:
    signed = facts(accepted_at=SIGNED)
    assert plan_desk.chapter(facts(PlanStatus.APPROVED), SIGNED) == "application"
    days = {-1: "year 0", 0: "year 0", 364: "year 0", 365: "year 1", 1_900: "year 5"}
    for day, expected in days.items():
        assert plan_desk.chapter(signed, SIGNED + timedelta(days=day)) == expected
