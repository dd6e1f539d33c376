"""A practice with one client in the books, new for every test."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.catalog import Catalog
from domain.chart import Chart, ChartLine, LotKind, MoneyLot, UnitLot
from domain.invoice import PricedInvoice
from domain.ledger import Entry, Tally, entry
from domain.policies import DEFAULT_CHASE
from store import catalogs, clients, db, locations
from store.invoices import Document
from store.vault import Vault
from tests.agreed import channels_on

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Practice:
    """Ids of one location and one client, and values to write for them."""

    location_id: str
    client_id: str

    def case(self) -> str:
        return f"visit/{self.location_id}/boulevard/{uuid4()}"

    def chart(self) -> Chart:
        line = ChartLine(line_id="1", code="svc-1", quantity=Decimal("1.5"))
        return Chart(visit_id="v", location_id=self.location_id, service_at=AT, lines=(line,))

    def unit_lot(self, remaining: str = "6", value_cents: int = 360_000) -> UnitLot:
        return UnitLot(
            lot_id=str(uuid4()),
            skus=("syringe",),
            remaining=Decimal(remaining),
            value_cents=value_cents,
            purchased_at=datetime(2026, 1, 5, tzinfo=UTC),
            expires_on="2027-01-05",
            grace_days=30,
        )

    def credit(self, cents: int = 19_000) -> MoneyLot:
        return MoneyLot(
            lot_id=str(uuid4()),
            kind=LotKind.MEMBERSHIP_CREDIT,
            remaining_cents=cents,
            classes=("injectable",),
            purchased_at=datetime(2026, 2, 1, tzinfo=UTC),
            tier="glow",
        )

    def priced(self, total_cents: int = 53_361) -> PricedInvoice:
        return PricedInvoice(
            engine_version="1",
            catalog_version=1,
            currency="USD",
            lines=(),
            subtotal_cents=total_cents,
            discount_cents=0,
            tax_cents=0,
            tip_cents=0,
            total_cents=total_cents,
            tenders=(),
            due_cents=total_cents,
        )

    def document(self, case_id: str, total_cents: int = 53_361, no: int = 1) -> Document:
        return Document(
            document_id=str(uuid4()),
            document_no=no,
            case_id=case_id,
            location_id=self.location_id,
            client_id=self.client_id,
            kind="invoice" if no == 1 else "credit_note",
            chart_hash="h",
            catalog_version=1,
            currency="USD",
            priced=self.priced(total_cents),
            change_due_cents=total_cents,
            issued_at=AT,
        )

    def sale(self, case_id: str, cents: int = 53_361) -> Entry:
        tally = Tally(self.client_id, case_id).move("1100", "4010", cents)
        return entry("sale", str(uuid4()), self.location_id, date(2026, 3, 5), tally)


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault({"k1": b"1" * 32}, "k1")


def contact(phone: str | None = "+15555550100", email: str | None = "p@example.test"):
    return clients.Contact(first_name="Pat", last_name="Ient", phone_e164=phone, email=email)


@pytest.fixture
async def practice(conn: db.Conn, vault: Vault) -> Practice:
    made = Practice(f"lumin-{uuid4().hex[:8]}", str(uuid4()))
    location = locations.Location(
        location_id=made.location_id,
        practice_name="Lumin",
        pms="boulevard",
        pms_location_ref=f"urn:{made.location_id}",
        zone="America/Chicago",
        desk_email="desk@example.test",
        chase=DEFAULT_CHASE,
    )
    catalog = Catalog(location_id=made.location_id, version=1, zone="America/Chicago", items=())
    await locations.put_location(conn, location)
    await catalogs.put_catalog(conn, catalog, "owner", "first")
    await channels_on(conn, made.location_id)
    await clients.upsert_client(
        conn, vault, made.client_id, made.location_id, "boulevard", made.client_id, contact()
    )
    return made
