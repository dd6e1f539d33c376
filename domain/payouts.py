"""A payout split into what it consists of, against what the books have. Amounts are signed cents.

Pure: the caller reads the processor and the books. Nothing is matched by amount here; a part
belongs to the payment that the processor names.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.model import Record
from domain.money import dollars

OF_A_PAYMENT = frozenset({"charge", "refund", "refund_returned", "dispute", "dispute_won"})
"""Kinds of movement that belong to a payment, which the books must have."""

PLAIN = frozenset({"fee", "payout_returned"})
"""Kinds that need no payment: the processor's own fees, and a payout that came back."""

LISTED_MAX = 12
"""Findings that a question shows one by one."""


class Booked(Record):
    """A payment as the books have it, be it on a case or held for a person."""

    payment_id: str
    location_id: str
    client_id: str | None = None
    amount_cents: int


class Part(Record):
    """One movement of the balance. `net_cents` is amount less fee, `on` its ledger date.

    `payment_id` is the processor's name of the payment; `booked` is None while the books lack
    it. `returned` are the shares by location of the payout that came back, None while unknown.
    """

    movement_id: str
    kind: str
    vendor_kind: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    currency: str
    on: date
    object_id: str | None = None
    payment_id: str | None = None
    booked: Booked | None = None
    returned: Mapping[str, int] | None = None
    is_changed: bool = False
    """It was read before and said something else then."""


class Finding(Record):
    """Why a payout does not tie out; `cents` is what it is off by, 0 when only odd."""

    code: str
    """SUM | AMOUNT | MISSING | RETURN_UNKNOWN | KIND | NET | CURRENCY | CHANGED"""
    cents: int
    text: str
    movement_id: str | None = None


class Split(Record):
    """`difference_cents` is the payout less what the books explain of it."""

    parts_cents: int
    difference_cents: int
    shares: Mapping[str, int]
    """Location -> its part of the payout; together exactly the payout."""
    totals: Mapping[str, int]
    """Kind of movement -> cents, fees of charges apart as `fees`."""
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    """Payments, by the processor's name, that the books lack."""

    @property
    def ties(self) -> bool:
        """To the cent, with every part explained."""
        return not self.findings

    @property
    def may_still_tie(self) -> bool:
        """Nothing is wrong but that news of something is late."""
        return all(each.code in ("MISSING", "RETURN_UNKNOWN") for each in self.findings)


def split(amount_cents: int, currency: str, parts: Sequence[Part], home: str) -> Split:
    """Compare a payout with its parts and the books; `home` bears what has no location."""
    parts = sorted(parts, key=lambda part: part.movement_id)
    parts_cents = sum(part.net_cents for part in parts)
    findings = [found for part in parts for found in _findings(part, currency)]
    if parts_cents != amount_cents:
        off_cents = amount_cents - parts_cents
        text = (
            f"The parts come to {dollars(parts_cents)}, the payout to {dollars(amount_cents)}:"
            f" {dollars(off_cents)} apart."
        )
        findings.insert(0, Finding(code="SUM", cents=off_cents, text=text))
    explained_cents = sum(_explained(part) for part in parts)
    return Split(
        parts_cents=parts_cents,
        difference_cents=amount_cents - explained_cents,
        shares=_shares(amount_cents, parts, home),
        totals=_totals(parts),
        findings=tuple(findings),
        missing=tuple(sorted({p.payment_id for p in parts if _is_missing(p) and p.payment_id})),
    )


def can_be_booked(part: Part) -> bool:
    """Whether what a part does to the books is certain, whatever the rest of the payout says."""
    if part.is_changed or part.net_cents != part.amount_cents - part.fee_cents:
        return False
    return part.booked is not None if part.kind in OF_A_PAYMENT else part.kind in PLAIN


def _is_missing(part: Part) -> bool:
    return part.kind in OF_A_PAYMENT and part.booked is None


def _findings(part: Part, currency: str) -> list[Finding]:
    found = []

    def note(code: str, cents: int, text: str) -> None:
        found.append(Finding(code=code, cents=cents, text=text, movement_id=part.movement_id))

    what, net = f"{part.vendor_kind} {part.movement_id}", dollars(part.net_cents)
    if part.currency != currency:
        note("CURRENCY", 0, f"{what} is in {part.currency}, the payout in {currency}.")
    if part.is_changed:
        note("CHANGED", 0, f"{what} says something else than when it was read before.")
    if part.net_cents != part.amount_cents - part.fee_cents:
        off_cents = part.net_cents - part.amount_cents + part.fee_cents
        note("NET", off_cents, f"{what}: amount less fee differs from its net {net}.")
    if _is_missing(part):
        named = f"payment {part.payment_id}" if part.payment_id else "a payment that it lacks"
        note("MISSING", part.net_cents, f"{what} of {net}: the books lack {named}.")
    elif part.kind == "charge" and part.booked is not None:
        off_cents = part.amount_cents - part.booked.amount_cents
        if off_cents:
            booked, said = dollars(part.booked.amount_cents), dollars(part.amount_cents)
            note("AMOUNT", off_cents, f"{what} is {said} there and {booked} in the books.")
    elif part.kind == "payout_returned" and part.returned is None:
        note("RETURN_UNKNOWN", 0, f"{what}: payout {part.object_id} is not tied out yet.")
    elif part.kind not in OF_A_PAYMENT | PLAIN:
        note("KIND", part.net_cents, f"{what} of {net}: no rule says what this is.")
    return found


def _explained(part: Part) -> int:
    """What the books have in the clearing account for a part, once it is booked."""
    if part.kind == "charge" and part.booked is not None:
        return part.booked.amount_cents - (part.fee_cents if can_be_booked(part) else 0)
    if part.kind == "payout_returned":
        return part.net_cents
    return part.amount_cents - part.fee_cents if can_be_booked(part) else 0


def _shares(amount_cents: int, parts: Sequence[Part], home: str) -> dict[str, int]:
    shares: dict[str, int] = {}
    for part in parts:
        if part.booked is not None:
            place = part.booked.location_id
            shares[place] = shares.get(place, 0) + part.net_cents
        for place, cents in (part.returned or {}).items():
            shares[place] = shares.get(place, 0) + cents
    rest_cents = amount_cents - sum(shares.values())
    shares[home] = shares.get(home, 0) + rest_cents
    return {place: cents for place, cents in sorted(shares.items()) if cents}


def _totals(parts: Sequence[Part]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for part in parts:
        totals[part.kind] = totals.get(part.kind, 0) + part.amount_cents
        if part.fee_cents:
            totals["fees"] = totals.get("fees", 0) - part.fee_cents
    return dict(sorted(totals.items()))
