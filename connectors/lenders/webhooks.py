"""Proves that a webhook is a lender's: by a signature over its bytes, or by a shared secret."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.ports import SignatureRefused, VendorEvent

REPLAY_WINDOW = timedelta(days=3)
"""A lender may repeat a webhook for days; a replay is known by its event id."""
CLOCK_SKEW = timedelta(minutes=5)
_STAMP = re.compile(r"\d{9,11}", re.ASCII)


def check_hmac(
    raw: bytes, headers: Mapping[str, str], name: str, secret: str, now: datetime
) -> None:
    """`t=<seconds>,v1=<hex>[,v1=...]`: HMAC-SHA256 over `<seconds>.<body>`, signed not long ago.

    Several signatures stand for several secrets while one is replaced.
    """
    given = {key.lower(): value for key, value in headers.items()}.get(name, "")
    parts = [part.strip().partition("=") for part in given.split(",")]
    stamps = [value for key, _, value in parts if key == "t" and _STAMP.fullmatch(value)]
    if not secret or len(stamps) != 1:
        raise SignatureRefused("The webhook is not signed.")
    digest = hmac.digest(secret.encode(), stamps[0].encode() + b"." + raw, "sha256").hex()
    signatures = [value for key, _, value in parts if key == "v1"]
    if not any(hmac.compare_digest(each.encode(), digest.encode()) for each in signatures):
        raise SignatureRefused("The webhook's signature does not match its body.")
    signed_at = datetime.fromtimestamp(int(stamps[0]), UTC)
    if not -CLOCK_SKEW < now - signed_at < REPLAY_WINDOW:
        raise SignatureRefused("The webhook was signed too long ago or in the future.")


def check_secret(headers: Mapping[str, str], name: str, secret: str) -> None:
    """A header that holds the shared secret itself."""
    given = {key.lower(): value for key, value in headers.items()}.get(name, "")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise SignatureRefused("The webhook does not hold the shared secret.")


def event_of(source: str, raw: bytes, account: str, now: datetime) -> VendorEvent:
    """The envelope of a proven webhook: `{id, type, created_at, merchant_id, data}`.

    One without an id is named by its bytes. Raises SignatureRefused for another account's.
    """
    body = _object(raw)
    if body.get("merchant_id") not in (None, account):
        raise SignatureRefused("The webhook is of another account.")
    event_id, event_type = body.get("id"), body.get("type")
    return VendorEvent(
        source=source,
        event_id=event_id if isinstance(event_id, str) and event_id else _digest(raw),
        event_type=event_type if isinstance(event_type, str) else "unknown",
        occurred_at=_instant(body.get("created_at")) or now,
        body=body,
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise SignatureRefused("The webhook's body is not JSON.") from None
    if not isinstance(body, dict):
        raise SignatureRefused("The webhook's body is not an object.")
    return body


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
