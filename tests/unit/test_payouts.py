"""A payout ties out to the cent, or says which of its parts does not; the books then clear."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import entries_payout
from domain.ledger import Entry
from domain.payouts import Booked, Part, can_be_booked, split

DAY, ARRIVAL = date(2026, 10, 31), date(2026, 11, 2)
PAYOUT = "po_1"


def booked(number: int, cents: int, place: str = "austin") -> Booked:
    return Booked(
        payment_id=f"p{number}", location_id=place, client_id=f"c{number}", amount_cents=cents
    )


def part(number: int, kind: str = "charge", cents: int = 10_000, fee: int = 0, **more) -> Part:
    """A clean movement of the `number`-th payment, unless told otherwise."""
    of_payment = kind in ("charge", "refund", "refund_returned", "dispute", "dispute_won")
    base = {
        "movement_id": f"txn_{number}_{kind}",
        "kind": kind,
        "vendor_kind": kind,
        "amount_cents": cents,
        "fee_cents": fee,
        "net_cents": cents - fee,
        "currency": "USD",
        "on": DAY,
        "object_id": f"ob_{number}",
        "payment_id": f"pi_{number}" if of_payment else None,
        "booked": booked(number, abs(cents)) if of_payment else None,
    }
    return Part.model_validate({**base, **more})


MIXED = (
    part(1, fee=320),
    part(2, cents=5_000, fee=175, booked=booked(2, 5_000, "dallas")),
    part(2, "refund", -1_000, booked=booked(2, 5_000, "dallas")),
    part(3, "refund_returned", 700),
    part(4, "dispute", -2_000, fee=1_500),
    part(5, "dispute_won", 800),
    part(6, "fee", -200),
    part(7, "payout_returned", 4_000, returned={"austin": 3_000, "dallas": 1_000}),
)
MIXED_NET = 9_680 + 4_825 - 1_000 + 700 - 3_500 + 800 - 200 + 4_000


def clearing(entries, parts) -> dict[str, int]:
    """What is left in 1020 by location, the payments' own entries included."""
    left: dict[str, int] = {}
    for each in parts:
        if each.kind == "charge" and each.booked:
            place = each.booked.location_id
            left[place] = left.get(place, 0) + each.booked.amount_cents
        for place, cents in (each.returned or {}).items():
            left[place] = left.get(place, 0) + cents
    for each in entries:
        for line in each.postings:
            if line.account == "1020":
                cents = line.debit_cents - line.credit_cents
                left[each.location_id] = left.get(each.location_id, 0) + cents
    return {place: cents for place, cents in left.items() if cents}


def books(parts, amount_cents: int) -> list[Entry]:
    found = split(amount_cents, "USD", parts, "austin")
    made = [e for each in parts for e in entries_payout.of_movement("stripe", each, "austin")]
    made += entries_payout.payout_paid("stripe", PAYOUT, found.shares, ARRIVAL)
    off = entries_payout.payout_difference(
        "stripe", PAYOUT, found.difference_cents, "austin", ARRIVAL
    )
    return made + ([off] if off else [])


def by_account(entries) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in entries:
        for line in each.postings:
            cents = line.debit_cents - line.credit_cents
            sums[line.account] = sums.get(line.account, 0) + cents
    return sums


def test_every_kind_of_part_ties_and_clears_every_location():
    found = split(MIXED_NET, "USD", MIXED, "austin")
    assert found.ties
    assert (found.parts_cents, found.difference_cents) == (MIXED_NET, 0)
    assert found.shares == {"austin": MIXED_NET - 4_825, "dallas": 4_825}
    assert found.totals["fees"] == -(320 + 175 + 1_500)
    made = books(MIXED, MIXED_NET)
    assert clearing(made, MIXED) == {}
    assert by_account(made) == {
        "1010": MIXED_NET,
        "1020": -(10_000 + 5_000 + 4_000),
        "1120": 2_000 - 800,
        "2100": 1_000 - 700,
        "6010": 320 + 175 + 200,
        "6040": 1_500,
    }


def test_movements_bear_their_own_day_and_the_payout_the_banks():
    made = books(MIXED, MIXED_NET)
    days = {(each.event == "payout_paid", each.effective_on) for each in made}
    assert days == {(False, DAY), (True, ARRIVAL)}


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_parts_changes_nothing(rng: random.Random):
    parts = [*MIXED, part(8, "loan", 5), part(9, booked=None, fee=320)]
    odd = split(1, "USD", parts, "austin")
    rng.shuffle(parts)
    assert split(1, "USD", parts, "austin") == odd
    parts = list(MIXED)
    rng.shuffle(parts)
    assert split(MIXED_NET, "USD", parts, "austin") == split(MIXED_NET, "USD", MIXED, "austin")
    keys = {each.business_key: each for each in books(parts, MIXED_NET)}
    assert keys == {each.business_key: each for each in books(MIXED, MIXED_NET)}


@given(
    st.sampled_from(range(len(MIXED))),
    st.sampled_from(["amount_cents", "fee_cents", "net_cents", "payout"]),
    st.sampled_from([-1, 1]),
)
def test_one_cent_anywhere_is_found(which: int, where: str, cent: int):
    parts, amount = list(MIXED), MIXED_NET
    if where == "payout":
        amount += cent
    else:
        moved = getattr(parts[which], where) + cent
        parts[which] = parts[which].model_copy(update={where: moved})
    found = split(amount, "USD", parts, "austin")
    assert not found.ties
    if where != "payout":
        assert parts[which].movement_id in {each.movement_id for each in found.findings}
    assert sum(found.shares.values()) == amount


def test_a_charge_that_is_booked_at_another_amount_is_named_with_both():
    parts = [part(1, cents=9_999, fee=320, booked=booked(1, 10_000))]
    found = split(9_679, "USD", parts, "austin")
    [finding] = found.findings
    assert (finding.code, finding.cents, found.difference_cents) == ("AMOUNT", -1, -1)
    assert "$99.99" in finding.text
    assert "$100.00" in finding.text
    made = books(parts, 9_679)
    assert clearing(made, parts) == {}
    assert by_account(made)["6010"] == 321


def test_two_errors_that_cancel_are_both_found():
    parts = [
        part(1, cents=10_001, fee=320, booked=booked(1, 10_000)),
        part(2, cents=4_999, fee=175, booked=booked(2, 5_000)),
    ]
    found = split(9_681 + 4_824, "USD", parts, "austin")
    assert found.difference_cents == 0
    assert [each.cents for each in found.findings] == [1, -1]


def test_a_payment_that_the_books_lack_may_still_come():
    parts = [part(1, fee=320), part(2, cents=5_000, fee=175, booked=None)]
    found = split(14_505, "USD", parts, "austin")
    assert (found.missing, found.may_still_tie, found.ties) == (("pi_2",), True, False)
    assert found.difference_cents == 4_825
    assert entries_payout.of_movement("stripe", parts[1], "austin") == ()
    odd = split(14_506, "USD", parts, "austin")
    assert not odd.may_still_tie


def test_what_came_back_waits_for_the_payout_that_it_left_in():
    back = part(7, "payout_returned", 4_000, object_id="po_0")
    found = split(4_000, "USD", [back], "austin")
    assert [each.code for each in found.findings] == ["RETURN_UNKNOWN"]
    assert found.may_still_tie


@pytest.mark.parametrize("kind", ["other", "payout", "loan"])
def test_what_no_rule_describes_is_for_a_person(kind):
    odd = part(1, kind, -77)
    found = split(-77, "USD", [odd], "austin")
    assert [each.code for each in found.findings] == ["KIND"]
    assert not found.may_still_tie
    assert not can_be_booked(odd)
    assert clearing(books([odd], -77), [odd]) == {}


def test_another_currency_and_a_changed_part_are_found():
    assert split(9_680, "USD", [part(1, fee=320, currency="CAD")], "x").findings[0].code == (
        "CURRENCY"
    )
    changed = part(1, fee=320, is_changed=True)
    assert [f.code for f in split(9_680, "USD", [changed], "x").findings] == ["CHANGED"]
    assert entries_payout.of_movement("stripe", changed, "austin") == ()


def test_a_failed_payout_is_undone_entry_by_entry():
    paid = entries_payout.payout_paid("stripe", PAYOUT, {"austin": 700, "dallas": -200}, ARRIVAL)
    back = entries_payout.payout_failed(paid, date(2026, 11, 5))
    assert [each.corrects for each in back] == [each.entry_id for each in paid]
    assert {each.effective_on for each in back} == {date(2026, 11, 5)}
    assert set(by_account([*paid, *back]).values()) == {0}
    assert len({each.business_key for each in (*paid, *back)}) == 4


def test_no_money_makes_no_entry():
    assert entries_payout.payout_difference("stripe", PAYOUT, 0, "austin", ARRIVAL) is None
    assert entries_payout.payout_paid("stripe", PAYOUT, {"austin": 0}, ARRIVAL) == ()
    assert entries_payout.of_movement("stripe", part(1), "austin") == ()
