"""Stripe's refunds and disputes in the house's words.

Everything that a refund or a dispute does to the balance is read from its own balance
transactions, so that it is booked as a payout later shows it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import stripe

from connectors.payments.stripe_calls import answer, once
from connectors.payments.stripe_payouts import StripePayouts, to_movement
from connectors.payments.stripe_shapes import Missing, at, id_of
from connectors.ports import (
    BadRequest,
    Movement,
    OutcomeUnknown,
    ProcessorDispute,
    ProcessorRefund,
    Refused,
)

Doc = Mapping[str, Any]

APPLIED = "inpay_"
"""How the ids of payments that were applied to an invoice begin."""

_MOVES = ["balance_transaction", "failure_balance_transaction"]

_DISPUTE_STATES: Mapping[str, str] = MappingProxyType(
    {
        "warning_needs_response": "inquiry",
        "warning_under_review": "inquiry",
        "warning_closed": "won",
        "needs_response": "needs_response",
        "appeal_needs_response": "needs_response",
        "under_review": "under_review",
        "appeal_under_review": "under_review",
        "won": "won",
        "prevented": "won",
        "lost": "lost",
    }
)
"""Stripe's status -> ours. A new one is under review: nothing follows before a known one."""


class StripeReversals:
    """`ReversalPort` over the SDK's raw requests."""

    name = "stripe"

    def __init__(self, client: stripe.StripeClient, payouts: StripePayouts) -> None:
        self._client = client
        self._payouts = payouts

    async def refund(
        self, key: str, payment_id: str, amount_cents: int, reference: str
    ) -> ProcessorRefund | Refused:
        """One POST; our reference in the metadata finds it again when its answer is lost."""
        intent_id = await self._intent_of(payment_id)
        if intent_id is None:
            return Refused(code="resource_missing", kind="not_found")

        async def find() -> Doc | None:
            rows = await self._list("/v1/refunds", payment_intent=intent_id)
            mine = (row for row in rows if _reference(row) == reference)
            return next(mine, None)

        async def create(derived: str) -> Doc:
            return await self._post(
                "/v1/refunds",
                derived,
                payment_intent=intent_id,
                amount=amount_cents,
                metadata={"refund": reference},
                expand=_MOVES,
            )

        # Looked up first: the key is forgotten after a day, and a case may wait for longer.
        try:
            made = await answer(find())
            if made is None:
                made = await once(key, create, find)
        except BadRequest as error:
            return await self._why_not(intent_id, amount_cents, error)
        read = await self.read_refund(made["id"])
        if isinstance(read, Refused):
            raise OutcomeUnknown("stripe made a refund and does not know it")
        return read

    async def _why_not(self, intent_id: str, cents: int, error: BadRequest) -> Refused:
        """A 400 whose reason the charge itself shows is a business no; any other is ours."""
        path = f"/v1/payment_intents/{quote(intent_id, safe='')}"
        try:
            intent = await self._get(path, expand=["latest_charge"])
        except Missing:
            return Refused(code="resource_missing", kind="not_found")
        charge = intent.get("latest_charge")
        if not isinstance(charge, Mapping) or not charge["captured"]:
            return Refused(code="charge_missing", kind="not_found")
        if charge["disputed"]:
            return Refused(code="charge_disputed", kind="declined")
        if charge["amount_captured"] - charge["amount_refunded"] < cents:
            return Refused(code="charge_already_refunded", kind="closed")
        raise error

    async def read_refund(self, refund_id: str) -> ProcessorRefund | Refused:
        """One refund with its balance transactions."""
        try:
            path = f"/v1/refunds/{quote(refund_id, safe='')}"
            return to_refund(await self._get(path, expand=_MOVES))
        except Missing:
            return Refused(code="resource_missing", kind="not_found")

    async def read_dispute(self, dispute_id: str) -> ProcessorDispute | Refused:
        """One dispute with its balance transactions, which Stripe always includes."""
        try:
            return to_dispute(await self._get(f"/v1/disputes/{quote(dispute_id, safe='')}"))
        except Missing:
            return Refused(code="resource_missing", kind="not_found")

    async def submit_evidence(
        self, key: str, dispute_id: str, evidence: Mapping[str, str]
    ) -> ProcessorDispute | Refused:
        """Text fields only: no file leaves the house by itself."""
        return await self._answer_dispute(
            key, dispute_id, "", evidence=dict(evidence), submit=True, metadata={"answer": key}
        )

    async def accept_dispute(self, key: str, dispute_id: str) -> ProcessorDispute | Refused:
        """Close it; Stripe calls it lost."""
        return await self._answer_dispute(key, dispute_id, "/close")

    async def _answer_dispute(
        self, key: str, dispute_id: str, verb: str, **params: Any
    ) -> ProcessorDispute | Refused:
        path = f"/v1/disputes/{quote(dispute_id, safe='')}{verb}"

        async def send(derived: str) -> Doc:
            return await self._post(path, derived, **params)

        async def find() -> Doc | None:
            # Saying the same again changes nothing, so that a burnt key is simply replaced.
            return None

        try:
            return to_dispute(await once(key, send, find))
        except Missing:
            return Refused(code="resource_missing", kind="not_found")
        except BadRequest:
            read = await self.read_dispute(dispute_id)
            if isinstance(read, ProcessorDispute) and read.state in ("won", "lost"):
                return Refused(code=f"dispute_{read.state}", kind="closed")
            raise

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """The invoice payments of an intent."""
        return await self._payouts.other_names(payment_id)

    async def _intent_of(self, payment_id: str) -> str | None:
        """The intent behind a payment that the books know by its application to an invoice."""
        if not payment_id.startswith(APPLIED):
            return payment_id
        try:
            row = await self._get(f"/v1/invoice_payments/{quote(payment_id, safe='')}")
        except Missing:
            return None
        return id_of(row["payment"].get("payment_intent"))

    async def _get(self, path: str, **params: Any) -> Doc:
        found: Any = await answer(self._client.raw_request_async("get", path, **params))
        doc: Doc = found.data
        return doc

    async def _post(self, path: str, key: str, **params: Any) -> Doc:
        sent: Any = await self._client.raw_request_async(
            "post", path, idempotency_key=key, **params
        )
        doc: Doc = sent.data
        return doc

    async def _list(self, path: str, **params: Any) -> list[Doc]:
        rows: list[Doc] = []
        while True:
            sent: Any = await self._client.raw_request_async("get", path, limit=100, **params)
            page: Doc = sent.data
            rows += page["data"]
            if not page["has_more"]:
                return rows
            params["starting_after"] = rows[-1]["id"]


def _reference(row: Doc) -> str | None:
    found = (row.get("metadata") or {}).get("refund")
    return str(found) if found else None


def to_refund(doc: Doc) -> ProcessorRefund:
    """A refund, its balance transactions expanded, as ours."""
    made = at(doc["created"])
    assert made is not None
    rows = (doc.get(name) for name in _MOVES)
    return ProcessorRefund(
        refund_id=doc["id"],
        payment_id=id_of(doc.get("payment_intent")),
        amount_cents=doc["amount"],
        currency=doc["currency"].upper(),
        state=doc["status"] or "pending",
        reference=_reference(doc),
        made_at=made,
        failure_code=doc.get("failure_reason"),
        movements=tuple(_movement(row, doc) for row in rows if isinstance(row, Mapping)),
    )


def to_dispute(doc: Doc) -> ProcessorDispute:
    """A dispute as ours; an inquiry that Stripe closes was never a chargeback."""
    made = at(doc["created"])
    assert made is not None
    rows = doc["balance_transactions"]
    return ProcessorDispute(
        dispute_id=doc["id"],
        payment_id=id_of(doc.get("payment_intent")),
        amount_cents=doc["amount"],
        currency=doc["currency"].upper(),
        state=_DISPUTE_STATES.get(doc["status"], "under_review"),
        reason=doc["reason"],
        is_chargeback=bool(rows) or not doc["status"].startswith("warning_"),
        respond_by=at(doc["evidence_details"].get("due_by")),
        evidence_count=doc["evidence_details"]["submission_count"],
        made_at=made,
        movements=tuple(_movement(row, doc) for row in rows),
    )


def _movement(row: Doc, source: Doc) -> Movement:
    """As a payout would list it: with the whole refund or dispute as its source."""
    return to_movement({**row, "source": source})
