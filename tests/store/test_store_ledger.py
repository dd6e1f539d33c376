"""The ledger as the database keeps it: balanced, whole, and never changed."""

from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from store import case_facts, db, ledger
from store.db import KeyReused
from tests.cash import cash_in

ENTRY = (
    "INSERT INTO ledger_entries (entry_id, business_key, event, location_id, effective_on,"
    " content_hash) VALUES ($1, $1, 'raw', 'l', '2026-03-05', 'h')"
)
POSTING = (
    "INSERT INTO ledger_postings (entry_id, line_no, account, debit_cents, credit_cents,"
    " client_id) VALUES ($1, $2, $3, $4, $5, $6)"
)


async def _raw(pool, *lines):
    """Write one entry line by line, each line a statement of its own."""
    entry_id = str(uuid4())
    async with db.transaction(pool) as tx:
        await tx.execute(ENTRY, entry_id)
        for n, line in enumerate(lines, start=1):
            await tx.execute(POSTING, entry_id, n, *line)
    return entry_id


async def test_posting_twice_writes_once_and_other_content_is_refused(conn, practice):
    case = practice.case()
    sale = practice.sale(case)
    assert await ledger.post(conn, sale)
    assert not await ledger.post(conn, sale)
    assert await ledger.balance_of_case(conn, case) == 53_361
    assert (await case_facts.read(conn, case)).balance_cents == 53_361
    other = practice.sale(case, 1).model_copy(
        update={"entry_id": sale.entry_id, "business_key": sale.business_key}
    )
    with pytest.raises(KeyReused):
        await ledger.post(conn, other)
    same_key = other.model_copy(update={"entry_id": str(uuid4())})
    with pytest.raises(KeyReused):
        await ledger.post(conn, same_key)
    assert await ledger.balance_of_case(conn, case) == 53_361


async def test_a_batch_says_which_entries_were_new(conn, practice):
    case = practice.case()
    first, second = practice.sale(case, 500), practice.sale(case, 700)
    assert await ledger.post_all(conn, []) == []
    assert await ledger.post_all(conn, [first]) == [True]
    assert await ledger.post_all(conn, [first, second]) == [False, True]
    assert await ledger.entries_of_case(conn, case) == [first, second]


async def test_balances_by_case_client_account_and_location(conn, practice):
    case, other = practice.case(), practice.case()
    await ledger.post_all(conn, [practice.sale(case), practice.sale(other, 100)])
    async with conn.transaction():
        who = practice.client_id
        await cash_in(conn, practice.location_id, who, case, 53_361, date(2026, 3, 6))
    assert await ledger.balance_of_case(conn, case) == 0
    assert await ledger.balance_of_client(conn, practice.client_id) == 100
    expected = {"1040": 53_361, "1100": 100, "4010": -53_461}
    assert await ledger.account_balances(conn, practice.location_id) == expected
    assert await ledger.account_balances(conn, client_ids=[practice.client_id]) == expected
    totals = await ledger.totals(conn, [practice.client_id])
    assert (totals.debits_cents, totals.credits_cents) == (106_822, 106_822)
    assert (await ledger.totals(conn)).unbalanced_entries == 0


async def test_a_correction_names_an_entry_that_exists(conn, practice):
    case = practice.case()
    sale = practice.sale(case)
    await ledger.post(conn, sale)
    fixed = practice.sale(case, 5).model_copy(update={"corrects": sale.entry_id})
    assert await ledger.post(conn, fixed)
    stray = practice.sale(case, 6).model_copy(update={"corrects": "nothing"})
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await ledger.post(conn, stray)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("1100", 100, 0, "a")],
        [("1100", 100, 0, "a"), ("4010", 0, 99, "a")],
        [("1100", 100, 0, "a"), ("4010", 0, 100, "b")],
        [("1100", 100, 0, "a"), ("4010", 0, 60, "b"), ("4010", 0, 40, None)],
    ],
    ids=["empty", "one-line", "off-by-a-cent", "per-client", "two-clients-and-none"],
)
async def test_the_database_refuses_an_unbalanced_entry(pool, lines):
    with pytest.raises(asyncpg.CheckViolationError):
        await _raw(pool, *lines)


@pytest.mark.parametrize(
    "lines",
    [
        [("1100", 100, 0, "a"), ("4010", 0, 100, None)],
        [("1100", 9, 0, "a"), ("4010", 0, 9, "a"), ("1100", 5, 0, "b"), ("4010", 0, 5, "b")],
    ],
    ids=["one-client-as-a-whole", "each-client"],
)
async def test_the_database_takes_a_balanced_entry_line_by_line(pool, conn, lines):
    entry_id = await _raw(pool, *lines)
    count = "SELECT count(*) FROM ledger_postings WHERE entry_id = $1"
    assert await conn.fetchval(count, entry_id) == len(lines)


@pytest.mark.parametrize(
    "line",
    [("1100", 0, 0, "a"), ("1100", 5, 5, "a"), ("1100", -5, 0, "a"), ("9999", 5, 0, "a")],
)
async def test_the_database_refuses_a_wrong_line(pool, line):
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _raw(pool, line, ("4010", 0, 5, "a"))


async def test_the_database_refuses_a_late_posting_even_a_balanced_pair(conn, practice):
    sale = practice.sale(practice.case())
    await ledger.post(conn, sale)
    with pytest.raises(asyncpg.RestrictViolationError, match="together with their entry"):
        await conn.execute(
            "INSERT INTO ledger_postings (entry_id, line_no, account, debit_cents, credit_cents)"
            " VALUES ($1, 8, '1100', 5, 0), ($1, 9, '4010', 0, 5)",
            sale.entry_id,
        )


async def test_a_check_brought_forward_does_not_open_a_gap(pool):
    """After SET CONSTRAINTS IMMEDIATE a further line is judged again."""
    entry_id = str(uuid4())
    async with pool.acquire() as tx:
        undone = tx.transaction()
        await undone.start()
        await tx.execute(ENTRY, entry_id)
        await tx.execute(POSTING, entry_id, 1, "1100", 5, 0, "a")
        await tx.execute(POSTING, entry_id, 2, "4010", 0, 5, "a")
        await tx.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(asyncpg.CheckViolationError):
            await tx.execute(POSTING, entry_id, 3, "1100", 5, 0, "a")
        await undone.rollback()


async def test_a_writer_cannot_claim_an_older_transaction(pool, conn):
    entry_id = await _raw(pool, ("1100", 5, 0, "a"), ("4010", 0, 5, "a"))
    forged = str(uuid4())
    async with db.transaction(pool) as tx:
        await tx.execute(
            "INSERT INTO ledger_entries (entry_id, business_key, event, location_id,"
            " effective_on, content_hash, created_txid) SELECT $1, $1, 'raw', 'l', effective_on,"
            " 'h', created_txid FROM ledger_entries WHERE entry_id = $2",
            forged,
            entry_id,
        )
        await tx.execute(POSTING, forged, 1, "1100", 5, 0, "a")
        await tx.execute(POSTING, forged, 2, "4010", 0, 5, "a")
        own = await tx.fetchval("SELECT pg_current_xact_id()::text")
    stamped = "SELECT created_txid::text FROM ledger_entries WHERE entry_id = $1"
    assert await conn.fetchval(stamped, forged) == own


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings", "accounts"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_ledger_is_append_only(conn, table, statement):
    column = "account" if table == "accounts" else "entry_id"
    with pytest.raises(asyncpg.PostgresError) as refused:
        await conn.execute(statement.format(table, column, column))
    assert "append-only" in str(refused.value) or "TRUNCATE" in statement


async def test_truncate_of_the_whole_ledger_is_refused_by_the_trigger(conn):
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await conn.execute("TRUNCATE accounts, ledger_entries, ledger_postings")
