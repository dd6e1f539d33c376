"""What a payout's case is told and what it answers."""

from domain.model import Record


class PayoutInput(Record):
    """A payout of the processor's account, which `location_id` looks after."""

    location_id: str
    source: str
    payout_id: str
    zone: str
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class PayoutMoved(Record):
    """A hint that the processor has news; the case then reads the payout itself."""

    state: str


class PayoutResult(Record):
    """How a payout ended: tied | returned | canceled | gone."""

    status: str
