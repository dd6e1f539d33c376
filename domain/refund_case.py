"""What the case of a refund is told and what it answers."""

from domain.model import Record
from domain.refund_types import RefundAsk


class RefundRequest(Record):
    """What a person asks for: a refund of a visit, or of a client's own credit."""

    client_id: str
    by: str
    reason: str
    case_id: str | None = None
    ask: RefundAsk = RefundAsk()
    credit_cents: int | None = None


class RefundInput(Record):
    """One refund. It is asked for, has been decided (`refund_id`), or was made elsewhere."""

    location_id: str
    zone: str
    refund_id: str | None = None
    request: RefundRequest | None = None
    source: str | None = None
    object_id: str | None = None
    """The processor's refund that nobody here started."""
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class RefundMoved(Record):
    """A hint that something moved; the case then reads the refund itself."""

    state: str


class RefundResult(Record):
    """How it ended: paid | dropped | refused | undone | gone."""

    status: str
    why: str = ""
