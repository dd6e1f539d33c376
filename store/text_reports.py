"""Which message a provider means that carries no reference of ours along."""

import re
from collections.abc import Sequence

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
