"""What a lost dispute, an agency and late money on a debt given up do to the books.

The dispute's own movements (1120, 6040) follow the processor's balance: `entries_payout`.
"""

from collections.abc import Sequence
from datetime import date

from domain.ledger import Entry, Tally, entry

DISPUTED, RECEIVABLE, BAD_DEBT = "1120", "1100", "6030"


def dispute_lost_key(dispute_id: str) -> str:
    """Business key of how a lost dispute was settled."""
    return f"dispute-lost|{dispute_id}"


def dispute_lost(
    *,
    dispute_id: str,
    parts: Sequence[tuple[str, str | None, str | None, int]],
    client_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """The money is gone for good: 1120 to what bears each part, as (account, whose, case, cents).

    1100 of a case asks the patient again, 6030 gives it up, a suspense account loses what it
    held. Together they are what was left in 1120. `client_id` is who paid, if that is known.
    """
    tally = Tally(client_id)
    for account, whose, case_id, cents in parts:
        tally = tally.plus(Tally(whose, case_id).add(account, cents))
    tally.add(DISPUTED, -sum(cents for *_, cents in parts))
    return entry("dispute_lost", dispute_lost_key(dispute_id), location_id, effective_on, tally)


def recovered(
    *,
    payment_id: str,
    cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A debt that was given up is paid after all: so much of 6030 is owed again (row 34).

    The payment then lowers 1100 like any other; together they are a recovery and no new sale.
    """
    tally = Tally(client_id, case_id).move(RECEIVABLE, BAD_DEBT, cents)
    key = f"recovered|{payment_id}|{case_id}"
    return entry("recovered", key, location_id, effective_on, tally)


def agency_remitted(
    *,
    remittance_id: str,
    gross_cents: int,
    commission_cents: int,
    written_off_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """An agency pays net of its commission: 1010 and 6030 to what is owed, or to recovery.

    `written_off_cents` is the part of the gross that lowers 6030 because it was given up. The
    commission is the practice's cost and no part of what was given up of the visit.
    """
    paid = Tally(client_id).add("1010", gross_cents - commission_cents)
    paid.add(BAD_DEBT, commission_cents)
    owed = Tally(client_id, case_id).add(BAD_DEBT, -written_off_cents)
    owed.add(RECEIVABLE, written_off_cents - gross_cents)
    key = f"agency|{remittance_id}|{case_id}"
    return entry("agency_remitted", key, location_id, effective_on, paid.plus(owed))
