"""What providers say later of texts: which message they mean, and of which they said nothing."""

import re
from collections.abc import Sequence
from datetime import datetime

from store.db import Conn

_LINK = re.compile(r"/p/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")
"""A pay link; its token stands for one case."""


async def key_of(conn: Conn, source: str, provider_id: str, words: str) -> str | None:
    """The key of the message that a provider reports on; None when it is none of ours.

    By the provider's own id; before that id is known, by the pay link in the words, when one
    message alone of that case is with this provider without an answer.
    """
    known: str | None = await conn.fetchval(
        "SELECT message_key FROM touchpoints WHERE provider_id = $1", provider_id
    )
    tokens: Sequence[str] = _LINK.findall(words)
    if known is not None or not tokens:
        return known
    waiting = await conn.fetch(
        "SELECT message_key FROM touchpoints JOIN pay_links USING (case_id)"
        " WHERE token = ANY($1::text[]) AND channel = 'sms' AND provider = $2"
        " AND state IN ('sending', 'unknown') LIMIT 2",
        tokens,
        source,
    )
    return waiting[0]["message_key"] if len(waiting) == 1 else None


async def unreported(
    conn: Conn, since: datetime, until: datetime, limit: int
) -> list[tuple[str, str]]:
    """(provider, its id) of texts that went out in [since, until) and have no end yet."""
    rows = await conn.fetch(
        "SELECT provider, provider_id FROM touchpoints JOIN locations l USING (location_id)"
        " WHERE channel = 'sms' AND state = 'accepted' AND provider_id IS NOT NULL"
        " AND at >= $1::timestamptz + make_interval(secs => l.clock_shift_seconds)"
        " AND at < $2::timestamptz + make_interval(secs => l.clock_shift_seconds)"
        " ORDER BY at LIMIT $3",
        since,
        until,
        limit,
    )
    return [(row["provider"], row["provider_id"]) for row in rows]
