"""What the house asks of a processor about its balance and what it sent to the bank."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from pydantic import AwareDatetime

from connectors.ports.outcomes import Refused
from domain.model import Record


class Payout(Record):
    """Money on its way from the processor to the bank; negative when the bank is debited.

    `state`: pending | in_transit | paid | failed | canceled. A paid one can still fail.
    """

    payout_id: str
    amount_cents: int
    currency: str
    state: str
    automatic: bool
    """False: somebody started it by hand, and what it consists of is not known."""
    listed: bool
    """The movements that an automatic payout consists of can be listed."""
    arrival_on: date
    created_at: AwareDatetime
    failed_at: AwareDatetime | None = None
    failure_code: str | None = None


class Movement(Record):
    """One change of the balance at the processor: `net_cents` = amount less fee, signed.

    `kind`: charge | refund | refund_returned | dispute | dispute_won | fee | payout |
    payout_returned | other, with the vendor's own word in `vendor_kind`.
    """

    movement_id: str
    kind: str
    vendor_kind: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    at: AwareDatetime
    object_id: str | None = None
    """The charge, refund, dispute or payout behind it."""
    payment_id: str | None = None
    """The payment that was charged, refunded or disputed, by the processor's name."""


class PayoutPort(Protocol):
    """What the processor says of its balance and of what it sent to the bank."""

    @property
    def name(self) -> str:
        """Short name, e.g. `stripe`; the source of the payments it took."""
        ...

    async def read_payout(self, payout_id: str) -> Payout | Refused:
        """One payout; Refused (not_found) when unknown."""
        ...

    async def movements_of(self, payout_id: str) -> Sequence[Movement]:
        """What an automatic payout consists of, oldest first, without the payout's own."""
        ...

    async def payouts_since(self, since: datetime) -> Sequence[Payout]:
        """Payouts that were created at or after `since`, oldest first."""
        ...

    async def movements_since(self, since: datetime) -> Sequence[Movement]:
        """Every movement of the balance at or after `since`, oldest first."""
        ...

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """Names under which the books may know a payment that was applied to invoices."""
        ...
