"""One payment for several invoices: how it is split, and when it looks like a second one.

The payer of a statement is known and pays on a page that we opened for one amount, so nothing
is guessed: what the payer chose comes first, then what is due longest.
"""

from collections.abc import Sequence

from domain.matching import Allocation
from domain.model import Record
from domain.money import dollars


class OwedInvoice(Record):
    """What is still owed on one case."""

    case_id: str
    number: str
    balance_cents: int


class Placed(Record):
    """Allocations plus `excess_cents` (to the client's credit) sum to the payment."""

    allocations: tuple[Allocation, ...]
    excess_cents: int
    trace: tuple[str, ...]


class InSuspense(Record):
    """A person decides; `code` is the review's."""

    code: str
    trace: tuple[str, ...]


def place(
    amount_cents: int,
    owed: Sequence[OwedInvoice],
    chosen_case: str | None,
    *,
    has_unseen_twin: bool,
) -> Placed | InSuspense:
    """Where the money of one payment page goes. `owed` is ordered, due longest first.

    `has_unseen_twin`: the same client paid the same amount in another way while the payer was
    at the page, so that the payer could not know. Raises ValueError on an amount that is no
    money.
    """
    if amount_cents <= 0:
        raise ValueError("a payment is more than nothing")
    if has_unseen_twin:
        why = f"{dollars(amount_cents)} came in another way while the payer was at the page"
        return InSuspense(code="DUPLICATE_SUSPECTED", trace=(why,))
    allocations, excess_cents = split(amount_cents, owed, chosen_case)
    if not allocations:
        return InSuspense(code="OVERPAID", trace=("nothing is owed any more",))
    numbers = {one.case_id: one.number for one in owed}
    trace = [f"{dollars(part.cents)} for {numbers[part.case_id]}" for part in allocations]
    if excess_cents:
        trace.append(f"{dollars(excess_cents)} over what is owed became client credit")
    return Placed(allocations=allocations, excess_cents=excess_cents, trace=tuple(trace))


def split(
    amount_cents: int, owed: Sequence[OwedInvoice], chosen_case: str | None = None
) -> tuple[tuple[Allocation, ...], int]:
    """Allocations in the order given, the chosen case first, and what is left over."""
    left_cents, parts = amount_cents, []
    for one in sorted(owed, key=lambda one: one.case_id != chosen_case):
        part_cents = min(left_cents, max(0, one.balance_cents))
        if part_cents:
            parts.append(Allocation(case_id=one.case_id, cents=part_cents))
            left_cents -= part_cents
    return tuple(parts), left_cents
