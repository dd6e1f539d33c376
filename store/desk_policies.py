"""What the desk may do alone, per location: versioned data, of which the newest counts."""

from pydantic import Field

from domain.model import Record
from store.db import Conn


class DeskPolicy(Record):
    """`second_person_above_cents`: from more than this on, another person has to confirm.

    `manager_email` gets the last reminder of a question, too. Version 0 is the default.
    """

    location_id: str
    version: int = Field(ge=0)
    second_person_above_cents: int = Field(ge=0)
    manager_email: str | None = None


async def current(conn: Conn, location_id: str) -> DeskPolicy:
    """The policy in force; where nobody has set one, the default that the database knows."""
    row = await conn.fetchrow(
        "SELECT $1::text AS location_id, coalesce(max(version), 0) AS version,"
        " second_person_limit($1) AS second_person_above_cents,"
        " (array_agg(manager_email ORDER BY version DESC))[1] AS manager_email"
        " FROM desk_policies WHERE location_id = $1",
        location_id,
    )
    return DeskPolicy.model_validate(dict(row or {}))


async def put(conn: Conn, policy: DeskPolicy, by: str, reason: str) -> None:
    """Add the next version; open questions keep what they were asked under."""
    await conn.execute(
        "INSERT INTO desk_policies (location_id, version, second_person_above_cents,"
        " manager_email, put_by, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        policy.location_id,
        policy.version,
        policy.second_person_above_cents,
        policy.manager_email,
        by,
        reason,
    )
