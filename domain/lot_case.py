"""What the case of an expired lot is told and what it answers."""

from domain.model import Record


class LotInput(Record):
    """A lot that is past its last day and its grace, with something left in it."""

    location_id: str
    lot_id: str
    zone: str
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class LotSeen(Record):
    """A hint of the sweep that the lot is expired; the case then reads the lot itself."""

    lot_id: str


class LotResult(Record):
    """How it ended: to_income | to_state | extended | gone (empty, or good again)."""

    status: str
