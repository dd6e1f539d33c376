"""A process of the product that can be killed at a posting: `python -m tests.crash.doomed FOLDER
WORDS...` runs the command line's WORDS.

A file `before.EVENT` or `after.EVENT` in the folder asks for a death: the first process whose
transaction writes such an entry renames the file, with its process id inside, and hangs on that
side of the commit until it is killed. No file is renamed twice, so each death is died once.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from tests.postings import Postings

HUNG = "hung"
SIDES = ("before", "after")


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
    """Hangs at a posting, when a death was asked for there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._hang)
        self._folder = folder

    async def _hang(self, side: str, events: Sequence[str]) -> None:
        if self._met(side, events):
            await asyncio.Event().wait()

    def _met(self, side: str, events: Sequence[str]) -> bool:
        asked = [self._folder / f"{side}.{event}" for event in dict.fromkeys(events)]
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
            await asyncio.Event().wait()


def main() -> None:
    """Run one command of the product."""
    from starter import cli
    from starter.exit import end

    with Dying(Path(sys.argv[1])):
        end(cli.run(sys.argv[2:]))


if __name__ == "__main__":
    main()
