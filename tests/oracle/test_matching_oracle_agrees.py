"""The product's matching against a second, naive one, on 10,000 generated payments."""

from collections import Counter

import pytest

from domain.matching_book import MatchBook, match_all
from domain.matching_types import HeldPayment, Match, Matched, Proposed
from tests.oracle.match_books import Row, book_of
from tests.oracle.match_brute import Oracle, Ranked, Said

CHUNK = 1_000
CHUNKS = range(10)


def ranked(candidates: tuple[object, ...]) -> Ranked:
    return tuple((each.case_ids, each.points) for each in candidates)  # type: ignore[attr-defined]


def said_of(status: str, answer: Match) -> Said:
    if isinstance(answer, HeldPayment):
        fee = answer.fee
        return Said(
            status,
            answer.code,
            account=answer.account,
            owner=answer.client_id,
            is_new_money=answer.is_new_money,
            fee=(fee.schedule_cents, fee.kept_cents) if fee else None,
            ways=ranked(answer.candidates),
        )
    return Said(
        status,
        str(answer.tier),
        tuple((part.case_id, part.cents, part.instalment_id) for part in answer.allocations),
        answer.excess_cents,
        tuple((each.case_id, each.cents, each.account) for each in answer.closings),
        ticked=isinstance(answer, Proposed) and answer.is_preticked,
        ways=ranked(answer.rivals) if isinstance(answer, Proposed) else (),
    )


def product(book: Row) -> tuple[Said, Match]:
    [only] = match_all(MatchBook.model_validate(book))
    return said_of(only.status, only.answer), only.answer


def oracle(book: Row) -> Said:
    return Oracle(book, book["payments"][0]).answer()


@pytest.mark.slow
@pytest.mark.parametrize("chunk", CHUNKS)
def test_both_agree_on_every_answer(chunk: int) -> None:
    found = {}
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        book = book_of(seed)
        (ours, answer), theirs = product(book), oracle(book)
        if ours != theirs:
            found[seed] = f"product {ours} != oracle {theirs}"
        paid = book["payments"][0]["amount_cents"]
        if isinstance(answer, Matched | Proposed):
            placed = sum(part.cents for part in answer.allocations) + answer.excess_cents
            assert placed == paid, seed
    assert not found, "\n".join(f"seed {seed}: {why}" for seed, why in found.items())


def test_the_payments_are_varied() -> None:
    """Without this an easy generator would make agreement mean nothing."""
    said = [oracle(book_of(seed)) for seed in range(4_000)]
    counts = Counter((each.status, each.name) for each in said)
    for wanted in (
        *(("matched", tier) for tier in "12345"),
        *(("proposed", tier) for tier in "12345"),
        *(
            ("held", code)
            for code in (
                "CURRENCY_MISMATCH",
                "WRONG_INVOICE",
                "WRONG_CLIENT",
                "SANITY_BOUND",
                "LATE_EVENT",
                "OVERPAID",
                "DUPLICATE_SUSPECTED",
                "AMBIGUOUS_GROUP",
                "NO_REFERENCE",
                "LENDER_FEE_DIFF",
                "LENDER_REVERSED",
            )
        ),
    ):
        assert counts[wanted] >= 5, (wanted, counts)
    closings = Counter((each.status, account) for each in said for _, _, account in each.closings)
    assert min(closings[key] for key in (("matched", "6060"), ("proposed", "6060"))) >= 5
    assert closings["matched", "6020"] >= 20
    assert sum(each.excess > 0 for each in said) > 50
    assert len({each.ticked for each in said if each.status == "proposed"}) == 2
    assert sum(len(each.allocations) > 2 for each in said) > 5
    assert sum(any(points % 5 for _, points in each.ways) for each in said) > 100


@pytest.mark.parametrize(
    ("amount", "fields", "expected"),
    [
        (10_000, {"case_id": "a"}, Said("matched", "1", (("a", 6_000, None),), 4_000)),
        (6_000, {}, None),
        (10_000, {}, None),
    ],
)
def test_the_oracle_knows_what_was_reckoned_by_hand(
    amount: int, fields: Row, expected: Said | None
) -> None:
    """A: $60 of yesterday, B: $40 of 16 days ago; 45 + 30 + 15 and 15 * 14 // 28 = 7 points."""
    row = {"client_id": "ann", "visit_id": None, "due_on": "2026-06-01"}
    book: Row = {
        "location_id": "lumin",
        "currency": "USD",
        "items": [
            {
                **row,
                "case_id": "a",
                "number": "A",
                "balance_cents": 6_000,
                "issued_on": "2026-05-19",
            },
            {
                **row,
                "case_id": "b",
                "number": "B",
                "balance_cents": 4_000,
                "issued_on": "2026-05-04",
            },
        ],
        "payments": [
            {
                "source": "stripe",
                "payment_id": "p",
                "location_id": "lumin",
                "currency": "USD",
                "amount_cents": amount,
                "paid_on": "2026-05-20",
                "client_id": "ann",
                **fields,
            }
        ],
    }
    if expected is None and amount == 6_000:
        rivals = ((("b",), 37),)
        expected = Said("proposed", "3", (("a", 6_000, None),), ticked=True, ways=rivals)
    elif expected is None:
        expected = Said("proposed", "4", (("b", 4_000, None), ("a", 6_000, None)), ticked=True)
    assert oracle(book) == expected
    assert product(book)[0] == expected
