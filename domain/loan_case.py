"""What the case of a lender's money is told and answers."""

from domain.model import Record
from domain.plan_case import Lender


class LoanInput(Record):
    """A lender's part of a visit (`payment_id`), or a loan that no visit is known for yet."""

    location_id: str
    lender: Lender
    loan_id: str
    zone: str
    payment_id: str | None = None
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class LoanMoved(Record):
    """A hint that the lender has news of the loan; the books say what.

    Without news it is only seen to be open, which a running case knows.
    """

    loan_id: str
    is_news: bool = True


class LoanResult(Record):
    """How it ended: settled."""

    status: str
