"""A practice with real books, Stripe's twin over HTTP, and a patient who owes for visits."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from activities.contracts import CaseRef, PaymentDoorIn, StandingIn
from activities.standing import StandingActivities
from activities.tools import Tools
from connectors.payments.stripe import StripeProcessor
from connectors.ports import PmsVisit
from domain import ids
from domain.ledger import Tally, entry
from starter.web import build_web
from store import invoices, ledger, locations
from store.checkouts import Checkout, unsettled
from store.db import transaction
from tests.browser.conftest import serve
from tests.connectors.stripe_world import World as Twin
from tests.web.conftest import Owed, World, add_client, document, new_phone

PICTURES = "TIEOUT_PICTURES"
"""A folder: the pictures of the documentation are written there."""
ZONE = "America/Chicago"


class Shop:
    """What a browser sees at `url`, and the hands of the practice and of Stripe."""

    def __init__(self, world: World, twin: Twin, card: StripeProcessor, url: str) -> None:
        self.world, self.twin, self.card, self.url = world, twin, card, url
        tools = Tools(
            pool=world.pool,
            vault=world.vault,
            pms=world.wiring.pms,
            processor=card,
            texts=world.text,
            emails=None,  # type: ignore[arg-type]  # nothing is mailed here
            public_base_url=url,
        )
        self.standing = StandingActivities(tools)

    async def owe(self, cents: int, of: Owed | None = None, days_ago: int = 0) -> Owed:
        """Issue an invoice and open its door at the processor, as a visit does."""
        world = self.world
        visit_id = str(uuid4())
        case_id = ids.visit_workflow_id(world.location_id, "boulevard", visit_id)
        phone = of.phone if of else new_phone()
        client_id = of.client_id if of else await add_client(world, phone)
        at = datetime.now(UTC) - timedelta(days=days_ago)
        tally = Tally(client_id, case_id).move("1100", "4010", cents)
        async with transaction(world.pool) as conn:
            await ledger.post(
                conn, entry("issue", f"{case_id}|1", world.location_id, date(2026, 11, 5), tally)
            )
            token = await invoices.pay_link(conn, case_id, client_id, world.location_id)
            await invoices.issue(conn, document(world, case_id, client_id, cents, at))
        world.pms.visits[visit_id] = _charted(visit_id, at)
        owed = Owed(case_id, client_id, "", token, phone)
        opened = await self.door(owed)
        return replace(owed, processor_id=opened[0])

    async def door(self, owed: Owed) -> tuple[str, ...]:
        """The visit makes the processor ask for what the ledger says."""
        ask = PaymentDoorIn(case=_ref(owed), client_id=owed.client_id, due_days=14, at=_now())
        return (await self.standing.open_payment_door(ask)).processor_ids

    async def read(self, owed: Owed) -> int:
        """The visit reads its money, as it does on every event; returns what is owed."""
        ask = StandingIn(case=_ref(owed), client_id=owed.client_id, at=_now())
        return (await self.standing.read_standing(ask)).balance_cents

    async def asked_online(self, owed: Owed) -> int:
        """What the processor's own page of the visit would still ask for."""
        return (await self.card.read_invoice(owed.processor_id)).remaining_cents

    async def page_of(self, owed: Owed) -> Checkout:
        """The one payment page that is open for the client."""
        async with self.world.pool.acquire() as conn:
            (row,) = await unsettled(conn, owed.client_id)
        return row

    async def left(self, *owed: Owed) -> list[int]:
        async with self.world.pool.acquire() as conn:
            return [await ledger.balance_of_case(conn, one.case_id) for one in owed]

    async def taken(self) -> int:
        """What the twin took from cards, in cents."""
        rows = self.twin.stored("charge")
        return sum(row["amount"] for row in rows if row["status"] == "succeeded")

    def link(self, owed: Owed) -> str:
        return f"{self.url}/p/{owed.token}"


@asynccontextmanager
async def open_shop(world: World, twin: Twin) -> AsyncIterator[Shop]:
    """Serve the pay page on a free port, with the twin as its processor."""
    card = twin.processor()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    told = world.wiring.settings.model_copy(
        update={"sandbox_url": twin.url, "public_base_url": url}
    )
    web = build_web(replace(world.wiring, settings=told, processor=card))
    server, task, _ = await serve(web, port)
    async with world.pool.acquire() as conn:
        place = await locations.get_location(conn, world.location_id)
        still = place.model_copy(update={"clock_shift_seconds": 0})
        await locations.put_location(conn, still)
    yield Shop(world, twin, card, url)
    server.should_exit = True
    await task
    await card.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _ref(owed: Owed) -> CaseRef:
    _, location_id, pms, visit_id = owed.case_id.split("/", 3)
    return CaseRef(
        case_id=owed.case_id, location_id=location_id, pms=pms, visit_id=visit_id, zone=ZONE
    )


def _charted(visit_id: str, at: datetime) -> PmsVisit:
    return PmsVisit(
        visit_id=visit_id,
        client_ref="c",
        location_ref="l",
        currency="USD",
        service_at=at,
        closed_at=at,
        lines=(),
        payments=(),
        total_cents=0,
        unpaid_cents=0,
        tax_cents=0,
        raw_sha256="0",
    )


async def accessible(page: Page) -> None:
    """axe finds nothing, nothing sticks out sideways, and every target is large enough."""
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = await page.evaluate(
        """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
        .filter(one => one.offsetParent && one.getBoundingClientRect().height < 24)
        .map(one => one.outerHTML)"""
    )
    assert small == []


async def picture(page: Page, name: str, folder: Path) -> None:
    """A picture of the page, also for the documentation when it is asked for."""
    await page.screenshot(path=folder / f"{name}.png", full_page=True)
    if target := os.environ.get(PICTURES):
        await page.screenshot(path=Path(target) / f"pay-{name}.png")
