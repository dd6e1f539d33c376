"""What a case hands to its activities: its id, its place and its matter; Stripe is the source."""

from activities.contracts import UnmatchedRef
from activities.dispute_contracts import DisputeRef
from activities.payout_contracts import PayoutRef
from activities.refund_contracts import RefundRef
from domain import ids
from tests.activities.practice import ZONE

SOURCE = "stripe"


def loose(place: str, payment_id: str) -> UnmatchedRef:
    """Money without a reference."""
    return UnmatchedRef(
        case_id=ids.unmatched_workflow_id(SOURCE, payment_id),
        location_id=place,
        source=SOURCE,
        payment_id=payment_id,
        zone=ZONE,
    )


def refund(place: str, refund_id: str) -> RefundRef:
    """A refund that the desk asked for."""
    return RefundRef(
        case_id=ids.refund_workflow_id(place, refund_id),
        location_id=place,
        zone=ZONE,
        refund_id=refund_id,
    )


def outside_refund(place: str, object_id: str) -> RefundRef:
    """A refund that somebody made in the processor's own pages."""
    return RefundRef(
        case_id=ids.refund_workflow_id(SOURCE, object_id),
        location_id=place,
        zone=ZONE,
        source=SOURCE,
        object_id=object_id,
    )


def dispute(place: str, dispute_id: str) -> DisputeRef:
    """A payment that its payer's bank questions."""
    return DisputeRef(
        case_id=ids.dispute_workflow_id(SOURCE, dispute_id),
        location_id=place,
        zone=ZONE,
        source=SOURCE,
        dispute_id=dispute_id,
    )


def payout(place: str, payout_id: str) -> PayoutRef:
    """A transfer to the practice's bank."""
    return PayoutRef(
        case_id=ids.payout_workflow_id(SOURCE, payout_id),
        location_id=place,
        source=SOURCE,
        payout_id=payout_id,
        zone=ZONE,
    )
