"""A process of the product that can be killed at a posting: `python -m tests.crash.doomed FOLDER
WORDS...` runs the command line's WORDS.

A file `before.EVENT` or `after.EVENT` in the folder asks for a death: the first process whose
transaction writes such an entry renames the file, with its process id inside, and hangs on that
side of the commit until it is killed. No file is renamed twice, so each death is died once.

`before.web.EVENT` asks it of the web process alone, `before.desk.EVENT` of a command of the desk.
These two may be asked to die where they write a table, too: `after.desk.bank_lines`. A statement
that is no part of a transaction counts as one.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from asyncpg import Connection

from tests.postings import Postings

HUNG = "hung"
SIDES = ("before", "after")
WEB, DESK = "web", "desk"
_SPEAKS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
_WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM) [a-z_]+", re.ASCII)


def ask(folder: Path, events: Sequence[str]) -> None:
    """Ask for a death on both sides of the commit of each kind of entry."""
    for event in events:
        for side in SIDES:
            (folder / f"{side}.{event}").touch()


def unmet(folder: Path) -> list[str]:
    """Deaths that nobody has died."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != f".{HUNG}")


def hung(folder: Path, pid: int | None) -> set[str]:
    """Deaths at which a process hangs or has hung."""
    met = (path for path in folder.iterdir() if path.suffix == f".{HUNG}")
    return {path.stem for path in met if path.read_text() == str(pid)}


@contextlib.contextmanager
def alone(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Who kills is alone: a commit and the death after it are not torn apart by another one's."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


class Dying(Postings):
    """Hangs at a posting, when a death was asked for there; `part` is web, desk or nothing."""

    def __init__(self, folder: Path, part: str = "") -> None:
        super().__init__(self._hang)
        self._folder, self._part = folder, part

    def __enter__(self) -> None:
        super().__enter__()
        if self._part:
            for name in _SPEAKS:
                alone = _in_a_transaction(getattr(Connection, name))
                self._patches.enter_context(mock.patch.object(Connection, name, alone))

    async def told_of(self, conn: Any, events: Sequence[str]) -> Sequence[str]:
        """Its entries and the tables in which it wrote a row."""
        if not self._part:
            return events
        asked = {path.name.split(".")[2] for path in self._folder.glob(f"*.{self._part}.*")}
        tables = [name for name in sorted(asked) if await _has_written(conn, name)]
        return [*events, *(f"{self._part}.{name}" for name in (*events, *tables))]

    async def _hang(self, side: str, written: Sequence[str]) -> None:
        if self._met(side, written):
            await self._until_killed()

    def _met(self, side: str, written: Sequence[str]) -> bool:
        asked = [self._folder / f"{side}.{name}" for name in dict.fromkeys(written)]
        met = [path for path in asked if path.exists()]
        for path in met:
            path.write_text(str(os.getpid()))
            path.rename(path.with_name(f"{path.name}.{HUNG}"))
        return bool(met)

    @contextlib.asynccontextmanager
    async def passing(self, events: Sequence[str]) -> AsyncIterator[None]:
        """Around the commit."""
        await self._hang("before", events)
        with alone(self._folder, fcntl.LOCK_SH):
            yield
            is_met = self._met("after", events)
        if is_met:
            await self._until_killed()

    async def _until_killed(self) -> None:
        """The time-outs of a page save nobody: the death that was asked for is a death."""
        while self._part:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        await asyncio.Event().wait()


def _in_a_transaction(speak: Callable[..., Any]) -> Callable[..., Any]:
    """A statement by itself is its own transaction: said so, it has a before and an after."""

    async def said(conn: Any, query: str, *args: Any, **how: Any) -> Any:
        if conn.is_in_transaction() or not _WRITES.search(query):
            return await speak(conn, query, *args, **how)
        async with conn.transaction():
            return await speak(conn, query, *args, **how)

    return said


async def _has_written(conn: Any, table: str) -> bool:
    """Whether the transaction has put or changed a row there; False for what is no table."""
    is_locked = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid()"
        " AND relation = to_regclass($1) AND mode = 'RowExclusiveLock')",
        table,
    )
    return bool(is_locked) and await conn.fetchval(
        f"SELECT EXISTS (SELECT FROM {table} WHERE xmin = pg_current_xact_id_if_assigned()::xid)"
    )


def main() -> None:
    """Run one command of the product."""
    from starter import cli
    from starter.exit import end

    words = sys.argv[2:]
    with Dying(Path(sys.argv[1]), {"worker": "", "serve": WEB}.get(words[0], DESK)):
        end(cli.run(words))


if __name__ == "__main__":
    main()
