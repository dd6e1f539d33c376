"""What the desk was asked of the daily control, and what it has answered."""

from typing import Any

from domain.control import CODE, Asked
from domain.topics_control import EXPLAINED
from store.db import Conn


async def asked(conn: Conn, location_id: str) -> list[Asked]:
    """Open questions of a location's lines, and explanations that stand; newest first."""
    rows = await conn.fetch(
        "SELECT case_id, r.review_id, shown, decided_by AS explained_by FROM reviews r"
        " LEFT JOIN review_decisions d USING (review_id)"
        " LEFT JOIN review_undos u USING (review_id)"
        " WHERE location_id = $1 AND code = $2 AND u.review_id IS NULL"
        " AND (state = 'open' OR state = 'decided' AND decision ->> 'choice' = $3)"
        " ORDER BY opened_at DESC, r.review_id",
        location_id,
        CODE,
        EXPLAINED,
    )
    return [_asked(**row) for row in rows]


def _asked(shown: dict[str, Any], **row: Any) -> Asked:
    return Asked(**row, off=shown["off"], since=shown["since"])
