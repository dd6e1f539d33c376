"""What settles a total before the patient is asked (rules 2.1 step 7, 2.3, 2.6, B6, B7).

Kinds pay in a fixed order; within a kind, the credit that expires first. Each tender pays all
that it can, and does so where it leaves most to the later ones: a gift card takes the retail
item that the lender does not finance. The order of the lines does not matter.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from domain.calendar import local_date
from domain.catalog import PASS_THROUGH, Catalog, ItemClass, SuspendedPolicy, Tier
from domain.chart import Chart, Entitlements, Financing, LotKind, MoneyLot
from domain.findings import Findings
from domain.invoice import InvoiceLine, LineKind, Tender, TenderKind
from domain.money import dollars

_EVERY = frozenset(ItemClass)
_GRANTABLE = _EVERY - PASS_THROUGH
_DEFAULT_CLASSES = {
    LotKind.PROMOTIONAL_CREDIT: _GRANTABLE,
    LotKind.GIFT_CARD: _EVERY - {ItemClass.GIFT_CARD},
    LotKind.DEPOSIT: _EVERY - {ItemClass.GIFT_CARD, ItemClass.DEPOSIT},
    LotKind.ACCOUNT_CREDIT: _EVERY,
    LotKind.POINTS: frozenset({ItemClass.INJECTABLE}),
}
_OWN_MONEY = frozenset({LotKind.GIFT_CARD, LotKind.DEPOSIT, LotKind.ACCOUNT_CREDIT})
"""Money the client paid in: it also pays tax, and may be older or younger than the service."""
_FINANCED = frozenset({ItemClass.INJECTABLE, ItemClass.DEVICE, ItemClass.PACKAGE})
_SERVICE_TIER_CLASSES = frozenset({ItemClass.INJECTABLE, ItemClass.DEVICE})


@dataclass(frozen=True)
class Payer:
    """One source of money with its limit and what it may pay."""

    kind: TenderKind
    label: str
    limit_cents: int
    classes: frozenset[ItemClass]
    pays_tax: bool
    lot_id: str | None = None
    reference: str | None = None


@dataclass
class _Pot:
    """What the sale lines of one class come to, net or tax, and what is still open of it."""

    item_class: str
    is_tax: bool
    cents: int
    open_cents: int

    def takes(self, payer: Payer) -> bool:
        """Whether a source may pay into this pot."""
        return self.item_class in payer.classes and (payer.pays_tax or not self.is_tax)


def settle(
    lines: Sequence[InvoiceLine],
    chart: Chart,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> list[Tender]:
    """The tenders of a visit in their order; tips are never settled here."""
    pots = _pots(lines)
    payers = _payers(pots, chart, catalog, entitlements, findings)
    paid: list[list[int]] = []
    tenders: list[Tender] = []
    for payer in payers:
        paid.append([0] * len(pots))
        cents = _pay(payers[: len(paid)], pots, paid)
        payable_cents = sum(pot.cents for pot in pots if pot.takes(payer))
        findings.notes.append(
            f"{payer.label} pays {dollars(cents)} of its {dollars(payer.limit_cents)}, "
            f"towards the {dollars(payable_cents)} that it may pay (rule 2.1 step 7)."
        )
        if cents > 0:
            tenders.append(
                Tender(kind=payer.kind, cents=cents, lot_id=payer.lot_id, reference=payer.reference)
            )
    return tenders


def _pots(lines: Sequence[InvoiceLine]) -> list[_Pot]:
    cents: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        if line.kind is LineKind.SALE:
            cents[line.item_class, False] += line.net_cents
            cents[line.item_class, True] += line.tax_cents
    return [_Pot(*key, cents[key], cents[key]) for key in sorted(cents)]


def _pay(payers: Sequence[Payer], pots: Sequence[_Pot], paid: list[list[int]]) -> int:
    """Let the last source pay all it can; answers its cents.

    Earlier sources keep their sums but may move to another pot to make room (the augmenting
    paths of a maximum flow). `paid[payer][pot]` is kept up to date.
    """
    left_cents = payers[-1].limit_cents
    while left_cents > 0 and (route := _route(payers, pots, paid)):
        moved = [paid[payer][pot] for (_, pot), (payer, _) in pairwise(route)]
        step_cents = min(left_cents, pots[route[-1][1]].open_cents, *moved)
        for payer, pot in route:
            paid[payer][pot] += step_cents
        for (_, pot), (payer, _) in pairwise(route):
            paid[payer][pot] -= step_cents
        pots[route[-1][1]].open_cents -= step_cents
        left_cents -= step_cents
    return payers[-1].limit_cents - left_cents


def _route(
    payers: Sequence[Payer], pots: Sequence[_Pot], paid: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """The shortest chain of (payer, pot) from the last source to an open pot; empty without one.

    Each payer of the chain pays into its pot and thereby moves the next one out of it.
    """
    chains = deque([[(len(payers) - 1, pot)] for pot in _reach(payers[-1], pots)])
    seen = {chain[0][1] for chain in chains}
    while chains:
        chain = chains.popleft()
        last = chain[-1][1]
        if pots[last].open_cents > 0:
            return chain
        for payer in range(len(payers)):
            if paid[payer][last] > 0:
                for pot in _reach(payers[payer], pots):
                    if pot not in seen:
                        seen.add(pot)
                        chains.append([*chain, (payer, pot)])
    return []


def _reach(payer: Payer, pots: Sequence[_Pot]) -> list[int]:
    return [place for place, pot in enumerate(pots) if pot.takes(payer)]


def _payers(
    pots: Sequence[_Pot],
    chart: Chart,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> list[Payer]:
    day = local_date(chart.service_at, catalog.zone)
    order = list(LotKind)
    lots = sorted(
        entitlements.money_lots,
        key=lambda lot: (
            order.index(lot.kind),
            lot.expires_on or date.max.isoformat(),
            lot.purchased_at,
            lot.lot_id,
        ),
    )
    payers: list[Payer] = []
    for lot in lots:
        classes = _classes(lot, catalog)
        if not _is_timely(lot, day, catalog.zone, findings):
            continue
        if lot.kind is LotKind.MEMBERSHIP_CREDIT and not _membership_pays(
            lot, _nets(pots, classes), catalog, entitlements, findings
        ):
            continue
        payers.append(_lot_payer(lot, classes))
    if chart.financing is not None:
        payers.append(_lender(chart.financing))
    return payers


def _lot_payer(lot: MoneyLot, classes: frozenset[ItemClass]) -> Payer:
    return Payer(
        kind=TenderKind(lot.kind.value),
        label=f"{lot.kind.value.replace('_', ' ').capitalize()} {lot.lot_id}",
        limit_cents=lot.remaining_cents,
        classes=classes,
        pays_tax=lot.kind in _OWN_MONEY,
        lot_id=lot.lot_id,
    )


def _lender(financing: Financing) -> Payer:
    """The lender's part: at most approved and requested, never tips, fees or pass-through."""
    retail = {ItemClass.RETAIL} if financing.covers_retail else frozenset()
    return Payer(
        kind=TenderKind.LENDER,
        label="The lender",
        limit_cents=min(financing.approved_cents, financing.requested_cents),
        classes=_FINANCED | retail,
        pays_tax=True,
        reference=financing.loan_ref,
    )


def _nets(pots: Iterable[_Pot], classes: frozenset[ItemClass]) -> int:
    return sum(pot.cents for pot in pots if not pot.is_tax and pot.item_class in classes)


def _tier(lot: MoneyLot, catalog: Catalog) -> Tier | None:
    return next((tier for tier in catalog.tiers if tier.code == lot.tier), None)


def _classes(lot: MoneyLot, catalog: Catalog) -> frozenset[ItemClass]:
    """What a credit may pay: its own classes, else its tier's, else its kind's."""
    listed = frozenset(each for each in ItemClass if each.value in lot.classes)
    if lot.kind is LotKind.MEMBERSHIP_CREDIT:
        tier = _tier(lot, catalog)
        allowed = frozenset(tier.credit_classes) if tier else _SERVICE_TIER_CLASSES
        return (listed or allowed) & _GRANTABLE
    allowed = _DEFAULT_CLASSES[lot.kind]
    if lot.kind is LotKind.POINTS:
        return (listed or allowed) & _GRANTABLE
    return listed & allowed if lot.classes else allowed


def _is_timely(lot: MoneyLot, day: date, zone: str, findings: Findings) -> bool:
    """Whether a credit is good on the service date: not expired, not granted later (2.3)."""
    if lot.remaining_cents == 0:
        return False
    if lot.expires_on is not None and lot.expires_on < day.isoformat():
        findings.notes.append(f"Credit {lot.lot_id} expired on {lot.expires_on}: not used.")
        return False
    granted_on = local_date(lot.purchased_at, zone)
    if granted_on > day and lot.kind not in _OWN_MONEY:
        findings.notes.append(
            f"Credit {lot.lot_id} was granted on {granted_on}, after the service: not used."
        )
        return False
    return True


def _membership_pays(
    lot: MoneyLot,
    payable_cents: int,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> bool:
    """Whether a membership credit may be used, by the membership's status and tier policy.

    A cancelled or unknown membership's credit is for the contract to say, so it is asked.
    """
    statuses = {each.status for each in entitlements.memberships if each.tier == lot.tier}
    if payable_cents == 0 or "active" in statuses:
        return payable_cents > 0
    if findings.was_told("MEMBERSHIP_SUSPENDED:allow"):
        findings.notes.append(f"A named person allowed credit {lot.lot_id} for this visit.")
        return True
    tier = _tier(lot, catalog)
    stopped = statuses & {"suspended", "past_due"}
    if tier and stopped and tier.suspended is not SuspendedPolicy.HOLD:
        verb = "is used" if tier.suspended is SuspendedPolicy.ALLOW else "is left alone"
        findings.notes.append(
            f"The membership is {min(stopped)}; by its tier's policy credit {lot.lot_id} {verb}."
        )
        return tier.suspended is SuspendedPolicy.ALLOW
    findings.hold(
        "MEMBERSHIP_SUSPENDED",
        f"Credit {lot.lot_id} of {dollars(lot.remaining_cents)} waits: the membership is "
        f"{min(statuses, default='not on record').replace('_', ' ')}.",
        "Reactivate the membership, allow the credit for this visit, or approve the bill "
        "without it.",
        computable=True,
        approvable=True,
    )
    return False
