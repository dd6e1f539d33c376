"""Debts at a collection agency: handed over by a decision, listed, paid through it, taken back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from pydantic import AwareDatetime

from domain.agency import Part
from domain.model import Record
from store.db import Conn, KeyReused


class Placement(Record):
    """One debt that a person handed over. `owed_cents` is what is still owed now.

    `placement_id` is the decision. `agency` is None until it was on a list.
    """

    placement_id: str
    case_id: str
    client_id: str
    location_id: str
    number: str
    placed_on: date
    amount_cents: int
    owed_cents: int
    remitted_cents: int
    agency: str | None = None
    exported_at: AwareDatetime | None = None
    recalled_at: AwareDatetime | None = None

    @property
    def state(self) -> str:
        """to_export | with_agency | settled | recalled."""
        if self.recalled_at is not None:
            return "recalled"
        if self.owed_cents <= 0:
            return "settled"
        return "to_export" if self.agency is None else "with_agency"


class Debt(Record):
    """What an agency is told of one debt: money and days, and no word of what was done."""

    billed_on: date
    billed_cents: int
    last_paid_on: date | None
    last_paid_cents: int | None
    asked_on: tuple[date, ...]
    """Days of the messages that asked for it."""


class Remittance(Record):
    """What an agency paid, by its own reference; the net is what arrives at the bank."""

    remittance_id: str
    location_id: str
    agency: str
    reference: str
    received_on: date
    gross_cents: int
    fee_cents: int
    booked_by: str


_PLACEMENTS = """
SELECT p.placement_id, p.case_id, p.client_id, p.location_id, d.number, p.amount_cents,
    (p.placed_at AT TIME ZONE l.zone)::date AS placed_on, agency, exported_at, recalled_at,
    coalesce((SELECT sum(debit_cents - credit_cents) FROM ledger_postings b
        WHERE b.case_id = p.case_id AND account = '1100'), 0)::bigint AS owed_cents,
    coalesce((SELECT sum(gross_cents) FROM agency_remittance_parts r
        WHERE r.placement_id = p.placement_id), 0)::bigint AS remitted_cents
FROM agency_placements p JOIN locations l USING (location_id)
JOIN documents d ON d.case_id = p.case_id AND d.document_no = 1
LEFT JOIN agency_exports USING (placement_id) LEFT JOIN agency_recalls USING (placement_id)
"""


async def place(
    conn: Conn,
    *,
    placement_id: str,
    case_id: str,
    client_id: str,
    location_id: str,
    amount_cents: int,
    at: datetime,
) -> None:
    """Keep that a debt was handed over; the caller holds the client's lock."""
    await conn.execute(
        "INSERT INTO agency_placements (placement_id, case_id, client_id, location_id,"
        " amount_cents, placed_at) VALUES ($1, $2, $3, $4, $5, $6)",
        placement_id,
        case_id,
        client_id,
        location_id,
        amount_cents,
        at,
    )


async def standing(conn: Conn, case_id: str) -> Placement | None:
    """The placement of a visit's debt that nobody has taken back."""
    found = await of_case(conn, case_id)
    return found if found is not None and found.recalled_at is None else None


async def of_case(conn: Conn, case_id: str) -> Placement | None:
    """The last placement of a visit's debt."""
    row = await conn.fetchrow(
        f"{_PLACEMENTS} WHERE p.case_id = $1 ORDER BY p.recorded_at DESC LIMIT 1", case_id
    )
    return Placement.model_validate(dict(row)) if row else None


async def of_decision(conn: Conn, review_id: str) -> Placement | None:
    """What a decision has handed over, if it has."""
    row = await conn.fetchrow(f"{_PLACEMENTS} WHERE p.placement_id = $1", review_id)
    return Placement.model_validate(dict(row)) if row else None


async def placements(conn: Conn, location_id: str | None) -> list[Placement]:
    """Every debt that was handed over, at one location or at all, oldest first."""
    rows = await conn.fetch(
        f"{_PLACEMENTS} WHERE $1::text IS NULL OR p.location_id = $1"
        " ORDER BY p.placed_at, p.placement_id",
        location_id,
    )
    return [Placement.model_validate(dict(row)) for row in rows]


async def at_agency(conn: Conn, places: Sequence[str], on: date) -> set[str]:
    """Visits whose debt was at an agency, or on its way to one, at the end of a civil day."""
    rows = await conn.fetch(
        "SELECT case_id FROM agency_placements p JOIN locations USING (location_id)"
        " LEFT JOIN agency_recalls USING (placement_id) WHERE p.location_id = ANY($1::text[])"
        " AND (placed_at AT TIME ZONE zone)::date <= $2"
        " AND (recalled_at IS NULL OR (recalled_at AT TIME ZONE zone)::date > $2)",
        list(places),
        on,
    )
    return {row["case_id"] for row in rows}


async def debt(conn: Conn, case_id: str) -> Debt:
    """What an agency may know of a visit's debt."""
    row = await conn.fetchrow(
        "SELECT (min(issued_at) AT TIME ZONE min(zone))::date AS billed_on,"
        " sum(change_due_cents)::bigint AS billed_cents,"
        " (SELECT jsonb_build_object('on', (occurred_at AT TIME ZONE min(zone))::date,"
        "   'cents', a.amount_cents) FROM payment_allocations a JOIN payments p USING (payment_id)"
        "  WHERE a.case_id = $1 AND a.amount_cents > 0 ORDER BY occurred_at DESC LIMIT 1) AS paid,"
        " ARRAY(SELECT DISTINCT local_date FROM touchpoints t WHERE t.case_id = $1"
        "  AND t.state IN ('accepted', 'delivered') ORDER BY 1) AS asked_on"
        " FROM documents d JOIN locations USING (location_id) WHERE d.case_id = $1",
        case_id,
    )
    found = dict(row or {})
    paid = found.pop("paid") or {}
    last = {"last_paid_on": paid.get("on"), "last_paid_cents": paid.get("cents")}
    return Debt.model_validate({**found, **last})


async def export(
    conn: Conn, placement_ids: Sequence[str], name: str, by: str, at: datetime
) -> None:
    """Keep which agency has these now; one that was on a list before stays as it is."""
    await conn.execute(
        "INSERT INTO agency_exports (placement_id, agency, exported_by, exported_at)"
        " SELECT unnest($1::text[]), $2, $3, $4 ON CONFLICT DO NOTHING",
        list(placement_ids),
        name,
        by,
        at,
    )


async def recall(
    conn: Conn, placement_id: str, hold_id: str, by: str, reason: str, at: datetime
) -> bool:
    """Take a debt back and end its silence; False when that was done before."""
    is_new = await conn.fetchval(
        "INSERT INTO agency_recalls (placement_id, recalled_by, reason, recalled_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true",
        placement_id,
        by,
        reason,
        at,
    )
    await conn.execute(
        "INSERT INTO client_hold_releases (hold_id, released_by, reason, released_at)"
        " SELECT hold_id, $2, $3, $4 FROM client_holds WHERE hold_id = $1 ON CONFLICT DO NOTHING",
        hold_id,
        by,
        reason,
        at,
    )
    return bool(is_new)


async def is_booked(conn: Conn, paid: Remittance, gross_cents: Mapping[str, int]) -> bool:
    """Whether this is in the books already, by visit; KeyReused when its reference is another."""
    row = await conn.fetchrow(
        "SELECT received_on, gross_cents, fee_cents, (SELECT jsonb_object_agg(case_id, gross_cents)"
        "  FROM agency_remittance_parts p WHERE p.remittance_id = r.remittance_id) AS parts"
        " FROM agency_remittances r WHERE remittance_id = $1",
        paid.remittance_id,
    )
    if row is None:
        return False
    told = paid.model_dump(include={"received_on", "gross_cents", "fee_cents"})
    if dict(row) != {**told, "parts": dict(gross_cents)}:
        raise KeyReused(f"remittance {paid.reference}")
    return True


async def remit(conn: Conn, paid: Remittance, parts: Sequence[Part]) -> None:
    """Keep what an agency paid, before it is posted."""
    await conn.execute(
        "INSERT INTO agency_remittances (remittance_id, location_id, agency, reference,"
        " received_on, gross_cents, fee_cents, booked_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        paid.remittance_id,
        paid.location_id,
        paid.agency,
        paid.reference,
        paid.received_on,
        paid.gross_cents,
        paid.fee_cents,
        paid.booked_by,
    )
    await conn.executemany(
        "INSERT INTO agency_remittance_parts (remittance_id, case_id, placement_id, gross_cents,"
        " fee_cents, recovered_cents) VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (
                paid.remittance_id,
                part.case_id,
                part.placement_id,
                part.gross_cents,
                part.fee_cents,
                part.recovered_cents,
            )
            for part in parts
        ],
    )
