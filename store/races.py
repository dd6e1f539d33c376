"""The one race that cannot be closed: a payment between the last look and the hand-off."""

from domain.model import Record
from store.db import Conn


class Races(Record):
    """Messages of a location, and how long the balance behind them was unguarded.

    The gap is from the answer of the systems outside to the provider's acceptance.
    """

    messages: int
    gap_ms_median: int
    gap_ms_p99: int
    gap_ms_max: int
    crossed: int
    """Messages that a payment of their case fell into the gap of."""
    recalled: int
    """Texts that were cancelled at the provider because the money had come."""


async def of_location(conn: Conn, location_id: str | None = None) -> Races:
    """The figures of one location, or of all, from the first message on.

    Payment times are the processor's, so they mean something where clocks are not shifted.
    """
    row = await conn.fetchrow(
        "WITH sent AS (SELECT t.case_id, checked_at, accepted_at, reason,"
        "  (1000 * extract(epoch FROM accepted_at - checked_at))::bigint AS gap_ms,"
        "  EXISTS (SELECT FROM payments p WHERE p.case_id = t.case_id AND p.state = 'paid'"
        "   AND p.occurred_at BETWEEN checked_at AND accepted_at) AS is_crossed"
        "  FROM touchpoints t WHERE checked_at IS NOT NULL AND accepted_at IS NOT NULL"
        "  AND ($1::text IS NULL OR location_id = $1))"
        " SELECT count(*) AS messages,"
        " coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY gap_ms), 0) AS gap_ms_median,"
        " coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY gap_ms), 0) AS gap_ms_p99,"
        " coalesce(max(gap_ms), 0) AS gap_ms_max,"
        " count(*) FILTER (WHERE is_crossed) AS crossed,"
        " count(*) FILTER (WHERE reason = 'PAID_MEANWHILE') AS recalled FROM sent",
        location_id,
    )
    assert row is not None
    return Races.model_validate(dict(row))
