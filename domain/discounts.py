"""Price cuts: line offers in stored order, then invoice offers (rules 2.1 steps 3 and 4, 2.4).

An offer that does not stack stands alone on its line, or on the invoice. Every way in which the
offers may be combined is tried, and the patient gets the one that takes most off; of equal ways
the one whose line offers act on earlier lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from math import prod

from domain.catalog import PASS_THROUGH, Catalog, Promotion, PromotionScope
from domain.charges import in_force
from domain.chart import AppliedPromotion, Chart
from domain.findings import Findings, percent
from domain.invoice import Discount, InvoiceLine, LineKind
from domain.money import dollars, share, split

_WAYS_MAX = 4_096


@dataclass(frozen=True)
class Offer:
    """A promotion as used at one visit, in force and with its reason."""

    promotion: Promotion
    line_ids: frozenset[str]

    @property
    def is_on_line(self) -> bool:
        """Whether the offer acts on single lines, not on the invoice."""
        return self.promotion.scope is PromotionScope.LINE

    def covers(self, line: InvoiceLine) -> bool:
        """Whether the offer may cut this line: never a draw, a tip or pass-through money."""
        if line.kind is not LineKind.SALE or line.item_class in PASS_THROUGH:
            return False
        if self.line_ids and line.chart_line_id not in self.line_ids:
            return False
        named = self.promotion.skus or self.promotion.classes
        return (
            not named
            or line.sku in self.promotion.skus
            or line.item_class in self.promotion.classes
        )

    def cut(self, left_cents: int, given_cents: int) -> int:
        """What the offer takes off an amount, when it has given so much before: cap and floor."""
        promotion = self.promotion
        if promotion.percent is not None:
            cents = share(left_cents, promotion.percent)
        else:
            cents = promotion.amount_cents or 0
        if promotion.cap_cents is not None:
            cents = min(cents, promotion.cap_cents - given_cents)
        return max(0, min(cents, left_cents))


Cuts = dict[str, list[tuple[Offer, int]]]
"""Line id -> cuts in the order they were made."""


def discount(
    lines: Sequence[InvoiceLine], chart: Chart, catalog: Catalog, day: date, findings: Findings
) -> list[InvoiceLine]:
    """The same lines after the visit's promotions. A bad promotion leaves a reason."""
    offers = _offers(chart, catalog, day, findings)
    if not offers:
        return list(lines)
    best = max(_ways(lines, offers, findings), key=lambda cuts: _saved(lines, cuts))
    _note_unused(offers, best, findings)
    return [_discounted(line, best[line.line_id]) for line in lines]


def _ways(
    lines: Sequence[InvoiceLine], offers: Sequence[Offer], findings: Findings
) -> Iterator[Cuts]:
    """Every allowed combination; a bill with too many to try leaves a reason."""
    on_lines = [offer for offer in offers if offer.promotion.scope is PromotionScope.LINE]
    on_invoice = [offer for offer in offers if offer.promotion.scope is PromotionScope.INVOICE]
    together = [offer for offer in on_invoice if offer.promotion.stackable]
    choices = [_choices(line, on_lines) for line in lines]
    if prod(len(options) for options in choices) > _WAYS_MAX:
        findings.hold(
            "PROMOTION_INVALID",
            f"The promotions can be combined in more than {_WAYS_MAX} ways.",
            "Name the lines of each promotion, or approve the combination shown.",
            computable=True,
            approvable=True,
        )
        choices = [options[:1] for options in choices]
    for picked in product(*choices):
        yield _apply(lines, picked, together)
    for alone in on_invoice:
        if not alone.promotion.stackable:
            yield _apply(lines, [()] * len(lines), [alone])


def _choices(line: InvoiceLine, offers: Sequence[Offer]) -> list[tuple[Offer, ...]]:
    """What may act on a line: all stackable offers one after the other, or one other offer."""
    usable = [offer for offer in offers if offer.covers(line)]
    stacked = tuple(offer for offer in usable if offer.promotion.stackable)
    return [stacked, *((offer,) for offer in usable if not offer.promotion.stackable)]


def _apply(
    lines: Sequence[InvoiceLine], picked: Sequence[tuple[Offer, ...]], on_invoice: Sequence[Offer]
) -> Cuts:
    """What is cut when each line takes its picked offers and the invoice the others."""
    given: dict[str, int] = {}
    cuts: Cuts = {}
    for line, chosen in zip(lines, picked, strict=True):
        made: list[tuple[Offer, int]] = []
        left_cents = line.gross_cents
        for offer in chosen:
            code = offer.promotion.code
            cents = offer.cut(left_cents, given.get(code, 0))
            given[code] = given.get(code, 0) + cents
            left_cents -= cents
            made += [(offer, cents)] if cents else []
        cuts[line.line_id] = made
    for offer in on_invoice:
        _spread(lines, offer, cuts)
    return cuts


def _spread(lines: Sequence[InvoiceLine], offer: Offer, cuts: Cuts) -> None:
    """Spread an invoice offer over what is left of its lines by largest remainder."""
    covered = [
        line
        for line in lines
        if offer.covers(line)
        and all(earlier.promotion.stackable for earlier, _ in cuts[line.line_id])
    ]
    left = [line.gross_cents - sum(cents for _, cents in cuts[line.line_id]) for line in covered]
    if sum(left) == 0:
        return
    parts = split(offer.cut(sum(left), 0), left)
    for line, cents in zip(covered, parts, strict=True):
        cuts[line.line_id] += [(offer, cents)] if cents else []


def _saved(lines: Sequence[InvoiceLine], cuts: Cuts) -> tuple[int, list[int], list[int]]:
    """What a way takes off; of equal ways, how much line offers and then all take line by line."""
    on_lines = [
        sum(cents for offer, cents in cuts[line.line_id] if offer.is_on_line) for line in lines
    ]
    in_all = [sum(cents for _, cents in cuts[line.line_id]) for line in lines]
    return sum(in_all), on_lines, in_all


def _discounted(line: InvoiceLine, made: Sequence[tuple[Offer, int]]) -> InvoiceLine:
    net_cents = line.net_cents
    discounts: list[Discount] = []
    trace = list(line.trace)
    for offer, cents in made:
        promotion = offer.promotion
        what = percent(promotion.percent) if promotion.percent else "an amount"
        how = (
            f"{what} off the line (rule 2.1 step 3)"
            if offer.is_on_line
            else f"this line's part of {what} off the invoice (rule 2.1 step 4)"
        )
        trace.append(
            f"{promotion.code}: {dollars(net_cents)} - {dollars(cents)} = "
            f"{dollars(net_cents - cents)}, {how}."
        )
        discounts.append(Discount(code=promotion.code, cents=cents))
        net_cents -= cents
    return line.model_copy(
        update={"discounts": tuple(discounts), "net_cents": net_cents, "trace": tuple(trace)}
    )


def _note_unused(offers: Sequence[Offer], best: Cuts, findings: Findings) -> None:
    used = {offer.promotion.code for made in best.values() for offer, _ in made}
    for offer in offers:
        if offer.promotion.code not in used:
            findings.notes.append(
                f"Promotion {offer.promotion.code} takes nothing off: no line that it may cut, "
                "or a better offer that does not combine with it."
            )


def _offers(chart: Chart, catalog: Catalog, day: date, findings: Findings) -> list[Offer]:
    """The usable offers in stored order; a promotion that may not be used leaves a reason."""
    known = {promotion.code: promotion for promotion in catalog.promotions}
    offers: list[Offer] = []
    for applied in chart.promotions:
        fault = _fault(applied, known, chart, day, offers)
        if fault is None:
            offers.append(Offer(known[applied.code], frozenset(applied.line_ids)))
            continue
        findings.hold(
            "PROMOTION_INVALID",
            f"Promotion {applied.code} {fault}.",
            "Correct the promotion, or approve the bill without it.",
            computable=True,
            approvable=True,
        )
    return offers


def _fault(
    applied: AppliedPromotion,
    known: dict[str, Promotion],
    chart: Chart,
    day: date,
    earlier: Sequence[Offer],
) -> str | None:
    promotion = known.get(applied.code)
    if promotion is None:
        return "is not in the catalog"
    if (promotion.percent is None) == (promotion.amount_cents is None):
        return "must have either a percentage or an amount"
    if not in_force([promotion], day):
        return f"is not in force on {day}"
    if promotion.needs_reason and not (applied.reason or "").strip():
        return "needs a reason and has none"
    if not set(applied.line_ids) <= {line.line_id for line in chart.lines}:
        return "names a line that is not on the chart"
    if any(offer.promotion.code == applied.code for offer in earlier):
        return "is applied more than once"
    return None
