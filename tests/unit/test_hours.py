"""Whose hours bind a message: the product's, the location's, and the law's, together."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.hours import Hours
from domain.case import MessageClass
from domain.policies import DEFAULT_CHASE
from store.clients import Contact

CHICAGO = ZoneInfo("America/Chicago")
ADA = Contact(first_name="Ada", last_name="Quill", phone_e164="+13125550123", postal_code="60601")
THANKSGIVING = datetime(2026, 11, 26, 10, tzinfo=CHICAGO)
SUNDAY = datetime(2026, 6, 7, 10, tzinfo=CHICAGO)


def opens(
    at: datetime,
    contact: Contact | None = ADA,
    message_class: MessageClass = MessageClass.BILLING,
    **policy: object,
) -> str:
    chase = DEFAULT_CHASE.model_copy(update=policy)
    hours = Hours(chase, "America/Chicago", contact, message_class)
    return hours.opens(at).astimezone(CHICAGO).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, "11-27 09:00"),
        ({"holidays": "silent"}, "11-27 09:00"),
        ({"holidays": "allowed"}, "11-26 10:00"),
    ],
)
def test_a_practice_decides_about_holidays(policy: dict[str, object], expected: str) -> None:
    assert opens(THANKSGIVING, **policy) == expected


@pytest.mark.parametrize(
    ("message_class", "policy", "expected"),
    [
        (MessageClass.BILLING, {}, "06-07 10:00"),
        (MessageClass.BILLING, {"sundays": "silent"}, "06-08 09:00"),
        (MessageClass.MARKETING, {}, "06-08 09:00"),
        (MessageClass.MARKETING, {"sundays": "allowed"}, "06-07 10:00"),
    ],
)
def test_a_practice_decides_about_sundays(
    message_class: MessageClass, policy: dict[str, object], expected: str
) -> None:
    assert opens(SUNDAY, message_class=message_class, **policy) == expected


def test_a_location_may_have_shorter_hours_and_never_longer_ones() -> None:
    monday = datetime(2026, 6, 8, 7, tzinfo=CHICAGO)
    assert opens(monday, window_opens_at=time(11)) == "06-08 11:00"
    assert opens(monday, window_opens_at=time(6)) == "06-08 09:00"
    late = datetime(2026, 6, 8, 18, 30, tzinfo=CHICAGO)
    assert opens(late, window_closes_at=time(18)) == "06-09 09:00"
    assert opens(late.replace(hour=20), window_closes_at=time(23)) == "06-09 09:00"


def test_the_law_of_the_patients_state_binds_whatever_the_practice_says() -> None:
    austin = ADA.model_copy(update={"postal_code": "78701", "phone_e164": "+15125550123"})
    assert opens(SUNDAY, austin, sundays="allowed") == "06-07 12:00"


def test_a_patient_who_lives_elsewhere_is_written_to_in_both_daytimes() -> None:
    moved = ADA.model_copy(update={"postal_code": "94107"})
    morning = datetime(2026, 6, 8, 9, tzinfo=CHICAGO)
    assert opens(morning, moved) == "06-08 11:00"
    hours = Hours(DEFAULT_CHASE, "America/Chicago", moved, MessageClass.BILLING)
    assert hours.seconds_left(morning.replace(hour=19)) == 3600
    assert opens(morning, None) == "06-08 09:00"


def test_a_due_day_is_silent_whatever_the_hour() -> None:
    due = datetime(2026, 6, 9, 10, tzinfo=CHICAGO)
    assert opens(due, never_on=due.date()) == "06-10 09:00"
    assert opens(due - timedelta(days=1, hours=-12), never_on=due.date()) == "06-10 09:00"
    assert opens(due - timedelta(days=1), never_on=due.date()) == "06-08 10:00"
