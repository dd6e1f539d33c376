"""The words of a refund: what is asked for, what a visit's money is, and what goes back."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from domain.invoice import Draw, PricedInvoice, TenderKind
from domain.model import Record
from domain.money import round_half_up

Way = Literal["processor", "desk", "lender"]
"""Who moves the money: we through the processor, a person at the desk, a person at the lender."""

Formula = Literal["unused", "list_price"]
"""What a package is worth back: its unused value, or its price less what was used at list price."""


class RefundAsk(Record):
    """What a person wants to give back: all, some lines, or an amount (of some lines)."""

    amount_cents: int | None = Field(default=None, gt=0)
    line_ids: tuple[str, ...] = ()
    with_tip: bool = False
    formula: Formula = "unused"
    to_expired_lots: bool = False
    """Units may go back to a lot that has expired since."""


class Given(Record):
    """What is left of one payment on the visit: applied to it and not given back."""

    payment_id: str
    way: Way
    source: str = ""
    """The system that took it."""
    kind: str
    """card | ach | cash | cheque | other"""
    cents: int
    at: AwareDatetime
    is_disputed: bool = False


class CreditUsed(Record):
    """What is left of a tender that settled part of the bill. `holder` drew it from the lot."""

    kind: TenderKind
    cents: int
    lot_id: str | None = None
    holder: str = ""
    reference: str | None = None


class SoldLot(Record):
    """What is left of a lot that a line sold, and what was used of a package at list price."""

    lot_id: str
    remaining: Decimal
    value_cents: int
    used: Decimal = Decimal(0)
    used_at_list_cents: int = 0

    def refilled(self, draws: Sequence[Draw]) -> "SoldLot":
        """The lot once these draws are back in it."""
        back = [draw for draw in draws if draw.lot_id == self.lot_id]
        units = sum((draw.quantity for draw in back), Decimal(0))
        used = self.used - units
        at_list = self.used_at_list_cents * used / self.used if self.used else Decimal(0)
        return self.model_copy(
            update={
                "remaining": self.remaining + units,
                "value_cents": self.value_cents + sum(draw.value_cents for draw in back),
                "used": used,
                "used_at_list_cents": round_half_up(at_list),
            }
        )


class Refunded(Record):
    """What earlier refunds gave back of one line."""

    net_cents: int = 0
    tax_cents: int = 0
    is_returned: bool = False
    """Its units went back to their lot, or its package was taken back."""


class VisitMoney(Record):
    """A billed visit and everything that has settled it, as the books have it now."""

    priced: PricedInvoice
    open_cents: int = 0
    written_off_cents: int = 0
    given: tuple[Given, ...] = ()
    credits: tuple[CreditUsed, ...] = ()
    sold: Mapping[str, tuple[SoldLot, ...]] = Field(default_factory=dict)
    """The lots of packages, gift cards, deposits and dues, by line."""
    refunded: Mapping[str, Refunded] = Field(default_factory=dict)
    """By line."""
    expired_lots: frozenset[str] = frozenset()


class LineBack(Record):
    """What goes back of one line. `account` bears `net_cents`; tax goes back at its own rate."""

    line_id: str
    account: str
    net_cents: int = 0
    tax_cents: int = 0
    draw: Draw | None = None
    """Units that return to their lot; `account` is then what their use was earned in."""
    unused: tuple[Draw, ...] = ()
    """What is taken out of the lots that the line had sold; then `account` is their liability."""


class MoveBack(Record):
    """Money that leaves: along a payment, or through a lender by `reference`."""

    way: Way
    source: str = ""
    cents: int
    kind: str = "card"
    payment_id: str | None = None
    reference: str | None = None


class RefundPlan(Record):
    """Lines = what is no longer owed + written off before + credits + money that leaves."""

    lines: tuple[LineBack, ...]
    forgiven_cents: int = 0
    unwritten_cents: int = 0
    credits: tuple[CreditUsed, ...] = ()
    moves: tuple[MoveBack, ...] = ()

    @property
    def money_cents(self) -> int:
        """What leaves the practice."""
        return sum(move.cents for move in self.moves)


class NoRefund(Record):
    """Why nothing can go back so, in one sentence that says what to do."""

    why: str
