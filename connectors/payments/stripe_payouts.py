"""Stripe's payouts and balance transactions in the house's words. It only reads.

Kinds come from `reporting_category`, which Stripe documents for this purpose; `type` is finer
and has grown over the years. An unknown category is `other`, which a person looks at.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import stripe

from connectors.payments.stripe_calls import answer
from connectors.payments.stripe_shapes import Missing, id_of
from connectors.ports import Movement, Payout, Refused

PAGE_SIZE = 100
_LISTED = "completed"

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "charge": "charge",
        "refund": "refund",
        "refund_failure": "refund_returned",
        "dispute": "dispute",
        "dispute_reversal": "dispute_won",
        "fee": "fee",
        "payout": "payout",
        "payout_reversal": "payout_returned",
    }
)
"""Stripe's reporting category -> our kind of movement."""


class StripePayouts:
    """`PayoutPort` over the SDK's raw requests: a payout has hundreds of parts."""

    name = "stripe"

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def read_payout(self, payout_id: str) -> Payout | Refused:
        """One payout with the movement that brought it back, if one did."""
        path = f"/v1/payouts/{quote(payout_id, safe='')}"
        try:
            doc = await self._get(path, expand=["failure_balance_transaction"])
        except Missing:
            return Refused(code="resource_missing", kind="not_found")
        return to_payout(doc)

    async def movements_of(self, payout_id: str) -> Sequence[Movement]:
        """Stripe lists the payout's own movement beside its parts; it is left out."""
        rows = await self._all("/v1/balance_transactions", payout=payout_id, expand=["data.source"])
        found = [to_movement(row) for row in rows[::-1]]
        return [each for each in found if each.object_id != payout_id]

    async def payouts_since(self, since: datetime) -> Sequence[Payout]:
        """Oldest first."""
        rows = await self._all(
            "/v1/payouts",
            created={"gte": int(since.timestamp())},
            expand=["data.failure_balance_transaction"],
        )
        return [to_payout(row) for row in rows[::-1]]

    async def movements_since(self, since: datetime) -> Sequence[Movement]:
        """Oldest first."""
        rows = await self._all(
            "/v1/balance_transactions",
            created={"gte": int(since.timestamp())},
            expand=["data.source"],
        )
        return [to_movement(row) for row in rows[::-1]]

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """The invoice payments of an intent: cases book their money under these."""
        rows = await self._all(
            "/v1/invoice_payments",
            payment={"type": "payment_intent", "payment_intent": payment_id},
        )
        return tuple(str(row["id"]) for row in rows if row["status"] != "canceled")

    async def _get(self, path: str, **params: Any) -> Any:
        return (await answer(self._client.raw_request_async("get", path, **params))).data

    async def _all(self, path: str, **params: Any) -> list[Mapping[str, Any]]:
        """Every row of a list, newest first."""
        rows: list[Mapping[str, Any]] = []
        while True:
            page = await self._get(path, limit=PAGE_SIZE, **params)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            params["starting_after"] = rows[-1]["id"]


def to_payout(doc: Mapping[str, Any]) -> Payout:
    """A payout as ours; `arrival_date` is midnight UTC of a bank's day, thus a civil date."""
    back = doc.get("failure_balance_transaction")
    return Payout(
        payout_id=doc["id"],
        amount_cents=doc["amount"],
        currency=doc["currency"].upper(),
        state=doc["status"],
        automatic=doc["automatic"],
        listed=doc.get("reconciliation_status") == _LISTED,
        arrival_on=_at(doc["arrival_date"]).date(),
        created_at=_at(doc["created"]),
        failed_at=_at(back["created"]) if isinstance(back, Mapping) else None,
        failure_code=doc.get("failure_code"),
    )


def to_movement(row: Mapping[str, Any]) -> Movement:
    """A balance transaction, its source expanded, as ours."""
    source = row.get("source")
    category = row.get("reporting_category") or row["type"]
    return Movement(
        movement_id=row["id"],
        kind=KINDS.get(category, "other"),
        vendor_kind=category,
        amount_cents=row["amount"],
        fee_cents=row["fee"],
        net_cents=row["net"],
        currency=row["currency"].upper(),
        at=_at(row["created"]),
        object_id=id_of(source),
        payment_id=id_of(source.get("payment_intent")) if isinstance(source, Mapping) else None,
    )


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
