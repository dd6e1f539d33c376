"""From what the PMS shows to the chart that we price, and what the desk has decided about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.ports import PmsVisit
from domain.catalog import ItemClass
from domain.chart import Chart, ChartLine
from domain.pms_side import PmsSide
from store.reviews import Review

_STANDS = frozenset({"take_ours", "correct_pms"})
"""Answers that let our figure stand against the one that the PMS shows, and no other."""


@dataclass
class Overrides:
    """What named people decided about this draft: approvals, single prices, free lines."""

    approved: set[str] = field(default_factory=set)
    unit_cents: dict[str, int] = field(default_factory=dict)
    item_class: dict[str, str | None] = field(default_factory=dict)
    free_lines: set[str] = field(default_factory=set)


def overrides_of(reviews: Sequence[Review]) -> Overrides:
    """Read the decided questions of a case; the newest answer to the same line wins."""
    result = Overrides()
    for review in reviews:
        if review.state != "decided" or not review.decision:
            continue
        line_id = review.shown.get("line_id") or ""
        key = f"{review.code}:{line_id}" if line_id else review.code
        choice = review.decision.get("choice")
        if choice in ("approve", "charge"):
            result.approved.add(key)
        elif choice == "allow":
            result.approved.add(f"{review.code}:allow")
        elif choice in _STANDS:
            result.approved.add(f"{review.code}:{review.shown.get('subject')}")
        elif choice == "one_off_price":
            result.unit_cents[line_id] = int(review.decision["amount_cents"])
            result.item_class[line_id] = review.decision.get("item_class")
        elif choice == "not_billable" and line_id:
            result.free_lines.add(line_id)
    return result


def chart_of(visit: PmsVisit, location_id: str, overrides: Overrides) -> Chart:
    """The chart in our terms; a cancelled visit's is empty.

    Unknown line kinds stay in, so that they hold and never vanish.
    """
    charted = () if visit.cancelled else visit.lines
    lines = tuple(
        ChartLine(
            line_id=line.line_id,
            code=line.code,
            quantity=line.quantity,
            provider_ref=line.provider_ref,
            one_off_unit_cents=overrides.unit_cents.get(line.line_id),
            one_off_class=_class(overrides.item_class.get(line.line_id)),
        )
        for line in charted
        if line.kind != "tip" and line.line_id not in overrides.free_lines
    )
    tips: dict[str, int] = {}
    for line in charted:
        if line.kind == "tip":
            provider = line.provider_ref or "house"
            tips[provider] = tips.get(provider, 0) + line.subtotal_cents
    return Chart(
        visit_id=visit.visit_id,
        location_id=location_id,
        currency=visit.currency,
        service_at=visit.service_at,
        lines=lines,
        tips_cents=tips,
    )


def side_of(visit: PmsVisit) -> PmsSide:
    """What the PMS shows of the visit beside its chart."""
    drawn = (one for one in visit.payments if one.kind == "voucher")
    return PmsSide(
        tax_cents=visit.tax_cents,
        voucher_cents=sum(one.amount_cents - one.refunded_cents for one in drawn),
    )


def charted_again(chart: Chart, overrides: Overrides) -> Chart:
    """The same chart with what was decided about its lines since."""
    lines = tuple(
        line.model_copy(
            update={
                "one_off_unit_cents": overrides.unit_cents.get(line.line_id),
                "one_off_class": _class(overrides.item_class.get(line.line_id)),
            }
        )
        for line in chart.lines
        if line.line_id not in overrides.free_lines
    )
    return chart.model_copy(update={"lines": lines})


def _class(name: str | None) -> ItemClass | None:
    return ItemClass(name) if name else None
