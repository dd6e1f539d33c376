"""A statement is read row by row, and its lines meet payouts by amount and date alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bank import Expected, overdue, pair, read_statement

HEAD = "Date,Amount,Description,Reference\n"
DAY = date(2026, 11, 2)


def expected(payout_id: str, cents: int, on: date = DAY, leg: str = "in") -> Expected:
    return Expected(source="stripe", payout_id=payout_id, leg=leg, amount_cents=cents, on=on)


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("96.80", 9_680),
        ('"1,234.50"', 123_450),
        ("$12", 1_200),
        ("-20.5", -2_050),
        ("(7.00)", -700),
        ("+3.00", 300),
    ],
)
def test_amounts_as_banks_write_them(amount, cents):
    [line], bad = read_statement(f"\ufeff{HEAD}11/02/2026,{amount},STRIPE,ST-1\n")
    assert (line.amount_cents, line.on, line.words, bad) == (cents, DAY, "STRIPE ST-1", [])


@pytest.mark.parametrize("amount", ["", "0.00", "1.234,50", "12,34", "abc", "(-1)", "1.005", "1e3"])
def test_every_bad_amount_is_named_by_its_row(amount):
    lines, bad = read_statement(f'{HEAD}2026-11-02,1.00,a,b\n2026-11-02,"{amount}",secret,b\n')
    assert (len(lines), [row.row for row in bad]) == (1, [3])
    assert "secret" not in bad[0].why


def test_bad_dates_and_missing_columns():
    _, bad = read_statement(f"{HEAD}02.11.2026,1.00,a,b\n2026-02-30,1.00,a,b\n")
    assert [row.row for row in bad] == [2, 3]
    with pytest.raises(ValueError, match="lacks amount, reference"):
        read_statement("date,description\n")


def test_the_same_file_gives_the_same_lines_and_equal_lines_count_apart():
    text = f"{HEAD}2026-11-02,5.00,a,b\n2026-11-02,5.00,a,b\n2026-11-03,5.00,a,b\n"
    lines, _ = read_statement(text)
    assert len({line.line_id for line in lines}) == 3
    assert read_statement(text)[0] == lines


@given(st.integers(-10, 10), st.integers(-2, 2))
def test_a_line_is_a_payout_by_exact_amount_within_three_days(days: int, cents: int):
    on = DAY + timedelta(days=days)
    amount = f"{(9_680 + cents) // 100}.{(9_680 + cents) % 100:02d}"
    [line], _ = read_statement(f"{HEAD}{on},{amount},x,\n")
    found = pair([line], [expected("po_1", 9_680)])
    assert bool(found) == (abs(days) <= 3 and cents == 0)


def test_equal_payouts_go_to_the_nearest_lines_one_each():
    lines, _ = read_statement(f"{HEAD}2026-11-02,5.00,a,\n2026-11-03,5.00,b,\n2026-11-04,5.00,c,\n")
    wanted = [expected("po_a", 500, date(2026, 11, 3)), expected("po_b", 500, date(2026, 11, 4))]
    found = pair(lines, wanted)
    assert {line.row: found[line.line_id].payout_id for line in lines if line.line_id in found} == {
        3: "po_a",
        4: "po_b",
    }
    assert pair(lines[::-1], wanted[::-1]) == found


def test_a_payout_that_came_back_is_two_lines():
    lines, _ = read_statement(f"{HEAD}2026-11-02,5.00,a,\n2026-11-04,-5.00,b,\n")
    legs = [expected("po_a", 500), expected("po_a", -500, date(2026, 11, 4), "back")]
    assert {found.leg for found in pair(lines, legs).values()} == {"in", "back"}


def test_a_payout_is_missing_once_the_statement_is_past_its_days():
    wanted = [expected("po_1", 500)]
    assert overdue(wanted, {}, DAY, DAY + timedelta(days=2)) == []
    assert overdue(wanted, {}, DAY, DAY + timedelta(days=3)) == wanted
    assert overdue(wanted, {"line": wanted[0]}, DAY, DAY + timedelta(days=9)) == []
    assert overdue(wanted, {}, DAY + timedelta(days=1), DAY + timedelta(days=9)) == []
