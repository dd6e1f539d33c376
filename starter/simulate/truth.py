"""What the driver itself did, in the order in which it did it: the checkers' side of the story.

Nothing here is read from the product.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Fact:
    """One deed. `wall` is when its effect was there; `cents` money that a vendor took.

    kind: closed, paid, in_flight, bank_failed, opted_out, opted_in, held, released,
    switched_off, switched_on, outage_began, outage_ended, promised.
    """

    wall: datetime
    kind: str
    client: int | None = None
    visit: int | None = None
    cents: int = 0
    data: dict[str, Any] = field(default_factory=dict)


class Truth:
    """The facts, and counts of the faults that the driver brings about itself."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def note(
        self,
        kind: str,
        client: int | None = None,
        visit: int | None = None,
        cents: int = 0,
        *,
        wall: datetime | None = None,
        **data: Any,
    ) -> None:
        """Write a fact down, as of now unless said otherwise."""
        self.facts.append(Fact(wall or datetime.now(UTC), kind, client, visit, cents, data))

    def of(self, client: int, *kinds: str, visit: int | None = None) -> Iterator[Fact]:
        """Facts of a client, of these kinds if any are named."""
        for fact in self.facts:
            wanted = fact.client == client and (not kinds or fact.kind in kinds)
            if wanted and visit in (None, fact.visit):
                yield fact

    def paid_cents(self, client: int, visit: int, by: datetime | None = None) -> int:
        """Money taken for a visit, up to an instant of the wall clock."""
        return sum(
            fact.cents
            for fact in self.of(client, "paid", visit=visit)
            if by is None or fact.wall <= by
        )
