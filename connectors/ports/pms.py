"""What the house asks of a practice management system."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from pydantic import AwareDatetime

from connectors.ports.outcomes import Refused, VendorEvent
from domain.model import Record


class PmsCapabilities(Record):
    """What this PMS lets a program do; what is False becomes a human task."""

    reads_orders: bool
    writes_payments: bool
    writes_notes: bool
    sweeps: bool
    sends_texts: bool = False
    """True when it texts patients for a program: then it is an `EmrTextPort`, too."""


class PmsLine(Record):
    """One order line as charted: `kind` is service | product | tip | fee | credit | other."""

    line_id: str
    kind: str
    code: str
    quantity: Decimal
    subtotal_cents: int
    discount_cents: int
    provider_ref: str | None = None


class PmsPayment(Record):
    """Money (or a credit) that the PMS has on the order.

    `kind`: card | cash | other are money; voucher | product_card | account_credit |
    gift_card are not new money; `unknown` is a type that we have not met: hold, never count.
    `note` is the desk's text on an "other" tender.
    """

    payment_id: str
    kind: str
    amount_cents: int
    refunded_cents: int = 0
    paid_at: AwareDatetime | None = None
    note: str | None = None
    label: str | None = None
    """What the desk calls an "other" tender."""


class PmsVisit(Record):
    """One completed (or not yet completed) order with its clinical lines."""

    visit_id: str
    client_ref: str
    location_ref: str
    appointment_ref: str | None = None
    currency: str
    service_at: AwareDatetime
    closed_at: AwareDatetime | None
    cancelled: bool = False
    lines: tuple[PmsLine, ...]
    payments: tuple[PmsPayment, ...]
    total_cents: int
    unpaid_cents: int
    tax_cents: int
    raw_sha256: str


class PmsTenders(Record):
    """What the PMS has collected on one order, and what it still shows as unpaid."""

    payments: tuple[PmsPayment, ...]
    unpaid_cents: int


class PmsClient(Record):
    """Contact data, kept encrypted and out of every history."""

    client_ref: str
    first_name: str
    last_name: str
    email: str | None
    phone_e164: str | None
    birth_date: str | None
    postal_code: str | None
    language: str = "en"


class PmsPort(Protocol):
    """A practice management system, by capability."""

    @property
    def name(self) -> str:
        """The short name used in case ids and payment sources."""
        ...

    @property
    def capabilities(self) -> PmsCapabilities:
        """What this system lets a program do."""
        ...

    async def read_visit(self, visit_id: str) -> PmsVisit | Refused:
        """The whole order as it is now."""
        ...

    async def read_tenders(self, visit_id: str) -> PmsTenders | Refused:
        """The money side of the order alone, for checks that need no chart."""
        ...

    async def read_before_note(
        self, visit_id: str, client_ref: str, dedupe_ref: str
    ) -> tuple[PmsTenders | Refused, bool | None]:
        """As `read_tenders`, and whether the client has a note carrying `dedupe_ref`.

        None where that is not known; then `write_note` searches.
        """
        ...

    async def tenders_touched(
        self, location_ref: str, since: datetime
    ) -> Mapping[str, PmsTenders] | None:
        """Visit id -> money of each order changed since; None where it cannot be asked so."""
        ...

    async def read_client(self, client_ref: str) -> PmsClient | Refused:
        """The patient's contact data."""
        ...

    async def visit_of_appointment(self, appointment_ref: str) -> str | None:
        """The visit id of an appointment; None while it has no order."""
        ...

    async def next_booking(
        self, client_ref: str, location_ref: str, after: datetime
    ) -> datetime | None:
        """When the client is booked next, after an instant; None when nothing is booked."""
        ...

    async def write_note(
        self, client_ref: str, text: str, dedupe_ref: str, search: bool = True
    ) -> str | Refused:
        """Leave one note carrying `dedupe_ref`; searches first, returns the note's id.

        Refused (not_found) when the system has no such client. `search` is False right after
        `read_before_note` found none.
        """
        ...

    async def visits_closed(
        self, location_ref: str, since: datetime, until: datetime
    ) -> Sequence[str]:
        """Visit ids closed in [since, until): the sweep's source."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """The event of a webhook that the vendor signed; else SignatureRefused."""
        ...


class PmsHint(Record):
    """What an event speaks of: a visit, at a place that the system names in its own way."""

    visit_id: str
    location_ref: str


class PmsOrganisation(PmsPort, Protocol):
    """A system that tells of all its locations at one address."""

    def hint(self, event_type: str, body: Mapping[str, Any]) -> PmsHint | None:
        """The visit that an event speaks of; None when it opens none.

        Raises BadRequest when the event lacks what its type promises.
        """
        ...
