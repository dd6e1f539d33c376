"""What several verbs of the simulation need: their form, their client, what comes later."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from starter.simulate.plan import Act, Client
from starter.simulate.world import World

Verb = Callable[[World, Act], Awaitable[None]]

CATCH_UP, MISSED, DESK = "ProcessorCatchUp", "MissedVisits", "DeskPayments"
SWEEP_AFTER = {
    CATCH_UP: timedelta(minutes=5),
    MISSED: timedelta(hours=1),
    DESK: timedelta(minutes=5),
}
"""How long something lost stays unseen: as long as the rules allow it to (E2), or the schedule's
own interval."""


def client_of(world: World, act: Act) -> Client:
    """The client that an act is about."""
    assert act.client is not None
    return world.plan.client(act.client)


def sweep_after(world: World, act: Act, name: str) -> Act:
    """The next run of the sweep that finds what nobody was told of this act's client."""
    world.unheard.add(act.client or 0)
    return Act(act.at + SWEEP_AFTER[name], "sweep", data={"name": name})


def release_of(act: Act, at: datetime, subject: str, *, backwards: bool = False) -> Act:
    """The act by which what a vendor holds back of a subject arrives."""
    data = {"subject": subject, "backwards": backwards}
    return Act(at, "release", act.client, act.visit, data)
