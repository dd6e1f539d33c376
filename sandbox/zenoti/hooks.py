"""Zenoti's events: one address for the organisation, signed over the raw bytes."""

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

from sandbox.box import Box
from sandbox.state import Doc
from sandbox.webhooks import Delivery
from sandbox.zenoti.records import find

OFF_AFTER = 20
"""So many failures in a row switch the webhook off for good."""


def signature(secret: str, body: bytes) -> str:
    """Upper-case pairs of hexadecimal digits joined by dashes, after `sha256 =`."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().upper()
    pairs = [digest[place : place + 2] for place in range(0, len(digest), 2)]
    return "sha256 =" + "-".join(pairs)


def invoice_event(box: Box, invoice: Doc) -> None:
    """`Invoice.Closed`, spelled as it is spelled there; its tenders are left out."""
    appointments = [find(box, "appointment", id) or {} for id in invoice["appointment_ids"]]
    told = {
        **{name: value for name, value in invoice.items() if name != "appointment_ids"},
        "lock": invoice["is_closed"],
        "transactions": [],
        "appointments": [
            {
                "id": one["id"],
                "service_id": one["service"]["id"],
                "service_name": one["service"]["name"],
                "start_time": one["start_time_utc"],
                "end_time": one["end_time_utc"],
                "serviceduration_in_miutes": 30,
                "TherapistId": None,
            }
            for one in appointments
            if one
        ],
    }
    announce(box, "Invoice.Closed", "Invoice", {"invoice": told})


def appointment_event(box: Box, appointment: Doc) -> None:
    """ "Appointment Completed"; the literal of its type is not shown anywhere."""
    data = {"appointments": [{**appointment, "appointment_progress": 2}]}
    announce(box, "Appointment.Completed", "Appointment", data)


def announce(box: Box, event_type: str, resource: str, data: dict[str, Any]) -> None:
    """Send one envelope, unless the webhook is off."""
    url = box.webhook_urls.get("zenoti")
    if not url or (box.state.get("setting", "zenoti_hook") or {}).get("off"):
        return
    event_id = uuid4().hex[:24]
    body = {
        "id": uuid4().hex[:24],
        "event_id": event_id,
        "event_schema": "v1",
        "event_resource": resource,
        "event_type": event_type,
        "event_timestamp": box.now().strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
        "data": data,
    }
    secret = box.credentials["zenoti_webhook_secret"]
    box.pump.send(
        Delivery(
            vendor="zenoti",
            event_type=event_type,
            event_id=event_id,
            url=url,
            body=json.dumps(body).encode(),
            sign=lambda raw: {
                "content-type": "application/json",
                "zenoti-webhook-signature": signature(secret, raw),
            },
            on_answer=lambda status: _note(box, status),
        )
    )


def _note(box: Box, status: int) -> bool:
    """Count failures in a row; True when the webhook is off and tries should end."""
    known = box.state.get("setting", "zenoti_hook") or {"failures": 0, "off": False}
    failures = 0 if 200 <= status < 300 else known["failures"] + 1
    off = known["off"] or failures >= OFF_AFTER
    box.state.put("setting", "zenoti_hook", {"failures": failures, "off": off})
    return bool(off)
