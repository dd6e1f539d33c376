"""The gate, cards at the desk, instalments, and cheques within the tolerance."""

from datetime import timedelta
from typing import Any

import pytest

from domain.matching import EarlierPayment, Matched, Proposed
from tests.unit.matching_kit import CHEQUES, TODAY, closed, decide, held, item, paid, placed, plan

# -- gate 0


def test_money_at_another_processor_account_is_held() -> None:
    wrong = decide(paid(case_id="1", account_id="acct-2"), item("1"), account_id="acct-1")
    held(wrong, "WRONG_INVOICE")
    for ours, theirs in (("acct-1", "acct-1"), (None, "acct-2"), ("acct-1", None)):
        answer = decide(paid(case_id="1", account_id=theirs), item("1"), account_id=ours)
        assert placed(answer) == {"1": 10_000}


@pytest.mark.parametrize(
    ("known", "now", "is_news"),
    [
        ("in_flight", "settled", True),
        ("in_flight", "in_flight", False),
        ("settled", "in_flight", False),
        ("settled", "settled", False),
    ],
)
def test_a_state_only_moves_forward(known: str, now: str, is_news: bool) -> None:
    same = EarlierPayment.model_validate(
        {
            "source": "stripe",
            "payment_id": "pay-1",
            "client_id": "ann",
            "case_id": "1",
            "amount_cents": 10_000,
            "paid_on": TODAY,
            "state": known,
        }
    )
    answer = decide(paid(case_id="1", state=now), item("1"), known=(same,))
    if is_news:
        assert placed(answer) == {"1": 10_000}
    else:
        assert not held(answer, "LATE_EVENT").is_new_money


def test_the_latest_of_several_earlier_payments_is_named_in_whatever_order_they_come() -> None:
    first, second = (
        EarlierPayment(
            source="stripe",
            payment_id=f"pay-0{days}",
            client_id="ann",
            case_id="1",
            amount_cents=10_000,
            paid_on=TODAY - timedelta(days=days),
        )
        for days in (1, 5)
    )
    for known in ((first, second), (second, first)):
        answer = held(decide(paid(case_id="1"), item("1", 0), known=known), "DUPLICATE_SUSPECTED")
        assert answer.trace == ("the same payer paid the same on 2026-05-19",)


# -- tier 3 at the card reader


def test_a_card_that_was_present_on_the_same_visit_is_certain() -> None:
    answer = decide(paid(is_card_present=True, visit_id="visit-1"), item("1"))
    assert isinstance(answer, Matched)
    assert answer.tier == 3
    assert isinstance(decide(paid(visit_id="visit-1"), item("1")), Proposed)


def test_two_exact_items_of_the_same_visit_are_for_a_person() -> None:
    desk = paid(is_from_pms=True, visit_id="v")
    held(decide(desk, item("1", visit_id="v"), item("2", visit_id="v")), "AMBIGUOUS_GROUP")


# -- tier 5


@pytest.mark.parametrize(("days", "is_due"), [(-11, False), (-10, True), (3, True), (4, False)])
def test_an_instalment_waits_from_three_days_early_to_ten_late(days: int, is_due: bool) -> None:
    answer = decide(paid(), plan("1", days))
    if not is_due:
        held(answer, "NO_REFERENCE")
        return
    assert isinstance(answer, Matched)
    assert (answer.tier, answer.allocations[0].instalment_id) == (5, "part-0")


def test_only_the_oldest_unpaid_instalment_of_a_plan_is_paid() -> None:
    weekly = plan("1", -6, 1)
    answer = decide(paid(), weekly)
    assert isinstance(answer, Matched)
    assert answer.allocations[0].instalment_id == "part-0"
    first = weekly.instalments[0].model_copy(update={"is_paid": True})
    later = weekly.model_copy(update={"instalments": (first, weekly.instalments[1])})
    answer = decide(paid(), later)
    assert isinstance(answer, Matched)
    assert answer.allocations[0].instalment_id == "part-1"


@pytest.mark.parametrize(
    "fields", [{"client_id": "bob"}, {"is_open": False}, {"payer_ids": ("cid",), "client_id": "b"}]
)
def test_somebody_elses_or_a_closed_plan_takes_no_instalment(fields: dict[str, Any]) -> None:
    held(decide(paid(), plan("1", 0, **fields)), "NO_REFERENCE")


def test_an_instalment_beside_another_exact_way_is_for_a_person() -> None:
    held(decide(paid(), plan("1", 0), plan("2", 0)), "AMBIGUOUS_GROUP")
    held(decide(paid(), plan("1", 0), item("2")), "AMBIGUOUS_GROUP")
    sums = held(decide(paid(), plan("1", 0), item("2", 6_000), item("3", 4_000)), "AMBIGUOUS_GROUP")
    assert [each.case_ids for each in sums.candidates] == [("1",), ("2", "3")]


def test_too_many_open_items_leave_an_instalment_to_a_person() -> None:
    items = [item(f"{n:02}", 50_000 + n) for n in range(25)]
    answer = decide(paid(), plan("99", 0), *items)
    assert isinstance(answer, Proposed)
    assert answer.tier == 5


def test_a_reference_to_a_plan_pays_its_instalment_or_its_balance() -> None:
    early = decide(paid(case_id="1"), plan("1", 2))
    assert isinstance(early, Matched)
    assert (early.tier, placed(early), early.excess_cents) == (5, {"1": 10_000}, 0)
    due = decide(paid(case_id="1"), plan("1", 0, balance=10_000))
    assert isinstance(due, Matched)
    assert (due.tier, due.allocations[0].instalment_id) == (1, "part-0")
    held(decide(paid(case_id="1"), plan("1", 20)), "OVERPAID")


# -- tolerance


def test_a_short_cheque_with_a_reference_closes_its_invoice_by_an_act_of_accounting() -> None:
    answer = decide(paid(19_900, case_id="1", kind="cheque"), item("1", 20_000), policy=CHEQUES)
    assert isinstance(answer, Matched)
    assert placed(answer) == {"1": 19_900}
    assert closed(answer) == [("1", 100, "6060")]
    assert answer.notice == "$1.00 short goes to 6060 Rounding; the owner switched the tolerance on"


@pytest.mark.parametrize(
    ("balance", "short", "is_tolerated"),
    [
        (20_000, 100, True),
        (20_000, 101, False),
        (90_000, 100, True),
        (90_000, 101, False),
        (9_000, 45, True),
        (9_000, 46, False),
        (199, 1, False),
    ],
)
def test_the_lesser_of_a_dollar_and_half_a_percent(
    balance: int, short: int, is_tolerated: bool
) -> None:
    cheque = paid(balance - short, case_id="1", kind="cheque")
    closings = closed(decide(cheque, item("1", balance), policy=CHEQUES))
    assert closings == ([("1", short, "6060")] if is_tolerated else [])


@pytest.mark.parametrize("kind", ["card", "ach", "cash", "other"])
def test_only_cheques_are_tolerated(kind: str) -> None:
    short = paid(19_999, case_id="1", kind=kind)
    assert closed(decide(short, item("1", 20_000), policy=CHEQUES)) == []
    held(decide(paid(19_999, kind=kind), item("1", 20_000), policy=CHEQUES), "NO_REFERENCE")


def test_nothing_is_tolerated_unless_somebody_switched_it_on() -> None:
    assert closed(decide(paid(19_999, case_id="1", kind="cheque"), item("1", 20_000))) == []
    held(decide(paid(19_999, kind="cheque"), item("1", 20_000)), "NO_REFERENCE")


def test_a_short_cheque_without_a_reference_is_proposed_or_ambiguous() -> None:
    cheque = paid(19_950, kind="cheque")
    answer = decide(cheque, item("1", 20_000), policy=CHEQUES)
    assert isinstance(answer, Proposed)
    assert (placed(answer), closed(answer)) == ({"1": 19_950}, [("1", 50, "6060")])
    held(decide(cheque, item("1", 20_000), item("2", 20_010), policy=CHEQUES), "AMBIGUOUS_GROUP")
    exact = decide(cheque, item("1", 20_000), item("2", 19_950), policy=CHEQUES)
    assert (placed(exact), closed(exact)) == ({"2": 19_950}, [])


def test_what_is_over_is_the_clients_however_small() -> None:
    answer = decide(paid(10_001, case_id="1", kind="cheque"), item("1"), policy=CHEQUES)
    assert isinstance(answer, Matched)
    assert (answer.excess_cents, closed(answer)) == (1, [])
