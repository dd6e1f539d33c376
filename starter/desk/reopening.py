"""What a closed case starts with when it is opened again to take a decision back."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from activities.translation import dispute_input, refund_input, visit_input
from activities.undone_replies import received
from domain.case import UnmatchedInput
from domain.control_case import ControlInput
from domain.loan_case import LoanInput
from domain.lot_case import LotInput
from domain.model import Record
from domain.payout_case import PayoutInput
from domain.plan_case import Lender, PlanInput
from domain.plan_policy import DEFAULT_PLAN
from domain.reply_case import ReplyInput
from store.locations import Location
from store.reviews import Review


def opening(place: Location, review: Review) -> tuple[str, Record]:
    """The workflow of a question's case, and its input; a running one keeps its own."""
    family, rest = review.workflow_id.split("/", 1)
    return _OPENINGS[family](place, review, rest)


def _visit(place: Location, review: Review, rest: str) -> tuple[str, Record]:
    _, pms, visit_id = rest.split("/", 2)
    return "TreatmentVisit", visit_input(place, pms, visit_id, f"undo/{review.review_id}")


def _payment(place: Location, _: Review, rest: str) -> tuple[str, Record]:
    source, payment_id = rest.split("/", 1)
    start = UnmatchedInput(
        location_id=place.location_id,
        source=source,
        payment_id=payment_id,
        zone=place.zone,
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "UnmatchedPayment", start


def _payout(place: Location, _: Review, rest: str) -> tuple[str, Record]:
    source, payout_id = rest.split("/", 1)
    start = PayoutInput(
        location_id=place.location_id,
        source=source,
        payout_id=payout_id,
        zone=place.zone,
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "PayoutTieOut", start


def _loan(place: Location, review: Review, rest: str) -> tuple[str, Record]:
    """Its case may be named by a visit; the question names the loans of its part."""
    _, lender, name = rest.split("/", 2)
    loans = str((review.shown.get("theirs") or {}).get("loan") or name)
    start = LoanInput(
        location_id=place.location_id,
        lender=Lender(lender),
        loan_id=loans.split(", ")[0],
        zone=place.zone,
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "LenderLoan", start


def _reply(place: Location, review: Review, _: str) -> tuple[str, Record]:
    start = ReplyInput(
        location_id=place.location_id,
        zone=place.zone,
        reply=received(review)[0],
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
        was_read=True,
    )
    return "PatientReply", start


def _plan(place: Location, review: Review, rest: str) -> tuple[str, Record]:
    _, lender, plan_id = rest.split("/", 2)
    start = PlanInput(
        location_id=place.location_id,
        lender=Lender(lender),
        plan_id=plan_id,
        zone=place.zone,
        policy=DEFAULT_PLAN,
        event_id=f"undo/{review.review_id}",
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "FinancingPlan", start


def _lot(place: Location, _: Review, rest: str) -> tuple[str, Record]:
    start = LotInput(
        location_id=place.location_id,
        lot_id=rest.split("/", 1)[1],
        zone=place.zone,
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "ExpiredLot", start


def _control(place: Location, review: Review, rest: str) -> tuple[str, Record]:
    start = ControlInput(
        location_id=place.location_id,
        line=rest.split("/", 1)[1],
        since=review.shown["since"],
        zone=place.zone,
        staff_reminder_business_days=place.chase.staff_reminder_business_days,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    return "ControlTotal", start


def _refund(place: Location, review: Review, _: str) -> tuple[str, Record]:
    return "Refund", refund_input(place, review.workflow_id)


def _dispute(place: Location, review: Review, _: str) -> tuple[str, Record]:
    return "Dispute", dispute_input(place, review.workflow_id)


_OPENINGS: Mapping[str, Callable[[Location, Review, str], tuple[str, Record]]] = MappingProxyType(
    {
        "visit": _visit,
        "payment": _payment,
        "payout": _payout,
        "plan": _plan,
        "lot": _lot,
        "loan": _loan,
        "reply": _reply,
        "refund": _refund,
        "control": _control,
        "dispute": _dispute,
    }
)
"""By the first part of the case's id."""
