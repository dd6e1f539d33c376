"""The account behind the API: its objects, their indexes, the event log and the webhooks."""

import hashlib
import hmac
import json
import os
from typing import Any

from sandbox.box import Box
from sandbox.stripe.wire import Doc, StripeError, list_of, refuse
from sandbox.webhooks import Delivery

API_VERSION = "2026-10-28.endive"
EVENT_DAYS = 30
_BUCKET_SECONDS = 600

ENABLED_EVENTS = frozenset(
    [
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.overpaid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "payment_intent.succeeded",
        "payment_intent.processing",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.refunded",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payout.paid",
        "payout.failed",
        "payout.canceled",
        "payout.reconciliation_completed",
    ]
)
"""What the practice's webhook endpoint subscribes to; the log keeps every event."""

_KINDS = {
    "cus": "customer",
    "in": "invoice",
    "pi": "payment_intent",
    "pr": "payment_record",
    "ch": "charge",
    "txn": "balance_transaction",
    "re": "refund",
    "du": "dispute",
    "cn": "credit_note",
    "cs": "checkout.session",
    "po": "payout",
}


class Twin:
    """One Stripe account in test mode. Handlers run to their end without a pause, so each
    request is atomic; `request_id` and `request_key` are those of the request at hand.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self.request_id: str | None = None
        self.request_key: str | None = None

    def now(self) -> int:
        """Unix seconds."""
        return int(self.box.now().timestamp())

    @staticmethod
    def new_id(prefix: str) -> str:
        """A fresh id with Stripe's prefix for the kind."""
        return f"{prefix}_1{os.urandom(12).hex()[:23]}"

    def get(self, kind: str, id: str) -> Doc | None:
        """One object, or None."""
        return self.box.state.get(f"stripe.{kind}", id)

    def need(self, kind: str, id: Any, param: str = "id", status: int = 404) -> Doc:
        """One object, or Stripe's `resource_missing` (404 in a path, 400 in a parameter)."""
        doc = self.get(kind, id) if isinstance(id, str) else None
        if doc is None:
            raise StripeError(status, f"No such {kind}: '{id}'", "resource_missing", param)
        return doc

    def save(self, doc: Doc) -> Doc:
        """Insert or replace an object under its own kind and id."""
        return self.box.state.put(f"stripe.{doc['object']}", doc["id"], doc)

    def all(self, kind: str) -> list[Doc]:
        """Every object of a kind, newest first."""
        return self.box.state.list(f"stripe.{kind}")[::-1]

    def link(self, index: str, value: str, id: str) -> None:
        """Put an object's id on an index, so that look-ups need no scan."""
        self.box.state.put(f"stripe.{index}:{value}", id, {"id": id})

    def linked(self, index: str, value: str, kind: str) -> list[Doc]:
        """The objects on an index entry, newest first."""
        ids = [row["id"] for row in self.box.state.list(f"stripe.{index}:{value}")]
        return [doc for id in reversed(ids) if (doc := self.get(kind, id))]

    def emit(self, type: str, obj: Doc, previous: Doc | None = None) -> None:
        """Append an event to the log and, when the endpoint subscribes to it, send a webhook."""
        at = self.now()
        url = self.box.webhook_urls.get("stripe")
        sent = bool(url) and type in ENABLED_EVENTS
        data: Doc = {"object": obj}
        if previous is not None:
            data["previous_attributes"] = previous
        id = f"evt_1{at:08x}{os.urandom(8).hex()[:15]}"
        event: Doc = {
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": at,
            "data": data,
            "livemode": False,
            "pending_webhooks": int(sent),
            "request": {"id": self.request_id, "idempotency_key": self.request_key},
            "type": type,
        }
        self.box.state.put(f"stripe.event:{at // _BUCKET_SECONDS}", id, event)
        if url and sent:
            self.box.pump.send(
                Delivery(
                    vendor="stripe",
                    event_type=type,
                    event_id=id,
                    url=url,
                    body=json.dumps(event).encode(),
                    sign=self._sign,
                    sign_stale=lambda body: self._sign(body, age_seconds=3600),
                )
            )

    def _sign(self, body: bytes, age_seconds: int = 0) -> dict[str, str]:
        at = self.now() - age_seconds
        secret = self.box.credentials["stripe_webhook_secret"].encode()
        mac = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
        return {
            "Stripe-Signature": f"t={at},v1={mac}",
            "Content-Type": "application/json; charset=utf-8",
        }

    def event(self, id: str) -> Doc | None:
        """One event while it is young enough; its id holds the time it was made at."""
        try:
            at = int(id[5:13], 16)
        except ValueError:
            return None
        if at < self.now() - EVENT_DAYS * 86400:
            return None
        return self.box.state.get(f"stripe.event:{at // _BUCKET_SECONDS}", id)

    def events(self, since: int) -> list[Doc]:
        """Events made at or after `since` (Unix seconds) within the horizon, newest first."""
        now = self.now()
        oldest = max(since, now - EVENT_DAYS * 86400)
        found: list[Doc] = []
        for bucket in range(now // _BUCKET_SECONDS, oldest // _BUCKET_SECONDS - 1, -1):
            found += self.box.state.list(f"stripe.event:{bucket}")[::-1]
        return [event for event in found if event["created"] >= oldest]

    def expand(self, doc: Doc, paths: Any) -> Doc:
        """`doc` with ids replaced, in place, by objects along paths of at most four steps.

        What the state hands out is nobody else's, so that no copy is needed.
        """
        if not paths:
            return doc
        if not isinstance(paths, list):
            raise refuse("Invalid array", "parameter_invalid_array", "expand")
        for path in sorted(paths, key=len):
            steps = str(path).split(".")
            if len(steps) > 4:
                raise refuse("You cannot expand more than 4 levels.", "property_expand", "expand")
            self._expand(doc, steps, path)
        return doc

    def _expand(self, node: Doc, steps: list[str], path: str) -> None:
        step, *rest = steps
        value = node.get(step)
        if step == "payments" and node.get("object") == "invoice" and value is None:
            rows = self.linked("payments_of", node["id"], "invoice_payment")
            url = f"/v1/invoice_payments?invoice={node['id']}"
            value = node[step] = list_of(rows[:10], url, len(rows) > 10)
        if isinstance(value, str):
            kind = _KINDS.get(value.partition("_")[0])
            if kind is None:
                raise refuse(
                    f"This property cannot be expanded ({path}).", "property_expand", "expand"
                )
            value = node[step] = self.need(kind, value)
        if not rest:
            return
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict):
                self._expand(child, rest, path)
