"""What a visit costs on the engine, counted in the histories as the bench counts it."""

import pytest

from bench.costs import costs
from tests.e2e.play import Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

AT_MOST = {"paid_at_once": 14, "paid_day_9": 30, "chased": 30}
"""Billable Actions; a step more in every visit is a step more in every practice's bill."""


async def test_visit_stays_within_its_actions(play: Play) -> None:
    found = await costs(play.practice)
    assert {shape for shape, count in found["actions"].items() if count > AT_MOST[shape]} == set()
    assert set(found["actions"]) == set(found["history_bytes"]) == set(AT_MOST)
