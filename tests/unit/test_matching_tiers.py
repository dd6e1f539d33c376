"""Lenders, instalments, tolerance, the score, and what may be booked without a person."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

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
from domain.matching_policy import (
    AutomaticTier,
    ChequeTolerance,
    FeeRule,
    MatchPolicy,
    TierRecord,
)
from domain.matching_score import are_alike
from domain.matching_types import FeeDifference, FinancedItem, Funding, Hints, Instalment
from domain.reviews import TOPICS

TODAY = date(2026, 5, 20)
CHERRY = FeeRule(lender="cherry", rate=Decimal("0.099"), effective_from=date(2026, 1, 1))
WITH_FEES = MatchPolicy(fees=(CHERRY,))
CHEQUES = MatchPolicy(cheque=ChequeTolerance(switched_on_by="the owner"))


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


def loan(case_id: str = "1", **fields: Any) -> FinancedItem:
    return FinancedItem.model_validate(
        {
            "lender": "cherry",
            "loan_id": f"loan-{case_id}",
            "case_id": case_id,
            "client_id": "ann",
            "number": f"LUM-{case_id}",
            "financed_cents": 280_000,
            "signed_on": TODAY - timedelta(days=3),
            **fields,
        }
    )


def funded(
    net: int = 252_280, gross: int | None = 280_000, fee: int | None = 27_720, **fields: Any
) -> PaymentToMatch:
    loan_id = fields.pop("loan_id", "loan-1")
    return paid(
        net,
        **{
            "source": "cherry",
            "kind": "lender",
            "client_id": None,
            "funding": Funding(lender="cherry", loan_id=loan_id, gross_cents=gross, fee_cents=fee),
            **fields,
        },
    )


def decide(payment: PaymentToMatch, *items: OpenItem, **options: Any) -> Match:
    known = options.pop("known", ())
    return match(payment, items, known, **{"location_id": "lumin", "currency": "USD", **options})


def lend(payment: PaymentToMatch, *loans: FinancedItem, **options: Any) -> Match:
    return decide(payment, loans=loans or (loan(),), **{"policy": WITH_FEES, **options})


def held(answer: Match, code: str, account: str = "2090") -> HeldPayment:
    assert isinstance(answer, HeldPayment), answer
    assert (answer.code, answer.account) == (code, account)
    assert code in TOPICS
    assert answer.trace
    return answer


def placed(answer: Match) -> dict[str, int]:
    assert isinstance(answer, Matched | Proposed), answer
    return {part.case_id: part.cents for part in answer.allocations}


def closed(answer: Match) -> list[tuple[str, int, str]]:
    assert isinstance(answer, Matched | Proposed), answer
    return [(each.case_id, each.cents, each.account) for each in answer.closings]


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
        answer = held(decide(paid(case_id="1"), item("1"), known=known), "DUPLICATE_SUSPECTED")
        assert answer.trace == ("the same payer paid the same on 2026-05-19",)


# -- tier 2


def test_a_funding_of_the_financed_amount_less_its_fee_is_certain() -> None:
    """$2,800.00 at 9.9 % is $277.20; $2,522.80 arrives (rules 2.6)."""
    answer = lend(funded())
    assert isinstance(answer, Matched)
    assert (answer.tier, answer.excess_cents) == (2, 0)
    assert placed(answer) == {"1": 252_280}
    assert closed(answer) == [("1", 27_720, "6020")]


@pytest.mark.parametrize(
    ("gross", "fee"), [(280_000, None), (None, 27_720), (None, None), (280_000, 27_720)]
)
def test_a_figure_that_the_report_lacks_follows_from_the_others(
    gross: int | None, fee: int | None
) -> None:
    assert closed(lend(funded(252_280, gross, fee))) == [("1", 27_720, "6020")]


@pytest.mark.parametrize(("off", "is_certain"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_fee_may_be_one_cent_off_its_schedule(off: int, is_certain: bool) -> None:
    answer = lend(funded(252_280 - off, 280_000, 27_720 + off))
    if is_certain:
        assert closed(answer) == [("1", 27_720 + off, "6020")]
    else:
        fee = FeeDifference(schedule_cents=27_720, kept_cents=27_720 + off)
        assert held(answer, "LENDER_FEE_DIFF").fee == fee


def test_both_fees_are_said_in_words() -> None:
    answer = held(lend(funded(250_000, 280_000, 30_000)), "LENDER_FEE_DIFF")
    assert answer.trace == ("the lender kept $300.00, its schedule says $277.20",)
    assert answer.client_id == "ann"


def test_a_fee_without_a_schedule_is_never_taken_on_trust() -> None:
    answer = held(lend(funded(), policy=MatchPolicy()), "LENDER_FEE_DIFF")
    assert answer.fee == FeeDifference(schedule_cents=None, kept_cents=27_720)
    assert placed(lend(funded(280_000, 280_000, 0), policy=zero_fee())) == {"1": 280_000}
    assert closed(lend(funded(280_000, 280_000, 0), policy=zero_fee())) == []


def zero_fee() -> MatchPolicy:
    rule = FeeRule(lender="cherry", rate=Decimal(0), effective_from=date(2026, 1, 1))
    return MatchPolicy(fees=(rule,))


def test_a_lender_that_pays_on_top_is_held() -> None:
    held(lend(funded(280_001, 280_000, -1), policy=zero_fee()), "LENDER_FEE_DIFF")


@pytest.mark.parametrize(
    ("payment", "code", "account"),
    [
        (funded(252_279, 280_000, 27_720), "LENDER_FEE_DIFF", "2090"),
        (funded(247_775, 275_000, 27_225), "WRONG_INVOICE", "2090"),
        (funded(loan_id="loan-9"), "WRONG_INVOICE", "2095"),
        (funded(case_id="2"), "WRONG_INVOICE", "2090"),
        (funded(funding=None), "NO_REFERENCE", "2095"),
        (funded(-252_280), "LENDER_REVERSED", "2095"),
    ],
)
def test_what_a_lender_sends_otherwise_is_held(
    payment: PaymentToMatch, code: str, account: str
) -> None:
    held(lend(payment), code, account)


def test_a_loan_takes_one_funding() -> None:
    held(lend(funded(), loan(is_open=False)), "WRONG_INVOICE")
    held(lend(funded(), loan(), loan("2", loan_id="loan-1")), "AMBIGUOUS_GROUP", "2095")
    before = EarlierPayment(
        source="cherry",
        payment_id="fund-0",
        client_id=None,
        case_id="1",
        amount_cents=252_280,
        paid_on=TODAY - timedelta(days=7),
    )
    again = held(lend(funded(), loan(is_open=False), known=(before,)), "DUPLICATE_SUSPECTED")
    assert again.client_id == "ann"
    of_patient = before.model_copy(update={"source": "stripe"})
    assert placed(lend(funded(), known=(of_patient,))) == {"1": 252_280}


def test_a_lenders_money_never_meets_a_patients_balance() -> None:
    mine = item("7", 252_280)
    held(decide(funded(loan_id="x"), mine, loans=(loan(),)), "WRONG_INVOICE", "2095")
    held(decide(funded(funding=None, client_id="ann"), mine), "NO_REFERENCE", "2095")


def test_the_lenders_open_loans_are_ranked() -> None:
    loans = (
        loan("1", financed_cents=300_000),
        loan("2"),
        loan("3", signed_on=TODAY - timedelta(days=60)),
        loan("4", is_open=False),
        loan("5", lender="alphaeon"),
    )
    answer = held(lend(funded(loan_id="x"), *loans), "WRONG_INVOICE", "2095")
    points = [(each.case_ids, each.points) for each in answer.candidates]
    assert points == [(("2",), 89), (("3",), 75), (("1",), 44)]


def test_the_fee_is_the_programmes_own_of_the_day_of_signing() -> None:
    def rule(rate: str, since: date, programme: str = "") -> FeeRule:
        return FeeRule(
            lender="cherry", programme=programme, rate=Decimal(rate), effective_from=since
        )

    policy = MatchPolicy(
        fees=(
            rule("0.10", date(2026, 1, 1)),
            rule("0.11", date(2026, 5, 1)),
            rule("0.05", date(2026, 2, 1), "short"),
            rule("0.01", date(2026, 5, 1)).model_copy(update={"lender": "alphaeon"}),
        )
    )

    def rate(programme: str, signed_on: date) -> Decimal | None:
        found = policy.fee_rule("cherry", programme, signed_on)
        return found.rate if found else None

    assert rate("", date(2026, 4, 30)) == Decimal("0.10")
    assert rate("", date(2026, 5, 1)) == Decimal("0.11")
    assert rate("short", date(2026, 5, 1)) == Decimal("0.05")
    assert rate("short", date(2026, 1, 31)) == Decimal("0.10")
    assert rate("", date(2025, 12, 31)) is None
    assert policy.fees[0].fee_cents(12_345) == 1_235


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


def plan(case_id: str, *due: int, balance: int = 0, **fields: Any) -> OpenItem:
    parts = tuple(
        Instalment(instalment_id=f"part-{n}", due_on=TODAY + timedelta(days=days), cents=10_000)
        for n, days in enumerate(due)
    )
    return item(case_id, balance, instalments=parts, **fields)


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
