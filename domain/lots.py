"""Unit lots: what is left in them, what a draw is worth, and the lots that a sale makes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.calendar import add_months, local_date
from domain.catalog import Catalog, ItemClass, Package
from domain.chart import LotKind, MoneyLot, UnitLot
from domain.ids import lot_id as id_of_lot
from domain.invoice import InvoiceLine, LineKind, PricedInvoice
from domain.money import round_half_up, split

_SOLD_NOW = "sold-now/"


def draw_value(value_cents: int, quantity: Decimal, remaining: Decimal) -> int:
    """What a draw is worth in cents: its half-up share, so the last draw takes all that is left."""
    return round_half_up(value_cents * quantity / remaining)


@dataclass
class OpenLot:
    """A lot while one visit draws from it.

    `value_cents` is None for a lot that this very visit sells: its value is known after
    discounts. `paid_cents` is None when nothing limits the draw.
    """

    lot_id: str
    skus: tuple[str, ...]
    remaining: Decimal
    value_cents: int | None
    paid_cents: int | None
    bought_on: date
    purchased_at: datetime
    expires_on: date | None
    grace_days: int = 0
    reinstated: bool = False

    @property
    def order(self) -> tuple[date, datetime, str]:
        """First-expiring, then oldest; the id settles the rest."""
        return (self.expires_on or date.max, self.purchased_at, self.lot_id)

    def is_expired(self, day: date) -> bool:
        """Whether the lot is past expiry and grace on a day and nobody reinstated it."""
        if self.expires_on is None or self.reinstated:
            return False
        return day > self.expires_on + timedelta(days=self.grace_days)

    def in_grace(self, day: date) -> bool:
        """Whether the lot is good on a day only by its grace."""
        return self.expires_on is not None and day > self.expires_on and not self.is_expired(day)

    def drawable(self, wanted: Decimal, step: Decimal) -> Decimal:
        """The most of `wanted`, in whole steps, that is left in the lot."""
        return min(wanted, self.remaining) // step * step

    def paid_for(self, quantity: Decimal, step: Decimal) -> Decimal:
        """The most of `quantity`, in whole steps, whose value is already paid."""
        if self.paid_cents is None or self.value_cents is None:
            return quantity
        while quantity > 0 and self.value_of(quantity) > self.paid_cents:
            by_value = self.remaining * self.paid_cents / self.value_cents
            quantity = min(quantity - step, (by_value + step) // step * step)
        return max(quantity, Decimal(0))

    def value_of(self, quantity: Decimal) -> int:
        """What a draw is worth in cents; 0 while the lot's value is not known yet."""
        return draw_value(self.value_cents or 0, quantity, self.remaining)

    def take(self, quantity: Decimal) -> int:
        """Draw, and answer the value drawn in cents."""
        worth_cents = self.value_of(quantity)
        self.remaining -= quantity
        if self.value_cents is not None:
            self.value_cents -= worth_cents
        if self.paid_cents is not None:
            self.paid_cents -= worth_cents
        return worth_cents


def opened(lot: UnitLot, zone: str) -> OpenLot:
    """A client's lot, ready to be drawn from."""
    return OpenLot(
        lot_id=lot.lot_id,
        skus=lot.skus,
        remaining=lot.remaining,
        value_cents=lot.value_cents,
        paid_cents=lot.paid_value_cents,
        bought_on=local_date(lot.purchased_at, zone),
        purchased_at=lot.purchased_at,
        expires_on=date.fromisoformat(lot.expires_on) if lot.expires_on else None,
        grace_days=lot.grace_days,
        reinstated=lot.reinstated_by is not None,
    )


def placeholder_id(line_id: str, content_no: int) -> str:
    """The id of a lot that this invoice itself sells, until the document has an id."""
    return f"{_SOLD_NOW}{line_id}/{content_no}"


def is_sold_now(lot_id: str) -> bool:
    """Whether a draw names a lot that its own invoice sells (see `name_sold_lots`)."""
    return lot_id.startswith(_SOLD_NOW)


def sold_by(lot_id: str) -> tuple[str, int]:
    """The sale line and content number behind a placeholder id."""
    line_id, _, content_no = lot_id.removeprefix(_SOLD_NOW).rpartition("/")
    return line_id, int(content_no)


def name_sold_lots(priced: PricedInvoice, document_id: str) -> PricedInvoice:
    """The same invoice with draws from lots that it sells naming the ids of `sold_lots`."""
    return priced.model_copy(
        update={"lines": tuple(_named(line, document_id) for line in priced.lines)}
    )


def _named(line: InvoiceLine, document_id: str) -> InvoiceLine:
    if line.draw is None or not is_sold_now(line.draw.lot_id):
        return line
    real_id = id_of_lot(document_id, *sold_by(line.draw.lot_id))
    return line.model_copy(update={"draw": line.draw.model_copy(update={"lot_id": real_id})})


def content_values(package: Package, price_cents: int) -> list[int]:
    """A package's price over its contents by stand-alone price (2.2), in cents."""
    return split(price_cents, [content.standalone_cents for content in package.contents])


def sold_lots(
    priced: PricedInvoice, catalog: Catalog, document_id: str, at: datetime
) -> list[UnitLot]:
    """The full lots that an invoice's package lines create, before any draw from them.

    Each package line's net price is spread over its contents; terms are copied from the
    package. `at` (aware) is the sale; expiry counts months from its civil date at the
    location. A lot is unpaid (`paid_value_cents` 0) while its invoice has something due,
    unless the package may be used partly paid. A package whose draws this invoice already
    made still comes whole: commit those draws after granting it (`name_sold_lots`).
    """
    packages = {package.sku: package for package in catalog.packages}
    lots: list[UnitLot] = []
    for line in priced.lines:
        if line.kind is not LineKind.SALE or line.sku not in packages:
            continue
        package = packages[line.sku]
        free_to_use = is_paid(priced) or package.usable_while_partly_paid
        values = content_values(package, line.net_cents)
        for number, (content, value_cents) in enumerate(
            zip(package.contents, values, strict=True), start=1
        ):
            lots.append(
                UnitLot(
                    lot_id=id_of_lot(document_id, line.line_id, number),
                    skus=content.skus,
                    remaining=content.quantity * line.quantity,
                    value_cents=value_cents,
                    purchased_at=at,
                    expires_on=expiry(package, local_date(at, catalog.zone)),
                    grace_days=package.grace_days,
                    paid_value_cents=None if free_to_use else 0,
                )
            )
    return lots


_CREDITS = {
    ItemClass.GIFT_CARD: LotKind.GIFT_CARD,
    ItemClass.DEPOSIT: LotKind.DEPOSIT,
    ItemClass.DUES: LotKind.MEMBERSHIP_CREDIT,
}


def sold_credits(
    priced: PricedInvoice, catalog: Catalog, document_id: str, at: datetime
) -> list[MoneyLot]:
    """The credits that an invoice sells: gift cards, deposits and the credit in dues (2.3, 2.7).

    Each line makes one lot of what the practice owes for it; no lot without money. `at` (aware)
    is the sale. Whether it may be used is a matter of `is_paid`.
    """
    tiers = {tier.dues_sku: tier for tier in catalog.tiers if tier.dues_sku}
    found: list[MoneyLot] = []
    for line in priced.lines:
        kind = _CREDITS.get(ItemClass(line.item_class)) if line.kind is LineKind.SALE else None
        cents = line.credit_cents if kind is LotKind.MEMBERSHIP_CREDIT else line.net_cents
        if kind is None or cents == 0:
            continue
        tier = tiers.get(line.sku)
        months = tier.credit_expires_months if tier else None
        found.append(
            MoneyLot(
                lot_id=id_of_lot(document_id, line.line_id, 1),
                kind=kind,
                remaining_cents=cents,
                classes=tuple(tier.credit_classes) if tier else (),
                purchased_at=at,
                expires_on=_expires(months, local_date(at, catalog.zone)),
                tier=tier.code if tier else None,
            )
        )
    return found


def is_paid(priced: PricedInvoice) -> bool:
    """Whether an invoice leaves nothing to pay but a tip, so that what it sold may be used."""
    return priced.due_cents <= priced.tip_cents


def expiry(package: Package, sold_on: date) -> str | None:
    """The last good civil date of a package sold on a day, ISO, or None."""
    return _expires(package.expires_months, sold_on)


def _expires(months: int | None, sold_on: date) -> str | None:
    return None if months is None else add_months(sold_on, months).isoformat()
