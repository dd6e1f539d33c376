"""Promotions of the independent calculation: every allowed combination is priced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from domain.catalog import Promotion
from tests.oracle.visit import (
    UNDISCOUNTED,
    Sale,
    Visit,
    half_up,
    in_force,
    spread,
)


@dataclass(frozen=True)
class Offer:
    """A promotion with the lines that it may act on, as places in the list of sales."""

    promotion: Promotion
    places: tuple[int, ...]


def cut_prices(visit: Visit) -> None:
    """Try every allowed combination and keep the one that saves the patient most.

    Of equal ones (documented: the earlier) the one whose line offers act on earlier lines.
    """
    tried = ways(visit.sales, usable_offers(visit))
    best, _ = max(tried, key=lambda way: (sum(way[0]), way[1], way[0]))
    for sale, cut in zip(visit.sales, best, strict=True):
        sale.cut = cut


def usable_offers(visit: Visit) -> list[Offer]:
    """Promotions in stored order that are known, in force, reasoned and have a line."""
    known = {promotion.code: promotion for promotion in visit.catalog.promotions}
    result: list[Offer] = []
    for applied in visit.chart.promotions:
        promotion = known.get(applied.code)
        if (
            promotion is None
            or not in_force(promotion, visit.day)
            or (promotion.needs_reason and not (applied.reason or "").strip())
            or not set(applied.line_ids) <= {line.line_id for line in visit.chart.lines}
        ):
            visit.holds.add("PROMOTION_INVALID")
            continue
        places = tuple(
            place
            for place, sale in enumerate(visit.sales)
            if sale.item_class not in UNDISCOUNTED
            and (not applied.line_ids or sale.chart_line in applied.line_ids)
            and (
                sale.sku in promotion.skus
                or sale.item_class in promotion.classes
                or not (promotion.skus or promotion.classes)
            )
        )
        result.append(Offer(promotion, places))
    return result


Cuts = tuple[list[int], list[int]]
"""Cents per sale: taken off by all offers, and by line offers alone."""


def ways(sales: Sequence[Sale], offers: Sequence[Offer]) -> Iterable[Cuts]:
    """Every allowed combination (documented).

    A line takes all its stackable offers or one that stands alone; the invoice likewise.
    """
    on_lines = [offer for offer in offers if offer.promotion.scope == "line"]
    on_invoice = [offer for offer in offers if offer.promotion.scope == "invoice"]
    together = [offer for offer in on_invoice if offer.promotion.stackable]
    alone = [[offer] for offer in on_invoice if not offer.promotion.stackable]
    choices: list[list[tuple[Offer, ...]]] = []
    for place in range(len(sales)):
        here = [offer for offer in on_lines if place in offer.places]
        stack = tuple(offer for offer in here if offer.promotion.stackable)
        choices.append([stack, *((o,) for o in here if not o.promotion.stackable)])
    for picked in product(*choices):
        yield combine(sales, picked, together)
    for single in alone:
        yield combine(sales, [()] * len(sales), single)


def combine(
    sales: Sequence[Sale], picked: Sequence[tuple[Offer, ...]], after: Sequence[Offer]
) -> Cuts:
    """What is cut when each line takes its picked offers and the invoice the others."""
    left = [sale.gross for sale in sales]
    given: dict[str, int] = {}
    standing = set()
    for place, chosen in enumerate(picked):
        for offer in chosen:
            cut = worth(offer.promotion, left[place], given)
            left[place] -= cut
            if cut and not offer.promotion.stackable:
                standing.add(place)
    on_lines = [sale.gross - rest for sale, rest in zip(sales, left, strict=True)]
    for offer in after:
        places = [place for place in offer.places if place not in standing]
        base = sum(left[place] for place in places)
        if base:
            cut = worth(offer.promotion, base, given)
            for place, part in zip(places, spread(cut, [left[p] for p in places]), strict=True):
                left[place] -= part
    return [sale.gross - rest for sale, rest in zip(sales, left, strict=True)], on_lines


def worth(promotion: Promotion, base: int, given: dict[str, int]) -> int:
    """Cents that a promotion takes off an amount; its cap holds for the whole visit."""
    if promotion.percent is not None:
        cents = half_up(base * Fraction(promotion.percent))
    else:
        cents = promotion.amount_cents or 0
    if promotion.cap_cents is not None:
        cents = min(cents, promotion.cap_cents - given.get(promotion.code, 0))
    cents = min(cents, base)
    given[promotion.code] = given.get(promotion.code, 0) + cents
    return cents
