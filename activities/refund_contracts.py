"""What the case of a refund asks of its activities and what comes back."""

from pydantic import AwareDatetime

from activities.contracts import Mismatch
from domain.model import Record
from domain.refund_case import RefundRequest


class RefundRef(Record):
    """Which refund an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    zone: str
    refund_id: str | None = None
    source: str | None = None
    object_id: str | None = None


class AskRefundIn(Record):
    """Find out what a refund would do, and ask whether it shall."""

    refund: RefundRef
    request: RefundRequest
    at: AwareDatetime
    review_no: str


class AskRefundOut(Record):
    """`status`: asked | refused (then `why` says so in one sentence)."""

    status: str
    why: str = ""
    review_id: str | None = None
    code: str | None = None


class SettleRefundIn(Record):
    """Take a refund as far as it goes by itself."""

    refund: RefundRef
    at: AwareDatetime
    patient: bool = True
    """News of its payment may still be late: ask nobody yet."""
    tell: bool = False
    """An answer was carried out: tell the cases whose money it changed."""


class SettleRefundOut(Record):
    """`status`: paid | undone | gone (it ends so), waits (at the processor), missing (its payment
    is not in the books yet), asked (the questions are in `questions`)."""

    status: str
    questions: tuple[Mismatch, ...] = ()
