"""What may be booked without a person, what is ticked beforehand, and the score that ranks."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.matching import HeldPayment, Match, Matched, OpenItem, PaymentToMatch, Proposed
from domain.matching_policy import AutomaticTier, MatchPolicy, TierRecord
from domain.matching_score import are_alike
from domain.matching_types import Hints
from tests.unit.matching_kit import (
    CHEQUES,
    CHERRY,
    TODAY,
    decide,
    funded,
    held,
    item,
    lend,
    paid,
    placed,
    plan,
)

# -- what may be booked without a person


def sums(record: tuple[TierRecord, ...] = (), policy: MatchPolicy | None = None) -> Match:
    options: dict[str, Any] = {"record": record, "policy": policy or MatchPolicy()}
    return decide(paid(), item("1", 6_000), item("2", 4_000), **options)


@pytest.mark.parametrize(
    ("accepted", "corrected", "is_booked"),
    [(0, 0, False), (199, 0, False), (200, 0, True), (200, 1, False), (90_000, 1, False)],
)
def test_sums_are_booked_after_200_accepted_without_a_correction(
    accepted: int, corrected: int, is_booked: bool
) -> None:
    record = (TierRecord(tier=4, accepted=accepted, corrected=corrected),)
    answer = sums(record)
    assert isinstance(answer, Matched if is_booked else Proposed)
    assert placed(answer) == {"1": 6_000, "2": 4_000}
    if not is_booked:
        assert "a person confirms it" in answer.trace[-1]


def test_counts_of_a_tier_are_added_and_other_tiers_do_not_count() -> None:
    halves = (TierRecord(tier=4, accepted=150), TierRecord(tier=4, accepted=50))
    assert isinstance(sums(halves), Matched)
    assert isinstance(sums((TierRecord(tier=3, accepted=200),)), Proposed)


@pytest.mark.parametrize(
    ("accepted", "corrected", "is_booked"),
    [
        (0, 0, True),
        (4_742, 1, False),
        (4_743, 1, True),
        (6_293, 2, False),
        (6_294, 2, True),
        (7_751, 3, True),
        (99_999, 4, False),
    ],
)
def test_a_corrected_tier_needs_999_of_1000_with_95_percent_confidence(
    accepted: int, corrected: int, is_booked: bool
) -> None:
    record = (TierRecord(tier=1, accepted=accepted, corrected=corrected),)
    answer = decide(paid(12_000, case_id="1"), item("1"), record=record)
    assert isinstance(answer, Matched if is_booked else Proposed)
    assert placed(answer) == {"1": 10_000}
    assert isinstance(answer, Matched | Proposed)
    assert answer.excess_cents == 2_000
    assert answer.notice == "$20.00 over the balance became client credit"


@pytest.mark.parametrize("tier", [1, 2, 3, 4, 5])
def test_a_tier_that_is_not_listed_only_proposes(tier: int) -> None:
    rows = [AutomaticTier(tier=n, accepted_min=200 * (n == 4)) for n in (1, 2, 3, 4, 5)]
    policy = MatchPolicy(automatic=tuple(row for row in rows if row.tier != tier), fees=(CHERRY,))
    record = (TierRecord(tier=4, accepted=200),)
    certain = {
        1: (paid(case_id="1"), item("1")),
        3: (paid(is_from_pms=True, visit_id="visit-1"), item("1")),
        4: (paid(), item("1", 6_000), item("2", 4_000)),
        5: (paid(), plan("1", 0)),
    }
    for each, (payment, *items) in certain.items():
        answer = decide(payment, *items, policy=policy, record=record)
        assert isinstance(answer, Proposed if each == tier else Matched), each
        assert answer.tier == each
    answer = lend(funded(), policy=policy)
    assert isinstance(answer, Proposed if tier == 2 else Matched)


def test_no_policy_is_looser_than_the_rules() -> None:
    for fields in (
        {"automatic": ({"tier": 6},)},
        {"automatic": ({"tier": 4, "accepted_min": 199},)},
        {"margin_points": 24},
        {"duplicate_days": 6},
        {"after_due_days": 46},
        {"before_issue_days": 2},
        {"instalment_early_days": 4},
        {"instalment_late_days": 11},
        {"group_size_max": 6},
        {"group_items_max": 25},
        {"cheque": {"switched_on_by": "x", "cents_max": 101}},
        {"cheque": {"switched_on_by": "x", "basis_points_max": 51}},
    ):
        with pytest.raises(ValidationError):
            MatchPolicy.model_validate(fields)


# -- the tick


def test_a_proposal_is_ticked_only_well_before_the_next_best() -> None:
    old = {"issued_on": TODAY - timedelta(days=40)}
    alone = decide(paid(), item("1"))
    assert isinstance(alone, Proposed)
    assert (alone.margin_points, alone.is_preticked, alone.rivals) == (90, True, ())
    named = decide(paid(memo="LUM-2"), item("1", **old), item("2", 9_000))
    assert isinstance(named, Proposed)
    assert placed(named) == {"1": 10_000}
    assert (named.margin_points, named.is_preticked) == (20, False)
    assert [(each.case_ids, each.points) for each in named.rivals] == [(("2",), 55)]


def test_the_margin_is_25_points() -> None:
    """45 + 30 + 0 against 30 + 10 + 10 or 30 + 11 + 10, for the payer, the date and the memo."""
    first = item("1", issued_on=TODAY - timedelta(days=40))
    for days, margin in ((11, 25), (9, 24)):
        other = item("2", 9_000, issued_on=TODAY - timedelta(days=days))
        answer = decide(paid(memo="lum-2"), first, other)
        assert isinstance(answer, Proposed)
        assert (answer.margin_points, answer.is_preticked) == (margin, margin >= 25)


# -- the score


def points(payment: PaymentToMatch, one: OpenItem) -> int:
    answer = decide(payment, one, is_period_open=True)
    assert isinstance(answer, HeldPayment), answer
    return sum(each.points for each in answer.candidates)


@pytest.mark.parametrize(
    ("payer", "client", "expected"),
    [
        ({"phone_hash": "p"}, {"phone_hash": "p"}, 24),
        ({"email_hash": "e"}, {"email_hash": "e"}, 24),
        ({"phone_hash": "e"}, {"email_hash": "e"}, 0),
        ({"phone_hash": None}, {"phone_hash": None}, 0),
        ({"name": "Ann Ruiz"}, {"name": "RUÍZ, Ann"}, 18),
        ({"name": "Ann Ruiz"}, {"name": "Bob Ruiz"}, 0),
        ({"name": ""}, {"name": ""}, 0),
    ],
)
def test_what_else_is_known_of_a_payer_only_ranks(
    payer: dict[str, Any], client: dict[str, Any], expected: int
) -> None:
    unknown = paid(client_id=None, payer=Hints(**payer))
    assert points(unknown, item("1", client=Hints(**client))) == 45 + 15 + expected


@pytest.mark.parametrize(
    ("days", "expected"), [(0, 15), (2, 15), (3, 14), (16, 7), (29, 0), (30, 0), (-400, 0)]
)
def test_the_date_falls_from_two_days_to_thirty(days: int, expected: int) -> None:
    one = item("1", issued_on=TODAY - timedelta(days=days))
    assert points(paid(client_id=None), one) == 45 + expected


@pytest.mark.parametrize(
    ("memo", "is_named"),
    [
        ("lum-1", True),
        ("(LUM-1)", True),
        ("paying LUM-1.", True),
        ("LUM-12", False),
        ("XLUM-1", False),
        ("LUM-1-2", False),
        ("", False),
    ],
)
def test_the_memo_names_a_number_as_a_whole_word(memo: str, is_named: bool) -> None:
    assert points(paid(client_id=None, memo=memo), item("1")) == 60 + 10 * is_named


def test_an_instalment_counts_as_the_amount_and_a_tolerated_cheque_in_part() -> None:
    assert points(paid(client_id=None), plan("1", 300)) == 60
    cheque = paid(19_950, client_id=None, kind="cheque")
    answer = held(decide(cheque, item("1", 20_000), policy=CHEQUES), "NO_REFERENCE", "2095")
    assert answer.candidates[0].points == 45 * 51 // 101 + 15


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Anna-Maria Ortega Lopez", "Ana Maria Ortega López", True),
        ("Ann Ruiz", "Ann Ruis", False),
        ("Jonathan Smith", "Jonathon Smith", True),
        ("Smith", "Smith Smith", False),
        ("abcdefghijklm", "abcdefghijkl", True),
        ("abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvw12345", False),
        ("!!!", "!!!", False),
    ],
)
def test_names_are_alike_at_92_percent(one: str, other: str, alike: bool) -> None:
    assert are_alike(one, other) is alike
    assert are_alike(other, one) is alike


# -- the trace


def test_every_tier_that_had_no_answer_says_why() -> None:
    answer = decide(paid(client_id=None), item("1", 9_000))
    assert answer.tried == (
        "passed the gate: currency, location, amount, not seen before, period open",
        "tier 2: no lender sent it",
        "tier 1: it names no invoice of ours",
        "tiers 3 and 5: no open item or due instalment of the payer has this amount",
        "tier 4: no sum of the payer's open items is this amount",
    )
    assert decide(paid(), currency="EUR").tried == ()


def test_no_word_names_a_person() -> None:
    who = Hints(name="Ann Secret", phone_hash="h-secret", email_hash="h-secret")
    payment = paid(client_id=None, payer=who, memo="memo-secret")
    answer = decide(payment, item("1", 9_000, client=who), item("2"))
    assert "secret" not in answer.model_dump_json().casefold()
    assert "Secret" not in repr(payment)
