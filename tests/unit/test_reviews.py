import re
from pathlib import Path

import pytest

from domain import pricing
from domain.case import Decision
from domain.reviews import CONFIRM, REFUSE, TOPICS, problem_with, topic_of
from domain.topics import Need

REQUIRED = [
    "CATALOG_UNMAPPED",
    "PRICE_MISSING",
    "TAX_UNCONFIRMED",
    "QUANTITY_OFF_STEP",
    "QUANTITY_BOUND",
    "LOT_EXPIRED",
    "LOT_PARTLY_PAID",
    "MEMBERSHIP_SUSPENDED",
    "CURRENCY_MISMATCH",
    "PROMOTION_INVALID",
    "SANITY_BOUND",
    "CHASE_EXHAUSTED",
    "UNREACHABLE",
    "STATE_UNKNOWN",
    "PMS_CONFIRM",
    "PMS_WRITE_FAILED",
    "NO_REFERENCE",
    "WRONG_CLIENT",
    "WRONG_INVOICE",
    "DUPLICATE_SUSPECTED",
    "OVERPAID",
    "UNDERPAID",
    "CHART_CHANGED",
    "AMBIGUOUS_GROUP",
    "PMS_DISAGREES",
    "MESSAGE_UNKNOWN",
    "LENDER_FEE_DIFF",
    "LENDER_UNFUNDED",
    "LENDER_REVERSED",
    "PAYOUT_DIFF",
    "REFUND_UNLINKED",
    "REFUND_AFTER_CLOSE",
    "DISPUTE_OPEN",
    "SETTLEMENT_FAILED",
    "LATE_EVENT",
    "NULL_DATE",
    "CARD_DECLINED",
    "TAX_DIFF",
    "LOT_MISMATCH",
    "CONSENT_MISSING",
    "REPLY_PAID",
    "REPLY_DISPUTE",
    "REPLY_CALL",
    "REPLY_WRONG_PERSON",
    "REPLY_UNCLEAR",
    "ADVERSE_EVENT",
]

FILLED = {
    Need.SKU: {"sku": "TOX"},
    Need.AMOUNT: {"amount_cents": 0},
    Need.ITEM_CLASS: {"item_class": "device"},
    Need.INVOICE: {"invoice_id": "inv-1"},
    Need.REASON: {"reason": "courtesy"},
    Need.UNTIL: {"until": "2026-03-20"},
    Need.CLIENT: {"client_id": "client-1"},
    Need.STATUS: {"status": "funded"},
}
CHOICES = [(topic, choice) for topic in TOPICS.values() for choice in topic.choices]
NAMES = [f"{topic.code}-{choice.name}" for topic, choice in CHOICES]


def decision(choice: str, by: str = "staff-7", **fields: object) -> Decision:
    return Decision.model_validate({"review_id": "r", "choice": choice, "by": by, **fields})


def test_every_code_of_the_rules_is_described() -> None:
    assert set(REQUIRED) <= set(TOPICS)


@pytest.mark.parametrize("code", sorted(TOPICS))
def test_a_topic_is_complete(code: str) -> None:
    topic = topic_of(code)
    names = [choice.name for choice in topic.choices]
    assert topic.code == code
    assert topic.choices
    assert len(names) == len(set(names))
    assert topic.suggested is None or topic.suggested in names
    sentences = [topic.meaning, topic.if_ignored, *(choice.effect for choice in topic.choices)]
    for sentence in sentences:
        assert sentence.endswith(".")
        assert set(re.findall(r"{(\w*)}", sentence)) <= {"amount"}
        assert sentence.format(amount="$1.00").count("{") == 0
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_every_reason_that_pricing_holds_for_is_described() -> None:
    """The codes are read from the sources, so that a new one cannot be forgotten."""
    parts = ("bounds", "charges", "discounts", "draws", "pricing", "tax", "tenders")
    folder = Path(pricing.__file__).parent
    sources = "".join((folder / f"{part}.py").read_text() for part in parts)
    held_for = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', sources)) - {"ENGINE_VERSION"}
    assert len(held_for) > 10
    assert held_for <= set(TOPICS)


def test_giving_money_away_needs_two_people() -> None:
    for topic, choice in CHOICES:
        if choice.name in ("write_off", "refund", "reinstate", "credit", "keep_as_credit"):
            assert choice.two_person, (topic.code, choice.name)


@pytest.mark.parametrize(("topic", "choice"), CHOICES, ids=NAMES)
def test_a_choice_with_all_it_needs_is_valid_and_with_less_is_not(
    topic: object, choice: object
) -> None:
    assert hasattr(topic, "code")
    assert hasattr(choice, "needs")
    filled = {name: value for need in choice.needs for name, value in FILLED[need].items()}
    assert problem_with(decision(choice.name, **filled), topic.code) is None
    for need in choice.needs:
        short = {name: value for name, value in filled.items() if name != need}
        problem = problem_with(decision(choice.name, **short), topic.code)
        assert problem is not None
        assert problem.endswith(".")
        assert choice.name in problem


def test_an_unknown_choice_names_the_valid_ones() -> None:
    problem = problem_with(decision("wave_away"), "LOT_EXPIRED")
    assert problem is not None
    assert "reinstate, charge, chart_fixed" in problem


@pytest.mark.parametrize("by", ["", "   "])
def test_nobody_decides_anonymously(by: str) -> None:
    problem = problem_with(decision("chart_fixed", by=by), "QUANTITY_BOUND")
    assert problem is not None
    assert "name of the person" in problem


def test_blank_text_and_negative_amounts_do_not_fill_a_need() -> None:
    assert problem_with(decision("map", sku=" "), "CATALOG_UNMAPPED") is not None
    assert problem_with(decision("one_off_price", amount_cents=-1), "CATALOG_UNMAPPED") is not None


def test_an_unknown_code_cannot_be_decided() -> None:
    assert problem_with(decision("done"), "NO_SUCH_CODE") is not None
    with pytest.raises(LookupError, match="NO_SUCH_CODE"):
        topic_of("NO_SUCH_CODE")


def test_no_choice_is_a_second_persons_word() -> None:
    """A case takes `confirm` and `refuse` for the answer to what another person proposed (F5)."""
    assert {choice.name for _, choice in CHOICES}.isdisjoint({CONFIRM, REFUSE})
