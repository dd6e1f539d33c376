"""The connection pool, the transaction and the migrations of the books."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Conn: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationFailed(Exception):
    """The database could not be brought to the current schema; the text says why."""


class KeyReused(Exception):
    """The same business key came with other content; nothing was written."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was already written with other content")


class _Connection(asyncpg.Connection):
    """A connection without session state, so a release needs no reset round trip."""

    def get_reset_query(self) -> str:
        return ""


def from_json(text: str) -> Any:
    """Parse JSON without ever making a binary fraction."""
    return json.loads(text, parse_float=Decimal)


def _to_json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


async def _prepare(conn: Conn) -> None:
    for name in ("json", "jsonb"):
        await conn.set_type_codec(name, schema="pg_catalog", encoder=_to_json, decoder=from_json)


async def open_pool(url: str, min_size: int = 1, max_size: int = 8) -> Pool:
    """Open a pool on `url`, e.g. `postgres://postgres@/tieout?host=/path/to/socket/dir`."""
    return await asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        connection_class=_Connection,
        init=_prepare,
        server_settings={"application_name": "tieout", "jit": "off", "timezone": "UTC"},
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Conn]:
    """One read-committed transaction: committed on exit, rolled back on any exception."""
    async with pool.acquire() as conn, conn.transaction():
        yield conn


def migrate(url: str) -> None:
    """Create the database if need be and apply every missing migration; blocks.

    Raises MigrationFailed with one sentence that never shows the password.
    """
    command = [_dbmate(), "--url", _for_dbmate(url), "--no-dump-schema"]
    command += ["--migrations-dir", str(MIGRATIONS), "up"]
    # dbmate reads a .env file of its working directory; the migrations' own has none.
    done = subprocess.run(command, capture_output=True, text=True, cwd=MIGRATIONS, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        reason = lines[-1].removeprefix("Error: ")
        password = urlsplit(url).password
        if password:
            reason = reason.replace(password, "***")
        raise MigrationFailed(f"The database could not be migrated: {reason}.")


def _dbmate() -> str:
    beside = Path(sys.executable).parent / ("dbmate.exe" if os.name == "nt" else "dbmate")
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationFailed("dbmate is not installed; install this package's dependencies.")
    return found


def _for_dbmate(url: str) -> str:
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    host = options.get("host", [parts.hostname or ""])[0]
    if "sslmode" in options or not (host.startswith("/") or host in ("127.0.0.1", "localhost")):
        return url
    return f"{url}{'&' if parts.query else '?'}sslmode=disable"


async def schema_version(conn: Conn) -> str | None:
    """Version of the newest applied migration; None on an empty schema_migrations table."""
    version: str | None = await conn.fetchval("SELECT max(version) FROM schema_migrations")
    return version
