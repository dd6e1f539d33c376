"""A generated month ties out to 0.00; one planted cent anywhere is found and named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from domain.month_end import MonthReport
from domain.tie import Tie, Verdict
from starter.desk.month_end import month_report
from store.db import Conn, Pool
from tests.month.maker import Made


async def test_a_generated_month_ties_out_to_the_cent(conn: Conn, month: Made) -> None:
    report = await month_report(conn, month.month, month.location_id)
    assert report.off_cents == 0
    assert report.is_tied
    checked = {tie.code: tie.ours_cents for tie in report.ties}
    for code in ("INVOICES", "RECEIVABLE", "CHARGES", "PAYOUTS", "CLEARING", "BANK", "LENDERS"):
        assert checked[code] != 0, f"nothing to tie in {code}"
    for code in ("SUSPENSE", "PMS_PAID", "PMS_OWED", "OWED_2010", "OWED_2030", "OWED_2040"):
        assert checked[code] != 0, f"nothing to tie in {code}"


async def test_the_lists_of_the_page_add_up_to_the_ledger(conn: Conn, month: Made) -> None:
    report = await month_report(conn, month.month, month.location_id)
    closing = {line.account: line.closing_cents for line in report.trial_balance}
    assert sum(closing.values()) == 0
    owed = {debts.who: debts.cents for debts in report.debts}
    assert owed["patients"] == closing["1100"]
    assert owed["lenders"] == closing["1030"]
    for debts in report.debts:
        assert sum(debts.by_age.values()) == debts.cents == sum(i.cents for i in debts.items)
    for roll in report.rolls:
        assert roll.opening_cents + sum(roll.changes.values()) == roll.closing_cents
        assert roll.closing_cents == roll.ledger_cents == -closing.get(roll.account, 0)
    assert -sum(item.cents for item in report.held) == closing["2090"] + closing["2095"]
    assert any(each.event == "written_off" for each in report.adjustments)
    assert all(each.by == "dana" and each.reason for each in report.adjustments)
    assert {(one.by, one.confirmed_by) for one in report.two_people} == {("dana", "eve")}
    packages = next(roll for roll in report.rolls if roll.account == "2010")
    assert {"sold", "drawn"} <= packages.changes.keys()
    assert packages.units is not None
    waiting = {one.code for one in report.waiting}
    assert {"PMS_CONFIRM", "NO_REFERENCE", "DUPLICATE_SUSPECTED"} <= waiting


@dataclass(frozen=True)
class Plant:
    """One cent changed behind the back of the triggers: the statement, and what must name it.

    `sql` gets the location and returns the id that a person reads in an item of `code`.
    """

    name: str
    code: str
    sql: str
    cents: int = 1


CHARGE = (
    "SELECT source, movement_id FROM balance_movements JOIN payouts USING (source, payout_id)"
    " WHERE location_id = $1 AND kind = 'charge' ORDER BY at, movement_id LIMIT 1"
)
PLANTS = (
    Plant(
        "processor-charge",
        "CHARGES",
        "UPDATE balance_movements m SET amount_cents = amount_cents + 1, net_cents = net_cents + 1"
        f" WHERE (source, movement_id) = ({CHARGE}) RETURNING (SELECT p.object_id"
        "  FROM payment_names n JOIN payments p USING (payment_id)"
        "  WHERE n.name = m.payment_id LIMIT 1)",
        -1,
    ),
    Plant(
        "processor-fee",
        "CLEARING",
        "UPDATE balance_movements SET fee_cents = fee_cents + 1, net_cents = net_cents - 1"
        f" WHERE (source, movement_id) = ({CHARGE}) RETURNING movement_id",
    ),
    Plant(
        "processor-payout",
        "PAYOUTS",
        "UPDATE payouts SET amount_cents = amount_cents + 1 WHERE (source, payout_id) = (SELECT"
        " source, payout_id FROM payouts WHERE location_id = $1 ORDER BY arrival_on LIMIT 1)"
        " RETURNING payout_id",
        -1,
    ),
    Plant(
        "lender",
        "LENDERS",
        "UPDATE ledger_postings SET debit_cents = debit_cents + 1 WHERE (entry_id, line_no) ="
        " (SELECT entry_id, line_no FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        "  WHERE location_id = $1 AND account = '1030' LIMIT 1) RETURNING case_id",
    ),
    Plant(
        "lender-deposit",
        "LENDERS",
        "INSERT INTO lender_fundings (fact_id, location_id, lender, funding_id, loan_id, source,"
        " state, as_of, observed_at, body, body_hash) SELECT 'cent-' || $1, $1, 'cherry',"
        " 'cent-' || $1, 'loan', 'poll', 'completed', '2026-10-20', '2026-10-20',"
        " '{\"net_cents\": 1, \"fee_cents\": 0}', 'h' RETURNING funding_id",
    ),
    Plant(
        "pms-payment",
        "PMS_PAID",
        "UPDATE pms_standings SET desk_cents = desk_cents + 1 WHERE case_id = (SELECT case_id"
        " FROM pms_standings WHERE location_id = $1 AND desk_cents > 0 ORDER BY 1 LIMIT 1)"
        " RETURNING case_id",
        -1,
    ),
    Plant(
        "pms-balance",
        "PMS_OWED",
        "UPDATE pms_standings SET unpaid_cents = unpaid_cents + 1 WHERE case_id = (SELECT case_id"
        " FROM pms_standings WHERE location_id = $1 ORDER BY 1 LIMIT 1) RETURNING case_id",
        -1,
    ),
    Plant(
        "pms-cash",
        "DRAWER",
        "UPDATE payments SET amount_cents = amount_cents + 1 WHERE payment_id = (SELECT payment_id"
        " FROM payments WHERE location_id = $1 AND kind = 'cash' ORDER BY 1 LIMIT 1)"
        " RETURNING object_id",
        -1,
    ),
    Plant(
        "bank-payout",
        "BANK",
        "UPDATE bank_lines SET amount_cents = amount_cents - 1 WHERE line_id = (SELECT line_id"
        " FROM bank_payouts JOIN payouts USING (source, payout_id) WHERE location_id = $1"
        " ORDER BY arrival_on LIMIT 1) RETURNING (SELECT payout_id FROM bank_payouts b"
        "  WHERE b.line_id = bank_lines.line_id)",
    ),
    Plant(
        "bank-deposit",
        "BANK",
        "UPDATE bank_lines SET amount_cents = amount_cents + 1 WHERE line_id = (SELECT line_id"
        " FROM bank_claims WHERE location_id = $1 ORDER BY 1 LIMIT 1) RETURNING line_id",
        -1,
    ),
    Plant(
        "bank-money-of-nobody",
        "BANK",
        "INSERT INTO bank_lines (line_id, on_date, amount_cents, sealed_words, imported_by)"
        " SELECT 'cent-' || $1, '2026-10-20', 1, '', 'dana' RETURNING line_id",
        -1,
    ),
    Plant(
        "ledger-one-sided",
        "BALANCE",
        "UPDATE ledger_postings SET debit_cents = debit_cents + 1 WHERE (entry_id, line_no) ="
        " (SELECT entry_id, line_no FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        "  WHERE location_id = $1 AND debit_cents > 0 AND effective_on <= '2026-10-31'"
        "  ORDER BY 1 LIMIT 1) RETURNING entry_id",
    ),
    Plant(
        "ledger-visit",
        "INVOICES",
        "UPDATE ledger_postings SET debit_cents = debit_cents + sign(debit_cents),"
        " credit_cents = credit_cents + sign(credit_cents) WHERE entry_id = (SELECT entry_id"
        "  FROM ledger_entries JOIN ledger_postings USING (entry_id) WHERE location_id = $1"
        "  AND event = 'visit_issued' AND effective_on >= '2026-10-01' GROUP BY entry_id"
        "  HAVING count(*) = 2 ORDER BY 1 LIMIT 1) RETURNING (SELECT number FROM documents d"
        "  JOIN ledger_entries e ON e.business_key = 'issued|' || document_id"
        "  WHERE e.entry_id = ledger_postings.entry_id)",
        2,
    ),
    Plant(
        "ledger-revenue-elsewhere",
        "INVOICES",
        "UPDATE ledger_postings SET account = '4060' WHERE (entry_id, line_no) = (SELECT"
        " entry_id, line_no FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        " WHERE location_id = $1 AND event = 'visit_issued' AND account = '4030'"
        " ORDER BY 1 LIMIT 1) RETURNING (SELECT number FROM documents d JOIN ledger_entries e"
        "  ON e.business_key = 'issued|' || document_id"
        "  WHERE e.entry_id = ledger_postings.entry_id)",
        0,
    ),
    Plant(
        "ledger-payment",
        "RECEIVABLE",
        "UPDATE ledger_postings SET debit_cents = debit_cents + sign(debit_cents),"
        " credit_cents = credit_cents + sign(credit_cents) WHERE entry_id = (SELECT entry_id"
        "  FROM ledger_entries WHERE location_id = $1 AND event = 'payment_received'"
        "  ORDER BY 1 LIMIT 1) RETURNING (SELECT object_id FROM payments p JOIN ledger_entries e"
        "   ON split_part(e.business_key, '|', 3) = p.payment_id"
        "   WHERE e.entry_id = ledger_postings.entry_id)",
        -1,
    ),
    Plant(
        "ledger-entry-of-nobody",
        "SOURCES",
        "WITH made AS (INSERT INTO ledger_entries (entry_id, business_key, event, location_id,"
        "  effective_on, content_hash, created_txid, recorded_at) SELECT 'cent-' || $1,"
        "  'cent-' || $1, 'cent', $1, '2026-10-20', 'h', pg_current_xact_id(), now()"
        "  RETURNING entry_id), lines AS (INSERT INTO ledger_postings SELECT entry_id, n, account,"
        "  debit, credit FROM made, (VALUES (1, '6010', 1, 0), (2, '4060', 0, 1))"
        "  AS line (n, account, debit, credit)) SELECT entry_id FROM made",
    ),
    Plant(
        "allocation",
        "RECEIVABLE",
        "UPDATE payment_allocations SET amount_cents = amount_cents + 1 WHERE allocation_id ="
        " (SELECT allocation_id FROM payment_allocations JOIN payments USING (payment_id)"
        "  WHERE location_id = $1 ORDER BY 1 LIMIT 1) RETURNING (SELECT object_id FROM payments p"
        "  WHERE p.payment_id = payment_allocations.payment_id)",
    ),
    Plant(
        "held-money",
        "SUSPENSE",
        "UPDATE payments SET amount_cents = amount_cents + 1 WHERE payment_id = (SELECT"
        " split_part(business_key, '|', 3) FROM ledger_entries WHERE location_id = $1"
        " AND event = 'unidentified_received' LIMIT 1) RETURNING object_id",
        -1,
    ),
    Plant(
        "package",
        "OWED_2010",
        "UPDATE lots SET opening_cents = opening_cents + 1, remaining_cents = remaining_cents + 1"
        " WHERE lot_id = (SELECT lot_id FROM lots WHERE location_id = $1 AND kind = 'unit'"
        "  ORDER BY 1 LIMIT 1) RETURNING client_id",
        -1,
    ),
    Plant(
        "unit",
        "UNITS",
        "UPDATE lots SET remaining_quantity = remaining_quantity - 1 WHERE lot_id = (SELECT lot_id"
        " FROM lots WHERE location_id = $1 AND kind = 'unit' AND remaining_quantity > 0"
        "  ORDER BY 1 LIMIT 1) RETURNING lot_id",
    ),
)


@asynccontextmanager
async def damaged(pool: Pool) -> AsyncIterator[Conn]:
    """The books without their triggers, thrown away afterwards."""
    async with pool.acquire() as conn:
        undone = conn.transaction()
        await undone.start()
        try:
            await conn.execute("SET LOCAL session_replication_role = replica")
            yield conn
        finally:
            await undone.rollback()


def tie_of(report: MonthReport, code: str) -> Tie:
    return next(tie for tie in report.ties if tie.code == code)


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
async def test_one_planted_cent_is_found_and_named(pool: Pool, month: Made, plant: Plant) -> None:
    async with damaged(pool) as conn:
        named = await conn.fetchval(plant.sql, month.location_id)
        assert named, "nothing was planted"
        report = await month_report(conn, month.month, month.location_id)
    assert not report.is_tied
    tie = tie_of(report, plant.code)
    assert tie.verdict is Verdict.OFF
    found = [item for item in tie.items if item.kind == "off"]
    assert all(named in item.name for item in found), found
    if plant.code == "UNITS":
        return
    off_cents = tie.ours_cents - tie.theirs_cents
    if abs(plant.cents) == 1:
        assert [item.off_cents for item in found] == [plant.cents]
        assert off_cents - sum(i.off_cents for i in tie.items if i.kind != "off") == plant.cents
    else:
        assert tie.off_cents > 0
    assert tie.off_cents >= 1
