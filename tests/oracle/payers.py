"""Tenders of the independent calculation: the smallest cut between credits and lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, combinations

from domain.catalog import Tier
from domain.chart import MoneyLot
from tests.oracle.visit import UNDISCOUNTED, Visit

SERVICES = frozenset({"injectable", "device"})
EVERY = frozenset(
    {"injectable", "device", "retail", "package", "dues", "fee", "gift_card", "deposit"}
)
MAY_PAY = {  # documented, after 2.3 and 2.6; True: pays sales tax too
    "membership_credit": (SERVICES, False),
    "promotional_credit": (EVERY - UNDISCOUNTED, False),
    "gift_card": (EVERY - {"gift_card"}, True),
    "deposit": (EVERY - {"gift_card", "deposit"}, True),
    "account_credit": (EVERY, True),
    "points": (frozenset({"injectable"}), False),
}
KINDS = tuple(MAY_PAY)
FINANCED = frozenset({"injectable", "device", "package"})  # documented


@dataclass(frozen=True)
class Payer:
    """One credit or lender: how much it has and which pots it may pay."""

    kind: str
    name: str
    limit: int
    pots: frozenset[int]


def settle(visit: Visit, taxes: Sequence[int]) -> list[tuple[str, str, int]]:
    """Each payer in turn pays what it can, whatever way that leaves most to the later ones.

    What the first n payers can pay together is the smallest cut: of all choices of payers
    that are exhausted, the least sum of their limits and of what the others could reach.
    """
    nets = [sale.gross - sale.cut for sale in visit.sales]
    pots = [*nets, *taxes]
    classes = [sale.item_class for sale in visit.sales]
    payers = [*credits(visit, classes, pots), *lender(visit, classes)]
    paid = [0]
    for count in range(1, len(payers) + 1):
        paid.append(most_paid(payers[:count], pots))
    return [
        (str(payer.kind), payer.name, after - before)
        for payer, before, after in zip(payers, paid, paid[1:], strict=False)
        if after > before
    ]


def most_paid(payers: Sequence[Payer], pots: Sequence[int]) -> int:
    """Smallest cut over all subsets of payers."""
    subsets = chain.from_iterable(combinations(payers, size) for size in range(len(payers) + 1))
    everybody = sum(payer.limit for payer in payers)
    return min(
        everybody
        - sum(payer.limit for payer in subset)
        + sum(pots[pot] for pot in frozenset().union(*(payer.pots for payer in subset)))
        for subset in subsets
    )


def credits(visit: Visit, classes: Sequence[str], pots: Sequence[int]) -> list[Payer]:
    """Credits in tender order; within a kind the one that expires first."""
    tiers = {tier.code: tier for tier in visit.catalog.tiers}
    lots = sorted(
        visit.mine.money_lots,
        key=lambda lot: (
            KINDS.index(lot.kind),
            lot.expires_on or "9999-12-31",
            lot.purchased_at,
            lot.lot_id,
        ),
    )
    result = []
    for lot in lots:
        if lot.expires_on and date.fromisoformat(lot.expires_on) < visit.day:
            continue
        if lot.purchased_at > visit.chart.service_at or not lot.remaining_cents:
            continue
        payer = lot_payer(lot, tiers, classes)
        payable = sum(pots[pot] for pot in payer.pots)
        if lot.kind != "membership_credit" or may_use(visit, lot, tiers, payable):
            result.append(payer)
    return result


def lot_payer(lot: MoneyLot, tiers: dict[str, Tier], classes: Sequence[str]) -> Payer:
    """A credit with the pots of the classes that it may pay, and of their tax."""
    allowed, pays_tax = MAY_PAY[lot.kind]
    if lot.kind == "membership_credit" and lot.tier in tiers:
        allowed = frozenset(str(c) for c in tiers[lot.tier].credit_classes)
    if lot.classes:
        allowed = frozenset(lot.classes)
    pots = {place for place, name in enumerate(classes) if name in allowed}
    taxed = {place + len(classes) for place in pots} if pays_tax else set()
    return Payer(lot.kind, lot.lot_id, lot.remaining_cents, frozenset(pots | taxed))


def may_use(visit: Visit, lot: MoneyLot, tiers: dict[str, Tier], payable: int) -> bool:
    """A suspended membership follows its tier's policy; any other state is asked about."""
    if not payable:
        return False
    status = next((m.status for m in visit.mine.memberships if m.tier == lot.tier), "unknown")
    if status == "active":
        return True
    policy = tiers[lot.tier].suspended if lot.tier in tiers else "hold"
    if status in ("suspended", "past_due") and policy != "hold":
        return policy == "allow"
    visit.holds.add("MEMBERSHIP_SUSPENDED")
    return False


def lender(visit: Visit, classes: Sequence[str]) -> list[Payer]:
    """The financed part: services and packages, retail only when the programme says so."""
    plan = visit.chart.financing
    if plan is None:
        return []
    allowed = FINANCED | ({"retail"} if plan.covers_retail else set())
    pots = {place for place, name in enumerate(classes) if name in allowed}
    pots |= {place + len(classes) for place in pots}
    limit = min(plan.approved_cents, plan.requested_cents)
    return [Payer("lender", plan.loan_ref, limit, frozenset(pots))]
