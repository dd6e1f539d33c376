"""Payouts and the movements that they consist of; a payout only moves forward.

A database trigger refuses a step back, other shares than the first, and a changed movement.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import AwareDatetime

from domain.model import Record
from domain.payouts import Booked
from store.db import Conn


class PayoutRow(Record):
    """A payout as the books have it. `accepted_cents` is a difference that a person accepted."""

    source: str
    payout_id: str
    location_id: str
    amount_cents: int
    currency: str
    automatic: bool
    state: str
    arrival_on: date
    failed_on: date | None = None
    asked_cents: int | None = None
    accepted_cents: int | None = None
    accepted_by: str | None = None
    accepted_review: str | None = None
    undone: int = 0
    """How often it was settled by an acceptance that was taken back."""
    shares: Mapping[str, int] | None = None
    settled_state: str | None = None

    @property
    def is_settled(self) -> bool:
        """The books have followed the payout to its present state."""
        return self.settled_state == self.state


class MovementRow(Record):
    """One change of the processor's balance, as read first; `net_cents` = amount less fee."""

    movement_id: str
    payout_id: str
    kind: str
    vendor_kind: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    at: AwareDatetime
    object_id: str | None = None
    payment_id: str | None = None


_COLUMNS = (
    "source, payout_id, location_id, amount_cents, currency, automatic, state, arrival_on,"
    " failed_on"
)
_MOVEMENT = (
    "movement_id, payout_id, kind, vendor_kind, amount_cents, fee_cents, net_cents, currency, at,"
    " object_id, payment_id"
)


async def put(conn: Conn, row: PayoutRow) -> PayoutRow:
    """Keep what the processor says, unless it is older, and lock the row until the commit.

    Amount and arrival follow the processor until the payout is settled; the location stays.
    """
    await conn.execute(
        f"INSERT INTO payouts ({_COLUMNS})"  # noqa: S608
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (source, payout_id) DO UPDATE SET state = excluded.state,"
        " amount_cents = CASE WHEN payouts.settled_state IS NULL THEN excluded.amount_cents"
        "  ELSE payouts.amount_cents END,"
        " arrival_on = CASE WHEN payouts.settled_state IS NULL THEN excluded.arrival_on"
        "  ELSE payouts.arrival_on END,"
        " failed_on = coalesce(payouts.failed_on, excluded.failed_on)"
        " WHERE payout_rank(payouts.state) <= payout_rank(excluded.state)",
        row.source,
        row.payout_id,
        row.location_id,
        row.amount_cents,
        row.currency,
        row.automatic,
        row.state,
        row.arrival_on,
        row.failed_on,
    )
    kept = await conn.fetchrow(
        "SELECT * FROM payouts WHERE source = $1 AND payout_id = $2 FOR UPDATE",
        row.source,
        row.payout_id,
    )
    return PayoutRow.model_validate(dict(kept or {}))


async def get(conn: Conn, source: str, payout_id: str) -> PayoutRow | None:
    """One payout."""
    row = await conn.fetchrow(
        "SELECT * FROM payouts WHERE source = $1 AND payout_id = $2", source, payout_id
    )
    return PayoutRow.model_validate(dict(row)) if row else None


async def states(conn: Conn, source: str, payout_ids: Sequence[str]) -> dict[str, str]:
    """Payout id -> the state that the books know, of those that they know."""
    rows = await conn.fetch(
        "SELECT payout_id, state FROM payouts WHERE source = $1 AND payout_id = ANY($2::text[])",
        source,
        list(payout_ids),
    )
    return {row["payout_id"]: row["state"] for row in rows}


async def unsettled(conn: Conn, location_id: str) -> list[PayoutRow]:
    """Payouts of a location's account that the books have not followed, oldest first."""
    rows = await conn.fetch(
        "SELECT * FROM payouts WHERE location_id = $1 AND settled_state IS DISTINCT FROM state"
        " ORDER BY arrival_on, payout_id",
        location_id,
    )
    return [PayoutRow.model_validate(dict(row)) for row in rows]


async def settle(
    conn: Conn, source: str, payout_id: str, state: str, shares: Mapping[str, int]
) -> None:
    """The books have followed to `state`; the first shares stay."""
    await conn.execute(
        "UPDATE payouts SET settled_state = $3, shares = coalesce(shares, $4)"
        " WHERE source = $1 AND payout_id = $2",
        source,
        payout_id,
        state,
        dict(shares),
    )


async def note_asked(conn: Conn, source: str, payout_id: str, cents: int) -> None:
    """A person is asked about this difference; accepting means this one."""
    await conn.execute(
        "UPDATE payouts SET asked_cents = $3 WHERE source = $1 AND payout_id = $2",
        source,
        payout_id,
        cents,
    )


async def accept(conn: Conn, source: str, payout_id: str, by: str, review_id: str) -> None:
    """A named person accepts the difference that they were asked about."""
    await conn.execute(
        "UPDATE payouts SET accepted_cents = coalesce(asked_cents, 0), accepted_by = $3,"
        " accepted_review = $4 WHERE source = $1 AND payout_id = $2",
        source,
        payout_id,
        by,
        review_id,
    )


async def accepted_by_answer(conn: Conn, review_id: str) -> PayoutRow | None:
    """The payout that an answer has accepted, locked; None once another one did."""
    row = await conn.fetchrow(
        "SELECT * FROM payouts WHERE accepted_review = $1 FOR UPDATE", review_id
    )
    return PayoutRow.model_validate(dict(row)) if row else None


async def unaccept(conn: Conn, review_id: str) -> None:
    """A person takes an acceptance back; a payout that was settled by it is not settled."""
    await conn.execute(
        "UPDATE payouts SET accepted_cents = NULL, accepted_by = NULL, accepted_review = NULL,"
        " settled_state = NULL, shares = NULL, undone = undone + (settled_state IS NOT NULL)::int"
        " WHERE accepted_review = $1",
        review_id,
    )


async def put_movements(conn: Conn, source: str, rows: Sequence[MovementRow]) -> set[str]:
    """Keep new movements; returns the ids of those that said something else before."""
    await conn.executemany(
        f"INSERT INTO balance_movements (source, {_MOVEMENT})"  # noqa: S608
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
        [(source, *(getattr(row, name) for name in MovementRow.model_fields)) for row in rows],
    )
    known = {
        row["movement_id"]: MovementRow.model_validate(dict(row))
        for row in await conn.fetch(
            f"SELECT {_MOVEMENT} FROM balance_movements"  # noqa: S608
            " WHERE source = $1 AND movement_id = ANY($2::text[])",
            source,
            [row.movement_id for row in rows],
        )
    }
    return {row.movement_id for row in rows if known[row.movement_id] != row}


async def movements_of(conn: Conn, source: str, payout_id: str) -> list[MovementRow]:
    """What a payout consists of, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_MOVEMENT} FROM balance_movements"  # noqa: S608
        " WHERE source = $1 AND payout_id = $2 ORDER BY at, movement_id",
        source,
        payout_id,
    )
    return [MovementRow.model_validate(dict(row)) for row in rows]


async def shares_of(
    conn: Conn, source: str, payout_ids: Sequence[str]
) -> dict[str, Mapping[str, int]]:
    """Payout id -> its shares by location, of those that have tied out."""
    rows = await conn.fetch(
        "SELECT payout_id, shares FROM payouts"
        " WHERE source = $1 AND payout_id = ANY($2::text[]) AND shares IS NOT NULL",
        source,
        list(payout_ids),
    )
    return {row["payout_id"]: row["shares"] for row in rows}


async def note_names(conn: Conn, source: str, names: Mapping[str, Sequence[str]]) -> None:
    """Remember which payments of the books the processor means by a name of its own."""
    pairs = [(name, other) for name, several in names.items() for other in {name, *several}]
    await conn.execute(
        "INSERT INTO payment_names (source, name, payment_id)"
        " SELECT DISTINCT $1::text, said.name, p.payment_id"
        " FROM unnest($2::text[], $3::text[]) AS said (name, other)"
        " JOIN payments p ON (p.source, p.object_id) = ($1, said.other) ON CONFLICT DO NOTHING",
        source,
        [name for name, _ in pairs],
        [other for _, other in pairs],
    )


async def booked(conn: Conn, source: str, names: Mapping[str, Sequence[str]]) -> dict[str, Booked]:
    """The processor's name of a payment -> what the books have of it, under any of its names.

    `names` gives all names of each. A payment over several invoices has a booking for each.
    """
    rows = await conn.fetch(
        "SELECT object_id, payment_id, location_id, client_id, amount_cents FROM payments"
        " WHERE source = $1 AND object_id = ANY($2::text[]) AND state IN ('paid', 'refunded')"
        " ORDER BY payment_id",
        source,
        sorted({name for several in names.values() for name in several}),
    )
    known = {row["object_id"]: row for row in rows}
    found: dict[str, Booked] = {}
    for payment, several in names.items():
        mine = [known[name] for name in sorted(set(several)) if name in known]
        if mine:
            found[payment] = Booked(
                payment_id=mine[0]["payment_id"],
                location_id=mine[0]["location_id"],
                client_id=mine[0]["client_id"],
                amount_cents=sum(row["amount_cents"] for row in mine),
            )
    return found
