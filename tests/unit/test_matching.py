from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching import (
    EarlierPayment,
    HeldPayment,
    Match,
    Matched,
    OpenItem,
    PaymentToMatch,
    Proposed,
    match,
)
from domain.reviews import TOPICS

TODAY = date(2026, 5, 20)


def paid(cents: int = 10_000, **fields: Any) -> PaymentToMatch:
    return PaymentToMatch.model_validate(
        {
            "source": "stripe",
            "payment_id": "pay-1",
            "location_id": "lumin",
            "amount_cents": cents,
            "currency": "USD",
            "paid_on": TODAY,
            "client_id": "ann",
            **fields,
        }
    )


def item(case_id: str, balance: int = 10_000, **fields: Any) -> OpenItem:
    return OpenItem.model_validate(
        {
            "case_id": case_id,
            "client_id": "ann",
            "number": f"LUM-{case_id}",
            "visit_id": f"visit-{case_id}",
            "balance_cents": balance,
            "issued_on": TODAY - timedelta(days=2),
            "due_on": TODAY + timedelta(days=12),
            **fields,
        }
    )


def earlier(**fields: Any) -> EarlierPayment:
    return EarlierPayment.model_validate(
        {
            "source": "stripe",
            "payment_id": "pay-0",
            "client_id": "ann",
            "case_id": "1",
            "amount_cents": 10_000,
            "paid_on": TODAY - timedelta(days=7),
            **fields,
        }
    )


def decide(
    payment: PaymentToMatch,
    *items: OpenItem,
    known: tuple[EarlierPayment, ...] = (),
    is_period_open: bool = True,
) -> Match:
    return match(
        payment, items, known, location_id="lumin", currency="USD", is_period_open=is_period_open
    )


def held(answer: Match, code: str, account: str = "2090") -> HeldPayment:
    assert isinstance(answer, HeldPayment)
    assert (answer.code, answer.account) == (code, account)
    assert answer.code in TOPICS
    assert answer.trace
    return answer


def allocated(answer: Match) -> dict[str, int]:
    assert isinstance(answer, Matched | Proposed)
    return {part.case_id: part.cents for part in answer.allocations}


# -- gate 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"currency": "EUR"}, "CURRENCY_MISMATCH"),
        ({"location_id": "other"}, "WRONG_INVOICE"),
        ({"cents": 0}, "SANITY_BOUND"),
        ({"cents": -5}, "SANITY_BOUND"),
    ],
)
def test_nothing_is_matched_past_a_failed_gate(fields: dict[str, Any], code: str) -> None:
    held(decide(paid(case_id="1", **fields), item("1")), code)


def test_a_payment_is_matched_once() -> None:
    again = earlier(payment_id="pay-1", paid_on=TODAY)
    held(decide(paid(case_id="1"), item("1"), known=(again,)), "LATE_EVENT")


def test_a_closed_period_takes_no_payment() -> None:
    held(decide(paid(case_id="1"), item("1"), is_period_open=False), "LATE_EVENT")


# -- tier 1


@pytest.mark.parametrize("cents", [1, 9_999, 10_000])
def test_a_reference_with_its_payer_matches_up_to_the_balance(cents: int) -> None:
    answer = decide(paid(cents, case_id="1"), item("2"), item("1"))
    assert isinstance(answer, Matched)
    assert allocated(answer) == {"1": cents}
    assert (answer.tier, answer.excess_cents, answer.notice) == (1, 0, None)


def test_what_is_over_the_balance_is_excess_with_a_notice() -> None:
    answer = decide(paid(10_070, case_id="1"), item("1"))
    assert isinstance(answer, Matched)
    assert allocated(answer) == {"1": 10_000}
    assert answer.excess_cents == 70
    assert answer.notice == "$0.70 over the balance became client credit"


def test_a_registered_payer_may_pay_for_the_client() -> None:
    mine = item("1", payer_ids=("bob",))
    assert allocated(decide(paid(case_id="1", client_id="bob"), mine)) == {"1": 10_000}


@pytest.mark.parametrize(("payer", "account"), [("bob", "2090"), (None, "2095")])
def test_another_payer_is_never_matched_whatever_the_reference(
    payer: str | None, account: str
) -> None:
    held(decide(paid(case_id="1", client_id=payer), item("1")), "WRONG_CLIENT", account)


def test_a_reference_that_is_not_ours_is_held_even_if_the_amount_fits() -> None:
    answer = held(decide(paid(case_id="nowhere"), item("1")), "WRONG_INVOICE")
    assert answer.candidates[0].case_ids == ("1",)


def test_a_void_invoice_takes_no_money() -> None:
    held(decide(paid(case_id="1"), item("1", is_open=False)), "WRONG_INVOICE")


@pytest.mark.parametrize("balance", [0, -500])
def test_a_settled_invoice_takes_no_more_money(balance: int) -> None:
    held(decide(paid(case_id="1"), item("1", balance)), "OVERPAID")


# -- duplicates


@pytest.mark.parametrize("balance", [0, 9_999])
def test_the_same_again_within_a_week_is_suspected(balance: int) -> None:
    answer = decide(paid(case_id="1"), item("1", balance), known=(earlier(),))
    assert held(answer, "DUPLICATE_SUSPECTED").candidates[0].case_ids == ("1",)


@pytest.mark.parametrize("reference", ["1", None])
@pytest.mark.parametrize("is_open", [True, False])
def test_two_equal_halves_of_what_is_owed_are_no_duplicate(
    reference: str | None, is_open: bool
) -> None:
    half = item("1", 10_000, is_open=is_open)
    for first in (earlier(), earlier(source="boulevard", kind="cash")):
        answer = decide(paid(case_id=reference), half, known=(first,))
        if is_open:
            assert allocated(answer) == {"1": 10_000}
        else:
            held(answer, "DUPLICATE_SUSPECTED")


@pytest.mark.parametrize("fields", [{"state": "in_flight"}, {"is_applied": False}])
def test_an_earlier_one_that_the_balance_does_not_show_has_to_fit_too(
    fields: dict[str, Any],
) -> None:
    waits = earlier(**fields)
    assert allocated(decide(paid(case_id="1"), item("1", 20_000), known=(waits,)))
    held(decide(paid(case_id="1"), item("1", 19_999), known=(waits,)), "DUPLICATE_SUSPECTED")


def test_one_payment_that_two_systems_may_show_is_suspected_though_it_fits() -> None:
    """The desk keys in, by hand, the half that came online."""
    for reference in ("1", None):
        keyed_in = paid(case_id=reference, source="boulevard", payment_id="till-1")
        held(decide(keyed_in, item("1"), known=(earlier(),)), "DUPLICATE_SUSPECTED")


@pytest.mark.parametrize(
    "fields",
    [
        {"paid_on": TODAY - timedelta(days=8)},
        {"amount_cents": 9_999},
        {"client_id": "bob"},
        {"case_id": "2"},
    ],
)
def test_what_differs_is_no_duplicate(fields: dict[str, Any]) -> None:
    answer = decide(paid(case_id="1"), item("1"), known=(earlier(**fields),))
    assert allocated(answer) == {"1": 10_000}


# -- tiers 3 and 4


def test_one_exact_item_of_the_payer_is_proposed() -> None:
    answer = decide(paid(), item("1"), item("2", 3_000))
    assert isinstance(answer, Proposed)
    assert (allocated(answer), answer.tier) == ({"1": 10_000}, 3)


def test_the_pms_taking_it_on_the_same_visit_makes_it_certain() -> None:
    desk = paid(is_from_pms=True, visit_id="visit-1")
    answer = decide(desk, item("1"), item("2"))
    assert isinstance(answer, Matched)
    assert (allocated(answer), answer.tier, answer.excess_cents) == ({"1": 10_000}, 3, 0)
    other = desk.model_copy(update={"visit_id": "visit-9"})
    assert isinstance(decide(other, item("1")), Proposed)
    not_desk = desk.model_copy(update={"is_from_pms": False})
    assert isinstance(decide(not_desk, item("1")), Proposed)


def test_two_exact_items_are_ambiguous() -> None:
    answer = held(decide(paid(), item("1"), item("2")), "AMBIGUOUS_GROUP")
    assert [candidate.case_ids for candidate in answer.candidates] == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"issued_on": TODAY + timedelta(days=1)}, True),
        ({"issued_on": TODAY + timedelta(days=2)}, False),
        ({"due_on": TODAY - timedelta(days=45)}, True),
        ({"due_on": TODAY - timedelta(days=46)}, False),
        ({"is_open": False}, False),
        ({"client_id": "bob"}, False),
    ],
)
def test_only_timely_open_items_of_the_payer_wait_for_money(
    fields: dict[str, Any], fits: bool
) -> None:
    answer = decide(paid(), item("1", **fields))
    assert isinstance(answer, Proposed) if fits else held(answer, "NO_REFERENCE")


def test_one_exact_sum_is_proposed() -> None:
    answer = decide(paid(), item("1", 6_000), item("2", 4_000), item("3", 5_000))
    assert isinstance(answer, Proposed)
    assert (allocated(answer), answer.tier) == ({"1": 6_000, "2": 4_000}, 4)


def test_two_exact_sums_are_shown_smallest_then_oldest() -> None:
    old = {"issued_on": TODAY - timedelta(days=9)}
    answer = decide(
        paid(), item("1", 5_000), item("2", 3_000), item("3", 2_000), item("4", 5_000, **old)
    )
    ambiguous = held(answer, "AMBIGUOUS_GROUP")
    groups = [candidate.case_ids for candidate in ambiguous.candidates]
    assert groups == [("4", "1"), ("4", "2", "3"), ("1", "2", "3")]


def test_six_items_are_too_many_for_a_sum() -> None:
    held(decide(paid(), *(item(str(n), 1_666 + (n < 4)) for n in range(6))), "NO_REFERENCE")


def test_a_payer_with_very_many_items_is_left_to_a_person() -> None:
    held(decide(paid(), *(item(f"{n:02}", 5_000 + n) for n in range(25))), "NO_REFERENCE")


# -- nothing fits


def test_three_candidates_are_ranked_with_reasons() -> None:
    answer = decide(
        paid(memo="for lum-3"),
        item("1", 9_000, issued_on=TODAY - timedelta(days=40)),
        item("2", 9_000),
        item("3", 9_000),
        item("4", 10_000, client_id="bob", issued_on=TODAY - timedelta(days=16)),
        item("5", 0),
    )
    candidates = held(answer, "NO_REFERENCE").candidates
    assert [(best.case_ids, best.points) for best in candidates] == [
        (("3",), 55),
        (("4",), 52),
        (("2",), 45),
    ]
    assert candidates[0].reasons == (
        "the payer belongs to it",
        "2 days from its issue",
        "the memo names it",
    )


def test_points_alone_never_match() -> None:
    known = item("1", 10_000, client_id="bob")
    held(decide(paid(client_id=None, memo="LUM-1"), known), "NO_REFERENCE", "2095")


# -- properties

PAYERS = st.sampled_from(["ann", "bob", None])
ITEMS = st.lists(
    st.builds(
        lambda n, balance, client, days, is_open: item(
            str(n),
            balance,
            client_id=client,
            issued_on=TODAY - timedelta(days=days),
            is_open=is_open,
        ),
        st.integers(0, 99),
        st.integers(-2, 12),
        st.sampled_from(["ann", "bob"]),
        st.integers(-3, 80),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: each.case_id,
)
PAYMENTS = st.builds(
    lambda cents, client, case, is_desk, visit: paid(
        cents, client_id=client, case_id=case, is_from_pms=is_desk, visit_id=visit
    ),
    st.integers(-1, 20),
    PAYERS,
    st.one_of(st.none(), st.integers(0, 99).map(str)),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 99).map("visit-{}".format)),
)


@given(PAYMENTS, ITEMS, st.randoms())
def test_no_cent_is_made_or_lost_and_the_order_of_items_does_not_matter(
    payment: PaymentToMatch, items: list[OpenItem], random: Any
) -> None:
    answer = decide(payment, *items)
    shuffled = list(items)
    random.shuffle(shuffled)
    assert decide(payment, *shuffled) == answer
    by_case = {each.case_id: each for each in items}
    if isinstance(answer, HeldPayment):
        assert answer.code in TOPICS
        assert len(answer.candidates) <= 3
        return
    excess = answer.excess_cents if isinstance(answer, Matched) else 0
    assert sum(allocated(answer).values()) + excess == payment.amount_cents
    for case_id, cents in allocated(answer).items():
        assert 0 < cents <= by_case[case_id].balance_cents
        assert by_case[case_id].is_open
        assert by_case[case_id].client_id == payment.client_id


@given(st.integers(1, 20), ITEMS)
def test_a_sum_is_proposed_only_when_it_is_the_only_one(cents: int, items: list[OpenItem]) -> None:
    answer = decide(paid(cents), *items)
    waiting = [
        each
        for each in items
        if each.client_id == "ann"
        and each.is_open
        and each.balance_cents > 0
        and each.issued_on <= TODAY + timedelta(days=1)
    ]
    exact = [
        group
        for size in range(1, 6)
        for group in combinations(waiting, size)
        if sum(each.balance_cents for each in group) == cents
    ]
    singles = [group for group in exact if len(group) == 1]
    if isinstance(answer, Proposed):
        assert singles == [] or len(singles) == 1
        assert len(singles or exact) == 1
        assert set(allocated(answer)) == {each.case_id for each in (singles or exact)[0]}
    else:
        assert len(singles or exact) != 1
