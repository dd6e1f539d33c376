"""Sees every transaction that writes journal entries, right before its commit and right after.

Both are moments at which a process may die. What writes no entry, and what is rolled back, is not
told of.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from unittest import mock

from asyncpg.transaction import Transaction

from domain.ledger import Entry
from store import ledger
from store.db import Conn

Strike = Callable[[str, Sequence[str]], Awaitable[None]]
"""Told `before` or `after`, and the events of the entries that are new."""
_post_all, _leave = ledger.post_all, Transaction.__aexit__


class Postings:
    """Tells `strike` of each posting while it is entered, in a process that posts side by side."""

    def __init__(self, strike: Strike) -> None:
        self._strike = strike
        self._written: dict[int, list[str]] = {}
        self._patches = ExitStack()

    def __enter__(self) -> None:
        async def leave(own: Transaction, kind: Any, error: Any, trace: Any) -> None:
            await self._leave(own, kind, error, trace)

        self._patches.enter_context(mock.patch.object(ledger, "post_all", self._post))
        self._patches.enter_context(mock.patch.object(Transaction, "__aexit__", leave))

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    async def _post(self, conn: Conn, entries: Sequence[Entry]) -> list[bool]:
        added = await _post_all(conn, entries)
        fresh = [one.event for one, new in zip(entries, added, strict=True) if new]
        self._written.setdefault(id(getattr(conn, "_con", conn)), []).extend(fresh)
        return added

    async def _leave(self, own: Any, kind: Any, error: Any, trace: Any) -> None:
        if own._nested:
            await _leave(own, kind, error, trace)
            return
        written = self._written.pop(id(own._connection), [])
        if kind is None:
            written = await self.told_of(own._connection, written)
        if not written or kind is not None:
            await _leave(own, kind, error, trace)
            return
        async with self.passing(written):
            await _leave(own, kind, error, trace)

    async def told_of(self, conn: Conn, events: Sequence[str]) -> Sequence[str]:
        """What a transaction that is about to commit is called."""
        return events

    @asynccontextmanager
    async def passing(self, events: Sequence[str]) -> AsyncIterator[None]:
        """Around the commit."""
        await self._strike("before", events)
        yield
        await self._strike("after", events)
