"""What holds of every answer, on generated payments and on books of many of them."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.matching import HeldPayment, Matched, Proposed, match
from domain.matching_book import Answer, MatchBook, match_all
from domain.matching_policy import MatchPolicy
from domain.matching_types import FeeDifference
from domain.reviews import TOPICS
from tests.oracle.match_books import TODAY, Row, book_of

SEEDS = st.integers(0, 10**9)
UNHURRIED = settings(deadline=None)
"""A busy machine is no finding."""
PARTS = ("payments", "items", "loans", "earlier", "record")


def mixed(book: Row, seed: int) -> MatchBook:
    """The same book with every list in another order."""
    random = Random(seed)
    parts = {part: random.sample(book[part], k=len(book[part])) for part in PARTS}
    return MatchBook.model_validate({**book, **parts})


def busy(seed: int) -> Row:
    """A book with several payments, some of them twice, over three days."""
    random = Random(seed)
    book = book_of(seed)
    payments = [book_of(seed + n)["payments"][0] for n in range(random.choice((2, 5, 9)))]
    for at, pay in enumerate(payments):
        pay |= {
            "payment_id": f"pay-{random.randrange(at + 1)}",
            "paid_on": TODAY.replace(day=TODAY.day - random.randrange(3)).isoformat(),
        }
    return {**book, "payments": [*payments, *random.sample(payments, k=random.choice((0, 1, 2)))]}


def sound(book: MatchBook, each: Answer) -> None:
    """Nothing made or lost, nothing certain by a score, everything said in words."""
    answer = each.answer
    assert answer.trace
    assert all(answer.trace + answer.tried)
    if isinstance(answer, HeldPayment):
        assert each.status == "held"
        assert answer.code in TOPICS
        assert answer.account == ("2090" if answer.client_id else "2095")
        assert len(answer.candidates) <= 3
        if answer.code == "LENDER_FEE_DIFF":
            assert isinstance(answer.fee, FeeDifference)
        return
    assert sum(part.cents for part in answer.allocations) + answer.excess_cents == each.amount_cents
    assert all(part.cents > 0 for part in answer.allocations)
    assert answer.excess_cents >= 0
    assert len({part.case_id for part in answer.allocations}) == len(answer.allocations)
    assert answer.excess_cents == 0 or answer.tier == 1
    assert (answer.tier == 5) <= (answer.allocations[0].instalment_id is not None)
    closings = {(closing.account, answer.tier) for closing in answer.closings}
    assert closings <= {("6060", 1), ("6060", 3), ("6020", 2)}
    for closing in answer.closings:
        assert closing.cents > 0
        assert closing.account == "6020" or closing.cents <= 100
    if isinstance(answer, Matched):
        assert each.status == "matched"
        assert answer.tier in (1, 2, 3, 4, 5)
        assert book.policy.barrier(answer.tier, book.record) is None
        assert "points" not in answer.model_dump_json()
    else:
        assert each.status == "proposed"
        assert answer.is_preticked == (answer.margin_points >= book.policy.margin_points)
        assert answer.margin_points >= 25 or not answer.is_preticked


@UNHURRIED
@given(SEEDS, SEEDS)
def test_the_order_of_anything_never_changes_an_answer(seed: int, order: int) -> None:
    book = book_of(seed)
    [answer] = match_all(MatchBook.model_validate(book))
    assert match_all(mixed(book, order)) == (answer,)
    sound(MatchBook.model_validate(book), answer)


@UNHURRIED
@given(SEEDS, SEEDS)
def test_the_order_of_payments_never_changes_a_book(seed: int, order: int) -> None:
    book = busy(seed)
    answers = match_all(MatchBook.model_validate(book))
    assert match_all(mixed(book, order)) == answers
    assert len(answers) == len(book["payments"])
    for each in answers:
        sound(MatchBook.model_validate(book), each)


@UNHURRIED
@given(SEEDS)
def test_no_case_is_paid_more_than_it_is_owed_and_no_payment_counts_twice(seed: int) -> None:
    book = MatchBook.model_validate(busy(seed))
    settled = {(p.source, p.payment_id) for p in book.payments if p.state == "settled"}
    owed = {item.case_id: max(0, item.balance_cents) for item in book.items}
    parts = {(i.case_id, part.instalment_id) for i in book.items for part in i.instalments}
    seen: set[tuple[str, str]] = set()
    states = {(p.source, p.payment_id, p.state) for p in book.payments}
    for each in match_all(book):
        name = (each.source, each.payment_id)
        if not isinstance(each.answer, Matched) or (*name, "in_flight") in states:
            continue
        assert name in settled
        assert name not in seen
        seen.add(name)
        if each.answer.tier == 2:
            continue
        for part in each.answer.allocations:
            closings = sum(c.cents for c in each.answer.closings if c.case_id == part.case_id)
            if part.instalment_id is not None:
                assert (part.case_id, part.instalment_id) in parts
                parts.remove((part.case_id, part.instalment_id))
            if each.answer.tier != 5:
                assert part.cents + closings <= owed[part.case_id]
            owed[part.case_id] = max(0, owed[part.case_id] - part.cents - closings)


@UNHURRIED
@given(SEEDS)
def test_without_listed_tiers_nothing_is_ever_certain(seed: int) -> None:
    book = MatchBook.model_validate(book_of(seed))
    manual = book.policy.model_copy(update={"automatic": ()})
    for each in match_all(book.model_copy(update={"policy": manual})):
        assert not isinstance(each.answer, Matched)


@UNHURRIED
@given(SEEDS)
def test_without_a_reference_or_a_payer_nothing_is_certain_or_proposed(seed: int) -> None:
    """However many points a candidate has: a score never matches."""
    book = MatchBook.model_validate(book_of(seed))
    [payment] = book.payments
    update = {"client_id": None, "case_id": None, "funding": None, "kind": "card"}
    nobody = payment.model_copy(update=update)
    answer = match(
        nobody,
        book.items,
        book.earlier,
        location_id=book.location_id,
        currency=book.currency,
        loans=book.loans,
        policy=book.policy,
        record=book.record,
    )
    assert isinstance(answer, HeldPayment)
    assert answer.account == "2095"


@UNHURRIED
@given(SEEDS)
def test_a_stricter_practice_is_never_surer(seed: int) -> None:
    """Taking thresholds away from certainty turns answers into proposals or questions alone."""
    book = MatchBook.model_validate(book_of(seed))
    strict = MatchPolicy.model_validate(
        {
            **book.policy.model_dump(),
            "cheque": None,
            "margin_points": 100,
            "before_issue_days": 0,
            "after_due_days": 0,
            "instalment_early_days": 0,
            "instalment_late_days": 0,
            "group_size_max": 1,
        }
    )
    [usual] = match_all(book)
    [stricter] = match_all(book.model_copy(update={"policy": strict}))
    if isinstance(stricter.answer, Matched | Proposed):
        named = book.payments[0].case_id is not None or book.payments[0].funding is not None
        assert (
            named
            or not isinstance(usual.answer, HeldPayment)
            or (usual.answer.code == "AMBIGUOUS_GROUP")
        )
