"""What the money forbids a step, rule by rule."""

from datetime import UTC, datetime, timedelta

import pytest

from activities import permission
from activities.contracts import CaseRef, Mismatch, SendIn, StandingOut
from domain.policies import DEFAULT_CHASE
from store.send_facts import SendFacts

AT = datetime(2026, 11, 3, 17, tzinfo=UTC)
OWED = 10_000


def ask(**changes: object) -> SendIn:
    known = SendIn(
        case=CaseRef(
            case_id="visit/x",
            location_id="x",
            pms="boulevard",
            visit_id="v",
            zone="America/Chicago",
        ),
        client_id="c",
        document_id="d",
        step=DEFAULT_CHASE.steps[1],
        chase=DEFAULT_CHASE,
        day0=None,
        at=AT,
        first=False,
    )
    return known.model_copy(update=changes)


def facts(credit_cents: int = 0, unapplied_cents: int = 0) -> SendFacts:
    return SendFacts.model_construct(credit_cents=credit_cents, unapplied_cents=unapplied_cents)


@pytest.mark.parametrize(
    ("changes", "standing", "held", "expected"),
    [
        ({}, {}, {}, None),
        ({}, {"balance_cents": 0}, {}, ("settled", "D2")),
        ({}, {"status": "unverified", "missing": "pms"}, {}, ("unverified", "D3")),
        ({}, {"balance_cents": 499}, {}, ("small", "D4")),
        ({"first": True}, {"balance_cents": 499}, {}, None),
        ({}, {"in_flight": True}, {}, ("in_flight", "D5")),
        ({}, {"mismatches": (Mismatch(review_id="r", code="M"),)}, {}, ("snoozed", "E5")),
        ({}, {}, {"credit_cents": OWED}, ("credit", "D18")),
        ({}, {}, {"unapplied_cents": OWED}, ("snoozed", "D18")),
        ({}, {}, {"credit_cents": 1, "unapplied_cents": OWED - 1}, ("snoozed", "D18")),
        ({}, {}, {"credit_cents": 1, "unapplied_cents": OWED - 2}, None),
        ({"despite_credit": True}, {}, {"credit_cents": OWED}, None),
        ({"settled_ok": True}, {"balance_cents": 0}, {}, None),
    ],
)
def test_the_money_decides_by_its_rules(
    changes: dict[str, object],
    standing: dict[str, object],
    held: dict[str, int],
    expected: tuple[str, str] | None,
) -> None:
    read = StandingOut(status="verified", balance_cents=OWED).model_copy(update=standing)
    verdict = permission.after_balance(ask(**changes), facts(**held), read)
    assert (None if verdict is None else (verdict.status, verdict.rule)) == expected
    if verdict is not None and verdict.status == "snoozed":
        assert verdict.until is not None
        assert AT < verdict.until <= AT + timedelta(days=1)
