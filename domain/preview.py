"""What a choice would do, before it is taken: plain records for a terminal, a screen or JSON."""

from decimal import Decimal

from domain.model import Record


class PreviewLine(Record):
    """One posting, in cents: a debit or a credit."""

    account: str
    name: str
    debit_cents: int = 0
    credit_cents: int = 0


class PreviewEntry(Record):
    """One ledger entry, by the event that it books."""

    event: str
    lines: tuple[PreviewLine, ...]


class PreviewLot(Record):
    """What happens to one lot; quantity and cents are signed, a taking is negative."""

    lot_id: str
    kind: str
    """unit | membership_credit | account_credit | …"""
    act: str
    """granted | draw | return | reserve | release | reinstated"""
    quantity: Decimal = Decimal(0)
    cents: int = 0


class PreviewMoney(Record):
    """A part of a payment that is applied to a visit, or taken back from it (negative)."""

    payment_id: str
    case_id: str
    cents: int


class Preview(Record):
    """Every posting and message that a choice causes. Nothing of it has happened."""

    review_id: str
    choice: str
    entries: tuple[PreviewEntry, ...] = ()
    lots: tuple[PreviewLot, ...] = ()
    money: tuple[PreviewMoney, ...] = ()
    documents: tuple[str, ...] = ()
    """Invoices and credit notes that it makes, one sentence each."""
    follows: tuple[str, ...] = ()
    """What the case does next and which message goes out or stops, one sentence each."""
    second_person: bool = False
    """Another person has to confirm before any of this happens (F5)."""
    problem: str | None = None
    """Why it cannot be carried out, in one sentence; then nothing else is filled."""
