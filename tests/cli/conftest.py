"""A practice in a real database, and the settings with which a command finds it."""

import asyncio
import base64
import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from activities.questions import question
from domain import ids
from domain.case import Channel
from domain.chart import Chart, ChartLine, Entitlements
from domain.entries import payment_received, visit_issued
from domain.entries_held import unidentified_received
from domain.invoice import PricedInvoice
from domain.pricing import price
from starter.practice import read_practice
from store import (
    catalogs,
    clients,
    db,
    inbox,
    invoices,
    ledger,
    locations,
    payments,
    reviews,
    touchpoints,
)
from store.vault import Vault
from tests.agreed import channels_on
from tests.cli.desk import ROOT, run_here
from tests.template_folders import templates

__all__ = ["templates"]

AT = datetime(2026, 3, 5, 20, 0, tzinfo=UTC)
VAULT_KEY = b"7" * 32
_PREFIXES = ("".join(three) for three in itertools.product("qxz", "bcdfghjk", "lmnpqrst"))
PHONE = "+15125550117"
EMAIL = "fern.abbott@patients.example"


@dataclass
class World:
    """One location with one client, and what a test lets happen to them."""

    conn: db.Conn
    env: dict[str, str]
    location_id: str
    client_id: str
    vault: Vault

    async def run(self, *words):
        return await asyncio.to_thread(run_here, self.env, words)

    def case(self) -> str:
        return ids.visit_workflow_id(self.location_id, "boulevard", str(uuid4()))

    async def ask(
        self,
        code="CHASE_EXHAUSTED",
        case_id=None,
        cents=32_000,
        days_ago=0,
        nobody=False,
        line=None,
        **extra,
    ):
        """A question that was opened some days before the practice's now."""
        case_id = case_id or self.case()
        at = datetime.now(UTC) - timedelta(days=days_ago)
        client_id = None if nobody else self.client_id
        asked = question(
            case_id, self.location_id, code, cents, 1, at, client_id=client_id, **extra
        )
        if line is not None:
            asked = asked.model_copy(update={"shown": {**asked.shown, "line_id": line}})
        await reviews.open_review(self.conn, asked)
        return asked

    async def loose(self, object_id, cents):
        """Money of nobody, as its case books it: in 2095 until somebody knows."""
        fact = payments.PaymentFact(
            payment_id=ids.payment_id("stripe", object_id),
            source="stripe",
            object_id=object_id,
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=AT,
            location_id=self.location_id,
        )
        entry = unidentified_received(
            payment_id=object_id,
            source="stripe",
            kind="card",
            amount_cents=cents,
            location_id=self.location_id,
            effective_on=date(2026, 3, 6),
        )
        async with self.conn.transaction():
            await payments.record(self.conn, fact)
            await ledger.post(self.conn, entry)

    async def bill(self, case_id=None):
        """An issued invoice of one laser session and one serum, with its entry."""
        case_id = case_id or self.case()
        catalog = await catalogs.current_catalog(self.conn, self.location_id)
        codes = {sku: code for code, sku in catalog.codes.items()}
        chart = Chart(
            visit_id=case_id.rpartition("/")[2],
            location_id=self.location_id,
            service_at=AT,
            lines=tuple(
                ChartLine(line_id=sku, code=codes[sku], quantity=1)
                for sku in ("LASER-SESSION", "SERUM")
            ),
        )
        priced = price(chart, catalog, Entitlements())
        assert isinstance(priced, PricedInvoice)
        document = invoices.Document(
            document_id=ids.document_id(case_id, 1),
            document_no=1,
            case_id=case_id,
            location_id=self.location_id,
            client_id=self.client_id,
            kind="invoice",
            chart_hash="h",
            catalog_version=catalog.version,
            currency="USD",
            priced=priced,
            change_due_cents=priced.due_cents,
            issued_at=AT,
        )
        entry = visit_issued(
            document_id=document.document_id,
            case_id=case_id,
            client_id=self.client_id,
            location_id=self.location_id,
            effective_on=date(2026, 3, 5),
            priced=priced,
        )
        async with self.conn.transaction():
            await invoices.save_draft(self.conn, case_id, "h", chart, "issued", priced)
            await ledger.post(self.conn, entry)
            return await invoices.issue(self.conn, document)

    async def pay(self, document, cents):
        """A card payment through the processor, applied to the visit; returns its id there."""
        fact = payments.PaymentFact(
            payment_id=str(uuid4()),
            source="stripe",
            object_id=f"in_{uuid4().hex}",
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=AT,
            case_id=document.case_id,
            client_id=self.client_id,
            location_id=self.location_id,
        )
        entry = payment_received(
            payment_id=fact.payment_id,
            source=fact.source,
            kind=fact.kind,
            amount_to_case_cents=cents,
            excess_cents=0,
            client_id=self.client_id,
            case_id=document.case_id,
            location_id=self.location_id,
            effective_on=date(2026, 3, 6),
        )
        async with self.conn.transaction():
            await payments.record(self.conn, fact)
            await ledger.post(self.conn, entry)
            await payments.allocate(self.conn, fact.payment_id, document.case_id, cents, "matching")
        return fact.object_id

    async def message(
        self, document, step="invoice", channel=Channel.SMS, day=0, skipped=None, version=1
    ):
        """A message that the provider took, or one that was not sent for a reason."""
        key = uuid4().hex
        await touchpoints.open_intent(
            self.conn,
            touchpoints.Touchpoint(
                message_key=key,
                case_id=document.case_id,
                client_id=self.client_id,
                location_id=self.location_id,
                document_id=document.document_id,
                step=step,
                channel=channel,
                template_version=version,
                day=day,
                local_date=date(2026, 3, 5) + timedelta(days=day),
                at=AT + timedelta(days=day),
            ),
        )
        if skipped is not None:
            await touchpoints.mark(self.conn, key, "skipped", reason=skipped)
            return
        await touchpoints.mark_sending(self.conn, key, 1)
        await touchpoints.mark(self.conn, key, "accepted", provider_id=f"SM{key}")

    async def reply(self, case_id):
        """A text of the client, which paused the case."""
        inbox_id, _ = await inbox.receive(
            self.conn, self.vault, "twilio", None, uuid4().hex, "message.received", None, {}, b"x"
        )
        await inbox.mark_dispatched(self.conn, inbox_id, case_id)


def settings_env(database_url: str) -> dict[str, str]:
    """Settings that open the books; every other service is nowhere."""
    key = base64.b64encode(VAULT_KEY).decode()
    unused = (
        "codec_token boulevard_business_id boulevard_api_key boulevard_api_secret"
        " boulevard_app_id stripe_secret_key stripe_webhook_secret twilio_account_sid"
        " twilio_auth_token twilio_messaging_service_sid smtp_host email_sender"
    )
    values = dict.fromkeys(unused.split(), "unused")
    values |= {
        "environment": "dev",
        "database_url": database_url,
        "public_base_url": "http://127.0.0.1:1",
        "temporal_address": "127.0.0.1:1",
        "codec_keys": f'{{"c1": "{key}"}}',
        "codec_key_id": "c1",
        "vault_keys": f'{{"k1": "{key}"}}',
        "vault_key_id": "k1",
        "state": str(ROOT / "tests" / "no-such-state"),
    }
    return {f"TIEOUT_{name.upper()}": value for name, value in values.items()}


@pytest.fixture
async def world(conn: db.Conn, pg_url: str) -> World:
    """A fresh location with the example's price book and one client."""
    # Three letters of its own: invoice numbers begin with them.
    return await open_world(conn, pg_url, f"{next(_PREFIXES)}-{uuid4().hex[:8]}")


@pytest.fixture
async def second_world(world: World, pg_url: str) -> World:
    """Another location whose invoices have the same numbers."""
    return await open_world(world.conn, pg_url, f"{world.location_id}-2")


async def open_world(conn: db.Conn, pg_url: str, location_id: str) -> World:
    """A location of that name with one client."""
    client_id = str(uuid4())
    example = read_practice(ROOT / "examples" / "lumin.json")
    vault = Vault({"k1": VAULT_KEY}, "k1")
    await locations.put_location(
        conn,
        example.location.model_copy(
            update={"location_id": location_id, "pms_location_ref": f"urn:{location_id}"}
        ),
    )
    catalog = example.catalog.model_copy(update={"location_id": location_id, "version": 1})
    await catalogs.put_catalog(conn, catalog, "owner", "first")
    await channels_on(conn, location_id)
    contact = clients.Contact(first_name="Fern", last_name="Abbott", email=EMAIL, phone_e164=PHONE)
    await clients.upsert_client(
        conn, vault, client_id, location_id, "boulevard", client_id, contact
    )
    return World(conn, settings_env(pg_url), location_id, client_id, vault)
