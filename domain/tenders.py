"""What settles a total before the patient is asked (rules 2.1 step 7, 2.3, 2.6, B6, B7).

Kinds pay in a fixed order; within a kind, the credit that expires first. A tender pays first
what the fewest later tenders could pay, so that no restricted credit is left without use for
want of a better order, and the result does not hang on the order of the lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

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
    """What is still open of one line's net, or of its tax."""

    item_class: str
    is_tax: bool
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
    pots = [
        _Pot(line.item_class, is_tax, cents)
        for line in lines
        if line.kind is LineKind.SALE
        for is_tax, cents in ((False, line.net_cents), (True, line.tax_cents))
    ]
    payers = _payers(pots, chart, catalog, entitlements, findings)
    tenders: list[Tender] = []
    for place, payer in enumerate(payers):
        paid_cents = _pay(payer, pots, payers[place + 1 :], findings)
        if paid_cents > 0:
            tenders.append(
                Tender(
                    kind=payer.kind,
                    cents=paid_cents,
                    lot_id=payer.lot_id,
                    reference=payer.reference,
                )
            )
    return tenders


def _pay(payer: Payer, pots: Sequence[_Pot], later: Sequence[Payer], findings: Findings) -> int:
    """Pay what the limit and the pots allow; answers the cents paid."""
    takers = [pot for pot in pots if pot.open_cents > 0 and pot.takes(payer)]
    open_cents = sum(pot.open_cents for pot in takers)
    paid_cents = min(payer.limit_cents, open_cents)
    left_cents = paid_cents
    for pot in sorted(takers, key=lambda pot: _chances(pot, later)):
        part_cents = min(left_cents, pot.open_cents)
        pot.open_cents -= part_cents
        left_cents -= part_cents
    findings.notes.append(
        f"{payer.label} pays {dollars(paid_cents)}: {dollars(open_cents)} is open that it may "
        f"pay, and it has {dollars(payer.limit_cents)} (rule 2.1 step 7)."
    )
    return paid_cents


def _chances(pot: _Pot, later: Sequence[Payer]) -> tuple[int, tuple[bool, ...]]:
    """How many later sources could pay a pot, and which; the fewest go first."""
    able = tuple(pot.takes(payer) for payer in later)
    return sum(able), able


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
            lot, _open(pots, classes), catalog, entitlements, findings
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


def _open(pots: Iterable[_Pot], classes: frozenset[ItemClass]) -> int:
    return sum(pot.open_cents for pot in pots if not pot.is_tax and pot.item_class in classes)


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
