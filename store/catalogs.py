"""The numbered price books of each location; a version never changes once it is there."""

from domain.catalog import Catalog
from domain.model import input_hash
from store.db import Conn

_CACHE_SIZE = 64
_by_hash: dict[str, Catalog] = {}


async def put_catalog(conn: Conn, catalog: Catalog, by: str, reason: str) -> bool:
    """Add the next version; False when the current version is this very document.

    Raises ValueError when `catalog.version` is not the current version plus one.
    """
    body_hash = input_hash(catalog)
    added = await conn.fetchval(
        "INSERT INTO catalogs (location_id, version, body, body_hash, put_by, reason)"
        " SELECT $1, $2, $3, $4, $5, $6 WHERE $2 = 1 + coalesce("
        "  (SELECT max(version) FROM catalogs WHERE location_id = $1), 0)"
        " ON CONFLICT DO NOTHING RETURNING true",
        catalog.location_id,
        catalog.version,
        catalog.model_dump(mode="json"),
        body_hash,
        by,
        reason,
    )
    if added:
        return True
    row = await conn.fetchrow(
        "SELECT version, body_hash FROM catalogs WHERE location_id = $1"
        " ORDER BY version DESC LIMIT 1",
        catalog.location_id,
    )
    current = row["version"] if row else 0
    # By content, not by hash: a field that the model has gained since is no change.
    if row and current == catalog.version:
        kept = await _load(conn, catalog.location_id, current, row["body_hash"])
        if kept == catalog:
            return False
    raise ValueError(
        f"The next catalog of {catalog.location_id} is version {current + 1},"
        f" not {catalog.version}."
    )


async def current_catalog(conn: Conn, location_id: str) -> Catalog:
    """The newest version; raises LookupError with a sentence when there is none."""
    row = await conn.fetchrow(
        "SELECT version, body_hash FROM catalogs WHERE location_id = $1"
        " ORDER BY version DESC LIMIT 1",
        location_id,
    )
    if row is None:
        raise LookupError(f"{location_id} has no catalog; import one first.")
    return await _load(conn, location_id, row["version"], row["body_hash"])


async def get_catalog(conn: Conn, location_id: str, version: int) -> Catalog:
    """One version; raises LookupError with a sentence when it is not there."""
    body_hash = await conn.fetchval(
        "SELECT body_hash FROM catalogs WHERE location_id = $1 AND version = $2",
        location_id,
        version,
    )
    if body_hash is None:
        raise LookupError(f"{location_id} has no catalog version {version}.")
    return await _load(conn, location_id, version, body_hash)


async def _load(conn: Conn, location_id: str, version: int, body_hash: str) -> Catalog:
    # Versions are immutable and keyed by content, so a parsed one is right for ever.
    catalog = _by_hash.get(body_hash)
    if catalog is None:
        body = await conn.fetchval(
            "SELECT body::text FROM catalogs WHERE location_id = $1 AND version = $2",
            location_id,
            version,
        )
        catalog = Catalog.model_validate_json(body)
        if len(_by_hash) >= _CACHE_SIZE:
            _by_hash.pop(next(iter(_by_hash)))
        _by_hash[body_hash] = catalog
    return catalog
