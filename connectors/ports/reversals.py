"""What the house asks of a processor about money that goes back: refunds and disputes.

A part of `connectors.ports`: the same three answers, the same errors.
"""

from collections.abc import Mapping
from typing import Protocol

from pydantic import AwareDatetime

from connectors.ports.outcomes import Refused
from connectors.ports.payouts import Movement
from domain.model import Record


class ProcessorRefund(Record):
    """One refund as the processor has it now.

    `state`: pending | requires_action | succeeded | failed | canceled. One that succeeded can
    still fail. `movements` are what it did to the balance: out, and back when it failed.
    """

    refund_id: str
    payment_id: str | None
    """The payment that goes back, by the processor's name."""
    amount_cents: int
    currency: str
    state: str
    reference: str | None
    """Ours, when we made it."""
    made_at: AwareDatetime
    failure_code: str | None = None
    movements: tuple[Movement, ...] = ()


class ProcessorDispute(Record):
    """One dispute as the processor has it now.

    `state`: inquiry | needs_response | under_review | won | lost. `is_chargeback` is False for
    an inquiry, which moves no money. `movements`: out with its fee, and back.
    """

    dispute_id: str
    payment_id: str | None
    amount_cents: int
    currency: str
    state: str
    reason: str
    is_chargeback: bool
    respond_by: AwareDatetime | None
    evidence_count: int
    made_at: AwareDatetime
    movements: tuple[Movement, ...] = ()


class ReversalPort(Protocol):
    """Refunds and disputes of the payments that a processor took."""

    @property
    def name(self) -> str:
        """Short name, e.g. `stripe`; the source of the payments it took."""
        ...

    async def refund(
        self, key: str, payment_id: str, amount_cents: int, reference: str
    ) -> ProcessorRefund | Refused:
        """Give back part or all of a payment, made once even past the life of the key.

        `payment_id` is any of the processor's names of it. Refused: disputed, already refunded,
        or no longer refundable; `code` is the processor's word.
        """
        ...

    async def read_refund(self, refund_id: str) -> ProcessorRefund | Refused:
        """One refund; Refused (not_found) when unknown."""
        ...

    async def read_dispute(self, dispute_id: str) -> ProcessorDispute | Refused:
        """One dispute; Refused (not_found) when unknown."""
        ...

    async def submit_evidence(
        self, key: str, dispute_id: str, evidence: Mapping[str, str]
    ) -> ProcessorDispute | Refused:
        """Answer a dispute: field -> words. Refused (closed) once the bank has decided."""
        ...

    async def accept_dispute(self, key: str, dispute_id: str) -> ProcessorDispute | Refused:
        """Give a dispute up; it is lost. Refused (closed) when it was decided before."""
        ...

    async def other_names(self, payment_id: str) -> tuple[str, ...]:
        """Names under which the books may know a payment that was applied to invoices."""
        ...
