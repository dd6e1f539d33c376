"""The checks themselves, on made-up records: what each must find, and what it must let pass."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from starter.simulate import checks, doubled, steps, words
from starter.simulate.drawing import make_plan
from starter.simulate.evidence import Case, Violation
from starter.simulate.leaks import secrets_in
from starter.simulate.people import MARK, PLACES
from starter.simulate.plan import Plan
from starter.simulate.seen import Message, Seen
from starter.simulate.truth import Truth
from store.client_log import LogRow
from tests.simulate.plans import CHICAGO, HONOLULU, client, hour, plan, visit


class WallIsPractice:
    """A clock that was never moved."""

    def seen(self, wall: datetime) -> datetime:
        return wall


def message(number: int, at: datetime, template: str = "invoice", **more: Any) -> Message:
    values = {"channel": "sms", "body": "", "received": True, **more}
    return Message(client=number, wall=at, at=at, template=template, **values)


def case(one: Plan, messages: Sequence[Message], truth: Truth | None = None) -> Case:
    facts = truth or Truth()
    for each in one.clients:
        for known in each.visits:
            closed = known.patient_cents
            facts.note("closed", each.person.number, known.index, closed, wall=known.at)
    return Case(one, WallIsPractice(), facts, Seen(messages=list(messages)))  # type: ignore[arg-type]


def one_visit(number: int = CHICAGO, lender_cents: int = 0) -> Plan:
    return plan(10, [client(number, [visit(number, 0, hour(0, 10), lender_cents)])])


def found(check: Any, one: Case) -> list[str]:
    return [violation.what for violation in check(one)]


def test_money_that_is_owed_may_be_asked_for() -> None:
    assert found(checks.after_settlement, case(one_visit(), [message(CHICAGO, hour(0, 11))])) == []


def test_a_message_after_the_payment_is_found() -> None:
    truth = Truth()
    truth.note("paid", CHICAGO, 0, 52_000, wall=hour(1, 9))
    late = message(CHICAGO, hour(3, 10), "reminder_friendly")
    [what] = found(checks.after_settlement, case(one_visit(), [late], truth))
    assert "nothing is owed" in what


@pytest.mark.parametrize(
    ("read_seconds_before", "is_race"), [(0.2, True), (1.9, True), (2.1, False), (0.05, False)]
)
def test_a_race_needs_a_fresh_look_that_came_before_the_payment(
    read_seconds_before: float, is_race: bool
) -> None:
    sent = hour(3, 10)
    truth = Truth()
    truth.note("paid", CHICAGO, 0, 52_000, wall=sent - timedelta(seconds=0.1))
    one = case(one_visit(), [message(CHICAGO, sent, "reminder_friendly")], truth)
    one.order_of_invoice = {"in_1": (CHICAGO, 0)}
    one.seen.reads = {"in_1": [sent - timedelta(seconds=read_seconds_before)]}
    assert (found(checks.after_settlement, one) == []) is is_race
    assert len(one.races) == is_race


def test_a_race_excuses_only_what_was_right_before_it() -> None:
    sent = hour(3, 10)
    paid_at = sent - timedelta(seconds=0.1)
    two = plan(
        10, [client(CHICAGO, [visit(CHICAGO, 0, hour(0, 10)), visit(CHICAGO, 1, hour(0, 10))])]
    )
    for other_is_open, problems in ((True, []), (False, ["the money is on its way"])):
        truth = Truth()
        truth.note("in_flight", CHICAGO, 0, 52_000, wall=hour(1, 9))
        if not other_is_open:
            truth.note("in_flight", CHICAGO, 1, 52_000, wall=hour(1, 9))
        truth.note("paid", CHICAGO, 1, 52_000, wall=paid_at)
        one = case(two, [message(CHICAGO, sent, "reminder_friendly")], truth)
        one.order_of_invoice = {"in_1": (CHICAGO, 1)}
        one.seen.reads = {"in_1": [sent - timedelta(seconds=0.2)]}
        expected = [f"reminder_friendly by sms: {problem}" for problem in problems]
        assert found(checks.after_settlement, one) == expected
        assert len(one.races) == (not problems)


@pytest.mark.parametrize(("asked", "is_race"), [("pms", True), ("processor", False)])
def test_a_race_with_the_desk_needs_a_look_at_the_pms(asked: str, is_race: bool) -> None:
    sent = hour(3, 10)
    truth = Truth()
    truth.note("paid", CHICAGO, 0, 52_000, wall=sent - timedelta(seconds=0.1), how="desk")
    one = case(one_visit(), [message(CHICAGO, sent, "reminder_friendly")], truth)
    order_id = one.plan.client(CHICAGO).visits[0].order_id
    one.order_of_invoice = {"in_1": (CHICAGO, 0), order_id: (CHICAGO, 0)}
    fresh, stale = [sent - timedelta(seconds=1)], [sent - timedelta(seconds=30)]
    one.seen.reads = {"in_1": fresh, order_id: fresh if asked == "pms" else stale}
    assert (found(checks.after_settlement, one) == []) is is_race


def test_money_on_its_way_is_not_asked_for_until_it_comes_back() -> None:
    truth = Truth()
    truth.note("in_flight", CHICAGO, 0, 52_000, wall=hour(1, 9))
    truth.note("bank_failed", CHICAGO, 0, wall=hour(4, 9))
    sent = [message(CHICAGO, hour(day, 10), "reminder_friendly") for day in (3, 5)]
    assert found(checks.after_settlement, case(one_visit(), sent, truth)) == [
        "reminder_friendly by sms: the money is on its way"
    ]


def test_held_messages_pause_until_the_release() -> None:
    truth = Truth()
    truth.note("held", CHICAGO, wall=hour(1, 9), means="dispute")
    truth.note("released", CHICAGO, wall=hour(4, 9))
    sent = [message(CHICAGO, hour(day, 10), "reminder_friendly") for day in (3, 5)]
    assert len(found(checks.after_settlement, case(one_visit(), sent, truth))) == 1


def test_what_a_lender_pays_is_told_apart() -> None:
    one = case(one_visit(lender_cents=52_000), [message(CHICAGO, hour(0, 11))])
    assert [violation.invariant for violation in checks.after_settlement(one)] == [checks.LENDER]


def test_last_words_are_not_for_the_first_days() -> None:
    early = message(CHICAGO, hour(2, 10), "reminder_final")
    assert "too young" in found(checks.after_settlement, case(one_visit(), [early]))[0]


def test_two_channels_are_one_touch_and_two_texts_a_day_are_not() -> None:
    text, mail = message(CHICAGO, hour(0, 11)), message(CHICAGO, hour(0, 11), channel="email")
    assert found(doubled.doubled, case(one_visit(), [text, mail])) == []
    again = message(CHICAGO, hour(0, 15))
    assert len(found(doubled.doubled, case(one_visit(), [text, mail, again]))) >= 1
    lost = message(CHICAGO, hour(0, 15), received=False)
    assert found(doubled.doubled, case(one_visit(), [text, mail, lost])) == []


def test_the_fourth_touch_in_seven_days_is_found() -> None:
    names = ("invoice", "reminder_friendly", "reminder_firm", "reminder_final")
    sent = [message(CHICAGO, hour(2 * day, 10), name) for day, name in enumerate(names)]
    assert found(doubled.doubled, case(one_visit(), sent)) == [
        "reminder_final by sms is touch 4 in 7 days"
    ]


@pytest.mark.parametrize(
    ("number", "at", "ok"),
    [
        (CHICAGO, hour(0, 9), True),
        (CHICAGO, hour(0, 8), False),
        (CHICAGO, hour(0, 20), False),
        (HONOLULU, hour(0, 13), False),
        (HONOLULU, hour(0, 14), True),
        (CHICAGO, datetime(2026, 11, 11, 17, tzinfo=UTC), False),
    ],
)
def test_hours_are_the_patients_own(number: int, at: datetime, ok: bool) -> None:
    assert (found(checks.at_night, case(one_visit(number), [message(number, at)])) == []) is ok


def test_stricter_states_and_both_zones_of_somebody_who_moved() -> None:
    texan = next(n for n, place in enumerate(PLACES) if place.area == "512")
    sunday = hour(6, 10)
    assert len(found(checks.at_night, case(one_visit(texan), [message(texan, sunday)]))) == 1
    moved = next(n for n, place in enumerate(PLACES) if len(place.zones) == 2)
    early = hour(0, 10)  # 11:00 in New York, 8:00 in Los Angeles
    assert len(found(checks.at_night, case(one_visit(moved), [message(moved, early)]))) == 1


def test_consent_is_by_channel_and_comes_back() -> None:
    truth = Truth()
    truth.note("opted_out", CHICAGO, wall=hour(1, 9), channel="sms")
    truth.note("opted_in", CHICAGO, wall=hour(4, 9), channel="sms")
    sent = [
        message(CHICAGO, hour(3, 10)),
        message(CHICAGO, hour(3, 10), channel="email"),
        message(CHICAGO, hour(5, 10)),
    ]
    assert len(found(checks.without_consent, case(one_visit(), sent, truth))) == 1


def test_a_switch_has_five_seconds_and_its_own_messages() -> None:
    truth = Truth()
    truth.note("switched_off", wall=hour(3, 10), name="chase")
    truth.note("switched_on", wall=hour(3, 12), name="chase")
    at = hour(3, 10)
    sent = [
        message(CHICAGO, at + timedelta(seconds=4), "reminder_friendly"),
        message(CHICAGO, at + timedelta(seconds=6), "reminder_friendly"),
        message(CHICAGO, at + timedelta(seconds=6), "invoice"),
        message(CHICAGO, hour(3, 13), "reminder_friendly"),
    ]
    assert len(found(checks.switched_off, case(one_visit(), sent, truth))) == 1


def test_leaks_are_found_in_disguise() -> None:
    phones = frozenset({b"3125550101"})
    assert secrets_in(b"nothing 3125550102 at all, 1931-1-1", phones) == []
    for raw in (MARK.upper().encode(), b"dmV4aG9sbQ==", MARK.encode().hex().encode()):
        assert secrets_in(raw, phones) == ["a name, an address or a treatment"]
    assert secrets_in(b"to=+13125550101", phones) == ["a phone number"]
    assert secrets_in(b'"1931-04-02"', phones) == ["a birth date"]


def test_words_tell_the_template() -> None:
    assert words.template_of("Your statement from Lumin") == "invoice"
    assert words.template_of("Your statement from Lumin is still open") == "reminder_firm"
    assert words.template_of("You have unsubscribed.") == words.OTHER


def test_a_seed_is_a_plan() -> None:
    assert make_plan(7, 12, 30) == make_plan(7, 12, 30)
    assert make_plan(7, 12, 30) != make_plan(8, 12, 30)
    assert make_plan(7, 12, 30).clients == make_plan(7, 20, 30).clients[:12]


def test_a_violation_names_no_patient() -> None:
    one = case(one_visit(lender_cents=52_000), [message(CHICAGO, hour(0, 11))])
    violations: list[Violation] = checks.violations(one)
    assert violations
    assert all(MARK not in violation.what for violation in violations)


@pytest.mark.parametrize(("paid_cents", "count"), [(52_000, 0), (1, 1)])
def test_who_says_paid_and_is_right_is_not_waited_for(paid_cents: int, count: int) -> None:
    one = plan(
        9, [client(CHICAGO, [visit(CHICAGO, 0, hour(0, 10)), visit(CHICAGO, 1, hour(4, 9))])]
    )
    truth = Truth()
    truth.note("paid", CHICAGO, 0, paid_cents, wall=hour(1, 8))
    truth.note("held", CHICAGO, wall=hour(1, 9), means="paid")
    sent = [message(CHICAGO, hour(4, 10))]
    assert len(found(checks.after_settlement, case(one, sent, truth))) == count


def test_a_seed_plans_the_same_run_in_every_process() -> None:
    code = "from starter.simulate.drawing import make_plan; print(make_plan(3, 5, 30).digest)"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == make_plan(3, 5, 30).digest != make_plan(4, 5, 30).digest


@pytest.mark.parametrize(
    ("changes", "is_sent"),
    [
        ({}, True),
        ({"state": "accepted"}, False),
        ({"detail": "email"}, False),
        ({"at": hour(3, 11)}, False),
        ({"name": "day-7"}, False),
        ({"case_id": "another visit"}, False),
    ],
)
def test_a_step_may_be_early_only_if_the_log_says_whose_it_was(
    changes: dict[str, Any], is_sent: bool
) -> None:
    first, early = (
        message(CHICAGO, hour(1, 10)),
        message(CHICAGO, hour(3, 10), "reminder_friendly"),
    )
    truth = Truth()
    truth.note("closed", CHICAGO, 0, 52_000, wall=hour(0, 10))
    lives = plan(30, [client(CHICAGO, [visit(CHICAGO, 0, hour(0, 10))])])
    one = case(lives, [first, early], truth)
    [due] = [due for due in steps.due_steps(one) if due.step == "day-3"]
    assert due.at > early.at + timedelta(hours=12)
    assert not steps._was_sent(one, due)
    row = LogRow(
        source="message",
        at=early.wall - timedelta(seconds=1),
        case_id="this visit",
        name="day-3",
        state="sending",
        detail="sms",
    ).model_copy(update=changes)
    assert steps._is_explained(one, "this visit", due, [row]) is is_sent
