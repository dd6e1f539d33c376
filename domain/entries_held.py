"""Entries of money that no invoice has taken yet: of an unknown payer, unapplied, or doubled.

It waits in 2095 while its payer is unknown and in 2090 once a client is known; a person says where
it goes. Amounts are cents and never negative.
"""

from datetime import date

from domain.entries import RECEIVABLE, money_in
from domain.ledger import Entry, Tally, entry


def unidentified_received(
    *,
    payment_id: str,
    source: str,
    kind: str,
    amount_cents: int,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money from an unknown payer, kept in 2095 until somebody knows."""
    tally = Tally().move(money_in(kind), "2095", amount_cents)
    key = f"unidentified|{source}|{payment_id}"
    return entry("unidentified_received", key, location_id, effective_on, tally)


def unidentified_applied_key(payment_id: str, case_id: str) -> str:
    """Business key of unidentified money applied to a case; its beginning without one."""
    return f"unidentified-applied|{payment_id}|{case_id}"


def held_refund_key(payment_id: str) -> str:
    """Business key of held money that is owed back."""
    return f"held-refund|{payment_id}"


def unidentified_applied(
    *,
    payment_id: str,
    amount_to_case_cents: int,
    excess_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money of a formerly unknown payer, applied to a case; excess becomes client credit."""
    tally = Tally(client_id, case_id)
    tally.add("2095", amount_to_case_cents + excess_cents, ownerless=True)
    tally.add(RECEIVABLE, -amount_to_case_cents).add("2060", -excess_cents)
    key = unidentified_applied_key(payment_id, case_id)
    return entry("unidentified_applied", key, location_id, effective_on, tally)


def unapplied_received(
    *,
    payment_id: str,
    source: str,
    kind: str,
    amount_cents: int,
    client_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money of a known client without an invoice, kept in 2090."""
    tally = Tally(client_id).move(money_in(kind), "2090", amount_cents)
    key = f"unapplied|{source}|{payment_id}"
    return entry("unapplied_received", key, location_id, effective_on, tally)


def unapplied_home_keys(payment_id: str) -> tuple[str, str]:
    """Business key of held money kept as credit; the beginning of those that apply it."""
    return f"kept-as-credit|{payment_id}", f"unapplied-applied|{payment_id}|"


def unapplied_applied(
    *,
    payment_id: str,
    amount_to_case_cents: int,
    excess_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money kept in 2090, applied to a case of the same client; excess becomes credit."""
    tally = Tally(client_id, case_id)
    tally.move("2090", RECEIVABLE, amount_to_case_cents).move("2090", "2060", excess_cents)
    key = f"unapplied-applied|{payment_id}|{case_id}"
    return entry("unapplied_applied", key, location_id, effective_on, tally)


def unapplied_let_go(
    *, payment_id: str, amount_cents: int, client_id: str, location_id: str, effective_on: date
) -> Entry:
    """Money kept in 2090 is not its payer's own; it pays another client's invoice from 2095."""
    tally = Tally(client_id).add("2090", amount_cents).add("2095", -amount_cents, ownerless=True)
    key = f"unapplied-let-go|{payment_id}"
    return entry("unapplied_let_go", key, location_id, effective_on, tally)


def payment_taken_off(
    *,
    act_id: str,
    payment_id: str,
    amount_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person says that a payment was not meant for this case: it waits in 2090 for its own."""
    tally = Tally(client_id, case_id).add(RECEIVABLE, amount_cents)
    tally.plus(Tally(client_id).add("2090", -amount_cents))
    key = f"taken-off|{payment_id}|{case_id}|{act_id}"
    return entry("payment_taken_off", key, location_id, effective_on, tally)


def duplicate_received(
    *,
    payment_id: str,
    source: str,
    kind: str,
    amount_cents: int,
    client_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A suspected second payment: kept in 2090 and never set against the receivable."""
    tally = Tally(client_id).move(money_in(kind), "2090", amount_cents)
    key = f"duplicate|{source}|{payment_id}"
    return entry("duplicate_received", key, location_id, effective_on, tally)


def unapplied_kept_as_credit(
    *, payment_id: str, amount_cents: int, client_id: str, location_id: str, effective_on: date
) -> Entry:
    """A person keeps unapplied or doubled money as the client's credit."""
    tally = Tally(client_id).move("2090", "2060", amount_cents)
    key = f"kept-as-credit|{payment_id}"
    return entry("unapplied_kept_as_credit", key, location_id, effective_on, tally)


def held_money_refund_owed(
    *,
    payment_id: str,
    amount_cents: int,
    client_id: str | None,
    location_id: str,
    effective_on: date,
    part: str | None = None,
) -> Entry:
    """A person sends held money back: 2090 of a known client or 2095, to 2100.

    `part` names the refund of a part; what is left stays held.
    """
    held_in = "2095" if client_id is None else "2090"
    tally = Tally(client_id).move(held_in, "2100", amount_cents)
    key = held_refund_key(payment_id) if part is None else f"held-part|{part}"
    return entry("held_money_refund_owed", key, location_id, effective_on, tally)
