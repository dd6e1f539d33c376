"""The web process over real books and a faked outside world."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from activities.intake import Intake
from domain import ids
from domain.case import Channel, ChasePolicy, ChaseStep, Tone
from domain.catalog import Catalog, Item, ItemClass, Price, Unit
from domain.invoice import InvoiceLine, LineKind, PricedInvoice
from domain.ledger import Tally, entry
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from starter.settings import Settings, settings_from
from starter.web import build_web
from starter.wiring import Wiring
from store import catalogs, clients, invoices, ledger, locations, plans, processor
from store.clients import Contact
from store.db import Pool, transaction
from store.invoices import Document
from store.locations import Location
from store.vault import Vault
from tests.agreed import channels_on
from tests.cash import cash_in
from tests.fakes import (
    SIGNATURE,
    SIGNED,
    FakeEngine,
    FakePms,
    FakeProcessor,
    FakeText,
    open_invoice,
)

BASE_URL = "http://pay.test"
APPROVED = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)
SIGNED_HEADERS = {SIGNATURE: SIGNED, "content-type": "application/json"}
CHASE = ChasePolicy(
    version=1,
    send_at=time(10, 0),
    steps=(ChaseStep(name="invoice", day=0, tone=Tone.NEUTRAL, channels=(Channel.SMS,)),),
)


@dataclass
class World:
    """One practice of its own per test, the faked vendors and the wiring over them."""

    wiring: Wiring
    pms: FakePms
    processor: FakeProcessor
    text: FakeText
    engine: FakeEngine
    location_id: str

    @property
    def intake(self) -> Intake:
        return self.wiring.intake

    @property
    def pool(self) -> Pool:
        return self.wiring.pool

    @property
    def vault(self) -> Vault:
        return self.wiring.vault


@dataclass
class Owed:
    """A billed visit with a pay link."""

    case_id: str
    client_id: str
    processor_id: str
    token: str
    phone: str


@pytest.fixture
def settings() -> Settings:
    """Settings with made-up secrets."""
    return made_up_settings()


def made_up_settings() -> Settings:
    """The same outside a test."""
    ring = json.dumps({"k1": base64.b64encode(b"k" * 32).decode()})
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    return settings_from(
        {f"TIEOUT_{name.upper()}": "given-value" for name in required}
        | {
            "TIEOUT_ENVIRONMENT": "dev",
            "TIEOUT_CODEC_KEYS": ring,
            "TIEOUT_CODEC_KEY_ID": "k1",
            "TIEOUT_CODEC_TOKEN": "codec-token",
            "TIEOUT_VAULT_KEYS": ring,
            "TIEOUT_VAULT_KEY_ID": "k1",
            "TIEOUT_PUBLIC_BASE_URL": BASE_URL,
        }
    )


@pytest.fixture
async def world(pool: Pool, settings: Settings) -> World:
    """A fresh location in the shared books."""
    location_id = f"web-{uuid4().hex[:12]}"
    async with transaction(pool) as conn:
        await locations.put_location(conn, location(location_id))
        await catalogs.put_catalog(conn, catalog(location_id), by="test", reason="first")
        await channels_on(conn, location_id)
    return assemble(pool, settings, location_id)


def assemble(pool: Pool, settings: Settings, location_id: str) -> World:
    """The wiring over fakes."""
    vault = Vault(settings.vault_key_bytes, settings.vault_key_id)
    pms, card, text, engine = FakePms(), FakeProcessor(), FakeText(), FakeEngine()
    book = {location_id: pms}
    wiring = Wiring(
        settings=settings,
        pool=pool,
        vault=vault,
        pms=book,
        processor=card,
        text=text,
        email=None,  # type: ignore[arg-type]  # the web process sends no mail
        engine=engine,
        intake=Intake(pool, vault, book, card, text, engine),
    )
    return World(wiring, pms, card, text, engine, location_id)


@pytest.fixture
def app(world: World) -> Starlette:
    """The application under test."""
    return build_web(world.wiring)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client that talks to the application in this process."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client
        await app.state.tasks.drain(5)


def location(location_id: str) -> Location:
    """A practice in Chicago's zone."""
    return Location(
        location_id=location_id,
        practice_name="Lumin Aesthetics",
        pms="boulevard",
        pms_location_ref=f"urn:blvd:Location:{location_id}",
        zone="America/Chicago",
        currency="USD",
        desk_email="desk@example.test",
        reply_phone="+15125550100",
        chase=CHASE,
        clock_shift_seconds=3600,
    )


def catalog(location_id: str) -> Catalog:
    """One item."""
    return Catalog(
        location_id=location_id,
        version=1,
        zone="America/Chicago",
        items=(
            Item(
                sku="TOX",
                name="Neurotoxin",
                item_class=ItemClass.INJECTABLE,
                unit=Unit.TOXIN_UNIT,
                step=Decimal(1),
                quantity_max=Decimal(200),
                prices=(Price(unit_cents=1200, effective_from=date(2026, 1, 1)),),
            ),
        ),
    )


def priced(amount_cents: int) -> PricedInvoice:
    """One toxin line worth `amount_cents`."""
    line = InvoiceLine(
        line_id="1",
        chart_line_id="c1",
        kind=LineKind.SALE,
        sku="TOX",
        item_class="injectable",
        quantity=Decimal(20),
        unit_cents=amount_cents // 20,
        gross_cents=amount_cents,
        net_cents=amount_cents,
    )
    return PricedInvoice(
        engine_version="1",
        catalog_version=1,
        currency="USD",
        lines=(line,),
        subtotal_cents=amount_cents,
        discount_cents=0,
        tax_cents=0,
        tip_cents=0,
        total_cents=amount_cents,
        tenders=(),
        due_cents=amount_cents,
    )


def document(
    world: World, case_id: str, client_id: str, amount_cents: int, issued_at: datetime
) -> Document:
    """The case's first invoice."""
    return Document(
        document_id=ids.document_id(case_id, 1),
        document_no=1,
        case_id=case_id,
        location_id=world.location_id,
        client_id=client_id,
        kind="invoice",
        chart_hash="0" * 64,
        catalog_version=1,
        currency="USD",
        priced=priced(amount_cents),
        change_due_cents=amount_cents,
        issued_at=issued_at,
    )


async def add_client(world: World, phone: str) -> str:
    """A client of the practice with a known birth date and ZIP."""
    client_id = ids.client_id(world.location_id, "boulevard", str(uuid4()))
    contact = Contact(
        first_name="Ada",
        last_name="Quill",
        email="ada@example.test",
        phone_e164=phone,
        birth_date=date(1990, 4, 2),
        postal_code="78704",
    )
    async with transaction(world.pool) as conn:
        await clients.upsert_client(
            conn, world.vault, client_id, world.location_id, "boulevard", client_id, contact
        )
    return client_id


async def add_plan(world: World, client_id: str) -> str:
    """A lender has approved a client; the id of the plan's case."""
    fact = PlanFact(
        location_id=world.location_id,
        lender=Lender.CHERRY,
        plan_id=f"app-{uuid4()}",
        source=FactSource.POLL,
        key=str(uuid4()),
        as_of=APPROVED,
        observed_at=APPROVED,
        client_id=client_id,
        status=PlanStatus.APPROVED,
    )
    async with transaction(world.pool) as conn:
        await plans.record(conn, fact)
    return ids.plan_workflow_id(world.location_id, Lender.CHERRY, fact.plan_id)


def new_phone() -> str:
    """A number that no other test uses."""
    return f"+1512{uuid4().int % 10_000_000:07d}"


async def bill(
    world: World,
    amount_cents: int = 24000,
    phone: str | None = None,
    of: Owed | None = None,
    issued_at: datetime | None = None,
) -> Owed:
    """Issue one invoice, owe it in the books, ask for it at the processor, make its link.

    `of` bills the same client once more.
    """
    case_id = ids.visit_workflow_id(world.location_id, "boulevard", str(uuid4()))
    phone = of.phone if of else phone or new_phone()
    client_id = of.client_id if of else await add_client(world, phone)
    processor_id = f"in_{uuid4().hex[:12]}"
    tally = Tally(client_id, case_id).move("1100", "4010", amount_cents)
    at = issued_at or datetime.now(UTC)
    invoice = document(world, case_id, client_id, amount_cents, at)
    async with transaction(world.pool) as conn:
        await ledger.post(
            conn, entry("issue", f"{case_id}|1", world.location_id, date(2026, 11, 5), tally)
        )
        await processor.put_invoice(conn, invoice.document_id, processor_id, case_id)
        token = await invoices.pay_link(conn, case_id, client_id, world.location_id)
        await invoices.issue(conn, invoice)
    world.processor.invoices[processor_id] = open_invoice(processor_id, amount_cents)
    world.processor.cases[processor_id] = case_id
    world.engine.running.add(case_id)
    return Owed(case_id, client_id, processor_id, token, phone)


async def settle(world: World, owed: Owed, amount_cents: int) -> None:
    """Book money that came in for the visit."""
    on = date(2026, 11, 5)
    async with transaction(world.pool) as conn:
        await cash_in(conn, world.location_id, owed.client_id, owed.case_id, amount_cents, on)
