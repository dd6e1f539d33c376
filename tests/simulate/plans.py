"""Hand-made plans: one patient for each way in which a message can be wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from starter.demo.cast import TOXIN, line
from starter.simulate.people import PLACES, TREATMENT, person
from starter.simulate.plan import Act, Client, Moment, Plan, Visit

MONDAY = datetime(2026, 10, 19, 12, tzinfo=UTC)
"""7:00 at the practice; no holiday for three weeks, the clocks change on the second Sunday."""
CHICAGO = next(n for n, place in enumerate(PLACES) if place.area == "312")
HONOLULU = next(n for n, place in enumerate(PLACES) if place.zones == ("Pacific/Honolulu",))


def hour(day: int, hour: int) -> datetime:
    """A full hour of a day at the practice, the first day being 0."""
    return MONDAY + timedelta(days=day, hours=hour - 7)


def visit(client: int, index: int, at: datetime, lender_cents: int = 0) -> Visit:
    """A visit of 52,000 cents."""
    lines = [line(TOXIN, TREATMENT, 40, 1_300)]
    order_id = str(UUID(int=(client + 1) * 1000 + index, version=4))
    return Visit(index, order_id, at, lines, 52_000, lender_cents)


class Quiet(Random):
    """No bad luck: phones ring and mail arrives."""

    def random(self) -> float:
        return 1.0


def client(
    number: int,
    visits: Sequence[Visit],
    acts: Sequence[Act] = (),
    moments: Sequence[Moment] = (),
) -> Client:
    """A patient with these visits, all of them announced as they should be.

    The number tells where the patient lives: it is a place's own, or that plus all places.
    """
    checkouts = [
        Act(one.at, "check_out", number, one.index, {"announced": "both"}) for one in visits
    ]
    who = person(number, Quiet())
    urn_id = str(UUID(int=number + 1, version=4))
    return Client(who, urn_id, tuple(visits), (*checkouts, *acts), tuple(moments))


def plan(days: int, clients: Sequence[Client], acts: Sequence[Act] = ()) -> Plan:
    """A run of some days."""
    return Plan(0, MONDAY, MONDAY + timedelta(days=days), tuple(clients), tuple(acts))
