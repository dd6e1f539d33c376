"""How each case ended. The database refuses an end with money off and nobody's name (F2)."""

from datetime import datetime

import asyncpg

from store.db import Conn


async def put(
    conn: Conn, business_key: str, case_id: str, status: str, closed_by: str | None, at: datetime
) -> str | None:
    """Keep an end once; None, or why the books do not agree to it.

    `status` is a VisitStatus, `closed_by` the person who ended the case, if one did.
    """
    try:
        await conn.execute(
            "INSERT INTO case_closings (business_key, case_id, status, closed_by, closed_at)"
            " SELECT $1, $2, $3, $4, $5"
            " WHERE NOT EXISTS (SELECT FROM case_closings WHERE business_key = $1)",
            business_key,
            case_id,
            status,
            closed_by,
            at,
        )
    except (asyncpg.RestrictViolationError, asyncpg.CheckViolationError) as refusal:
        return str(refusal)
    return None
