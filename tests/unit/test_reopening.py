"""A closed case that is opened again to take a decision back is the same case."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from domain import ids
from domain.policies import DEFAULT_CHASE
from domain.refund_case import RefundInput
from starter.desk.reopening import opening
from store.locations import Location
from store.reviews import Review

PLACE = Location(
    location_id="lumin",
    practice_name="Lumin",
    pms="boulevard",
    pms_location_ref="1",
    zone="America/Chicago",
    desk_email="desk@lumin.test",
    chase=DEFAULT_CHASE,
    clock_shift_seconds=7,
)


def _refund(start: RefundInput) -> str:
    return ids.refund_workflow_id(
        start.source or start.location_id, start.object_id or start.refund_id or ""
    )


CASES = [
    (
        "TreatmentVisit",
        ids.visit_workflow_id("lumin", "boulevard", "v/1"),
        lambda start: ids.visit_workflow_id(start.location_id, start.pms, start.visit_id),
    ),
    (
        "UnmatchedPayment",
        ids.unmatched_workflow_id("stripe", "pi_1"),
        lambda start: ids.unmatched_workflow_id(start.source, start.payment_id),
    ),
    (
        "PayoutTieOut",
        ids.payout_workflow_id("stripe", "po_1"),
        lambda start: ids.payout_workflow_id(start.source, start.payout_id),
    ),
    (
        "LenderLoan",
        ids.loan_workflow_id("lumin", "cherry", "tx-1"),
        lambda start: ids.loan_workflow_id(start.location_id, start.lender, start.loan_id),
    ),
    (
        "PatientReply",
        ids.reply_workflow_id("lumin", "inbox-1"),
        lambda start: ids.reply_workflow_id(start.location_id, start.reply.inbox_id),
    ),
    (
        "FinancingPlan",
        ids.plan_workflow_id("lumin", "in-house", "p/1"),
        lambda start: ids.plan_workflow_id(start.location_id, start.lender, start.plan_id),
    ),
    (
        "ExpiredLot",
        ids.lot_workflow_id("lumin", "document-1/2"),
        lambda start: ids.lot_workflow_id(start.location_id, start.lot_id),
    ),
    ("Refund", ids.refund_workflow_id("lumin", "refund-1"), _refund),
    ("Refund", ids.refund_workflow_id("stripe", "re_1"), _refund),
    (
        "ControlTotal",
        ids.control_workflow_id("lumin", "OWED_2010"),
        lambda start: ids.control_workflow_id(start.location_id, start.line),
    ),
    (
        "Dispute",
        ids.dispute_workflow_id("stripe", "du_1"),
        lambda start: ids.dispute_workflow_id(start.source, start.dispute_id),
    ),
]
REPLY = {"inbox_id": "inbox-1", "code": "REPLY_CALL", "at": "2026-11-02T15:00:00Z"}


@pytest.mark.parametrize(("name", "case_id", "id_of"), CASES)
def test_it_has_the_same_id_and_the_place_s_clock(
    name: str, case_id: str, id_of: Callable[[Any], str]
) -> None:
    review = Review(
        review_id="r",
        case_id=case_id,
        workflow_id=case_id,
        location_id="lumin",
        code="BREAKAGE",
        opened_at=datetime(2026, 11, 2, tzinfo=UTC),
        shown={"since": "2026-11-01", "theirs": {"loan": "tx-1, tx-2"}, "received": [REPLY]},
        choices=[],
        money_cents=0,
    )
    workflow, start = opening(PLACE, review)
    assert (workflow, id_of(start)) == (name, case_id)
    assert (start.zone, start.clock_shift_seconds) == (PLACE.zone, 7)
