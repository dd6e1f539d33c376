"""Boulevard webhooks: the signature, the replay window, and what the twin's faults do to them."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connectors.pms.boulevard import Boulevard
from connectors.ports import SignatureRefused, VendorEvent
from tests.connectors.boulevard_twin import Caught, Practice

SECRET = "Ymx2ZC10ZXN0LXNlY3JldC0zMi1ieXRlcy1sb25nISE="
APP = "33333333-4444-4555-8666-777777777777"
SIGNED_AT = datetime.fromtimestamp(1767225600, UTC)
SALT = f"blvd-webhook-v1:{APP}:1767225600"
BODY = b'{"event":"order.completed","eventType":"ORDER_COMPLETED"}'
SIGNATURE = "ri7wFvtnNioTA6zNmh7yG/4AUmHWt4stnV5vzZFghNI="
GOOD = {"x-blvd-hmac-salt": SALT, "x-blvd-hmac-sha256": SIGNATURE}


@pytest.fixture(scope="module")
def known() -> Boulevard:
    return Boulevard(
        base_url="http://127.0.0.1:1/", business_id="b", api_key="k", api_secret=SECRET, app_id=APP
    )


def sign(body: bytes, salt: str = SALT) -> dict[str, str]:
    key = base64.b64decode(SECRET)
    digest = hmac.new(key, f"{salt}:".encode() + body, hashlib.sha256).digest()
    return {"X-Blvd-Hmac-Salt": salt, "X-Blvd-Hmac-Sha256": base64.b64encode(digest).decode()}


def test_vector(known: Boulevard) -> None:
    event = known.verify(BODY, GOOD, SIGNED_AT)
    assert (event.source, event.event_type) == ("boulevard", "order.completed")
    assert event.occurred_at == SIGNED_AT
    assert event.event_id == hashlib.sha256(BODY).hexdigest()


def test_envelope(known: Boulevard) -> None:
    node = {"__typename": "Order", "id": "urn:blvd:Order:1"}
    body = json.dumps(
        {
            "idempotencyKey": "01999999-0000-7000-8000-000000000001",
            "event": "order.completed",
            "timestamp": "2026-01-05T18:32:53.768886Z",
            "data": {"node": node},
        }
    ).encode()
    event = known.verify(body, sign(body), SIGNED_AT)
    assert event.event_id == "01999999-0000-7000-8000-000000000001"
    assert event.occurred_at == datetime(2026, 1, 5, 18, 32, 53, 768886, tzinfo=UTC)
    assert event.body["data"]["node"] == node


@pytest.mark.parametrize("change", ["body", "signature", "salt"])
def test_every_changed_byte_is_refused(known: Boulevard, change: str) -> None:
    subject = {"body": BODY.decode(), "signature": SIGNATURE, "salt": SALT}
    for place in range(len(subject[change])):
        parts = dict(subject)
        letter = "1" if parts[change][place] != "1" else "2"
        parts[change] = parts[change][:place] + letter + parts[change][place + 1 :]
        headers = {
            "x-blvd-hmac-salt": parts["salt"],
            "x-blvd-hmac-sha256": parts["signature"],
        }
        with pytest.raises(SignatureRefused):
            known.verify(parts["body"].encode(), headers, SIGNED_AT)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-blvd-hmac-salt": SALT},
        {"x-blvd-hmac-sha256": SIGNATURE},
        {"x-blvd-hmac-salt": "", "x-blvd-hmac-sha256": ""},
        {"x-blvd-hmac-salt": SALT, "x-blvd-hmac-sha256": "é\udcff"},
        {"x-blvd-hmac-salt": SALT, "x-blvd-hmac-sha256": SIGNATURE + "\n"},
        {"x-blvd-hmac-salt": SALT, "x-blvd-hmac-sha256": base64.b64decode(SIGNATURE).hex()},
        {"x-boulevard-signature": SIGNATURE},
        sign(BODY, ""),
        sign(BODY, "blvd-webhook-v1"),
        sign(BODY, f"blvd-webhook-v2:{APP}:1767225600"),
        sign(BODY, f"blvd-webhook-v1:{APP}:soon"),
        sign(BODY, f"blvd-webhook-v1:{APP}:-767225600"),
        sign(BODY, f"blvd-webhook-v1:{APP}:99999999999999999999"),
        sign(BODY, f"blvd-webhook-v1:{'0' * 36}:1767225600"),
    ],
)
def test_odd_headers_are_refused(known: Boulevard, headers: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        known.verify(BODY, headers, SIGNED_AT)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"{", b"\xff\xfe", b'{"event": 3}'])
def test_signed_garbage_is_refused(known: Boulevard, body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        known.verify(body, sign(body), SIGNED_AT)


@pytest.mark.parametrize("direction", [1, -1])
def test_replay_window_is_ten_minutes_both_ways(known: Boulevard, direction: int) -> None:
    window = timedelta(minutes=10) * direction
    assert known.verify(BODY, GOOD, SIGNED_AT + window).event_type == "order.completed"
    with pytest.raises(SignatureRefused):
        known.verify(BODY, GOOD, SIGNED_AT + window + timedelta(seconds=direction))


def arrived(boulevard: Boulevard, caught: Caught) -> list[VendorEvent | None]:
    """Every delivery as the connector sees it, None when it refuses."""
    events: list[VendorEvent | None] = []
    for body, headers in zip(caught.bodies, caught.headers, strict=True):
        try:
            events.append(boulevard.verify(body, headers, datetime.now(UTC)))
        except SignatureRefused:
            events.append(None)
    return events


@pytest.fixture
def hooked(practice: Practice, caught: Caught) -> Practice:
    practice.box.webhook_urls["boulevard"] = caught.url
    return practice


async def test_the_twins_events_verify(
    hooked: Practice, caught: Caught, boulevard: Boulevard
) -> None:
    order = hooked.order()
    path = f"/orders/{order['orderId']}"
    hooked.post("/ping")
    hooked.post(f"{path}/complete", events=["APPOINTMENT_COMPLETED", "ORDER_COMPLETED"])
    payment = hooked.post(f"{path}/payments", kind="cash", amountCents=500)
    hooked.post(f"{path}/refunds", paymentId=payment["paymentId"], amountCents=500)
    hooked.post(f"{path}/cancel")
    hooked.flush()
    events = [event for event in arrived(boulevard, caught) if event]
    assert Counter(event.event_type for event in events) == Counter(
        [
            "ping",
            "appointment.completed",
            "order.completed",
            "order_refund.closed",
            "appointment.cancelled",
        ]
    )
    (completed,) = [event for event in events if event.event_type == "order.completed"]
    assert completed.body["data"]["node"]["id"] == order["orderId"]
    assert abs(datetime.now(UTC) - completed.occurred_at) < timedelta(minutes=1)
    assert len({event.event_id for event in events}) == 5


async def test_duplicates_share_one_event_id(
    hooked: Practice, caught: Caught, boulevard: Boulevard
) -> None:
    hooked.fault("webhook:order.completed", "duplicate")
    order = hooked.order()
    hooked.post(f"/orders/{order['orderId']}/complete")
    hooked.flush()
    events = arrived(boulevard, caught)
    assert len(events) == 10
    assert len({event.event_id for event in events if event}) == 1


@pytest.mark.parametrize("kind", ["forge", "stale"])
async def test_forged_and_stale_deliveries_are_refused(
    hooked: Practice, caught: Caught, boulevard: Boulevard, kind: str
) -> None:
    hooked.fault("webhook:order.completed", kind)
    order = hooked.order()
    hooked.post(f"/orders/{order['orderId']}/complete")
    hooked.flush()
    assert arrived(boulevard, caught) == [None]
    hooked.post(f"/orders/{order['orderId']}/complete")
    hooked.flush()
    assert [event is not None for event in arrived(boulevard, caught)] == [False, True]


async def test_a_retry_is_signed_anew_under_the_same_id(
    hooked: Practice, caught: Caught, boulevard: Boulevard
) -> None:
    caught.answers = [503, 429]
    order = hooked.order()
    hooked.post(f"/orders/{order['orderId']}/complete")
    hooked.flush()
    events = arrived(boulevard, caught)
    assert len(events) == 3
    assert len({event.event_id for event in events if event}) == 1


async def test_dropped_and_reordered(
    hooked: Practice, caught: Caught, boulevard: Boulevard
) -> None:
    order = hooked.order()
    path = f"/orders/{order['orderId']}/complete"
    hooked.fault("webhook:*", "drop")
    hooked.post(path)
    hooked.flush()
    assert caught.bodies == []
    hooked.fault("webhook:*", "reorder")
    hooked.post(path, events=["APPOINTMENT_COMPLETED", "ORDER_COMPLETED"])
    hooked.flush()
    kinds = [event.event_type for event in arrived(boulevard, caught) if event]
    assert kinds == ["order.completed", "appointment.completed"]
