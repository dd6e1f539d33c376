"""What a collection agency pays: its commission shared out, and what of it is recovery.

Amounts are cents. The gross is what the debtors paid, the net is what reaches the bank.
"""

from collections.abc import Sequence

from domain.model import Record
from domain.money import dollars, split


class Claim(Record):
    """One debt of a remittance as it stands: owed, or given up before."""

    case_id: str
    placement_id: str
    client_id: str
    number: str
    owed_cents: int
    given_up_cents: int
    gross_cents: int
    """What the agency collected of it."""


class Part(Record):
    """What a remittance does to one debt; `recovered_cents` of the gross lowers bad debt."""

    case_id: str
    placement_id: str
    client_id: str
    gross_cents: int
    fee_cents: int
    recovered_cents: int


class DoesNotFit(Exception):
    """A remittance that cannot be booked; the text says why in one sentence."""


def parts_of(claims: Sequence[Claim], fee_cents: int, net_cents: int) -> tuple[Part, ...]:
    """Each debt with its share of the commission; raises DoesNotFit.

    Money goes first to what is owed, then to what was given up. More than both is never booked.
    """
    gross_cents = sum(claim.gross_cents for claim in claims)
    if gross_cents - fee_cents != net_cents:
        raise DoesNotFit(
            f"The invoices come to {dollars(gross_cents)}; less the fee of {dollars(fee_cents)}"
            f" that is {dollars(gross_cents - fee_cents)}, not {dollars(net_cents)}."
        )
    if net_cents < 0:
        raise DoesNotFit("The agency cannot keep more than it collected.")
    shares = split(fee_cents, [claim.gross_cents for claim in claims])
    return tuple(_part(claim, share) for claim, share in zip(claims, shares, strict=True))


def _part(claim: Claim, fee_cents: int) -> Part:
    owed_cents = max(claim.owed_cents, 0)
    recovered_cents = max(claim.gross_cents - owed_cents, 0)
    if recovered_cents > claim.given_up_cents:
        raise DoesNotFit(
            f"{claim.number} owes {dollars(owed_cents)} and {dollars(claim.given_up_cents)} of it"
            f" were given up: {dollars(claim.gross_cents)} is too much."
        )
    return Part(
        case_id=claim.case_id,
        placement_id=claim.placement_id,
        client_id=claim.client_id,
        gross_cents=claim.gross_cents,
        fee_cents=fee_cents,
        recovered_cents=recovered_cents,
    )
