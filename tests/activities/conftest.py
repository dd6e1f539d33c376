"""Activities over real books and a faked outside world; the world is the web tests' own."""

from datetime import date

import pytest

from activities.contacts import refresh_contact
from domain.case import Channel
from domain.plan_case import PlanStatus
from store import consents
from store.db import transaction
from tests.activities.loans import Loans
from tests.activities.plans import Plan
from tests.activities.practice import Practice
from tests.template_folders import templates
from tests.web.conftest import World, settings, world

__all__ = ["loans", "plan", "practice", "settings", "templates", "world"]


@pytest.fixture
async def practice(world: World) -> Practice:
    """A practice of its own with the example price book."""
    opened = Practice(world)
    await opened.open()
    return opened


@pytest.fixture
async def loans(practice: Practice) -> Loans:
    """What Cherry has agreed to with the practice."""
    made = Loans(practice)
    await made.agree()
    return made


@pytest.fixture
async def plan(practice: Practice) -> Plan:
    """A plan that Cherry has approved, of a patient that the books know."""
    ref = practice.client()
    await refresh_contact(practice.tools, practice.world.location_id, ref)
    opened = Plan(practice, ref)
    async with transaction(practice.world.pool) as conn:
        for channel in Channel:
            await consents.opt_in(conn, opened.client_id, channel, "care", "form", "signed")
    await opened.told(
        status=PlanStatus.APPROVED, approved_cents=280_000, approval_expires_on=date(2026, 12, 5)
    )
    return opened
