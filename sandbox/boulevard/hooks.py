"""Outgoing Boulevard webhooks: who gets them, what they hold, how they are signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from sandbox.boulevard.desk import appointment_of, find, keep, location, stamp, urn
from sandbox.box import Box
from sandbox.state import Doc
from sandbox.webhooks import Delivery

DISABLE_AFTER_FAILURES = 15
DISABLE_AFTER_SECONDS = 8 * 3600
STALE_SECONDS = 3600


def signature_headers(secret: str, app_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """`x-blvd-hmac-salt` and `x-blvd-hmac-sha256` (base64) over salt, colon and raw body."""
    salt = f"blvd-webhook-v1:{app_id}:{int(at.timestamp())}"
    digest = hmac.new(base64.b64decode(secret), f"{salt}:".encode() + body, hashlib.sha256).digest()
    return {"x-blvd-hmac-salt": salt, "x-blvd-hmac-sha256": base64.b64encode(digest).decode()}


def order_event(box: Box, event_type: str, order: Doc) -> list[str]:
    """Announce an order: thin, only its type and id. Returns the idempotency keys."""
    node = {"__typename": "Order", "id": order["id"]}
    return announce(box, event_type, f"Order{order['number']}", node, order["locationId"])


def appointment_event(box: Box, event_type: str, order: Doc) -> list[str]:
    """Announce an order's appointment: fat, with client and staff but without prices."""
    appointment = appointment_of(box, order)
    if appointment is None:
        return []
    client = find(box, "Client", appointment["clientId"]) or {"id": appointment["clientId"]}
    place = location(box, appointment["locationId"])
    names = ("id", "startAt", "endAt", "duration", "notes", "clientId", "locationId", "state")
    contact = ("id", "name", "email", "mobilePhone", "externalId")
    parts = ("id", "serviceId", "service", "staffId", "staff", "startAt")
    node = {
        "__typename": "Appointment",
        **{name: appointment[name] for name in names},
        "bookedByType": "STAFF",
        "client": {name: client.get(name) for name in contact},
        "location": {name: place.get(name) for name in ("id", "name", "tz", "businessName")},
        "appointmentServices": [
            {name: service[name] for name in parts}
            for service in appointment["appointmentServices"]
        ],
    }
    return announce(box, event_type, f"Appointment{order['number']}", node, order["locationId"])


def announce(
    box: Box, event_type: str, resource: str, node: Doc, location_id: str | None
) -> list[str]:
    """Send one event to every webhook that asked for it; each gets its own idempotency key."""
    return [
        send(box, webhook, event_type, resource, node)
        for webhook in targets(box, event_type, location_id)
    ]


def targets(box: Box, event_type: str, location_id: str | None) -> list[Doc]:
    """The created webhooks; without any, the URL that the box was given."""
    created = box.state.list("boulevard_Webhook", lambda doc: not doc["byBox"])
    url = box.webhook_urls.get("boulevard")
    if not created and url:
        id = urn("Webhook", str(uuid5(NAMESPACE_URL, url)))
        created = [
            find(box, "Webhook", id) or new_webhook(box, {"id": id, "url": url}, by_box=True)
        ]
    return [
        webhook
        for webhook in created
        if not webhook["off"]
        and (webhook["byBox"] or event_type in [s["eventType"] for s in webhook["subscriptions"]])
        and webhook["locationId"] in (None, location_id)
    ]


def new_webhook(box: Box, body: Doc, by_box: bool = False) -> Doc:
    """Store a webhook in good standing."""
    return keep(
        box,
        "Webhook",
        {
            "id": urn("Webhook", body.get("id")),
            "name": body.get("name"),
            "url": body["url"],
            "locationId": body.get("locationId"),
            "subscriptions": body.get("subscriptions") or [],
            "byBox": by_box,
            "off": False,
            "failures": 0,
            "failingSince": None,
        },
    )


def send(box: Box, webhook: Doc, event_type: str, resource: str, node: Doc) -> str:
    """Queue one envelope and return its idempotency key."""
    held = box.credentials
    key = str(uuid4())
    head, _, tail = event_type.lower().rpartition("_")
    event = f"{head}.{tail}" if head else tail
    envelope = {
        "idempotencyKey": key,
        "businessId": urn("Business", held["boulevard_business_id"]),
        "apiApplicationId": urn("ApiApplication", held["boulevard_app_id"]),
        "webhookId": webhook["id"],
        "event": event,
        "eventType": event_type,
        "resource": resource,
        "timestamp": stamp(box.now()),
        "data": {"node": node},
    }

    def signer(age_seconds: int) -> Callable[[bytes], dict[str, str]]:
        def sign(body: bytes) -> dict[str, str]:
            at = box.now() - timedelta(seconds=age_seconds)
            secret, app_id = held["boulevard_api_secret"], held["boulevard_app_id"]
            return signature_headers(secret, app_id, at, body) | {
                "content-type": "application/json",
                "x-blvd-event": event,
                "x-blvd-event-type": event_type,
                "x-blvd-idempotency-key": key,
            }

        return sign

    box.pump.send(
        Delivery(
            vendor="boulevard",
            event_type=event,
            event_id=key,
            url=webhook["url"],
            body=json.dumps(envelope).encode(),
            sign=signer(0),
            sign_stale=signer(STALE_SECONDS),
            on_answer=lambda status: note_answer(box, webhook["id"], status),
        )
    )
    return key


def note_answer(box: Box, webhook_id: str, status: int) -> bool:
    """Count a try's answer (0 is no answer); True when the webhook is off and tries should end.

    410 is a lasting unsubscribe, 429 is no failure, and failures switch a webhook off only
    when they are both many and long-lasting.
    """
    webhook = find(box, "Webhook", webhook_id)
    if webhook is None or webhook["off"]:
        return True
    if 200 <= status < 300:
        webhook |= {"failures": 0, "failingSince": None}
    elif status == 410:
        webhook["off"] = True
    elif status != 429:
        webhook["failures"] += 1
        webhook["failingSince"] = webhook["failingSince"] or box.now().isoformat()
        since = datetime.fromisoformat(webhook["failingSince"])
        patience_seconds = setting(box, "disableAfterSeconds", DISABLE_AFTER_SECONDS)
        long_enough = (box.now() - since).total_seconds() >= patience_seconds
        webhook["off"] = webhook["failures"] >= DISABLE_AFTER_FAILURES and long_enough
    keep(box, "Webhook", webhook)
    return bool(webhook["off"])


def setting(box: Box, name: str, default: Any) -> Any:
    """A knob of the twin that the control API may have turned."""
    return (box.state.get("setting", "boulevard") or {}).get(name, default)
