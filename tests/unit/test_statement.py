"""A payment for several invoices goes to what is due longest, to the cent, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statement import InSuspense, OwedInvoice, Placed, place, split


def owed(*balances: int) -> list[OwedInvoice]:
    return [
        OwedInvoice(case_id=f"c{n}", number=f"LUM-{n}", balance_cents=cents)
        for n, cents in enumerate(balances)
    ]


def put(amount: int, balances: tuple[int, ...], chosen: str | None = None):
    return place(amount, owed(*balances), chosen, has_unseen_twin=False)


@pytest.mark.parametrize(
    ("amount", "chosen", "parts", "excess"),
    [
        (30_000, None, {"c0": 10_000, "c1": 20_000}, 0),
        (12_000, None, {"c0": 10_000, "c1": 2_000}, 0),
        (9_999, None, {"c0": 9_999}, 0),
        (12_000, "c1", {"c1": 12_000}, 0),
        (25_000, "c1", {"c1": 20_000, "c0": 5_000}, 0),
        (30_001, None, {"c0": 10_000, "c1": 20_000}, 1),
        (100, "elsewhere", {"c0": 100}, 0),
    ],
)
def test_what_is_due_longest_is_paid_first_unless_the_payer_chose(amount, chosen, parts, excess):
    found = put(amount, (10_000, 20_000), chosen)
    assert isinstance(found, Placed)
    assert {part.case_id: part.cents for part in found.allocations} == parts
    assert found.excess_cents == excess


def test_money_for_nothing_waits_for_a_person():
    assert put(5_000, ()) == InSuspense(code="OVERPAID", trace=("nothing is owed any more",))
    assert isinstance(put(5_000, (0, -300)), InSuspense)


def test_the_same_amount_that_the_payer_could_not_know_of_is_suspected():
    found = place(5_000, owed(20_000), None, has_unseen_twin=True)
    assert isinstance(found, InSuspense)
    assert found.code == "DUPLICATE_SUSPECTED"


def test_no_payment_is_less_than_a_cent():
    with pytest.raises(ValueError, match="more than nothing"):
        put(0, (100,))


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(-(10**6), 10**8), max_size=8),
    st.sampled_from([None, "c0", "c3", "c9"]),
)
def test_the_parts_always_sum_to_the_payment_and_overpay_no_invoice(amount, balances, chosen):
    items = owed(*balances)
    parts, excess = split(amount, items, chosen)
    assert sum(part.cents for part in parts) + excess == amount
    left = {one.case_id: one.balance_cents for one in items}
    assert all(0 < part.cents <= left[part.case_id] for part in parts)
    assert len({part.case_id for part in parts}) == len(parts)
    if excess:
        assert sum(part.cents for part in parts) == sum(max(0, cents) for cents in balances)
