"""`kill -9` at every posting: a worker on a real engine, or the desk's own command, is killed
before and after the commit of every kind of entry; the hash is that of the undisturbed run.

    python -m tests.crash [--story NAME ...]

Prints one JSON object; exit code 1 when the hashes differ or a death was not died.
"""

import argparse
import asyncio
import json
import sys

from starter.exit import end
from tests.crash.matrix import Found, in_town, run
from tests.crash.told import STORIES


async def _run(names: list[str]) -> Found:
    async with in_town() as town:
        return await run(town, [STORIES[name] for name in names])


def main() -> int:
    """Run and tell."""
    words = argparse.ArgumentParser(prog="python -m tests.crash")
    words.add_argument("--story", action="append", choices=sorted(STORIES), default=[])
    found = asyncio.run(_run(words.parse_args().story or list(STORIES)))
    told = {
        "kinds_of_entries": len(found.calm.events),
        "deaths": found.deaths,
        "kills": found.kills,
        "undisturbed": found.calm.ledger_hash,
        "killed": found.dying.ledger_hash,
        "only_undisturbed": [" ".join(row) for row in found.calm.books - found.dying.books],
        "only_killed": [" ".join(row) for row in found.dying.books - found.calm.books],
        "not_died": found.unmet,
        "not_booked": sorted(found.untold),
        "seconds": found.seconds,
    }
    print(json.dumps(told, indent=2))
    return 0 if found.is_right else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    end(main())
