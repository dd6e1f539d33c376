"""Proves that a webhook is Zenoti's, and reads which visit it speaks of."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.pms.zenoti_shapes import center_of, instant
from connectors.ports import BadRequest, PmsHint, SignatureRefused, VendorEvent

SIGNATURE_HEADER = "zenoti-webhook-signature"
INVOICE_CLOSED = "Invoice.Closed"


def verified(
    raw: bytes, headers: Mapping[str, str], now: datetime, secret: str, source: str
) -> VendorEvent:
    """The event in a signed body: HMAC-SHA256 of the raw bytes under the secret as text.

    The header reads `sha256 =AA-BB-…`, of which the hexadecimal digits count. There is no time in
    it, so an old event can be sent again; every event is a hint to read, so nothing comes of it.
    """
    given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
    digits = given.rpartition("=")[2].replace("-", "").strip().lower()
    expected = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(digits.encode("utf-8", "replace"), expected.encode()):
        raise SignatureRefused("The webhook's signature does not match its body.")
    try:
        body: Any = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise SignatureRefused("The webhook's body is not JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("event_type"), str):
        raise SignatureRefused("The webhook names no event.")
    try:
        occurred_at = instant(body["event_timestamp"])
    except (KeyError, TypeError, ValueError, AttributeError):
        occurred_at = now
    named = body.get("event_id") or body.get("id") or hashlib.sha256(raw).hexdigest()
    return VendorEvent(
        source=source,
        # An invoice that is not closed yet is another piece of news than the same one closed.
        event_id=f"{named}/open" if _is_open(body) else str(named),
        event_type=body["event_type"],
        occurred_at=occurred_at,
        body=body,
    )


def hint_of(event_type: str, body: Mapping[str, Any]) -> PmsHint | None:
    """The visit of a closed invoice; None for all else. BadRequest when it is named by nothing."""
    if event_type != INVOICE_CLOSED or _is_open(body):
        return None
    try:
        invoice = body["data"]["invoice"]
        return PmsHint(visit_id=str(invoice["id"]), location_ref=center_of(invoice))
    except (KeyError, TypeError):
        raise BadRequest("The event has no invoice with an id and a centre.") from None


def _is_open(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    invoice = data.get("invoice") if isinstance(data, Mapping) else None
    return isinstance(invoice, Mapping) and invoice.get("is_closed") is not True
