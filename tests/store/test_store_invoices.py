"""Issued documents, their numbers, drafts, pay links and open items."""

import asyncio
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from domain.invoice import Held, HoldReason
from store import db, invoices, ledger
from store.db import KeyReused
from tests.cash import cash_in

HELD = Held(reasons=(HoldReason(code="B9", detail="high", action="look"),))


async def test_numbers_run_without_gaps_per_location(pool, conn, practice):
    first = await invoices.issue(conn, practice.document(practice.case()))
    async with pool.acquire() as tx:
        undone = tx.transaction()
        await undone.start()
        await invoices.issue(tx, practice.document(practice.case()))
        await undone.rollback()
    second = await invoices.issue(conn, practice.document(practice.case()))
    assert (first.number, second.number) == ("LUM-000001", "LUM-000002")


async def test_numbers_stay_apart_when_two_issue_at_once(pool, practice):
    async def one():
        async with db.transaction(pool) as tx:
            issued = await invoices.issue(tx, practice.document(practice.case()))
            await asyncio.sleep(0.02)
            return issued.number

    numbers = await asyncio.gather(*(one() for _ in range(4)))
    assert sorted(numbers) == [f"LUM-00000{n}" for n in (1, 2, 3, 4)]


async def test_issue_is_idempotent_and_refuses_other_content(conn, practice):
    document = practice.document(practice.case())
    issued = await invoices.issue(conn, document)
    assert await invoices.issue(conn, document) == issued
    assert await invoices.document(conn, document.document_id) == issued
    with pytest.raises(KeyReused):
        await invoices.issue(conn, document.model_copy(update={"change_due_cents": 1}))
    after = await invoices.issue(conn, practice.document(practice.case()))
    assert after.number == "LUM-000002"


async def test_documents_of_a_case_in_order_and_by_number(conn, practice):
    case = practice.case()
    assert await invoices.latest_document(conn, case) is None
    first = await invoices.issue(conn, practice.document(case))
    second = await invoices.issue(conn, practice.document(case, 100, no=2))
    assert await invoices.documents_of(conn, case) == [first, second]
    assert await invoices.latest_document(conn, case) == second
    by_number = await invoices.document_by_number(conn, practice.location_id, "lum-000002")
    assert by_number == second
    with pytest.raises(LookupError):
        await invoices.document(conn, "nothing")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE documents SET total_cents = 1", "DELETE FROM documents", "TRUNCATE documents"],
)
async def test_an_issued_document_is_immutable(conn, practice, statement):
    await invoices.issue(conn, practice.document(practice.case()))
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await conn.execute(statement)


async def test_the_first_document_and_only_it_is_an_invoice(conn, practice):
    second = practice.document(practice.case(), no=2).model_copy(update={"kind": "invoice"})
    with pytest.raises(asyncpg.CheckViolationError):
        await invoices.issue(conn, second)


async def test_a_document_names_a_catalog_version_that_exists(conn, practice):
    stray = practice.document(practice.case()).model_copy(update={"catalog_version": 9})
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await invoices.issue(conn, stray)


async def test_drafts_keep_history_without_repeats(conn, practice):
    case, chart = practice.case(), practice.chart()
    assert await invoices.latest_draft(conn, case) is None
    for status, body in (
        ("held", HELD),
        ("held", HELD),
        ("issued", practice.priced()),
        ("held", HELD),
    ):
        await invoices.save_draft(conn, case, "h1", chart, status, body)
    await invoices.save_draft(conn, case, "h2", chart, "not_billable", None)
    drafts = await invoices.drafts_of(conn, case)
    assert [d.status for d in drafts] == ["not_billable", "held", "issued", "held"]
    assert (drafts[1].body, drafts[2].body, drafts[0].body) == (HELD, practice.priced(), None)
    latest = await invoices.latest_draft(conn, case)
    assert latest is not None
    assert latest.chart == chart


async def test_a_pay_link_is_stable_per_case_also_when_made_twice_at_once(pool, conn, practice):
    case = practice.case()

    async def make():
        async with db.transaction(pool) as tx:
            token = await invoices.pay_link(tx, case, practice.client_id, practice.location_id)
            await asyncio.sleep(0.02)
            return token

    tokens = set(await asyncio.gather(make(), make(), make()))
    (token,) = tokens
    assert len(token) == 22
    link = await invoices.link_by_token(conn, token)
    assert link is not None
    assert (link.case_id, link.client_id) == (case, practice.client_id)
    assert await invoices.link_by_token(conn, token + "x") is None


async def test_five_wrong_answers_lock_for_fifteen_minutes(conn, practice):
    token = await invoices.pay_link(conn, practice.case(), practice.client_id, practice.location_id)
    await conn.execute(
        "INSERT INTO factor_attempts (token, ok, recorded_at)"
        " SELECT $1, false, clock_timestamp() - interval '16 minutes' FROM generate_series(1, 5)",
        token,
    )
    for _ in range(4):
        await invoices.note_factor_attempt(conn, token, False)
    await invoices.note_factor_attempt(conn, token, True)
    assert not await invoices.factor_locked(conn, token)
    await invoices.note_factor_attempt(conn, token, False)
    assert await invoices.factor_locked(conn, token) == "minutes"


async def test_open_items_come_from_the_ledger(conn, practice):
    cases = [practice.case() for _ in range(3)]
    for case, cents in zip(cases, (500, 700, 900), strict=True):
        await invoices.issue(conn, practice.document(case, cents))
        await ledger.post(conn, practice.sale(case, cents))
    async with conn.transaction():
        who = practice.client_id
        await cash_in(conn, practice.location_id, who, cases[2], 900, date(2026, 3, 6))
    items = await invoices.open_items(conn, practice.location_id)
    assert {(i.case_id, i.balance_cents) for i in items} == {(cases[0], 500), (cases[1], 700)}
    assert {i.issued_on for i in items} == {date(2026, 3, 5)}
    found = await invoices.open_items(conn, practice.location_id, practice.client_id, 700)
    assert [i.case_id for i in found] == [cases[1]]
    assert await invoices.open_items(conn, practice.location_id, str(uuid4())) == []


async def test_a_patient_guesser_is_locked_out_for_a_day(conn, practice):
    token = await invoices.pay_link(conn, practice.case(), practice.client_id, practice.location_id)

    async def answered(ok, hours_ago):
        await conn.execute(
            "INSERT INTO factor_attempts (token, ok, recorded_at)"
            " VALUES ($1, $2, clock_timestamp() - make_interval(hours => $3))",
            token,
            ok,
            hours_ago,
        )

    for hour in range(15):
        await answered(False, 25 + hour)  # yesterday's are forgotten
    for hour in range(15):
        await answered(True, 1 + hour)
        assert not await invoices.factor_locked(conn, token)
        await answered(False, 1 + hour)
    assert await invoices.factor_locked(conn, token) == "day"
    for _ in range(5):
        await answered(False, 0)
    assert await invoices.factor_locked(conn, token) == "day", "the longer lock is told"
