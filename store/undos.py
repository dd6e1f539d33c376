"""Decisions that were taken back, and what each decision wrote, so that it can be."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import AwareDatetime

from domain import undoing
from domain.model import Record
from store.db import Conn


class UndoProposal(Record):
    """One person wants a decision of two people taken back; another one has to confirm."""

    proposed_by: str
    reason: str
    proposed_at: AwareDatetime


class PlacedPart(Record):
    """Cents of a payment that a decision applied to a case; negative where it took them off."""

    payment_id: str
    case_id: str
    cents: int


class GrantedLot(Record):
    """A lot that a decision opened, and what is left in it."""

    lot_id: str
    quantity: Decimal
    cents: int
    left_quantity: Decimal
    left_cents: int


async def propose(conn: Conn, review_id: str, by: str, reason: str, at: datetime) -> None:
    """Keep that one person wants a decision taken back; the first one stands."""
    await conn.execute(
        "INSERT INTO review_undo_proposals (review_id, proposed_by, reason, proposed_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        review_id,
        by,
        reason,
        at,
    )


async def proposal(conn: Conn, review_id: str) -> UndoProposal | None:
    """Who wants this decision taken back, and why."""
    row = await conn.fetchrow(
        "SELECT proposed_by, reason, proposed_at FROM review_undo_proposals WHERE review_id = $1",
        review_id,
    )
    return UndoProposal.model_validate(dict(row)) if row else None


async def begin(
    conn: Conn, review_id: str, by: str, confirmed_by: str | None, reason: str, at: datetime
) -> None:
    """Keep who takes a decision back. What the transaction then writes bears the review's id.

    The database refuses a decision of a closed month, and one of two people without two.
    """
    await conn.execute(
        "INSERT INTO review_undos (review_id, undone_by, confirmed_by, reason, undone_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        review_id,
        by,
        confirmed_by,
        reason,
        at,
    )
    await conn.execute("SELECT set_config('tieout.decision', $1, true)", review_id)


async def is_closed(conn: Conn, review_id: str) -> bool:
    """Whether the month of a decision was signed."""
    return bool(await conn.fetchval("SELECT decision_is_closed($1)", review_id))


async def placed(conn: Conn, review_id: str) -> list[PlacedPart]:
    """Parts of payments that a decision applied, or took off."""
    rows = await conn.fetch(
        "SELECT payment_id, case_id, sum(amount_cents)::bigint AS cents FROM payment_allocations"
        " WHERE review_id = $1 GROUP BY payment_id, case_id HAVING sum(amount_cents) <> 0"
        " ORDER BY payment_id, case_id",
        review_id,
    )
    return [PlacedPart.model_validate(dict(row)) for row in rows]


async def granted(conn: Conn, review_id: str) -> list[GrantedLot]:
    """Lots that a decision opened."""
    rows = await conn.fetch(
        "SELECT lot_id, opening_quantity AS quantity, opening_cents AS cents,"
        " remaining_quantity AS left_quantity, remaining_cents AS left_cents"
        " FROM lots WHERE review_id = $1 ORDER BY lot_id",
        review_id,
    )
    return [GrantedLot.model_validate(dict(row)) for row in rows]


async def moves_other_lots(conn: Conn, review_id: str) -> bool:
    """Whether a decision drew, returned or reinstated for somebody else than itself."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM lot_reinstatements WHERE review_id = $1)"
        " OR EXISTS (SELECT FROM lot_movements WHERE review_id = $1 AND case_id <> $1"
        "  AND case_id NOT IN (SELECT refund_id FROM refunds WHERE review_id = $1))",
        review_id,
    )
    return found


async def asked_again(conn: Conn, review_id: str) -> str:
    """The question that stands for another one by now: itself, or the last that was asked anew."""
    while row := await conn.fetchrow(
        "SELECT case_id, code FROM reviews JOIN review_undos USING (review_id)"
        " WHERE review_id = $1",
        review_id,
    ):
        review_id = undoing.asked_again_id(row["case_id"], row["code"], review_id)
    return review_id


async def is_lot_used_since(conn: Conn, review_id: str) -> bool:
    """Whether a lot that a decision gave a new last day was drawn, or has another one, since."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM lot_expiries given JOIN lot_expiries later USING (lot_id)"
        "  WHERE given.act_id = $1 AND later.expiry_id > given.expiry_id)"
        " OR EXISTS (SELECT FROM lot_expiries given JOIN lot_movements m USING (lot_id)"
        "  WHERE given.act_id = $1 AND m.recorded_at > given.recorded_at"
        "  GROUP BY m.lot_id, m.case_id HAVING sum(m.quantity) < 0 OR sum(m.cents) < 0)",
        review_id,
    )
    return found


async def message_since(conn: Conn, review_id: str, case_ids: Sequence[str]) -> str | None:
    """The step of a message of these cases that went out after a decision, if one did."""
    step: str | None = await conn.fetchval(
        "SELECT step FROM touchpoints t JOIN review_decisions d ON d.review_id = $1"
        " WHERE case_id = ANY($2::text[]) AND t.sending_at > d.recorded_at"
        " AND t.state IN ('sending', 'accepted', 'delivered', 'unknown')"
        " ORDER BY t.sending_at LIMIT 1",
        review_id,
        list(case_ids),
    )
    return step


async def message_to_since(conn: Conn, review_id: str, client_ids: Sequence[str]) -> str | None:
    """The step of a message to these clients, about anything, that went out after a decision."""
    step: str | None = await conn.fetchval(
        "SELECT step FROM touchpoints t JOIN review_decisions d ON d.review_id = $1"
        " WHERE client_id = ANY($2::text[]) AND t.sending_at > d.recorded_at"
        " AND t.state IN ('sending', 'accepted', 'delivered', 'unknown')"
        " ORDER BY t.sending_at LIMIT 1",
        review_id,
        list(client_ids),
    )
    return step


async def asked_since(conn: Conn, review_id: str) -> bool:
    """Whether the same question was asked again, and was not taken back, after a decision."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM reviews r JOIN reviews old ON old.review_id = $1"
        " JOIN review_decisions d ON d.review_id = old.review_id"
        " WHERE r.case_id = old.case_id AND r.code = old.code AND r.review_id <> old.review_id"
        " AND r.recorded_at > old.recorded_at AND r.state <> 'withdrawn'"
        " AND r.shown #> '{ours,payment}' IS NOT DISTINCT FROM old.shown #> '{ours,payment}'"
        " AND r.shown -> 'move' IS NOT DISTINCT FROM old.shown -> 'move'"
        " AND NOT EXISTS (SELECT FROM review_undos u WHERE u.review_id = r.review_id))",
        review_id,
    )
    return found
