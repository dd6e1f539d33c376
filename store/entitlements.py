"""Lots of units and credits: granted, reserved, drawn, returned; never created or lost.

A lot's remainder moves only through its movements, and the database keeps it between zero and
its opening, in quantity and in cents, whoever writes. Call under `clients.lock_client`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal

import asyncpg
from pydantic import Field

from domain.chart import Entitlements, Membership, MoneyLot, UnitLot
from domain.model import Record
from store.db import Conn
from store.lots import (
    LotEvent,
    LotStatement,
    grant_money_lot,
    grant_unit_lot,
    history,
    known_lots,
    lot_statement,
    reinstate,
    set_lot_paid,
)

__all__ = [
    "LotEvent",
    "LotShort",
    "LotStatement",
    "Movement",
    "commit",
    "drawn",
    "grant_money_lot",
    "grant_unit_lot",
    "history",
    "known_lots",
    "lot_statement",
    "put_membership",
    "read",
    "reinstate",
    "release",
    "reserve",
    "set_lot_paid",
    "settle_delta",
]


class LotShort(Exception):
    """A lot does not hold what was asked of it; the transaction must be rolled back."""


class Movement(Record):
    """What one case takes from one lot: units (None for a credit) and their value in cents."""

    lot_id: str
    quantity: Decimal | None = Field(default=None, ge=0)
    cents: int = Field(default=0, ge=0)


_READ = """
SELECT (
    SELECT coalesce(json_agg(lot ORDER BY lot.purchased_at, lot.lot_id), '[]') FROM (
        SELECT l.lot_id, l.kind, l.skus, l.classes, l.tier, l.purchased_at, l.grace_days,
            coalesce((SELECT e.expires_on FROM lot_expiries e WHERE e.lot_id = l.lot_id
             ORDER BY expiry_id DESC LIMIT 1), l.expires_on) AS expires_on,
            l.opening_cents, l.paid_cents,
            (l.remaining_quantity - coalesce(own.quantity, 0))::text AS quantity,
            l.remaining_cents - coalesce(own.cents, 0)::bigint AS cents,
            (SELECT reinstated_by FROM lot_reinstatements r WHERE r.lot_id = l.lot_id
             ORDER BY recorded_at DESC LIMIT 1) AS reinstated_by
        FROM lots l LEFT JOIN LATERAL (
            SELECT sum(quantity) AS quantity, sum(cents) AS cents FROM lot_movements m
            WHERE m.lot_id = l.lot_id AND m.case_id = $4) AS own ON true
        WHERE l.client_id = $1 AND l.purchased_at <= $2 AND ($4::text IS NULL OR (
            l.source <> $4
            AND l.source NOT IN (SELECT document_id FROM documents WHERE case_id = $4)))
    ) AS lot
    WHERE CASE WHEN lot.kind = 'unit' THEN lot.quantity::numeric > 0
        ELSE lot.cents > 0 AND lot.paid_cents IS NULL END
) AS lots, (
    SELECT coalesce(json_agg(m ORDER BY m.tier), '[]') FROM (
        SELECT DISTINCT ON (tier) tier, status, until FROM memberships
        WHERE client_id = $1 AND since <= $2 ORDER BY tier, since DESC) AS m
    WHERE m.until IS NULL OR m.until > $2
) AS memberships, (
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY total_cents) FROM documents
    WHERE client_id = $1 AND kind = 'invoice' AND case_id IS DISTINCT FROM $4
        AND issued_at < $2
) AS usual_total_cents, (
    SELECT count(*) FROM documents
    WHERE client_id = $1 AND kind = 'invoice' AND case_id IS DISTINCT FROM $4
        AND (issued_at AT TIME ZONE $3)::date = ($2::timestamptz AT TIME ZONE $3)::date
) AS invoices_today
"""


async def read(
    conn: Conn, client_id: str, at: datetime, zone: str, own_case: str | None
) -> Entitlements:
    """What the client brings to a visit at `at`, as if `own_case` had never touched it.

    Lots bought after `at`, lots that the case itself sold and credits that are not paid yet are
    left out; expired ones are in, because the price engine says so to a person. `zone` decides
    which civil day is today.
    """
    row = await conn.fetchrow(_READ, client_id, at, zone, own_case)
    assert row is not None
    units = [_unit_lot(lot) for lot in row["lots"] if lot["kind"] == "unit"]
    money = [_money_lot(lot) for lot in row["lots"] if lot["kind"] != "unit"]
    return Entitlements(
        unit_lots=tuple(units),
        money_lots=tuple(money),
        memberships=tuple(
            Membership(tier=row["tier"], status=row["status"]) for row in row["memberships"]
        ),
        usual_total_cents=row["usual_total_cents"],
        invoices_today=row["invoices_today"],
    )


def _unit_lot(lot: dict[str, object]) -> UnitLot:
    paid_value_cents = None
    if lot["paid_cents"] is not None:
        drawn_cents = int(str(lot["opening_cents"])) - int(str(lot["cents"]))
        paid_value_cents = max(0, int(str(lot["paid_cents"])) - drawn_cents)
    return UnitLot.model_validate(
        {
            "lot_id": lot["lot_id"],
            "skus": lot["skus"],
            "remaining": lot["quantity"],
            "value_cents": lot["cents"],
            "purchased_at": lot["purchased_at"],
            "expires_on": lot["expires_on"],
            "grace_days": lot["grace_days"],
            "paid_value_cents": paid_value_cents,
            "reinstated_by": lot["reinstated_by"],
        }
    )


def _money_lot(lot: dict[str, object]) -> MoneyLot:
    return MoneyLot.model_validate(
        {
            "lot_id": lot["lot_id"],
            "kind": lot["kind"],
            "remaining_cents": lot["cents"],
            "classes": lot["classes"],
            "purchased_at": lot["purchased_at"],
            "expires_on": lot["expires_on"],
            "tier": lot["tier"],
        }
    )


async def put_membership(
    conn: Conn,
    client_id: str,
    tier: str,
    status: str,
    since: datetime,
    until: datetime | None = None,
) -> None:
    """State a membership from `since` on; a later `since` of the same tier overrides it."""
    await conn.execute(
        "INSERT INTO memberships (client_id, tier, status, since, until)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, tier, since) DO UPDATE"
        " SET status = excluded.status, until = excluded.until, recorded_at = clock_timestamp()"
        " WHERE (memberships.status, memberships.until)"
        " IS DISTINCT FROM (excluded.status, excluded.until)",
        client_id,
        tier,
        status,
        since,
        until,
    )


# Brings what a case holds of each lot to the wanted level with signed rows: what is missing is
# taken, what is too much is given back. A lot of another client has no client_id and is refused.
_LEVEL = """
WITH wanted AS (
    SELECT lot_id, -sum(quantity) AS quantity, -sum(cents) AS cents
    FROM unnest($4::text[], $5::numeric[], $6::bigint[]) AS w (lot_id, quantity, cents)
    GROUP BY lot_id
), held AS (
    SELECT lot_id, sum(quantity) AS quantity, sum(cents) AS cents FROM lot_movements
    WHERE case_id = $1 AND kind IN ($7, $8) GROUP BY lot_id
), change AS (
    SELECT lot_id, coalesce(wanted.quantity, 0) - coalesce(held.quantity, 0) AS quantity,
        (coalesce(wanted.cents, 0) - coalesce(held.cents, 0))::bigint AS cents
    FROM wanted FULL JOIN held USING (lot_id)
)
INSERT INTO lot_movements (lot_id, client_id, case_id, document_id, kind, quantity, cents,
    booked_on)
SELECT change.lot_id, lots.client_id, $1, $3, part.kind, part.quantity, part.cents, $9::date
FROM change
LEFT JOIN lots ON lots.lot_id = change.lot_id AND ($2::text IS NULL OR lots.client_id = $2)
CROSS JOIN LATERAL (VALUES
    ($7, least(change.quantity, 0), least(change.cents, 0)),
    ($8, greatest(change.quantity, 0), greatest(change.cents, 0))) AS part (kind, quantity, cents)
WHERE part.quantity <> 0 OR part.cents <> 0
"""

_COMMIT = """
INSERT INTO lot_movements (lot_id, client_id, case_id, document_id, kind, quantity, cents,
    booked_on)
SELECT lot_id, client_id, $1, part.document_id, part.kind, held.quantity * part.sign,
    held.cents * part.sign, $3::date
FROM (
    SELECT lot_id, client_id, sum(quantity) AS quantity, sum(cents)::bigint AS cents
    FROM lot_movements WHERE case_id = $1 AND kind IN ('reserve', 'release')
    GROUP BY lot_id, client_id HAVING sum(quantity) <> 0 OR sum(cents) <> 0) AS held
CROSS JOIN (VALUES ('release', -1, NULL), ('draw', 1, $2)) AS part (kind, sign, document_id)
"""


@asynccontextmanager
async def _named_refusals() -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.CheckViolationError as refusal:
        raise LotShort("a lot does not hold what the case asks of it") from refusal
    except asyncpg.NotNullViolationError as refusal:
        raise LookupError("a case asks for a lot that the client does not have") from refusal


async def _level(
    conn: Conn,
    case_id: str,
    client_id: str | None,
    document_id: str | None,
    movements: Sequence[Movement],
    kinds: tuple[str, str],
    on: date | None = None,
) -> None:
    async with _named_refusals():
        await conn.execute(
            _LEVEL,
            case_id,
            client_id,
            document_id,
            [m.lot_id for m in movements],
            [m.quantity or Decimal(0) for m in movements],
            [m.cents for m in movements],
            *kinds,
            on,
        )


async def reserve(conn: Conn, case_id: str, client_id: str, movements: Sequence[Movement]) -> None:
    """Make the case's open reservation exactly `movements`, whatever it was before.

    Raises LotShort when a lot holds less, LookupError when a lot is not the client's.
    """
    await _level(conn, case_id, client_id, None, movements, ("reserve", "release"))


async def commit(conn: Conn, case_id: str, document_id: str, on: date | None = None) -> None:
    """Turn the case's open reservation into draws of `document_id`; again, nothing happens.

    `on` is the day of their entry, else the location's today.
    """
    async with _named_refusals():
        await conn.execute(_COMMIT, case_id, document_id, on)


async def release(conn: Conn, case_id: str) -> None:
    """Give the case's open reservation back; draws stay."""
    await _level(conn, case_id, None, None, (), ("reserve", "release"))


async def drawn(conn: Conn, case_id: str) -> dict[str, tuple[Decimal, int]]:
    """Lot id -> units and cents that the case's documents have drawn, less what was returned."""
    rows = await conn.fetch(
        "SELECT lot_id, -sum(quantity) AS quantity, -sum(cents)::bigint AS cents"
        " FROM lot_movements WHERE case_id = $1 AND kind IN ('draw', 'return') GROUP BY lot_id",
        case_id,
    )
    return {row["lot_id"]: (row["quantity"], row["cents"]) for row in rows}


async def settle_delta(
    conn: Conn,
    case_id: str,
    document_id: str,
    movements_total: Sequence[Movement],
    on: date | None = None,
) -> None:
    """Make the case's committed draws sum to `movements_total`, with rows on the same lots.

    Raises LotShort when a lot holds less than the change asks for.
    """
    await _level(conn, case_id, None, document_id, movements_total, ("draw", "return"), on)
