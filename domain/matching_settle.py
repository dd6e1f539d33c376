"""The forms of an answer: certain, proposed, or several ways of which a person chooses one."""

from collections.abc import Sequence

from domain.matching_groups import WAYS_MAX
from domain.matching_policy import Tier
from domain.matching_score import SHOWN_MAX, candidate, ranking
from domain.matching_types import (
    Allocation,
    Asked,
    Candidate,
    Closing,
    HeldPayment,
    Matched,
    OpenItem,
    Proposed,
)
from domain.money import dollars


def settle(
    asked: Asked,
    tier: Tier,
    allocations: tuple[Allocation, ...],
    *why: str,
    group: Sequence[OpenItem] = (),
    excess_cents: int = 0,
    closings: tuple[Closing, ...] = (),
    notice: str | None = None,
) -> Matched | Proposed:
    """Certain when the practice lets this tier be booked by itself, else a proposal."""
    barrier = asked.policy.barrier(tier, asked.record)
    if barrier is None:
        return Matched(
            allocations=allocations,
            excess_cents=excess_cents,
            tier=tier,
            notice=notice,
            trace=why,
            closings=closings,
        )
    answer = propose(asked, tier, allocations, *why, barrier, group=group, closings=closings)
    return answer.model_copy(update={"excess_cents": excess_cents, "notice": notice})


def propose(
    asked: Asked,
    tier: Tier,
    allocations: tuple[Allocation, ...],
    *why: str,
    group: Sequence[OpenItem] = (),
    closings: tuple[Closing, ...] = (),
) -> Proposed:
    """One click of a person; ticked beforehand only when nothing else comes near."""
    rivals: tuple[Candidate, ...] = ()
    margin_points = 100
    if group:
        chosen = frozenset(item.case_id for item in group)
        rivals = ranking(asked, asked.items, but=chosen)
        best = max((rival.points for rival in rivals), default=0)
        margin_points = candidate(asked, group).points - best
    return Proposed(
        allocations=allocations,
        tier=tier,
        trace=why,
        closings=closings,
        rivals=rivals,
        margin_points=margin_points,
        is_preticked=margin_points >= asked.policy.margin_points,
    )


def whole(group: Sequence[OpenItem]) -> tuple[Allocation, ...]:
    """Each item's whole balance."""
    return tuple(Allocation(case_id=item.case_id, cents=item.balance_cents) for item in group)


def named(asked: Asked, group: Sequence[OpenItem]) -> str:
    """`$100.00 for LUM-1, LUM-2`."""
    numbers = ", ".join(item.number for item in group)
    return f"{dollars(asked.payment.amount_cents)} for {numbers}"


def ambiguous(asked: Asked, groups: Sequence[Sequence[OpenItem]]) -> HeldPayment:
    """Several exact ways: the first three are shown, a person chooses."""
    candidates = tuple(
        candidate(asked, group).model_copy(
            update={"reasons": ("sums exactly: " + ", ".join(item.number for item in group),)}
        )
        for group in groups[:SHOWN_MAX]
    )
    count = f"at least {WAYS_MAX}" if len(groups) >= WAYS_MAX else str(len(groups))
    return HeldPayment(
        code="AMBIGUOUS_GROUP",
        account="2095" if asked.payment.client_id is None else "2090",
        candidates=candidates,
        trace=(f"{count} ways to match exactly",),
        client_id=asked.payment.client_id,
    )
