"""A statement beside the payouts in real books: a dry run writes nothing, a repeat neither."""

import asyncio
import importlib
import json
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from store import db, locations, payouts
from store.payouts import PayoutRow
from tests.web.conftest import location, settings

__all__ = ["settings"]

command = importlib.import_module("starter.commands.import")
DAYS = iter(range(0, 3000, 60))


@pytest.fixture
def day(pg_url, settings, monkeypatch) -> date:
    """A day that no other test's payouts are near; the command talks to the test's database."""
    db.migrate(pg_url)
    here = settings.model_copy(update={"database_url": SecretStr(pg_url)})
    monkeypatch.setattr(command, "load_settings", lambda: here)
    return date(2031, 1, 1) + timedelta(days=next(DAYS))


def paid_out(pg_url: str, cents: int, on: date, state: str = "paid") -> str:
    payout_id = f"po_{uuid4().hex}"

    async def put() -> None:
        place = location(f"bank-{uuid4().hex[:8]}")
        async with await db.open_pool(pg_url, max_size=1) as pool, db.transaction(pool) as conn:
            await locations.put_location(conn, place)
            row = PayoutRow(
                source="stripe",
                payout_id=payout_id,
                location_id=place.location_id,
                amount_cents=cents,
                currency="USD",
                automatic=True,
                state=state,
                arrival_on=on,
                failed_on=on + timedelta(days=2) if state == "failed" else None,
            )
            await payouts.put(conn, row)

    asyncio.run(put())
    return payout_id


def run(file: Path, *words: str):
    answer = CliRunner().invoke(command.app, ["bank", str(file), "--by", "Dana", *words])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer


def statement(folder: Path, *rows: str) -> Path:
    file = folder / "bank.csv"
    file.write_text("\n".join(["date,amount,description,reference", *rows]) + "\n")
    return file


def test_a_dry_run_says_what_an_import_then_does_once(pg_url, day, tmp_path):
    payout_id = paid_out(pg_url, 968_031, day)
    rows = (f"{day},9680.31,STRIPE TRANSFER,ST-1", f"{day},-1200.00,RENT,")
    file = statement(tmp_path, *rows)
    dry = run(file)
    assert f"$9,680.31  {payout_id}" in dry.output
    assert "-$1,200.00  RENT" in dry.output
    assert "Nothing was written" in dry.output
    assert json.loads(run(file, "--json").output)["known"] == 0
    for _ in range(2):
        done = json.loads(run(file, "--apply", "--json").output)
    assert (done["known"], done["matched"]) == (2, {})
    assert payout_id not in run(file).output
    assert [each["amount_cents"] for each in done["unmatched"]].count(-120_000) == 1


def test_a_payout_that_becomes_known_later_meets_its_line(pg_url, day, tmp_path):
    file = statement(tmp_path, f"{day},9681.17,STRIPE,ST-2")
    run(file, "--apply")
    payout_id = paid_out(pg_url, 968_117, day + timedelta(days=3))
    [found] = json.loads(run(file, "--apply", "--json").output)["matched"].values()
    assert found["payout_id"] == payout_id


def test_a_payout_that_never_arrived_and_one_that_came_back(pg_url, day, tmp_path):
    lost = paid_out(pg_url, 968_201, day)
    back = paid_out(pg_url, 968_202, day, "failed")
    out = day + timedelta(days=2)
    file = statement(
        tmp_path,
        f"{day},9682.02,STRIPE,",
        f"{out},-9682.02,STRIPE RETURN,",
        f"{day + timedelta(days=9)},1.00,INTEREST,",
    )
    answer = run(file)
    assert answer.exit_code == 1
    assert f"{lost}: the bank does not show it" in answer.output
    assert f"{back} (sent back)" in answer.output


def test_bad_rows_are_named_and_nothing_is_imported(pg_url, day, tmp_path):
    paid_out(pg_url, 968_301, day)
    file = statement(tmp_path, f"{day},9683.01,STRIPE,", "yesterday,1.00,x,", f"{day},lots,x,")
    answer = run(file, "--apply")
    assert answer.exit_code == 1
    assert "row 3: the date" in answer.output
    assert "row 4: the amount" in answer.output
    good = statement(tmp_path, f"{day},9683.01,STRIPE,")
    assert json.loads(run(good, "--json").output)["known"] == 0


def test_what_is_no_statement_is_refused_with_a_sentence(day, tmp_path):
    assert run(tmp_path / "none.csv").exit_code == 2
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("when,what\n")
    assert "lacks date, amount, description, reference" in run(wrong).output
    wrong.write_bytes(b"\xff\xfe\x00")
    assert run(wrong).exit_code == 2


def test_the_banks_words_are_sealed(pg_url, day, tmp_path):
    run(statement(tmp_path, f"{day},44.01,ZELLE FROM ADA QUILL,"), "--apply")

    async def rows() -> list[bytes]:
        async with await db.open_pool(pg_url, max_size=1) as pool, pool.acquire() as conn:
            found = await conn.fetch("SELECT sealed_words FROM bank_lines")
            return [row["sealed_words"] for row in found]

    sealed = asyncio.run(rows())
    assert sealed
    assert not any(b"QUILL" in each for each in sealed)
