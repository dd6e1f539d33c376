"""What a refund of a visit gives back: which lines, along which tenders, over which payments.

Money goes back the way it came: what the patient paid last goes first, then what settled the
bill before the patient was asked, in reverse order. Pure; the caller reads the books.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from domain.catalog import ItemClass
from domain.entries import ALLOWANCES, SETTLED_FROM, SOLD_AS, TIPS
from domain.invoice import Draw, InvoiceLine, LineKind, TenderKind
from domain.money import dollars, round_half_up, split
from domain.refund_types import (
    CreditUsed,
    Formula,
    Given,
    LineBack,
    MoveBack,
    NoRefund,
    RefundAsk,
    Refunded,
    RefundPlan,
    SoldLot,
    VisitMoney,
)

BACKWARDS: tuple[TenderKind, ...] = (
    TenderKind.LENDER,
    TenderKind.POINTS,
    TenderKind.ACCOUNT_CREDIT,
    TenderKind.DEPOSIT,
    TenderKind.GIFT_CARD,
    TenderKind.PROMOTIONAL_CREDIT,
    TenderKind.MEMBERSHIP_CREDIT,
)
"""The tenders of a bill, in the order in which a refund returns them."""


_HELD_IN: Mapping[str, str] = {
    ItemClass.PACKAGE: SOLD_AS[ItemClass.PACKAGE],
    ItemClass.GIFT_CARD: SOLD_AS[ItemClass.GIFT_CARD],
    ItemClass.DEPOSIT: SOLD_AS[ItemClass.DEPOSIT],
    ItemClass.DUES: SETTLED_FROM[TenderKind.MEMBERSHIP_CREDIT],
}
"""What is kept for the client once it is sold: it goes back as far as it is unused."""


def plan_refund(money: VisitMoney, ask: RefundAsk) -> RefundPlan | NoRefund:
    """What a refund does, or why it cannot be."""
    lines = _lines(money, ask)
    if isinstance(lines, NoRefund):
        return lines
    total_cents = sum(line.net_cents + line.tax_cents for line in lines)
    if not lines or (total_cents == 0 and not any(line.draw for line in lines)):
        return NoRefund(why="Nothing of this is left to give back.")
    return _along_tenders(money, lines, total_cents)


def package_worth(line: InvoiceLine, lots: Sequence[SoldLot]) -> Mapping[Formula, int]:
    """What an unused rest is worth by either formula; a contract says which one holds."""
    used_cents = sum(lot.used_at_list_cents for lot in lots)
    return {
        "unused": sum(lot.value_cents for lot in lots),
        "list_price": max(0, line.net_cents - used_cents),
    }


def newest_first(given: Sequence[Given]) -> list[Given]:
    """Payments in the order in which they go back: last in, first out."""
    return sorted(given, key=lambda one: (one.at, one.payment_id), reverse=True)


def along(given: Sequence[Given], cents: int) -> tuple[tuple[MoveBack, ...], int] | NoRefund:
    """Money back over payments, and what they do not cover. A disputed one is not touched."""
    moves = []
    for one in newest_first(given):
        part_cents = min(cents, one.cents)
        if part_cents <= 0:
            continue
        if one.is_disputed:
            return NoRefund(
                why=f"The payment of {dollars(one.cents)} is disputed; wait for the bank's answer."
            )
        moves.append(
            MoveBack(
                way=one.way,
                source=one.source,
                cents=part_cents,
                kind=one.kind,
                payment_id=one.payment_id,
            )
        )
        cents -= part_cents
    return tuple(moves), cents


# -- lines


def _lines(money: VisitMoney, ask: RefundAsk) -> list[LineBack] | NoRefund:
    known = {line.line_id: line for line in money.priced.lines}
    unknown = [line_id for line_id in ask.line_ids if line_id not in known]
    if unknown:
        return NoRefund(why=f"There is no line {unknown[0]}: see `tieout visit show`.")
    named = set(ask.line_ids) or known.keys()
    wanted = [
        line
        for line in money.priced.lines
        if line.line_id in named
        and (line.kind is not LineKind.TIP or ask.with_tip or line.line_id in ask.line_ids)
    ]
    if ask.amount_cents is not None:
        return _by_amount(money, wanted, ask.amount_cents)
    return _whole(money, wanted, ask)


def _by_amount(
    money: VisitMoney, wanted: Sequence[InvoiceLine], amount_cents: int
) -> list[LineBack] | NoRefund:
    """Spread over what was paid for the lines; what is kept for later goes back by its line."""
    rest = [
        _left(money, line)
        for line in wanted
        if line.kind is not LineKind.DRAW and not _is_kept(line)
    ]
    weights = [line.net_cents + line.tax_cents for line in rest]
    if amount_cents > sum(weights):
        return NoRefund(
            why=f"Only {dollars(sum(weights))} of these lines is left to give back;"
            " a package, a credit or a gift card goes back by its line."
        )
    parts = split(amount_cents, weights)
    return [_part(*each) for each in zip(rest, parts, weights, strict=True) if each[1]]


def _part(line: LineBack, cents: int, whole_cents: int) -> LineBack:
    """Part of a line with the tax in it, at the rate at which it was billed."""
    tax_cents = round_half_up(Decimal(cents) * line.tax_cents / whole_cents)
    return line.model_copy(update={"net_cents": cents - tax_cents, "tax_cents": tax_cents})


def _whole(
    money: VisitMoney, wanted: Sequence[InvoiceLine], ask: RefundAsk
) -> list[LineBack] | NoRefund:
    lines, kept = [], []
    for line in wanted:
        before = money.refunded.get(line.line_id, Refunded())
        if line.draw is not None:
            if before.is_returned:
                continue
            if line.draw.lot_id in money.expired_lots and not ask.to_expired_lots:
                return NoRefund(
                    why=f"Line {line.line_id} drew from a package that has expired since;"
                    " say --to-expired to put its units back all the same."
                )
            earned_in = SOLD_AS[line.item_class]
            lines.append(LineBack(line_id=line.line_id, account=earned_in, draw=line.draw))
        elif not _is_kept(line):
            lines.append(_left(money, line))
        elif not before.is_returned:
            kept.append(line)
    # What this very refund puts back into a package leaves with it again.
    draws = [line.draw for line in lines if line.draw]
    lines += [_kept(money, line, ask.formula, draws) for line in kept]
    return [line for line in lines if line.net_cents or line.tax_cents or line.draw or line.unused]


def _left(money: VisitMoney, line: InvoiceLine) -> LineBack:
    before = money.refunded.get(line.line_id, Refunded())
    return LineBack(
        line_id=line.line_id,
        account=TIPS if line.kind is LineKind.TIP else ALLOWANCES,
        net_cents=line.net_cents - before.net_cents,
        tax_cents=line.tax_cents - before.tax_cents,
    )


def _is_kept(line: InvoiceLine) -> bool:
    """Whether the line sold something for later; dues without a credit did not."""
    return line.item_class in _HELD_IN and (
        line.item_class != ItemClass.DUES or line.credit_cents > 0
    )


def _kept(
    money: VisitMoney, line: InvoiceLine, formula: Formula, draws: Sequence[Draw]
) -> LineBack:
    lots = [lot.refilled(draws) for lot in money.sold.get(line.line_id, ())]
    net_cents = sum(lot.value_cents for lot in lots)
    if line.item_class == ItemClass.PACKAGE:
        net_cents = package_worth(line, lots)[formula]
    elif line.item_class == ItemClass.DUES:
        net_cents += line.net_cents - line.credit_cents
    share = Decimal(net_cents) / line.net_cents if line.net_cents else Decimal(0)
    return LineBack(
        line_id=line.line_id,
        account=_HELD_IN[line.item_class],
        net_cents=net_cents,
        tax_cents=round_half_up(line.tax_cents * min(share, Decimal(1))),
        unused=tuple(
            Draw(lot_id=lot.lot_id, quantity=lot.remaining, value_cents=lot.value_cents)
            for lot in lots
            if lot.remaining or lot.value_cents
        ),
    )


# -- tenders


def _along_tenders(
    money: VisitMoney, lines: Sequence[LineBack], total_cents: int
) -> RefundPlan | NoRefund:
    forgiven_cents = min(total_cents, max(0, money.open_cents))
    left_cents = total_cents - forgiven_cents
    unwritten_cents = min(left_cents, money.written_off_cents)
    found = along(money.given, left_cents - unwritten_cents)
    if isinstance(found, NoRefund):
        return found
    moves, left_cents = found
    credits, at_lender, left_cents = _credits(money.credits, left_cents)
    if left_cents:
        return NoRefund(
            why=f"Only {dollars(total_cents - left_cents)} came in for this and is still here;"
            " ask for no more than that."
        )
    return RefundPlan(
        lines=tuple(lines),
        forgiven_cents=forgiven_cents,
        unwritten_cents=unwritten_cents,
        credits=credits,
        moves=(*moves, *at_lender),
    )


def _credits(
    used: Sequence[CreditUsed], cents: int
) -> tuple[tuple[CreditUsed, ...], tuple[MoveBack, ...], int]:
    """Credits to their lots, the lender's part as money, and what is not covered."""
    credits, moves = [], []
    for kind in BACKWARDS:
        for one in (each for each in used if each.kind is kind):
            part_cents = min(cents, one.cents)
            if part_cents <= 0:
                continue
            cents -= part_cents
            if kind is TenderKind.LENDER:
                moves.append(
                    MoveBack(way="lender", cents=part_cents, kind="lender", reference=one.reference)
                )
            else:
                credits.append(one.model_copy(update={"cents": part_cents}))
    return tuple(credits), tuple(moves), cents
