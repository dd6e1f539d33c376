"""Civil time: both clock changes, weekends, and a worker that was away."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from domain.case import Release
from tests.workflows.clinic import THURSDAY, Case, Clinic
from tests.workflows.fakes import ZONE, World


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # The clocks go back on Sunday 2026-11-01, between day 0 and day 3.
        (
            "2026-10-30T15:00",
            ["10-30 15:00 -0500", "11-02 10:00 -0600", "11-06 10:00 -0600", "11-13 10:00 -0600"],
        ),
        # Day 3 is the Sunday itself.
        (
            "2026-10-29T12:00",
            ["10-29 12:00 -0500", "11-01 10:00 -0600", "11-05 10:00 -0600", "11-12 10:00 -0600"],
        ),
        # The clocks go forward on Sunday 2027-03-14.
        (
            "2027-03-12T19:59",
            ["03-12 19:59 -0600", "03-15 10:00 -0500", "03-19 10:00 -0500", "03-26 10:00 -0500"],
        ),
        (
            "2027-03-11T09:00",
            ["03-11 09:00 -0600", "03-14 10:00 -0500", "03-18 10:00 -0500", "03-25 10:00 -0500"],
        ),
    ],
)
async def test_reminders_come_at_ten_across_clock_changes(
    clinic: Clinic, world: World, start: str, expected: list[str]
) -> None:
    case = await clinic.visit(datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(ZONE)))
    await case.day(20)
    said = dict.fromkeys(f"{m.local:%m-%d %H:%M %z}" for m in world.messages)
    assert list(said) == expected


async def test_last_minute_of_the_evening_belongs_to_its_day(clinic: Clinic, world: World) -> None:
    case = await clinic.visit(THURSDAY.replace(hour=19, minute=58))
    await case.day(4)
    assert [m.words for m in world.messages] == [
        "invoice sms 10-15 19:58",
        "invoice email 10-15 19:58",
        "day-3 sms 10-18 10:00",
    ]


async def test_steps_missed_while_held_are_skipped_but_the_latest(case: Case, world: World) -> None:
    await case.hold()
    await case.day(8)
    await case.update("release", Release(by="desk-1"))
    assert world.said == ["invoice", "invoice", "day-7", "day-7"]
    assert world.skipped == ["day-3"]
    await case.day(15)
    assert world.said[4:] == ["day-14"]


async def test_steps_missed_by_an_outage_are_skipped_but_the_latest(
    clinic: Clinic, world: World
) -> None:
    world.days_late = 8
    case = await clinic.visit()
    assert [m.words for m in world.messages[2:]] == [
        "day-7 sms 10-15 14:00",
        "day-7 email 10-15 14:00",
    ]
    assert world.skipped == ["day-3"]
    await case.day(7)
    assert [m.words for m in world.messages[4:]] == ["day-14 email 10-21 10:00"]


async def test_worker_that_was_away_over_a_reminder_sends_it_once(
    clinic: Clinic, world: World
) -> None:
    case = await clinic.visit()
    await case.day(2)
    await clinic.rest()
    passing = asyncio.ensure_future(case.day(8))
    await asyncio.sleep(0.3)
    assert world.said == ["invoice", "invoice"]
    await clinic.work()
    await passing
    assert world.said == ["invoice", "invoice", "day-3", "day-7", "day-7"]
