"""What the day came to. Every figure is read from the books or from the sandbox's own record."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.dunning import RECEIPT_STEP
from domain.invoice import drawn, tendered
from starter.demo.stories import Played
from starter.rehearsal import Rehearsal
from store import invoices, ledger, touchpoints
from store.db import Conn

_OUT = frozenset({"accepted", "delivered"})
_NOTHING_OWED_SINCE = """
SELECT min(recorded_at) FROM (
    SELECT e.recorded_at, sum(sum(p.debit_cents - p.credit_cents)) OVER (ORDER BY e.recorded_at)
        AS owed_cents
    FROM ledger_postings p JOIN ledger_entries e USING (entry_id)
    WHERE p.case_id = $1 AND p.account = '1100' GROUP BY e.entry_id, e.recorded_at
) AS running WHERE owed_cents <= 0
"""
_STARTED = "SELECT min(received_at) FROM inbox WHERE workflow_id = $1"
_RELEASED = (
    "SELECT max(decided_at_wall) FROM (SELECT d.recorded_at AS decided_at_wall"
    " FROM review_decisions d JOIN reviews r USING (review_id)"
    " WHERE r.case_id = $1 AND r.code = 'CATALOG_UNMAPPED') AS decided"
)


async def day_figures(practice: Rehearsal, played: Sequence[Played], ui_url: str) -> dict[str, Any]:
    """The one object of `tieout demo --json`."""
    async with practice.pool.acquire() as conn:
        visits = [await _visit(conn, one) for one in played]
        books = await ledger.totals(conn)
        late = sum([await _after_settlement(conn, practice, one) for one in played])
    doubled = await _doubled(practice)
    balanced = books.debits_cents == books.credits_cents and books.unbalanced_entries == 0
    ended_well = all(one.ended in ("paid", "nothing_due") for one in played)
    return {
        "ok": balanced and ended_well and late == 0 and doubled == 0,
        "practice": practice.location.practice_name,
        "visits": visits,
        "ledger": books.model_dump(),
        "money_messages_after_settlement": late,
        "duplicate_messages": doubled,
        "temporal_ui": ui_url,
    }


async def _visit(conn: Conn, played: Played) -> dict[str, Any]:
    document = await invoices.latest_document(conn, played.case_id)
    if document is None:
        raise LookupError(f"visit {played.visit.name} has no invoice")
    sent = [
        one
        for one in await touchpoints.of_case(conn, played.case_id)
        if one.state in _OUT and one.accepted_at is not None
    ]
    first = sent[0].step if sent else None
    out_at = max(one.accepted_at for one in sent if one.step == first and one.accepted_at)
    return {
        "name": played.visit.name,
        "workflow_id": played.case_id,
        "status": played.ended,
        "due_cents": document.priced.due_cents,
        "tax_cents": document.priced.tax_cents,
        "drawn": {sku: _plain(count) for sku, count in drawn(document.priced).items()},
        "tenders": tendered(document.priced),
        "balance_cents": await ledger.balance_of_case(conn, played.case_id),
        "sent_ms": await _sent_ms(conn, played.case_id, out_at),
        "messages": [
            {"channel": str(one.channel), "step": one.step, "day": one.day} for one in sent
        ],
    }


async def _sent_ms(conn: Conn, case_id: str, out_at: datetime) -> int:
    """From the webhook's receipt, or from the decision that released a held draft."""
    began: datetime = await conn.fetchval(_STARTED, case_id)
    released: datetime | None = await conn.fetchval(_RELEASED, case_id)
    return round((out_at - max(began, released or began)).total_seconds() * 1000)


async def _after_settlement(conn: Conn, practice: Rehearsal, played: Played) -> int:
    """Money messages that reached the patient's phone or mailbox when nothing was owed."""
    settled_at: datetime | None = await conn.fetchval(_NOTHING_OWED_SINCE, played.case_id)
    document = await invoices.latest_document(conn, played.case_id)
    if document is not None and document.priced.due_cents <= 0:
        rows = await touchpoints.of_case(conn, played.case_id)
        return sum(one.state in _OUT and one.step != RECEIPT_STEP.name for one in rows)
    if settled_at is None:
        return 0
    patient = played.visit.patient
    got = [
        *(doc for doc in await practice.docs("sms") if doc["to"] == patient.phone_e164),
        *(doc for doc in await practice.docs("email") if patient.email in doc["to"]),
    ]
    return sum(datetime.fromisoformat(doc["at"]) > settled_at for doc in got)


async def _doubled(practice: Rehearsal) -> int:
    """Copies that patients really received, counted on their side."""
    texts = Counter((doc["to"], doc["body"]) for doc in await practice.docs("sms"))
    mails = Counter(doc["message_id"] for doc in await practice.docs("email"))
    return sum(count - 1 for count in (*texts.values(), *mails.values()))


def _plain(quantity: Decimal) -> int | str:
    return int(quantity) if quantity == quantity.to_integral_value() else str(quantity)
