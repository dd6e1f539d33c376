"""Payments that the payer's bank took back; the bank's word only goes forward."""

from typing import Literal

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn
from store.replies import debts_of

DisputeState = Literal["inquiry", "needs_response", "under_review", "won", "lost"]
Outcome = Literal["rebill", "write_off", "block"]


class Dispute(Record):
    """One dispute. `answer` is what a person told the bank, `outcome` what was done when lost."""

    source: str
    dispute_id: str
    location_id: str
    payment_id: str | None = None
    client_id: str | None = None
    amount_cents: int
    state: DisputeState
    is_chargeback: bool
    reason: str
    respond_by: AwareDatetime | None = None
    answer: Literal["contest", "accept"] | None = None
    answered_by: str | None = None
    outcome: Outcome | None = None
    outcome_by: str | None = None

    @property
    def is_open(self) -> bool:
        """The money is away and the bank has not decided."""
        return self.is_chargeback and self.state in ("needs_response", "under_review")


async def put(conn: Conn, seen: Dispute) -> Dispute:
    """Keep what the processor says, unless it is older; locks the row, answers how it stands.

    Where the payment is and whose stays, once it is known.
    """
    await conn.execute(
        "INSERT INTO disputes AS d (source, dispute_id, location_id, payment_id, client_id,"
        " amount_cents, state, is_chargeback, reason, respond_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (source, dispute_id) DO UPDATE SET"
        " state = CASE WHEN dispute_rank(d.state) <= dispute_rank(excluded.state)"
        "  THEN excluded.state ELSE d.state END,"
        " is_chargeback = d.is_chargeback OR excluded.is_chargeback,"
        " amount_cents = excluded.amount_cents, respond_by = excluded.respond_by,"
        " location_id = CASE WHEN d.payment_id IS NULL THEN excluded.location_id"
        "  ELSE d.location_id END,"
        " client_id = CASE WHEN d.payment_id IS NULL THEN excluded.client_id ELSE d.client_id END,"
        " payment_id = coalesce(d.payment_id, excluded.payment_id)",
        seen.source,
        seen.dispute_id,
        seen.location_id,
        seen.payment_id,
        seen.client_id,
        seen.amount_cents,
        seen.state,
        seen.is_chargeback,
        seen.reason,
        seen.respond_by,
    )
    row = await conn.fetchrow(
        "SELECT * FROM disputes WHERE source = $1 AND dispute_id = $2 FOR UPDATE",
        seen.source,
        seen.dispute_id,
    )
    return Dispute.model_validate(dict(row or {}))


async def get(conn: Conn, source: str, dispute_id: str) -> Dispute | None:
    """One dispute."""
    row = await conn.fetchrow(
        "SELECT * FROM disputes WHERE source = $1 AND dispute_id = $2", source, dispute_id
    )
    return Dispute.model_validate(dict(row)) if row else None


async def answer(
    conn: Conn, source: str, dispute_id: str, said: Literal["contest", "accept"], by: str
) -> None:
    """What a person tells the bank; the first word stays."""
    await conn.execute(
        "UPDATE disputes SET answer = $3, answered_by = $4"
        " WHERE source = $1 AND dispute_id = $2 AND answer IS NULL",
        source,
        dispute_id,
        said,
        by,
    )


async def end(conn: Conn, source: str, dispute_id: str, outcome: Outcome, by: str) -> None:
    """What a person does about a lost one; the first word stays."""
    await conn.execute(
        "UPDATE disputes SET outcome = $3, outcome_by = $4"
        " WHERE source = $1 AND dispute_id = $2 AND outcome IS NULL",
        source,
        dispute_id,
        outcome,
        by,
    )


async def open_again(conn: Conn, source: str, dispute_id: str) -> None:
    """What a person did about a lost one was taken back; the database looks for that."""
    await conn.execute(
        "UPDATE disputes SET outcome = NULL, outcome_by = NULL"
        " WHERE source = $1 AND dispute_id = $2 AND outcome IS NOT NULL",
        source,
        dispute_id,
    )


async def of_case(conn: Conn, case_id: str) -> list[Dispute]:
    """Disputes of payments that are applied to a case, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM disputes WHERE payment_id IN"
        " (SELECT payment_id FROM payment_allocations WHERE case_id = $1)"
        " ORDER BY recorded_at, dispute_id",
        case_id,
    )
    return [Dispute.model_validate(dict(row)) for row in rows]


async def of_payment(conn: Conn, payment_id: str) -> list[Dispute]:
    """Disputes of one payment, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM disputes WHERE payment_id = $1 ORDER BY recorded_at, dispute_id", payment_id
    )
    return [Dispute.model_validate(dict(row)) for row in rows]


async def holds_of(conn: Conn, source: str, dispute_id: str) -> list[str]:
    """Holds that were placed because of a dispute and stand."""
    rows = await conn.fetch(
        "SELECT hold_id FROM client_holds h WHERE kind = 'dispute' AND placed_by = $1"
        " AND reason = $2 AND NOT EXISTS (SELECT FROM client_hold_releases r"
        "  WHERE r.hold_id = h.hold_id) ORDER BY hold_id",
        source,
        dispute_id,
    )
    return [row["hold_id"] for row in rows]


async def waiting_for(conn: Conn, source: str, dispute_id: str) -> list[str]:
    """The other visits that owe of the clients who heard nothing of theirs because of it (D6)."""
    rows = await conn.fetch(
        "SELECT client_id, case_id FROM client_holds WHERE kind = 'dispute' AND placed_by = $1"
        " AND reason = $2",
        source,
        dispute_id,
    )
    own = {row["case_id"] for row in rows}
    debts = await debts_of(conn, sorted({row["client_id"] for row in rows}))
    return [debt.case_id for debt in debts if debt.case_id not in own]


async def left_in_dispute(conn: Conn, source: str, movement_ids: list[str]) -> int:
    """Cents of these movements that 1120 still holds, as the ledger has them."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_entries"
        " JOIN ledger_postings USING (entry_id) WHERE account = '1120'"
        " AND business_key = ANY($1::text[])",
        [f"dispute-moved|{source}|{movement_id}" for movement_id in movement_ids],
    )
    return cents
