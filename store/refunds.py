"""Refunds as decided, and the movements of money that carry them out; states only go forward.

The database refuses to give back more of a payment than it brought, and any step back.
"""

from collections.abc import Sequence
from typing import Literal

import asyncpg
from pydantic import AwareDatetime

from domain import ids
from domain.model import Record, input_hash
from domain.payouts import Booked
from domain.refund_types import RefundPlan, Way
from store.db import Conn, KeyReused

MoveState = Literal["owed", "sent", "paid", "returned", "canceled"]
LIVE = ("owed", "sent", "paid")
"""States in which money is on its way back or has gone."""


class RefundRow(Record):
    """What a person decided to give back. `origin` says who began it: desk | processor | pms."""

    refund_id: str
    workflow_id: str = ""
    """The case that carries it out."""
    location_id: str
    client_id: str | None = None
    case_id: str | None = None
    origin: Literal["desk", "processor", "pms"]
    amount_cents: int
    plan: RefundPlan
    decided_by: str
    reason: str = ""


class RefundMove(Record):
    """Money on its way back: owed -> sent -> paid -> returned.

    It is canceled when it never left, or came back, and another movement took its place.

    `code` is why a system refused it or sent it back. Without `refund_id` nobody has said yet
    what it was for.
    """

    move_id: str
    refund_id: str | None = None
    location_id: str
    way: Way
    source: str
    object_id: str | None = None
    payment_id: str | None = None
    client_id: str | None = None
    kind: str
    amount_cents: int
    state: MoveState
    code: str | None = None


class TooMuch(Exception):
    """More of a payment would go back than it brought."""


async def book(conn: Conn, refund: RefundRow, moves: Sequence[RefundMove] = ()) -> bool:
    """Keep a refund with its movements; False when it is there already, with the same content.

    Raises KeyReused on other content, TooMuch when a payment does not have that much left.
    """
    digest = input_hash(refund)
    is_new = await conn.fetchval(
        "INSERT INTO refunds (refund_id, location_id, client_id, case_id, origin, amount_cents,"
        " plan, decided_by, reason, content_hash, workflow_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (refund_id) DO NOTHING RETURNING true",
        refund.refund_id,
        refund.location_id,
        refund.client_id,
        refund.case_id,
        refund.origin,
        refund.amount_cents,
        refund.plan.model_dump(mode="json"),
        refund.decided_by,
        refund.reason,
        digest,
        refund.workflow_id,
    )
    if not is_new:
        known = await conn.fetchval(
            "SELECT content_hash FROM refunds WHERE refund_id = $1", refund.refund_id
        )
        if known != digest:
            raise KeyReused(refund.refund_id)
        return False
    for move in moves:
        await add(conn, move)
    return True


_MOVE = (
    "move_id, refund_id, location_id, way, source, object_id, payment_id, client_id, kind,"
    " amount_cents, state, code"
)


async def add(conn: Conn, move: RefundMove) -> bool:
    """Keep a movement; False when its id is known. Raises TooMuch."""
    try:
        is_new = await conn.fetchval(
            f"INSERT INTO refund_moves ({_MOVE})"  # noqa: S608
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " ON CONFLICT (move_id) DO NOTHING RETURNING true",
            *(getattr(move, name) for name in RefundMove.model_fields),
        )
    except asyncpg.CheckViolationError as refusal:
        raise TooMuch(f"payment {move.payment_id} does not have that much left") from refusal
    return bool(is_new)


async def advance(
    conn: Conn,
    move_id: str,
    state: MoveState,
    object_id: str | None = None,
    code: str | None = None,
) -> bool:
    """Take a movement forward; False when it is there, or further, already."""
    moved = await conn.fetchval(
        "UPDATE refund_moves SET state = $2, object_id = coalesce(object_id, $3),"
        " code = coalesce($4, code) WHERE move_id = $1 AND (refund_rank(state) < refund_rank($2)"
        "  OR (state = $2 AND (object_id IS NULL AND $3::text IS NOT NULL"
        "   OR code IS DISTINCT FROM coalesce($4, code)))) RETURNING true",
        move_id,
        state,
        object_id,
        code,
    )
    return bool(moved)


async def ended_by(conn: Conn, review_id: str) -> list[RefundMove]:
    """Movements that a decision has canceled."""
    rows = await conn.fetch(
        "SELECT m.* FROM refund_moves m WHERE state = 'canceled' AND move_id IN"
        " (SELECT move_id FROM refund_facts WHERE review_id = $1 AND state = 'canceled')"
        " ORDER BY m.recorded_at, move_id",
        review_id,
    )
    return [RefundMove.model_validate(dict(row)) for row in rows]


async def begin_again(conn: Conn, move_id: str) -> None:
    """Have a movement stand as before the decision that canceled it and was taken back."""
    await conn.execute(
        "UPDATE refund_moves SET state = refund_state_before(move_id) WHERE move_id = $1", move_id
    )


async def explain(
    conn: Conn,
    move_id: str,
    refund_id: str,
    client_id: str | None = None,
    location_id: str | None = None,
) -> None:
    """Say what a movement that nobody here started was for; the first word stays.

    `client_id` and `location_id` are whose it is, where its payment is not in the books.
    """
    await conn.execute(
        "UPDATE refund_moves SET refund_id = $2,"
        " client_id = CASE WHEN payment_id IS NULL THEN $3 ELSE client_id END,"
        " location_id = CASE WHEN payment_id IS NULL THEN coalesce($4, location_id)"
        "  ELSE location_id END WHERE move_id = $1 AND refund_id IS NULL",
        move_id,
        refund_id,
        client_id,
        location_id,
    )


async def unexplain(conn: Conn, refund_id: str) -> None:
    """What this refund has explained is open again: the decision was taken back."""
    await conn.execute("UPDATE refund_moves SET refund_id = NULL WHERE refund_id = $1", refund_id)


async def know_payment(
    conn: Conn, move_id: str, payment_id: str | None, client_id: str | None, location_id: str
) -> None:
    """Say which payment a movement goes back of, once the books have it.

    Not after a person has said where it belongs.
    """
    await conn.execute(
        "UPDATE refund_moves SET payment_id = $2, client_id = $3, location_id = $4"
        " WHERE move_id = $1 AND payment_id IS NULL AND refund_id IS NULL",
        move_id,
        payment_id,
        client_id,
        location_id,
    )


async def get(conn: Conn, refund_id: str) -> RefundRow | None:
    """One refund."""
    row = await conn.fetchrow("SELECT * FROM refunds WHERE refund_id = $1", refund_id)
    return RefundRow.model_validate(dict(row)) if row else None


async def of_decision(conn: Conn, review_id: str) -> list[str]:
    """Ids of what a decision has decided to give back, or explained."""
    rows = await conn.fetch(
        "SELECT refund_id FROM refunds WHERE review_id = $1 ORDER BY refund_id", review_id
    )
    return [row["refund_id"] for row in rows]


async def move(conn: Conn, move_id: str) -> RefundMove | None:
    """One movement by our id."""
    row = await conn.fetchrow("SELECT * FROM refund_moves WHERE move_id = $1", move_id)
    return RefundMove.model_validate(dict(row)) if row else None


async def move_of_object(conn: Conn, source: str, object_id: str) -> RefundMove | None:
    """One movement by the processor's name of it."""
    row = await conn.fetchrow(
        "SELECT * FROM refund_moves WHERE source = $1 AND object_id = $2", source, object_id
    )
    return RefundMove.model_validate(dict(row)) if row else None


async def moves_of(conn: Conn, refund_id: str) -> list[RefundMove]:
    """The movements of a refund, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM refund_moves WHERE refund_id = $1 ORDER BY recorded_at, move_id", refund_id
    )
    return [RefundMove.model_validate(dict(row)) for row in rows]


async def of_case(conn: Conn, case_id: str) -> list[RefundRow]:
    """Refunds of a visit that nobody took back, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM refunds WHERE case_id = $1 AND NOT refund_is_taken_back(refund_id)"
        " ORDER BY recorded_at, refund_id",
        case_id,
    )
    return [RefundRow.model_validate(dict(row)) for row in rows]


class OpenMove(RefundMove):
    """A movement that has not arrived, with who decided it and since when it waits."""

    case_id: str | None = None
    decided_by: str | None = None
    recorded_at: AwareDatetime


async def unfinished(conn: Conn, location_id: str | None = None) -> list[OpenMove]:
    """Money that is still to go back, or came back, or that nobody has explained; oldest first."""
    rows = await conn.fetch(
        "SELECT m.*, r.case_id, r.decided_by FROM refund_moves m LEFT JOIN refunds r"
        " USING (refund_id) WHERE ($1::text IS NULL OR m.location_id = $1)"
        " AND (m.state IN ('owed', 'sent', 'returned')"
        "  OR (m.refund_id IS NULL AND m.state = 'paid'))"
        " ORDER BY m.recorded_at, m.move_id",
        location_id,
    )
    return [OpenMove.model_validate(dict(row)) for row in rows]


async def gone(conn: Conn, payment_id: str) -> int:
    """Cents of a payment that have gone back or are about to."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(amount_cents), 0)::bigint FROM refund_moves WHERE payment_id = $1"
        " AND state = ANY($2::text[])",
        payment_id,
        list(LIVE),
    )
    return cents


async def gone_by_desk(conn: Conn, payment_id: str, state: MoveState) -> int:
    """Cents of a payment that the desk gives back, of movements in this state."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(amount_cents), 0)::bigint FROM refund_moves WHERE payment_id = $1"
        " AND way = 'desk' AND state = $2",
        payment_id,
        state,
    )
    return cents


async def owed_at_desk(conn: Conn, payment_id: str) -> list[RefundMove]:
    """What the desk was asked to give back of a payment."""
    rows = await conn.fetch(
        "SELECT * FROM refund_moves WHERE payment_id = $1 AND way = 'desk' AND state = 'owed'"
        " ORDER BY recorded_at, move_id",
        payment_id,
    )
    return [RefundMove.model_validate(dict(row)) for row in rows]


async def is_unexplained(conn: Conn, payment_id: str) -> bool:
    """Whether something of a payment went back and nobody has said what for."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM refund_moves WHERE payment_id = $1 AND refund_id IS NULL"
        " AND state = ANY($2::text[]))",
        payment_id,
        list(LIVE),
    )
    return found


async def waiting(conn: Conn, payment_id: str) -> int:
    """Cents of a payment that were decided to go back and have not left, or came back."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(amount_cents), 0)::bigint FROM refund_moves WHERE payment_id = $1"
        " AND refund_id IS NOT NULL AND state IN ('owed', 'returned')",
        payment_id,
    )
    return cents


async def overtake(conn: Conn, payment_id: str) -> None:
    """What was to go back of a payment has gone another way."""
    await conn.execute(
        "UPDATE refund_moves SET state = 'canceled' WHERE payment_id = $1"
        " AND refund_id IS NOT NULL AND state IN ('owed', 'returned')",
        payment_id,
    )


async def pair(conn: Conn, payment_id: str, amount_cents: int) -> tuple[str, ...]:
    """A refund that was decided here, refused by the processor, and made there by somebody: one.

    The movement made there carries out what was decided. Returns the workflows that this
    concerns, none when there is no such pair.
    """
    refused = await conn.fetchrow(
        "SELECT * FROM refund_moves WHERE payment_id = $1 AND amount_cents = $2"
        " AND way = 'processor' AND state = 'owed' AND code IS NOT NULL"
        " ORDER BY recorded_at, move_id LIMIT 1 FOR UPDATE",
        payment_id,
        amount_cents,
    )
    made = await conn.fetchrow(
        "SELECT * FROM refund_moves WHERE payment_id = $1 AND amount_cents = $2"
        " AND refund_id IS NULL AND state IN ('sent', 'paid')"
        " ORDER BY recorded_at, move_id LIMIT 1 FOR UPDATE",
        payment_id,
        amount_cents,
    )
    if refused is None or made is None:
        return ()
    await advance(conn, refused["move_id"], "canceled")
    await explain(conn, made["move_id"], refused["refund_id"])
    known = await get(conn, refused["refund_id"])
    own = (known.workflow_id,) if known is not None else ()
    return (*own, ids.refund_workflow_id(made["source"], made["object_id"]))


async def linked(conn: Conn, source: str, object_ids: Sequence[str]) -> dict[str, Booked]:
    """Refunds -> whom they are owed, at the place of their payment; of a payment that the books
    lack, where a person said that they belong."""
    rows = await conn.fetch(
        "SELECT m.object_id, coalesce(p.location_id, m.location_id) AS location_id, m.client_id,"
        " m.amount_cents FROM refund_moves m LEFT JOIN payments p USING (payment_id)"
        " WHERE m.source = $1 AND m.object_id = ANY($2::text[])"
        " AND (m.payment_id IS NOT NULL OR m.refund_id IS NOT NULL)",
        source,
        list(object_ids),
    )
    return {
        row["object_id"]: Booked(
            payment_id="",
            location_id=row["location_id"],
            client_id=row["client_id"],
            amount_cents=row["amount_cents"],
        )
        for row in rows
    }
