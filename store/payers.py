"""Who pays for a client besides themselves, as named people have decided it."""

from collections.abc import Sequence

from store.db import Conn


async def link(conn: Conn, client_id: str, payer_ref: str, by: str, review_id: str) -> None:
    """Keep that somebody pays for a client. Taking the decision back ends it."""
    await conn.execute(
        "INSERT INTO client_payers (client_id, payer_ref, linked_by, review_id)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        client_id,
        payer_ref,
        by,
        review_id,
    )


async def payers_of(conn: Conn, client_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Client id -> who pays for them: ids of clients of ours, or the processor's of others."""
    rows = await conn.fetch(
        "SELECT client_id, array_agg(DISTINCT payer_ref ORDER BY payer_ref) AS payers"
        " FROM client_payers p WHERE client_id = ANY($1::text[])"
        " AND NOT EXISTS (SELECT FROM review_undos u WHERE u.review_id = p.review_id)"
        " GROUP BY client_id",
        list(client_ids),
    )
    return {row["client_id"]: tuple(row["payers"]) for row in rows}
