"""For each invariant: the planted bug, and the one patient whose life shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starter.simulate import evidence
from starter.simulate.people import PLACES
from starter.simulate.plan import Act, Client, Moment, Plan
from tests.simulate.plans import CHICAGO, HONOLULU, client, hour, plan, visit


@dataclass(frozen=True)
class Planted:
    """A bug of the worker, a plan in which it shows, and the invariant that it breaks."""

    bug: str
    invariant: str
    plan: Plan


def _number(place: int, lap: int) -> int:
    return place + lap * len(PLACES)


def _paid_at_desk() -> Plan:
    number = _number(CHICAGO, 0)
    one = visit(number, 0, hour(0, 10))
    return plan(5, [client(number, [one], moments=[Moment(0, 1, "desk_before")])])


def _two_visits_in_a_day() -> Plan:
    number = _number(CHICAGO, 1)
    return plan(2, [client(number, [visit(number, 0, hour(0, 10)), visit(number, 1, hour(0, 12))])])


def _never_pays() -> Plan:
    number = _number(CHICAGO, 2)
    return plan(18, [client(number, [visit(number, 0, hour(0, 10))])])


def _far_west() -> Plan:
    return plan(1, [client(HONOLULU, [visit(HONOLULU, 0, hour(0, 9))])])


def _financed() -> Plan:
    number = _number(CHICAGO, 3)
    return plan(2, [client(number, [visit(number, 0, hour(0, 10), lender_cents=52_000)])])


def _says_stop() -> Plan:
    number = _number(CHICAGO, 4)
    text = {"means": "stop", "body": "please stop texting me"}
    stop = Act(hour(1, 12), "text", number, data=text)
    return plan(5, [client(number, [visit(number, 0, hour(0, 10))], [stop])])


def _anybody() -> Plan:
    number = _number(CHICAGO, 5)
    return plan(1, [client(number, [visit(number, 0, hour(0, 10))])])


def _switched_off() -> Plan:
    number = _number(CHICAGO, 6)
    off = Act(hour(3, 9), "switch_off", data={"name": "chase"})
    on = Act(hour(4, 9), "switch_on", data={"name": "chase"})
    return plan(5, [client(number, [visit(number, 0, hour(0, 10))])], [off, on])


PLANTED = (
    Planted("money_after_settlement", evidence.AFTER_SETTLEMENT, _paid_at_desk()),
    Planted("doubled", evidence.DOUBLED, _two_visits_in_a_day()),
    Planted("lost_step", evidence.LOST, _never_pays()),
    Planted("night", evidence.NIGHT, _far_west()),
    Planted("lender_chased", evidence.LENDER, _financed()),
    Planted("no_consent", evidence.CONSENT, _says_stop()),
    Planted("leak", evidence.LEAK, _anybody()),
    Planted("dead_switch", evidence.SWITCH, _switched_off()),
)


def all_of_them() -> Plan:
    """Every one of these patients in one run, for the worker without a bug."""
    clients: Mapping[int, Client] = {
        one.person.number: one for planted in PLANTED for one in planted.plan.clients
    }
    acts = [act for planted in PLANTED for act in planted.plan.acts]
    return plan(18, list(clients.values()), acts)
