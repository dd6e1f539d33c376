"""Files of CareCredit and of in-house plans: every row is a fact or is named, none is skipped."""

import csv
import io
from datetime import UTC, date, datetime
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.carecredit_file import COLUMNS, TRAILER, cut_of, read_export
from domain.in_house import COLUMNS as IN_HOUSE
from domain.in_house import Terms, agreed_terms, read_file, schedule, terms_problem
from domain.money import cents_of, dollars
from domain.plan_case import PlanStatus
from domain.plan_facts import PlanFact, fold

AT = datetime(2026, 11, 5, 15, 0, tzinfo=UTC)
MERCHANT = "5348120012345678"
ZONE = "America/Chicago"
HOW = {"location_id": "lumin", "zone": ZONE, "observed_at": AT}


def row(ref: str = "T1", **cells: str) -> dict[str, str]:
    base = dict.fromkeys(COLUMNS, "") | {
        "ref_id": ref,
        "merchant_number": MERCHANT,
        "transaction_type": "purchase",
        "status": "completed",
        "practice_memo": "visit-7",
        "ehr_patient_id": "pat-7",
        "patient_last": "Abbott",
        "patient_first_initial": "F",
        "transaction_date": "2026-11-02",
        "posted_date": "2026-11-03",
        "promo_code": "12M",
        "gross_amount": "2,800.00",
        "fee_amount": "277.20",
        "net_amount": "2,522.80",
    }
    return base | cells


def refund(ref: str, of: str, gross: str = "-2,800.00", **cells: str) -> dict[str, str]:
    amounts = {"gross_amount": gross, "fee_amount": "0.00", "net_amount": gross}
    return row(ref, transaction_type="refund", original_ref_id=of, **amounts | cells)


def export(
    *rows: dict[str, str], ends: str = "\n", trailer: bool = True, bom: bool = False
) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator=ends)
    writer.writeheader()
    writer.writerows(rows)
    if trailer:
        sums = {
            name: dollars(sum(cents_of(each[name]) or 0 for each in rows)).replace("$", "")
            for name in ("gross_amount", "fee_amount", "net_amount")
        }
        writer.writerow({"ref_id": TRAILER, "practice_memo": str(len(rows)), **sums})
    return (b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode()


def name(day: int = 3, cut: int = 1) -> str:
    return f"cc_{MERCHANT}_202611{day:02d}_{cut}.csv"


def read(*rows: dict[str, str], file: str | None = None, **how):
    return read_export(file or name(), export(*rows, **how), **HOW)


def test_a_whole_file_with_a_bom_crlf_and_thousands_says_what_a_plain_one_says():
    plain, odd = read(row()), read(row(), ends="\r\n", bom=True)
    assert plain == odd
    assert (plain.fault, plain.bad, plain.rows) == (None, (), 1)
    (fact,) = plain.facts
    assert (fact.plan_id, fact.status, fact.financed_cents) == ("T1", PlanStatus.ACCEPTED, 280_000)
    assert (fact.patient_ref, fact.visit_ref, fact.programme) == ("pat-7", "visit-7", "12M")
    assert "Abbott" not in fact.model_dump_json()


def test_the_cut_in_its_name_is_the_time_that_a_file_speaks_of():
    assert cut_of(name(3, 1), ZONE) == (MERCHANT, datetime(2026, 11, 3, 12, 0, tzinfo=UTC))
    # The clocks of Chicago went back on the first of November.
    assert cut_of(f"cc_{MERCHANT}_20261031_2.csv", ZONE)[1].hour == 23
    for wrong in ("export.csv", "cc_1_20261103_1.csv", f"cc_{MERCHANT}_20261303_1.csv"):
        with pytest.raises(ValueError, match="its name is not like"):
            cut_of(wrong, ZONE)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"ref_id": ""}, "ref_id is missing or no id"),
        ({"ref_id": "Fern Abbott"}, "ref_id is missing or no id"),
        ({"merchant_number": "1"}, "another merchant number"),
        ({"transaction_type": "gift"}, "transaction type is none of"),
        ({"transaction_type": "adjustment"}, "an adjustment, which a person"),
        ({"transaction_date": "11/02/2026"}, "transaction date is no date"),
        ({"transaction_date": "2026-12-24"}, "lies after the file's own day"),
        ({"gross_amount": "12,34"}, "gross amount is no amount"),
        ({"gross_amount": "-5.00"}, "a gross amount above zero"),
        ({"fee_amount": ""}, "fee amount is no amount"),
        ({"funding_date": "2026-11-03"}, "funding_batch_id is missing"),
        ({"funding_date": "soon"}, "funding date is no date"),
        ({"transaction_type": "refund"}, "original_ref_id is missing"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_holds_back_no_other(cells, why):
    found = read(row("T0"), row() | cells, row("T2"))
    assert [(each.row, why in each.why) for each in found.bad] == [(3, True)]
    assert [fact.plan_id for fact in found.facts] == ["T0", "T2"]
    assert "Abbott" not in found.bad[0].why


def test_an_unknown_word_is_a_fact_for_a_person_and_not_a_bad_row():
    (fact,) = read(row(status="Escalated")).facts
    assert (fact.status, fact.status_word) == (PlanStatus.UNKNOWN, "escalated")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda raw: raw[: raw.rindex(b"TRAILER")], "ends without a trailer"),
        (lambda raw: raw[: raw.rindex(b"277.20")], "ends without a trailer, inside a row"),
        (lambda raw: raw.replace(b",2,", b",3,"), "its trailer counts other than 2 rows"),
        (
            lambda raw: raw.replace(b"5600.00", b"1.00").replace(b'"5,600.00"', b"1.00"),
            "gross amount differs",
        ),
    ],
)
def test_a_file_that_is_not_whole_says_so_and_its_good_rows_count(change, fault):
    raw = change(export(row("T1"), row("T2")))
    found = read_export(name(), raw, **HOW)
    assert fault in (found.fault or "")
    assert "T1" in {fact.plan_id for fact in found.facts}
    assert len(found.facts) + len(found.bad) == found.rows


@pytest.mark.parametrize("raw", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_what_is_no_export_is_refused_in_one_sentence(raw):
    with pytest.raises(ValueError, match=r"the first row lacks|not UTF-8"):
        read_export(name(), raw, **HOW)


def test_funding_counts_from_its_day_on_and_once_per_batch():
    paid = row(funding_date="2026-11-04", funding_batch_id="B9")
    (soon,) = read(paid).facts
    assert (soon.status, read(paid).fundings) == (PlanStatus.FUNDING, ())
    later, again = read(paid, file=name(4)), read(paid, file=name(4, 2))
    assert later.facts[0].status is PlanStatus.FUNDED
    assert {each.funding_id for each in later.fundings + again.fundings} == {"B9.T1"}
    (money,) = later.fundings
    assert (money.gross_cents, money.fee_cents, money.net_cents) == (280_000, 27_720, 252_280)


FILES = {
    name(2, 2): (row("T1", status="requested"),),
    name(3, 1): (refund("R1", "T2", "-100.00"), row("T1")),
    name(3, 2): (row("T1"), row("T2", gross_amount="500.00"), row("T3")),
    # A correction, a late row, and a refund of more than there was.
    name(4, 1): (row("T3", status="canceled"), row("T4", transaction_date="2026-11-01")),
    name(5, 1): (
        row("T1", funding_date="2026-11-05", funding_batch_id="B1"),
        refund("R2", "T4", "-9,000.00"),
    ),
}


def test_files_in_any_order_and_twice_end_in_the_same_plans():
    ends = set()
    for order in permutations(FILES):
        told: dict[str, dict[str, PlanFact]] = {}
        for file in (*order, *reversed(order)):
            for fact in read(*FILES[file], file=file).facts:
                told.setdefault(fact.plan_id, {})[fact.key] = fact
        ends.add(tuple(sorted((plan, fold(facts.values()).status) for plan, facts in told.items())))
    assert ends == {
        (("T1", "funded"), ("T2", "partly_refunded"), ("T3", "cancelled"), ("T4", "refunded"))
    }


PLAN = ",".join(IN_HOUSE) + "\n"


def plans(*lines: str):
    return read_file(("\ufeff" + PLAN + "\r\n".join(lines)).encode(), **HOW)


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_agreed_instalments_are_as_few_as_keep_each_within_the_amount(owed_cents, at_most_cents):
    terms = agreed_terms(owed_cents, at_most_cents, date(2026, 12, 20))
    assume(terms.installments <= 60)
    amounts = [part.amount_cents for part in schedule(terms)]
    assert (sum(amounts), max(amounts) <= at_most_cents) == (owed_cents, True)
    assert (len(amounts) - 1) * at_most_cents < owed_cents


def test_an_in_house_plan_splits_to_the_cent_over_its_months():
    found = plans('P1,pat-7,,2026-11-02,"1,000.00",3,2026-11-30,month,3,,,,')
    (fact,) = found.facts
    assert [part.amount_cents for part in fact.installments] == [33_334, 33_333, 33_333]
    days = [part.due_on for part in fact.installments]
    assert days == [date(2026, 11, 30), date(2026, 12, 30), date(2027, 1, 30)]
    assert fact.status is PlanStatus.ACCEPTED
    weekly = schedule(
        Terms(total_cents=100, installments=2, first_due_on=date(2027, 1, 31), every="2 weeks")
    )
    assert weekly[1].due_on == date(2027, 2, 14)
    short = schedule(
        Terms(total_cents=100, installments=2, first_due_on=date(2027, 1, 31), every="month")
    )
    assert short[1].due_on == date(2027, 2, 28)


def test_more_than_four_instalments_or_a_charge_need_the_disclosure():
    base = {"total_cents": 50_000, "first_due_on": date(2026, 12, 1), "every": "month"}
    signed_on = date(2026, 11, 2)
    assert terms_problem(Terms(installments=4, **base), signed_on) is None
    for more in ({"installments": 5}, {"installments": 2, "finance_charge_cents": 1}):
        assert "disclosure" in (terms_problem(Terms(**base, **more), signed_on) or "")
        assert terms_problem(Terms(**base, **more, disclosure_id="D-1"), signed_on) is None
    assert terms_problem(Terms(installments=4, **base), date(2026, 12, 2))


def test_a_bad_plan_is_named_and_holds_back_no_other():
    found = plans(
        "P1,pat-7,,2026-11-02,100.00,6,2026-12-01,month,,,,,",
        "P2,Fern Abbott,,2026-11-02,100.00,2,2026-12-01,month,,,,,",
        "P3,pat-8,,2026-11-02,100.00,2,2026-12-01,month,,,,lost,",
        "P4,pat-8,,2026-11-02,100.00,2,2026-12-01,month,,,,cancelled,",
        "P5,pat-8,,2026-11-02,100.00,2,2026-12-01,month,,,,cancelled,2026-11-20",
    )
    assert [each.row for each in found.bad] == [2, 3, 4, 5]
    assert [fact.plan_id for fact in found.facts] == ["P5"]
    assert fold(found.facts).status is PlanStatus.CANCELLED
