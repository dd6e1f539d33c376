from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import ACCOUNTS, Entry, Posting, Tally, entry, reverse

TODAY = date(2026, 5, 4)


def made(*postings: Posting) -> Entry:
    return Entry(
        entry_id="e1",
        business_key="k1",
        event="test",
        location_id="lumin",
        effective_on=TODAY,
        postings=postings,
    )


def debit(account: str, cents: int, client: str | None = None) -> Posting:
    return Posting(account=account, debit_cents=cents, client_id=client)


def credit(account: str, cents: int, client: str | None = None) -> Posting:
    return Posting(account=account, credit_cents=cents, client_id=client)


@pytest.mark.parametrize("sides", [(0, 0), (5, 5), (-5, 0), (0, -5)])
def test_a_posting_has_exactly_one_positive_side(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"posting|greater"):
        Posting(account="1100", debit_cents=sides[0], credit_cents=sides[1])


def test_a_posting_names_a_known_account() -> None:
    with pytest.raises(ValueError, match="no account 9999"):
        debit("9999", 5)


def test_an_entry_balances() -> None:
    with pytest.raises(ValueError, match="does not balance"):
        made(debit("1100", 5), credit("4010", 4))


def test_an_entry_has_two_postings() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        made()


def test_an_entry_of_two_clients_balances_for_each() -> None:
    made(
        debit("1100", 5, "a"), credit("1100", 5, "a"), debit("2060", 3, "b"), credit("2090", 3, "b")
    )
    with pytest.raises(ValueError, match="does not balance"):
        made(debit("1100", 5, "a"), credit("1100", 5, "b"))
    with pytest.raises(ValueError, match="does not balance"):
        made(debit("2095", 5), credit("1100", 3, "a"), credit("1100", 2, "b"))


def test_money_without_a_client_may_balance_one_client() -> None:
    assert made(debit("2095", 5), credit("1100", 5, "a")).postings


def test_the_entry_id_comes_from_the_business_key_alone() -> None:
    first = entry("a", "key", "lumin", TODAY, Tally("c").move("1100", "4010", 5))
    again = entry("a", "key", "lumin", TODAY, Tally("c").move("1100", "4010", 5))
    other = entry("a", "key 2", "lumin", TODAY, Tally("c").move("1100", "4010", 5))
    assert first == again
    assert first.entry_id != other.entry_id


def test_a_tally_never_moves_a_negative_amount() -> None:
    with pytest.raises(ValueError, match="cannot move"):
        Tally().move("1100", "4010", -1)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(sorted(ACCOUNTS)), st.sampled_from(sorted(ACCOUNTS)), st.integers(0, 10**7)
    ),
    min_size=1,
    max_size=12,
)


@given(MOVES)
def test_tallies_net_per_account_and_always_balance(moves: list[tuple[str, str, int]]) -> None:
    tally = Tally("c", "case")
    for debited, credited, cents in moves:
        tally.move(debited, credited, cents)
    postings = tally.postings()
    assert sum(line.debit_cents - line.credit_cents for line in postings) == 0
    accounts = [line.account for line in postings]
    assert accounts == sorted(set(accounts))
    for line in postings:
        expected = sum(c for d, _, c in moves if d == line.account) - sum(
            c for _, k, c in moves if k == line.account
        )
        assert line.debit_cents - line.credit_cents == expected


@given(MOVES)
def test_a_reversal_undoes_exactly_its_entry(moves: list[tuple[str, str, int]]) -> None:
    tally = Tally("c", "case")
    for debited, credited, cents in moves:
        tally.move(debited, credited, cents)
    if not tally.postings():
        return
    original = entry("visit_issued", "key", "lumin", TODAY, tally)
    undone = reverse(original, "undo key", date(2026, 6, 1))
    assert undone.corrects == original.entry_id
    assert undone.entry_id != original.entry_id
    assert undone.effective_on == date(2026, 6, 1)
    assert [(p.account, p.client_id, p.debit_cents, p.credit_cents) for p in undone.postings] == [
        (p.account, p.client_id, p.credit_cents, p.debit_cents) for p in original.postings
    ]
