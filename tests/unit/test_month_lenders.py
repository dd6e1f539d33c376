"""1030 against what lenders owe and what they say that they have sent."""

from datetime import date

from domain.month_pms import lenders
from domain.month_rows import BookLine, Deposit, Lent, Paid
from domain.tie import Tie

ON, UNTIL = date(2026, 10, 5), date(2026, 10, 31)
PART = Lent(case_id="visit-1", client_id="c", reference="loan-1", cents=280_000, on=ON)


def line(cents: int, key: str, event: str = "visit_issued", **more) -> BookLine:
    values = {"entry_id": key, "key": key, "event": event, "location_id": "l", "on": ON}
    values |= {"account": "1030", "cents": cents, "case_id": "visit-1"}
    return BookLine.model_validate(values | more)


def deposit(state: str = "completed", **more) -> Deposit:
    values = {"funding_id": "f-1", "loan_id": "loan-1", "state": state, "on": ON}
    values |= {"gross_cents": 280_000, "net_cents": 252_280}
    return Deposit.model_validate(values | more)


OWED = line(280_000, "issued|d-1")
FUNDED = line(-280_000, "lender-funded|l|cherry|f-1", "lender_funded")


def tied(lines, deposits, paid=(), held=(), lent=(PART,)) -> Tie:
    return lenders(lines, lent, paid, deposits, held, UNTIL)


def off(found: Tie) -> list[tuple[str, int]]:
    return [(item.name, item.off_cents) for item in found.items]


def test_a_part_that_is_not_funded_ties_and_so_does_a_funded_one() -> None:
    assert tied([OWED], []).ours_cents == 280_000
    assert off(tied([OWED], [])) == []
    found = tied([OWED, FUNDED], [deposit()])
    assert (off(found), found.ours_cents) == ([], 0)


def test_a_part_that_is_a_payment_of_the_lender_s_ties_too() -> None:
    part = Paid(
        payment_id="p",
        source="cherry",
        object_id="loan-1",
        kind="lender",
        cents=280_000,
        on=ON,
        location_id="l",
        case_id="visit-1",
    )
    booked = line(280_000, "received|cherry|p|visit-1", "payment_received")
    assert off(tied([booked, FUNDED], [deposit()], paid=[part], lent=[])) == []


def test_a_cent_between_the_lender_and_the_ledger_is_named_by_its_loan() -> None:
    found = tied([OWED, FUNDED], [deposit(gross_cents=279_999)])
    assert off(found) == [("loan loan-1 on visit-1", -1)]


def test_a_deposit_that_the_books_lack_is_off_unless_it_waits_for_a_person() -> None:
    assert off(tied([OWED], [deposit()])) == [("deposit:f-1 of loan loan-1", 280_000)]
    held = [line(-252_280, "lender-held|l|cherry|f-1", "lender_held", account="2090")]
    assert off(tied([OWED], [deposit()], held=held)) == []


def test_funding_that_no_lender_speaks_of_is_off() -> None:
    assert off(tied([OWED, FUNDED], [])) == [("loan loan-1 on visit-1", -280_000)]


def test_money_that_was_taken_back_is_owed_again() -> None:
    back = line(252_280, "lender-taken-back|l|cherry|f-1", "lender_taken_back")
    found = tied([OWED, FUNDED, back], [deposit("reversed")])
    assert (off(found), found.ours_cents) == ([], 252_280)
