"""Reads visits and clients from Boulevard's Admin API and leaves notes in it.

The API has no mutation for payments, so money that we collect is recorded at the desk by a
person; `capabilities.writes_payments` says so. Reads are safe to repeat. The one write, a
note, is searched for first, because the API takes no idempotency key.
"""

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.http import PooledTransport
from connectors.pms.boulevard_answers import NotFound, data_of, readable, unanswered
from connectors.pms.boulevard_bookings import BOOKINGS, bookings_of
from connectors.pms.boulevard_money import tenders_touched, touched_query
from connectors.pms.boulevard_orders import (
    bare_id,
    client_of,
    closings_of,
    tenders_of,
    urn,
    visit_of,
)
from connectors.pms.boulevard_webhooks import verified
from connectors.ports import (
    BadRequest,
    Misconfigured,
    PmsCapabilities,
    PmsClient,
    PmsTenders,
    PmsVisit,
    Refused,
    VendorEvent,
)

PRODUCTION_URL = "https://dashboard.boulevard.io/api/2020-01/admin"
TOKEN_PREFIX = "blvd-admin-v1"  # noqa: S105 - a fixed part of the signed message
PAGE_SIZE = 100
_NO_CLIENT = Refused(code="no_such_client", kind="not_found")

PAYMENT_GROUPS = """
    paymentGroups {
      totalUnpaid
      payments {
        __typename id paidAmount
        ... on OrderCardPayment { refundAmount }
        ... on OrderCashPayment { refundAmount }
        ... on OrderAccountCreditPayment { refundAmount }
        ... on OrderVoucherPayment { refundAmount }
        ... on OrderProductCardPayment { refundAmount }
        ... on OrderOtherPayment { refundAmount note paymentMeta { label } }
      }
    }
"""
ORDER = (
    """
query Order($id: ID!) {
  order(id: $id) {
    id clientId locationId createdAt closedAt
    lineGroups {
      __typename
      ... on OrderAppointmentLineGroup { id }
      lines {
        __typename id quantity currentSubtotal currentDiscountAmount
        ... on OrderServiceLine { serviceId providers { selected staff { id } } }
        ... on OrderProductLine { productId seller { id } }
      }
    }
    feeLines { id label calculatedAmount }
    summary { currentTotal currentTaxAmount }
"""
    + PAYMENT_GROUPS
    + "  }\n}\n"
)
TENDERS = "query Tenders($id: ID!) {\n  order(id: $id) {" + PAYMENT_GROUPS + "  }\n}\n"
TOUCHED = touched_query(PAYMENT_GROUPS)
BEFORE_NOTE = (
    "query BeforeNote($id: ID!, $client: ID!) {\n  order(id: $id) {"
    + PAYMENT_GROUPS
    + "  }\n  client(id: $client) { id notes { id text } }\n}\n"
)
APPOINTMENT = """
query Appointment($id: ID!) { appointment(id: $id) { id startAt cancelled orderId } }
"""

CLIENT = """
query Client($id: ID!) {
  client(id: $id) { id firstName lastName email mobilePhone dob %s }
}
"""
CLIENT_NOTES = "query ClientNotes($id: ID!) { client(id: $id) { id notes { id text } } }"
CREATE_NOTE = """
mutation CreateNote($input: CreateClientNoteInput!) {
  createClientNote(input: $input) { clientNote { id } }
}
"""
ORDERS = """
query Orders($locationId: ID!, $first: Int!, $after: String, $query: QueryString) {
  orders(locationId: $locationId, first: $first, after: $after, query: $query) {
    edges { node { id closedAt } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _note_in(client: Mapping[str, Any], dedupe_ref: str) -> str | None:
    """The id of the client's note that carries the reference."""
    return next((str(note["id"]) for note in client["notes"] if dedupe_ref in note["text"]), None)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Boulevard:
    """`PmsPort` over the Admin API. One attempt per call; the caller decides what to repeat.

    Takes ids as URNs or bare UUIDs. Gives visit ids as bare UUIDs and every other reference
    as Boulevard's URN.
    """

    name = "boulevard"
    capabilities = PmsCapabilities(
        reads_orders=True, writes_payments=False, writes_notes=True, sweeps=True
    )

    def __init__(
        self,
        *,
        base_url: str = PRODUCTION_URL,
        business_id: str,
        api_key: str,
        api_secret: str,
        app_id: str,
        currency: str = "USD",
        timeout_seconds: float = 10,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`base_url` is the whole Admin endpoint, `api_secret` base64, the ids bare UUIDs.

        `currency` is the business's; the API states none. Raises Misconfigured on a bad secret.
        """
        try:
            self._secret = base64.b64decode(api_secret, validate=True)
        except binascii.Error:
            raise Misconfigured("The Boulevard API secret is not base64.") from None
        self._url, self._key = httpx.URL(base_url), api_key
        self._business_id, self._app_id = bare_id(business_id), bare_id(app_id)
        self._currency, self._clock = currency, clock
        self._address_known = True
        self._limits = httpx.Timeout(timeout_seconds, connect=3).as_dict()
        self._transport: httpx.AsyncBaseTransport = PooledTransport()

    async def aclose(self) -> None:
        """Close the connection pool; the object is of no use afterwards."""
        await self._transport.aclose()

    async def read_visit(self, visit_id: str) -> PmsVisit | Refused:
        """One order with its lines and payments, and when its appointment took place."""
        order = await self._one("order", ORDER, urn("Order", visit_id))
        if order is None:
            return Refused(code="no_such_order", kind="not_found")
        if not order.get("clientId"):
            return Refused(code="order_without_client", kind="not_found")
        appointment_ref = next(
            (group["id"] for group in order.get("lineGroups", ()) if group.get("id")), None
        )
        appointment = await self._appointment(appointment_ref) if appointment_ref else None
        return readable("order", lambda: visit_of(order, appointment, self._currency))

    async def read_tenders(self, visit_id: str) -> PmsTenders | Refused:
        """One order's payments and what it still shows as unpaid: one small query."""
        order = await self._one("order", TENDERS, urn("Order", visit_id))
        if order is None:
            return Refused(code="no_such_order", kind="not_found")
        return readable("order", lambda: tenders_of(order))

    async def tenders_touched(
        self, location_ref: str, since: datetime
    ) -> Mapping[str, PmsTenders] | None:
        """Visit id -> money of each order changed since; None where the filter is refused."""
        return await tenders_touched(self._call, TOUCHED, location_ref, since)

    async def read_before_note(
        self, visit_id: str, client_ref: str, dedupe_ref: str
    ) -> tuple[PmsTenders | Refused, bool | None]:
        """Tenders and note in one query; the tenders alone where an account refuses both."""
        variables = {"id": urn("Order", visit_id), "client": urn("Client", client_ref)}
        try:
            data = await self._call("order", BEFORE_NOTE, variables)
        except BadRequest:
            return await self.read_tenders(visit_id), None
        order, client = data.get("order"), data.get("client")
        if order is None:
            return Refused(code="no_such_order", kind="not_found"), None
        tenders = readable("order", lambda: tenders_of(order))
        if client is None:
            return tenders, None
        return tenders, readable("client", lambda: _note_in(client, dedupe_ref) is not None)

    async def read_client(self, client_ref: str) -> PmsClient | Refused:
        """A client's contact data; the postal code where the account's schema has one."""
        id = urn("Client", client_ref)
        try:
            document = CLIENT % ("address { zip }" if self._address_known else "")
            client = await self._one("client", document, id)
        except BadRequest:
            if not self._address_known:
                raise
            # Whether the Admin schema shows a client's address is not public: once without it.
            client = await self._one("client", CLIENT % "", id)
            self._address_known = False
        if client is None:
            return _NO_CLIENT
        return readable("client", lambda: client_of(client))

    async def visit_of_appointment(self, appointment_ref: str) -> str | None:
        """The visit id of an appointment's order; None while there is no order."""
        appointment = await self._appointment(appointment_ref)
        order_ref = appointment.get("orderId") if appointment else None
        return bare_id(order_ref) if order_ref else None

    async def write_note(
        self, client_ref: str, text: str, dedupe_ref: str, search: bool = True
    ) -> str | Refused:
        """Leave one note carrying `dedupe_ref` and return its id, the same on every call.

        Refused (not_found) when there is no such client. Raises OutcomeUnknown when the answer
        to the write is lost; calling again is the look-up.
        """
        client_urn = urn("Client", client_ref)
        if search:
            client = await self._one("client", CLIENT_NOTES, client_urn)
            if client is None:
                return _NO_CLIENT
            found = _note_in(client, dedupe_ref)
            if found is not None:
                return found
        marked = text if dedupe_ref in text else f"{text} [{dedupe_ref}]"
        note_input = {"clientId": client_urn, "text": marked, "type": "DEFAULT"}
        try:
            data = await self._call("createClientNote", CREATE_NOTE, {"input": note_input}, True)
        except NotFound:
            return _NO_CLIENT
        return readable(
            "createClientNote", lambda: str(data["createClientNote"]["clientNote"]["id"]), True
        )

    async def visits_closed(self, location_ref: str, since: datetime, until: datetime) -> list[str]:
        """Visit ids of a location's orders closed in [since, until), newest first.

        Sources disagree whether orders can be filtered by closing time, so a refused filter
        falls back to paging newest first until everything on a page is older than `since`.
        """
        query = f"closedAt >= '{_stamp(since)}' AND closedAt < '{_stamp(until)}'"
        try:
            return await self._closed(location_ref, since, until, query)
        except BadRequest:
            return await self._closed(location_ref, since, until, None)

    async def next_booking(
        self, client_ref: str, location_ref: str, after: datetime
    ) -> datetime | None:
        """The client's first appointment after an instant that is neither cancelled nor done."""
        found: list[datetime] = []
        cursor: str | None = None
        while True:
            variables = {
                "locationId": urn("Location", location_ref),
                "clientId": urn("Client", client_ref),
                "first": PAGE_SIZE,
                "after": cursor,
            }
            data = await self._call("appointments", BOOKINGS, variables)
            ahead, following = readable("appointments", functools.partial(bookings_of, data, after))
            found += ahead
            if following in (None, cursor):
                return min(found, default=None)
            cursor = following

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """A webhook that Boulevard signed within ten minutes of `now`; else SignatureRefused."""
        return verified(raw, headers, now, self._secret, self._app_id)

    async def _closed(
        self, location_ref: str, since: datetime, until: datetime, query: str | None
    ) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            variables = {
                "locationId": urn("Location", location_ref),
                "first": PAGE_SIZE,
                "after": after,
                "query": query,
            }
            data = await self._call("orders", ORDERS, variables)
            page = readable("orders", functools.partial(closings_of, data))
            found += [id for id, closed_at in page.closed if since <= closed_at < until]
            all_older = bool(page.closed) and max(at for _, at in page.closed) < since
            if page.next_cursor in (None, after) or all_older:
                return found
            after = page.next_cursor

    async def _appointment(self, ref: str) -> Mapping[str, Any] | None:
        return await self._one("appointment", APPOINTMENT, urn("Appointment", ref))

    async def _one(self, field: str, document: str, id: str) -> Mapping[str, Any] | None:
        """One object by id; None when the API answers null or says that it is not there."""
        try:
            data = await self._call(field, document, {"id": id})
        except NotFound:
            return None
        found: Mapping[str, Any] | None = data.get(field)
        return found

    async def _call(
        self, operation: str, document: str, variables: Mapping[str, Any], write: bool = False
    ) -> Mapping[str, Any]:
        # Below httpx's client, whose redirects, cookies and hooks cost more than the call.
        request = httpx.Request(
            "POST",
            self._url,
            json={"query": document, "variables": variables},
            headers={"authorization": self._authorization()},
            extensions={"timeout": self._limits},
        )
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise unanswered(operation, error, write) from None
        return data_of(answer, operation, write)

    def _authorization(self) -> str:
        """Basic auth whose password is a signed statement of business and time."""
        message = f"{TOKEN_PREFIX}{self._business_id}{int(self._clock().timestamp())}"
        digest = hmac.new(self._secret, message.encode(), hashlib.sha256).digest()
        token = base64.b64encode(digest).decode() + message
        return "Basic " + base64.b64encode(f"{self._key}:{token}".encode()).decode()
