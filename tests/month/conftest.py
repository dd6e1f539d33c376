"""One generated month for the whole session; each test looks at it, or damages a copy."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from store import catalogs, db, locations
from store.db import transaction
from tests.activities.practice import Practice
from tests.agreed import channels_on
from tests.month.maker import Made, Maker
from tests.web.conftest import assemble, catalog, location, made_up_settings

VISITS = 36


async def practice_in(pool: db.Pool) -> Practice:
    """A practice of its own with the example price book."""
    location_id = f"month-{uuid4().hex[:12]}"
    async with transaction(pool) as conn:
        await locations.put_location(conn, location(location_id))
        await catalogs.put_catalog(conn, catalog(location_id), by="test", reason="first")
        await channels_on(conn, location_id)
    opened = Practice(assemble(pool, made_up_settings(), location_id))
    await opened.open()
    return opened


@pytest.fixture(scope="session")
def month_url(pg_url: str) -> str:
    """A database of its own: the bank's statement is the whole practice's."""
    return urlsplit(pg_url)._replace(path="/month").geturl()


@pytest.fixture(scope="session")
async def pool(month_url: str) -> AsyncIterator[db.Pool]:
    """A pool on it, migrated."""
    db.migrate(month_url)
    async with await db.open_pool(month_url, min_size=1, max_size=6) as opened:
        yield opened


@pytest.fixture(scope="session")
async def month(pool: db.Pool) -> Made:
    """A small month with something of everything."""
    return await Maker(await practice_in(pool), VISITS, seed=5).play()
