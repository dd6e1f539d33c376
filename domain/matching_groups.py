"""Tier 4's search: open items that sum exactly to a payment. Bounded in size, items and answers."""

from collections.abc import Iterator, Sequence

from domain.matching_policy import MatchPolicy
from domain.matching_types import OpenItem

WAYS_MAX = 50
"""As many as are ever looked for; two are already too many to choose from by itself."""


def exact_groups(
    amount_cents: int, items: Sequence[OpenItem], policy: MatchPolicy
) -> list[tuple[OpenItem, ...]] | None:
    """Groups of two or more that sum exactly: smallest first, then oldest; None: too many items.

    `items` stand oldest first. Items above the amount are no part of any group.
    """
    fitting = [item for item in items if 0 < item.balance_cents < amount_cents]
    if len(items) > policy.group_items_max:
        return None
    found: list[tuple[OpenItem, ...]] = []
    for size in range(2, policy.group_size_max + 1):
        for group in _of_size(amount_cents, fitting, size):
            found.append(group)
            if len(found) == WAYS_MAX:
                return found
    return found


def _of_size(
    amount_cents: int, items: Sequence[OpenItem], size: int
) -> Iterator[tuple[OpenItem, ...]]:
    """Depth first in the order of items; a branch ends when what is left cannot be reached."""
    if size == 1:
        yield from ((item,) for item in items if item.balance_cents == amount_cents)
        return
    for at, item in enumerate(items[: len(items) - size + 1]):
        rest = amount_cents - item.balance_cents
        later = items[at + 1 :]
        balances = sorted(each.balance_cents for each in later)
        if sum(balances[: size - 1]) <= rest <= sum(balances[1 - size :]):
            for group in _of_size(rest, later, size - 1):
                yield (item, *group)
