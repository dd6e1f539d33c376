"""What the case of a dispute is told and what it answers."""

from domain.model import Record


class DisputeInput(Record):
    """A payment that the payer's bank has taken back, or asks about."""

    location_id: str
    source: str
    dispute_id: str
    zone: str
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class DisputeMoved(Record):
    """A hint that the bank has news; the case then reads the dispute itself."""

    state: str


class DisputeResult(Record):
    """How it ended: won | rebill | write_off | block | gone."""

    status: str
