"""The page that a plan's messages lead to: nothing of the plan before the second factor."""

from datetime import date

import httpx
import pytest

from domain import ids
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import invoices, plans
from store.db import transaction
from tests.web.conftest import Owed, World, bill
from tests.web.test_pay_page import RIGHT, WRONG

AT = "2026-11-05T18:00:00Z"


@pytest.fixture
async def owed(world: World) -> Owed:
    return await bill(world, 24000)


@pytest.fixture
async def token(world: World, owed: Owed) -> str:
    """The link of a plan that Cherry approved."""
    fact = PlanFact(
        location_id=world.location_id,
        lender=Lender.CHERRY,
        plan_id="app-1",
        source=FactSource.POLL,
        key="k",
        as_of=AT,
        observed_at=AT,
        status=PlanStatus.ACCEPTED,
        client_id=owed.client_id,
        financed_cents=280_000,
        monthly_cents=11_667,
        first_payment_on=date(2026, 12, 10),
        sessions_planned=4,
    )
    case_id = ids.plan_workflow_id(world.location_id, Lender.CHERRY, "app-1")
    async with transaction(world.pool) as conn:
        await plans.record(conn, fact)
        return await invoices.pay_link(conn, case_id, owed.client_id, world.location_id)


async def test_before_the_factor_nothing_is_said_of_the_plan(
    http: httpx.AsyncClient, token: str
) -> None:
    for path in ("", "/details"):
        page = await http.get(f"/p/{token}{path}")
        assert page.status_code == 200
        for word in ("Cherry", "2,800", "116.67", "December", "of 4", "Ada"):
            assert word not in page.text.split("<main")[1].split("</main>")[0].replace(token, "")


async def test_after_it_lender_amount_dates_and_sessions_are_shown(
    http: httpx.AsyncClient, token: str
) -> None:
    page = await http.post(f"/p/{token}/details", data=RIGHT)
    for word in ("Cherry", "$2,800.00", "$116.67", "December 10, 2026", "0 of 4 done"):
        assert word in page.text
    spanish = await http.get(f"/p/{token}/details?lang=es")
    assert "10 de diciembre de 2026" in spanish.text


async def test_a_wrong_factor_shows_nothing(http: httpx.AsyncClient, token: str) -> None:
    page = await http.post(f"/p/{token}/details", data=WRONG)
    assert page.status_code == 403
    assert "Cherry" not in page.text
