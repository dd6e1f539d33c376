"""`kill -9` at every posting point, before and after its commit: the same ledger hash."""

import asyncio
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from store.db import Pool
from tests.histories import books
from tests.histories.killed import BOOKED, HISTORIES, Counted, Doomed, exit_of, opened, play

SIDES = ("before", "after")


async def _doomed(pool: Pool, url: str, name: str, folder: Path, at: int, side: str) -> Doomed:
    token = uuid4().hex[:12]
    return Doomed(url, await opened(pool), token, name, folder / token, at, side)


async def _hash(pool: Pool, doomed: Doomed, postings: Counted) -> str:
    one = await play(pool, doomed, postings)
    async with pool.acquire() as conn:
        return books.digest(await books.state(conn, one.place, one.names))


@pytest.mark.timeout(240)
async def test_killed_at_each_posting_point(pool: Pool, pg_url: str, tmp_path: Path) -> None:
    events: set[str] = set()
    for name in HISTORIES:
        watched = Counted()
        calm = await _doomed(pool, pg_url, name, tmp_path, 0, "")
        undisturbed = await _hash(pool, calm, watched)
        events |= set(watched.events)
        every = [
            await _doomed(pool, pg_url, name, tmp_path, at, side)
            for at in range(1, watched.count + 1)
            for side in SIDES
        ]
        ends = await asyncio.gather(*map(exit_of, every))
        assert ends == [-signal.SIGKILL] * len(every)
        for doomed in every:
            rest = Counted()
            assert await _hash(pool, doomed, rest) == undisturbed, doomed
            lost = 1 if doomed.side == "before" else 0
            assert rest.count == watched.count - doomed.die_at + lost, doomed
    assert events == BOOKED
