"""What the processor's balance and its payouts do to the books.

A movement is booked on the day of its balance transaction, a payout on the day when it reaches
the bank, so that a payout over a month's end leaves the right balance in 1020.
"""

from collections.abc import Mapping
from datetime import date

from domain.ledger import Entry, Event, Tally, entry, reverse
from domain.payouts import Part, can_be_booked

CLEARING, BANK, FEES = "1020", "1010", "6010"
DISPUTED, DISPUTE_FEES, OWED_BACK = "1120", "6040", "2100"


def refund_paid_key(source: str, refund_id: str) -> str:
    """Business key of a refund that left the processor, whoever books it first."""
    return f"refund-paid|{source}|{refund_id}"


def refund_paid(
    *,
    source: str,
    refund_id: str,
    amount_cents: int,
    client_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """Money that was owed back has left: 2100 to 1020, on the balance transaction's day."""
    tally = Tally(client_id).move(OWED_BACK, CLEARING, amount_cents)
    return entry(
        "refund_paid", refund_paid_key(source, refund_id), location_id, effective_on, tally
    )


def of_movement(source: str, part: Part, home: str) -> tuple[Entry, ...]:
    """The entries of one movement; none for what is not certain, or for no money.

    A charge itself was booked when the payment was seen; only its fee is new.
    """
    if not can_be_booked(part):
        return ()
    place = part.booked.location_id if part.booked else home
    made = [_principal(source, part, place), _fee(source, part, place)]
    return tuple(each for each in made if each is not None)


def _principal(source: str, part: Part, place: str) -> Entry | None:
    client_id = part.booked.client_id if part.booked else None
    named = part.object_id or part.movement_id
    if part.kind == "refund":
        if part.amount_cents >= 0:
            return None
        return refund_paid(
            source=source,
            refund_id=named,
            amount_cents=-part.amount_cents,
            client_id=client_id,
            location_id=place,
            effective_on=part.on,
        )
    moves: Mapping[str, tuple[str, Event, str]] = {
        "refund_returned": (OWED_BACK, "refund_returned", f"refund-returned|{source}|{named}"),
        "dispute": (DISPUTED, "dispute_withdrawn", _moved(source, part)),
        "dispute_won": (DISPUTED, "dispute_reinstated", _moved(source, part)),
        "fee": (FEES, "processor_fee", f"processor-fee|{source}|{part.movement_id}"),
    }
    if part.kind not in moves or not part.amount_cents:
        return None
    account, event, key = moves[part.kind]
    tally = Tally(client_id).add(CLEARING, part.amount_cents).add(account, -part.amount_cents)
    return entry(event, key, place, part.on, tally)


def _moved(source: str, part: Part) -> str:
    return f"dispute-moved|{source}|{part.movement_id}"


def _fee(source: str, part: Part, place: str) -> Entry | None:
    if not part.fee_cents:
        return None
    is_dispute = part.kind in ("dispute", "dispute_won")
    account = DISPUTE_FEES if is_dispute else FEES
    event: Event = "dispute_fee" if is_dispute else "processor_fee"
    key = f"{'dispute' if is_dispute else 'charge'}-fee|{source}|{part.movement_id}"
    tally = Tally().add(account, part.fee_cents).add(CLEARING, -part.fee_cents)
    return entry(event, key, place, part.on, tally)


def payout_paid(
    source: str, payout_id: str, shares: Mapping[str, int], arrival_on: date, undone: int = 0
) -> tuple[Entry, ...]:
    """The bank has a payout: 1010 from 1020, one entry per location. A negative one is a debit.

    `undone` says how often its entries were taken back by a person before.
    """
    return tuple(
        entry(
            "payout_paid",
            f"payout-paid|{source}|{payout_id}|{place}{_again(undone)}",
            place,
            arrival_on,
            Tally().add(BANK, cents).add(CLEARING, -cents),
        )
        for place, cents in sorted(shares.items())
        if cents
    )


def payout_failed(paid: tuple[Entry, ...], failed_on: date) -> tuple[Entry, ...]:
    """The bank sent it back: the counter-entry of each of its entries."""
    return tuple(
        reverse(each, each.business_key.replace("payout-paid|", "payout-failed|", 1), failed_on)
        for each in paid
    )


def payout_difference(
    source: str, payout_id: str, cents: int, location_id: str, arrival_on: date, undone: int = 0
) -> Entry | None:
    """A person accepts what a payout is off by: a processing cost, or less of it when positive."""
    if not cents:
        return None
    tally = Tally().add(CLEARING, cents).add(FEES, -cents)
    key = f"payout-difference|{source}|{payout_id}{_again(undone)}"
    return entry("payout_difference_accepted", key, location_id, arrival_on, tally)


def _again(undone: int) -> str:
    return f"|again|{undone}" if undone else ""
