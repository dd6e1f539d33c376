"""The page as people and programs get it: terminal, browser, JSON, exit codes, closing."""

import asyncio
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from domain.month_end import plain_report
from starter.desk.month_end import month_report
from starter.desk.month_html import month_html
from starter.desk.month_page import month_page
from store import periods
from store.db import Conn, Pool
from tests.cli.conftest import settings_env
from tests.cli.desk import Said, one_sentence, run_here
from tests.month.maker import Made, as_of
from tests.month.test_month_end import damaged

CENT = (
    "UPDATE bank_lines SET amount_cents = amount_cents - 1 WHERE line_id = (SELECT line_id"
    " FROM bank_payouts JOIN payouts USING (source, payout_id) WHERE location_id = $1"
    " ORDER BY arrival_on LIMIT 1) RETURNING (SELECT payout_id FROM bank_payouts b"
    "  WHERE b.line_id = bank_lines.line_id)"
)


async def shown(conn: Conn, month: Made):
    return await month_report(conn, month.month, month.location_id, as_of(month.month))


def on_terminal(report, *, whole: bool = False) -> str:
    console = Console(width=80, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(month_page(report, whole=whole))
    return console.export_text()


async def run(env: dict[str, str], words: Sequence[str]) -> Said:
    """Run one command beside this test's own loop."""
    return await asyncio.to_thread(run_here, env, words)


class Page(HTMLParser):
    """What a page loads, and the text that it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data) -> None:
        self.words.append(data)


async def test_a_tied_month_says_so_within_80_columns(conn: Conn, month: Made) -> None:
    text = on_terminal(await shown(conn, month), whole=True)
    assert "Ties out: every cent of difference has a name." in text
    assert max(map(len, text.splitlines())) <= 80
    for part in ("Tie-out", "Owed to the practice", "Owed by the practice", "Open questions"):
        assert part in text
    assert "by dana and eve: moved away" in " ".join(text.split())


async def test_a_cent_at_the_bank_is_said_first_on_both_pages(pool: Pool, month: Made) -> None:
    async with damaged(pool) as conn:
        payout_id = await conn.fetchval(CENT, month.location_id)
        report = await shown(conn, month)
    text = " ".join(on_terminal(report).split())
    assert "Does not tie out: $0.01 off." in text
    assert f"+$0.01 payout {payout_id} in: Both know it, at different amounts." in text
    page = Page()
    page.feed(month_html(report))
    words = " ".join(" ".join(page.words).split())
    assert words.index("What does not tie out") < words.index("Trial balance")
    assert f"payout {payout_id} in" in words


async def test_the_page_for_a_browser_loads_nothing_and_names_nobody(
    conn: Conn, month: Made
) -> None:
    html = month_html(await shown(conn, month))
    page = Page()
    page.feed(html)
    assert page.loads == []
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    assert "url(" not in html
    assert "svg" in page.tags
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    for secret in ("Quill", "Ada", "example.test", "78704"):
        assert secret not in html


async def test_the_json_carries_every_verdict(conn: Conn, month: Made) -> None:
    data = json.loads(json.dumps(plain_report(await shown(conn, month)), default=str))
    assert (data["month"], data["is_tied"], data["off_cents"]) == ("2026-10", True, 0)
    assert {tie["verdict"] for tie in data["ties"]} == {"ties", "explained"}
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", DOCS.read_text(), re.M))
    assert {tie["code"] for tie in data["ties"]} == documented


DOCS = Path(__file__).resolve().parents[2] / "docs" / "month-end.md"


async def test_the_command_prints_writes_and_exits_by_what_it_found(
    month: Made, month_url: str, tmp_path: Path
) -> None:
    at = ("report", "month-end", "--month", "2026-10", "--location", month.location_id)
    env, file = settings_env(month_url), tmp_path / "october.html"
    said = await run(env, at)
    assert said.code == 0, said
    assert said.out.startswith("Month end 2026-10, ")
    written = await run(env, [*at, "--html", str(file), "--json"])
    assert written.code == 0
    assert written.json["is_tied"] is True
    assert file.read_text().startswith("<!doctype html>")
    assert "write it like 2026-11" in one_sentence(
        await run(env, ["report", "month-end", "--month", "x"]), 2
    )
    nowhere = await run(env, ["report", "month-end", "--location", "nowhere"])
    assert "There is no location nowhere" in one_sentence(nowhere, 1)


async def test_a_month_with_a_cent_off_is_not_closed_without_a_reason(
    pool: Pool, month: Made, month_url: str
) -> None:
    """The same report decides; what stands open is named with the way to see it."""
    at = ("--month", "2026-10", "--location", month.location_id, "--by", "dana")
    env = settings_env(month_url)
    refused = one_sentence(await run(env, ["period", "close", *at, "--limit", "0"]), 1)
    assert "open questions above $0.00" in refused
    assert "tieout report month-end --month 2026-10" in refused
    async with pool.acquire() as conn:
        assert await periods.closed_until(conn, month.location_id) is None


@pytest.mark.parametrize("kind", ["drawer", "other"])
async def test_a_line_of_the_bank_is_claimed_by_name_once(
    kind: str, pool: Pool, month_url: str
) -> None:
    from tests.month.conftest import practice_in

    place = (await practice_in(pool)).world.location_id
    line_id = f"{kind}-{place}"
    async with pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO bank_lines (line_id, on_date, amount_cents, sealed_words, imported_by)"
            " VALUES ($1, '2026-09-20', 5000, '', 'dana')",
            line_id,
        )
    env = settings_env(month_url)
    words = ["bank", "claim", line_id, kind, "--by", "dana", "--location", place]
    assert "--reason WHY" in one_sentence(await run(env, words), 2)
    words += ["--reason", "slip 44"]
    for _ in range(2):
        assert (await run(env, words)).code == 0
    swapped = {"drawer": "other", "other": "drawer"}
    other = await run(env, [swapped.get(word, word) for word in words])
    assert "already written with other content" in one_sentence(other, 1)
    async with pool.acquire() as conn:
        booked = await conn.fetch(
            "SELECT account, debit_cents - credit_cents AS cents FROM ledger_postings"
            " JOIN ledger_entries USING (entry_id) WHERE location_id = $1",
            place,
        )
    moved = {row["account"]: row["cents"] for row in booked}
    assert moved == ({"1010": 5_000, "1040": -5_000} if kind == "drawer" else {})
