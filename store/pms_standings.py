"""What the PMS showed of each visit's money when it was read last, for the month-end tie-out."""

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn


class PmsStanding(Record):
    """`desk_cents` is money that the PMS took itself, `ours_cents` what the desk recorded there
    under our reference, `unpaid_cents` what the PMS still shows as owed."""

    case_id: str
    location_id: str
    desk_cents: int
    ours_cents: int
    unpaid_cents: int
    read_at: AwareDatetime


async def put(conn: Conn, row: PmsStanding) -> None:
    """Keep what was read, unless it is older than what is kept."""
    await conn.execute(
        "INSERT INTO pms_standings (case_id, location_id, desk_cents, ours_cents, unpaid_cents,"
        " read_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (case_id) DO UPDATE"
        " SET desk_cents = excluded.desk_cents, ours_cents = excluded.ours_cents,"
        " unpaid_cents = excluded.unpaid_cents, read_at = excluded.read_at,"
        " recorded_at = clock_timestamp() WHERE pms_standings.read_at <= excluded.read_at"
        " AND (pms_standings.desk_cents, pms_standings.ours_cents, pms_standings.unpaid_cents)"
        " IS DISTINCT FROM (excluded.desk_cents, excluded.ours_cents, excluded.unpaid_cents)",
        row.case_id,
        row.location_id,
        row.desk_cents,
        row.ours_cents,
        row.unpaid_cents,
        row.read_at,
    )


async def of(conn: Conn, location_ids: list[str]) -> list[PmsStanding]:
    """What is kept of these locations' visits."""
    rows = await conn.fetch(
        "SELECT case_id, location_id, desk_cents, ours_cents, unpaid_cents, read_at"
        " FROM pms_standings WHERE location_id = ANY($1::text[]) ORDER BY case_id",
        location_ids,
    )
    return [PmsStanding.model_validate(dict(row)) for row in rows]
