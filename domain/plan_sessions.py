"""Which financing plan a completed visit is a session of: pure, from its priced chart."""

from collections.abc import Sequence

from domain.invoice import LineKind, PricedInvoice
from domain.model import Record

SERVICES = frozenset({"injectable", "device"})
"""Classes of item that are delivered in person; a sold package or a serum is no session."""


class Candidate(Record):
    """A running plan of the visit's patient. `lot_ids` are the lots that its money bought."""

    lender: str
    plan_id: str
    visit_id: str | None
    """The visit that was financed."""
    lot_ids: tuple[str, ...] = ()
    sessions_left: int | None = None
    """None where nobody has said how many were planned."""


def plan_of(
    visit_id: str, priced: PricedInvoice, candidates: Sequence[Candidate]
) -> Candidate | None:
    """The plan that a visit is a session of, or None. `candidates` come oldest first.

    A plan that bought a package delivers by drawing from it, and by nothing else. Any other plan
    delivers by a service: the visit that it financed, or the next of the oldest with some left.
    """
    drawn = {line.draw.lot_id for line in priced.lines if line.draw is not None}
    for plan in candidates:
        if drawn & set(plan.lot_ids):
            return plan
    if not _delivers(priced):
        return None
    open_ones = [plan for plan in candidates if not plan.lot_ids]
    named = [plan for plan in open_ones if plan.visit_id == visit_id]
    left = [plan for plan in open_ones if plan.sessions_left is None or plan.sessions_left > 0]
    return next(iter([*named, *left]), None)


def _delivers(priced: PricedInvoice) -> bool:
    return any(
        line.kind is LineKind.DRAW or (line.kind is LineKind.SALE and line.item_class in SERVICES)
        for line in priced.lines
    )
