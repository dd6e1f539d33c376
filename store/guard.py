"""The guard of a write that a retry may repeat: one key, one input, one result.

Claim and settle belong in the same transaction as the write: a concurrent claim of the key
waits for that transaction to end.
"""

from typing import Any

from store.db import Conn, KeyReused

__all__ = ["KeyReused", "claim", "settle"]


async def claim(conn: Conn, key: str, hash: str) -> dict[str, Any] | None:
    """None: the write is yours to do. Else the first result, to be returned as it is.

    Raises KeyReused when the key was claimed with another input hash.
    """
    is_new = await conn.fetchval(
        "INSERT INTO write_guards (key, input_hash) VALUES ($1, $2)"
        " ON CONFLICT (key) DO NOTHING RETURNING true",
        key,
        hash,
    )
    if is_new:
        return None
    row = await conn.fetchrow("SELECT input_hash, result FROM write_guards WHERE key = $1", key)
    if row is None or row["input_hash"] != hash:
        raise KeyReused(key)
    result: dict[str, Any] | None = row["result"]
    return result


async def settle(conn: Conn, key: str, result: dict[str, Any]) -> None:
    """Fill in the result of a claimed key, once.

    Raises LookupError when nobody claimed it, KeyReused when it has another result already.
    """
    done = await conn.fetchval(
        "UPDATE write_guards SET result = $2, settled_at = clock_timestamp()"
        " WHERE key = $1 AND result IS NULL RETURNING true",
        key,
        result,
    )
    if done:
        return
    row = await conn.fetchrow(
        "SELECT result = $2::jsonb AS is_same FROM write_guards WHERE key = $1", key, result
    )
    if row is None:
        raise LookupError(f"{key} was settled without a claim")
    if not row["is_same"]:
        raise KeyReused(key)
