"""Reads visits, guests and bookings from Zenoti's REST interface and leaves notes in it.

A visit is an invoice. Its "closed" event is a hint: the invoice is read anew. Zenoti could be
given payments, too; that is not built, so it stays a task for the desk, and `capabilities` say so.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from connectors.pms.zenoti_shapes import CLOSED, booked_at, client_of, tenders_of, visit_of
from connectors.pms.zenoti_webhooks import hint_of, verified
from connectors.ports import (
    BadRequest,
    OutcomeUnknown,
    PmsCapabilities,
    PmsClient,
    PmsHint,
    PmsTenders,
    PmsVisit,
    Refused,
    VendorEvent,
)
from connectors.rest import Body, Params, RestApi

T = TypeVar("T")

PRODUCTION_URL = "https://api.zenoti.com"
LIMITS = httpx.Timeout(10, connect=3)
"""Seconds."""
PAGE_SIZE = 100
WINDOW_DAYS = 6
"""A list of appointments spans at most seven days, both ends counted."""
LATE = timedelta(days=2)
"""How long after its appointment an invoice may be closed and the sweep still finds it."""


class Zenoti:
    """`PmsPort` and `PmsOrganisation`. One attempt per call; the caller decides what to repeat."""

    name = "zenoti"
    capabilities = PmsCapabilities(
        reads_orders=True, writes_payments=False, writes_notes=True, sweeps=True
    )

    def __init__(
        self, *, base_url: str, api_key: str, webhook_secret: str, currency: str = "USD"
    ) -> None:
        """`currency` is the centres': invoices name it by a number that may be 0."""
        headers = {"authorization": f"apikey {api_key}", "accept": "application/json"}
        self._http = RestApi("zenoti", base_url, headers, LIMITS)
        self._secret, self._currency = webhook_secret, currency

    async def aclose(self) -> None:
        """Close the connection pool; the object is of no use afterwards."""
        await self._http.aclose()

    async def read_visit(self, visit_id: str) -> PmsVisit | Refused:
        """One invoice with its lines, payments and appointments."""
        invoice = await self._invoice(visit_id, "InvoiceItems", "Transactions", "Appointments")
        if isinstance(invoice, Refused):
            return invoice
        if invoice.get("is_refund") is True:
            return Refused(code="refund_invoice", kind="not_found")
        return _readable("invoice", lambda: visit_of(invoice, self._currency))

    async def read_tenders(self, visit_id: str) -> PmsTenders | Refused:
        """One invoice's payments and what it still shows as unpaid."""
        invoice = await self._invoice(visit_id, "Transactions")
        if isinstance(invoice, Refused):
            return invoice
        return _readable("invoice", lambda: tenders_of(invoice))

    async def read_before_note(
        self,
        visit_id: str,
        client_ref: str,  # noqa: ARG002
        dedupe_ref: str,  # noqa: ARG002
    ) -> tuple[PmsTenders | Refused, bool | None]:
        """The tenders; whether there is a note is found by `write_note`."""
        return await self.read_tenders(visit_id), None

    async def tenders_touched(
        self,
        location_ref: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Mapping[str, PmsTenders] | None:
        """None: invoices cannot be asked by their last change."""
        return None

    async def read_client(self, client_ref: str) -> PmsClient | Refused:
        """A guest's contact data."""
        guest = await self._get(f"/v1/guests/{client_ref}")
        if isinstance(guest, Refused):
            return guest
        return _readable("guest", lambda: client_of(guest))

    async def visit_of_appointment(self, appointment_ref: str) -> str | None:
        """The invoice of an appointment; None while it has none."""
        found = await self._get(f"/v1/appointments/{appointment_ref}")
        return None if isinstance(found, Refused) else found.get("invoice_id")

    async def next_booking(
        self,
        client_ref: str,
        location_ref: str,  # noqa: ARG002
        after: datetime,
    ) -> datetime | None:
        """The guest's first appointment after an instant, at any centre of the organisation."""
        # A day earlier, because the date is a centre's and the instant is not.
        since = (after.astimezone(UTC) - timedelta(days=1)).date().isoformat()
        path = f"/v1/guests/{client_ref}/appointments"
        rows = await self._pages(path, "appointments", {"start_date": since})
        ahead = _readable("appointments", lambda: [booked_at(row) for row in rows])
        return min((at for at in ahead if at is not None and at > after), default=None)

    async def write_note(
        self, client_ref: str, text: str, dedupe_ref: str, search: bool = True
    ) -> str | Refused:
        """Leave one note carrying `dedupe_ref` and return its id, the same on every call.

        Refused (not_found) when there is no such guest. Raises OutcomeUnknown when the answer to
        the write is lost; calling again is the look-up.
        """
        path = f"/v1/guests/{client_ref}/notes"
        if search:
            notes = await self._pages(path, "notes", {})
            found = _readable("notes", lambda: _note_in(notes, dedupe_ref))
            if found is not None:
                return found
        marked = text if dedupe_ref in text else f"{text} [{dedupe_ref}]"
        made = _sound(await self._http.post_json(path, {"notes": marked, "is_private": True}))
        if isinstance(made, Refused):
            return made
        if made.get("id") is None:
            raise OutcomeUnknown("zenoti answered a note without its id")
        return str(made["id"])

    async def visits_closed(self, location_ref: str, since: datetime, until: datetime) -> list[str]:
        """Closed invoices of appointments that began in [since - 2 days, until).

        When an invoice was closed cannot be asked, so a few may have been closed before `since`.
        """
        found: dict[str, None] = {}
        start, last = (since - LATE).astimezone(UTC).date(), until.astimezone(UTC).date()
        while start <= last:
            end = min(start + timedelta(days=WINDOW_DAYS), last)
            dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
            rows = await self._pages(
                "/v1/appointments", "appointments", {"center_id": location_ref, **dates}
            )
            found |= {
                str(row["invoice_id"]): None
                for row in rows
                if row.get("invoice_id") and row.get("invoice_status") == CLOSED
            }
            start = end + timedelta(days=1)
        return list(found)

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """A webhook that the organisation's secret signed; else SignatureRefused."""
        return verified(raw, headers, now, self._secret, self.name)

    def hint(self, event_type: str, body: Mapping[str, Any]) -> PmsHint | None:
        """The visit that an event speaks of; None when it opens none."""
        return hint_of(event_type, body)

    async def _get(self, path: str, params: Params | None = None) -> Body | Refused:
        return _sound(await self._http.get_json(path, params or {}))

    async def _invoice(self, visit_id: str, *parts: str) -> Mapping[str, Any] | Refused:
        found = await self._get(f"/v1/invoices/{visit_id}", {"expand": list(parts)})
        if isinstance(found, Refused):
            return found
        invoice: Mapping[str, Any] = _readable("invoice", lambda: found["invoice"])
        return invoice

    async def _pages(self, path: str, key: str, params: Mapping[str, str]) -> list[Any]:
        """Every row of a list; one that names nothing is empty."""
        rows: list[Any] = []
        page = 1
        while True:
            asked = {**params, "page": str(page), "size": str(PAGE_SIZE)}
            body = await self._get(path, asked)
            if isinstance(body, Refused):
                return rows
            part = _readable(key, lambda body=body: list(body[key]))  # type: ignore[misc]
            rows += part
            if len(part) < PAGE_SIZE:
                return rows
            page += 1


def _sound(body: Body | Refused) -> Body | Refused:
    """An error may come under status 200, too; null says that all is well."""
    if not isinstance(body, Refused) and body.get("error") is not None:
        raise BadRequest("zenoti answered with an error")
    return body


def _note_in(notes: Sequence[Mapping[str, Any]], dedupe_ref: str) -> str | None:
    return next((str(one["id"]) for one in notes if dedupe_ref in str(one.get("notes"))), None)


def _readable(what: str, build: Callable[[], T]) -> T:
    """Run a mapping of an answer; one that lacks what we asked for is a defect to look at."""
    try:
        return build()
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        kind = type(error).__name__
        raise BadRequest(f"Zenoti's answer has an unexpected form ({what}, {kind}).") from None
