"""Proves that a webhook is Boulevard's: HMAC over salt and raw body, in constant time."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.pms.boulevard_orders import instant
from connectors.ports import SignatureRefused, VendorEvent

REPLAY_WINDOW = timedelta(minutes=10)
SALT_HEADER = "x-blvd-hmac-salt"
SIGNATURE_HEADER = "x-blvd-hmac-sha256"
_SALT = re.compile(r"blvd-webhook-v1:([0-9a-f-]{36}):([0-9]{10})", re.ASCII)


def verified(
    raw: bytes, headers: Mapping[str, str], now: datetime, secret: bytes, app_id: str
) -> VendorEvent:
    """The event in a signed body. The body is not looked into before the signature holds.

    Raises SignatureRefused when headers are missing or odd, when the application is another
    one, when the signature is not over these bytes, and when it is over ten minutes away.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    salt = plain.get(SALT_HEADER, "")
    match = _SALT.fullmatch(salt)
    if match is None:
        raise SignatureRefused("The webhook has no Boulevard salt.")
    digest = hmac.new(secret, salt.encode() + b":" + raw, hashlib.sha256).digest()
    given = plain.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(base64.b64encode(digest), given):
        raise SignatureRefused("The webhook's signature does not match its body.")
    if match[1] != app_id.lower():
        raise SignatureRefused("The webhook is signed for another application.")
    signed_at = datetime.fromtimestamp(int(match[2]), UTC)
    if abs(now - signed_at) > REPLAY_WINDOW:
        raise SignatureRefused("The webhook was signed too long ago or in the future.")
    return _event(raw, plain, signed_at)


def _event(raw: bytes, headers: Mapping[str, str], signed_at: datetime) -> VendorEvent:
    """Read the envelope; what an older form leaves out is taken from headers, salt or bytes."""
    try:
        body: Any = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise SignatureRefused("The webhook's body is not JSON.") from None
    if not isinstance(body, dict):
        raise SignatureRefused("The webhook's body is not an object.")
    event_id = body.get("idempotencyKey") or headers.get("x-blvd-idempotency-key")
    event_type = body.get("event") or headers.get("x-blvd-event") or body.get("eventType")
    if not isinstance(event_type, str):
        raise SignatureRefused("The webhook names no event.")
    try:
        occurred_at = instant(body["timestamp"])
    except (KeyError, TypeError, ValueError):
        occurred_at = signed_at
    return VendorEvent(
        source="boulevard",
        event_id=str(event_id or hashlib.sha256(raw).hexdigest()),
        event_type=event_type.lower(),
        occurred_at=occurred_at,
        body=body,
    )
