"""Which version of the templates each case began with, and which ones persons have replaced."""

from pydantic import AwareDatetime

from domain.template_versions import Replacement, version_of_case
from store.db import Conn

FIRST_VERSION = (
    "SELECT template_version FROM touchpoints WHERE case_id = {case_id}"
    " ORDER BY created_at, message_key LIMIT 1"
)
REPLACEMENTS = (
    "SELECT coalesce(jsonb_agg(jsonb_build_object('from_version', from_version,"
    " 'to_version', to_version) ORDER BY replacement_id), '[]') FROM template_replacements"
)


class Replaced(Replacement):
    """A replacement with who made it and why; `recorded_at` is wall time."""

    replaced_by: str
    reason: str
    recorded_at: AwareDatetime


async def of_case(conn: Conn, case_id: str) -> int:
    """The version that a case speaks by now."""
    row = await conn.fetchrow(
        f"SELECT ({FIRST_VERSION.format(case_id='$1')}) AS first, ({REPLACEMENTS}) AS replaced",
        case_id,
    )
    assert row is not None
    return version_of_case(row["first"], [Replacement.model_validate(it) for it in row["replaced"]])


async def of_cases(conn: Conn) -> dict[str, int]:
    """Case -> the version that it speaks by now, of every case that ever had a message."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (case_id) case_id, template_version FROM touchpoints"
        " ORDER BY case_id, created_at, message_key"
    )
    known = await replacements(conn)
    return {row["case_id"]: version_of_case(row["template_version"], known) for row in rows}


async def replacements(conn: Conn) -> list[Replaced]:
    """Every replacement, oldest first."""
    rows = await conn.fetch(
        "SELECT from_version, to_version, replaced_by, reason, recorded_at"
        " FROM template_replacements ORDER BY replacement_id"
    )
    return [Replaced.model_validate(dict(row)) for row in rows]


async def replace(conn: Conn, what: Replacement, by: str, reason: str) -> None:
    """Let one version speak for another in every case from now on."""
    await conn.execute(
        "INSERT INTO template_replacements (from_version, to_version, replaced_by, reason)"
        " VALUES ($1, $2, $3, $4)",
        what.from_version,
        what.to_version,
        by,
        reason,
    )
