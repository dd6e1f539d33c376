"""Whom the driver looks at again: a case whose next deed it cannot know."""

from datetime import UTC, datetime, timedelta

import pytest

from starter.simulate.cases import DESK, Tracked

AT = datetime(2026, 3, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stage", "asks", "wake", "is_silent"),
    [
        (DESK, True, None, False),
        # Answered: the stage is told anew only once the case waits for something else.
        (DESK, False, None, True),
        ("awaiting_payment", False, None, True),
        ("awaiting_payment", False, AT, False),
        ("awaiting_payment", True, None, True),
    ],
)
def test_a_case_that_waits_for_nobody_and_names_no_time_is_seen_again(
    stage: str, asks: bool, wake: datetime | None, is_silent: bool
) -> None:
    known = Tracked("run", timedelta(), timedelta(), stage=stage, wake=wake, asks=asks)
    assert known.silent is is_silent
    assert known.looks_up is not (stage == DESK and asks)
