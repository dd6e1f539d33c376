"""The invariants of rules 5.1 that speak of messages, checked on what the patients received.

Each check compares what the twins saw with what the driver did. A check answers violations; how
often it could have found one is counted beside it, for the upper bound of a rate that is zero.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from starter.simulate import doubled, words
from starter.simulate.evidence import (
    AFTER_SETTLEMENT,
    CONSENT,
    LENDER,
    NIGHT,
    SWITCH,
    Case,
    Violation,
    name_of,
)
from starter.simulate.seen import Message
from starter.simulate.truth import Fact

AT_ONCE = timedelta(seconds=5)
"""A kill switch and a word of the patient work within so much."""
FRESH = timedelta(seconds=2)
"""How old the last look at the balance may be when a message is handed over."""
_TICK = timedelta(microseconds=1)
OPENS, CLOSES = time(9), time(20)
STATE_HOURS: Mapping[str, Callable[[date], tuple[time, time]]] = {
    "RI": lambda day: (time(10), time(17)) if day.weekday() >= 5 else (time(9), time(18)),
    "TX": lambda day: (time(12), time(21)) if day.weekday() == 6 else (time(9), time(21)),
}
HOLIDAYS = frozenset(
    {
        date(2026, 10, 12),
        date(2026, 11, 11),
        date(2026, 11, 26),
        date(2026, 12, 25),
        date(2027, 1, 1),
        date(2027, 1, 18),
        date(2027, 2, 15),
        date(2027, 5, 31),
    }
)


# -- 1 and 10


def after_settlement(case: Case) -> Iterator[Violation]:
    """1: money owed, undisputed and not on its way when a vendor takes the message.
    10: and not the lender's."""
    for message in case.seen.messages:
        if not message.asks:
            continue
        case.checked[AFTER_SETTLEMENT] += 1
        case.checked[LENDER] += 1
        problem = _why_not_due(case, message)
        if problem is not None:
            invariant = LENDER if _is_lenders(case, message) else AFTER_SETTLEMENT
            yield Violation(invariant, message.client, message.at, f"{name_of(message)}: {problem}")


def _why_not_due(case: Case, message: Message) -> str | None:
    silent = _held(case, message)
    if silent is not None:
        return f"the client's messages pause: {silent}"
    problem = _money_problem(case, message, message.wall)
    unseen = _unseen_payment(case, message) if problem is not None else None
    if unseen is None or _money_problem(case, message, unseen.wall - _TICK) is not None:
        return problem
    case.races.append(message.wall - unseen.wall)
    return None


def _money_problem(case: Case, message: Message, by: datetime) -> str | None:
    """Why nothing was to be asked for by what had happened until an instant of the wall clock."""
    visits = case.visits(message.client, by)
    owing = [one for one in visits if case.owed_cents(message.client, one, by) > 0]
    if not owing:
        return "nothing is owed"
    if all(case.is_in_flight(message.client, one, by) for one in owing):
        return "the money is on its way"
    least = timedelta(days=words.days_after_visit(message.template))
    if not any(message.at - one.at >= least - timedelta(days=1) for one in owing):
        return "what is owed is too young for these words"
    return None


def _is_lenders(case: Case, message: Message) -> bool:
    """Whether all that is open, if anything, is what a lender pays."""
    return any(
        visit.lender_cents and case.owed_cents(message.client, visit, message.wall) <= 0
        for visit in case.visits(message.client, message.wall)
    )


def _held(case: Case, message: Message) -> str | None:
    held: str | None = None
    for fact in case.truth.of(message.client, "held", "released"):
        if fact.kind == "held" and case.clock.seen(fact.wall) + AT_ONCE <= message.at:
            held = None if _is_right(case, fact, message.wall) else str(fact.data["means"])
        elif fact.kind == "released" and fact.wall <= message.wall:
            held = None
    return held


def _is_right(case: Case, said: Fact, by: datetime) -> bool:
    """Whether somebody who says that all is paid is right, or was by a later instant of the wall
    clock: the books answer such words, and there is nothing to wait for (D19)."""
    number = said.client or 0
    return said.data["means"] == "paid" and all(
        case.owed_cents(number, visit, by) <= 0 for visit in case.visits(number, said.wall)
    )


def _unseen_payment(case: Case, message: Message) -> Fact | None:
    """The last payment, if it came after the product's last look, which was fresh: nobody could
    have known of it."""
    paid = [fact for fact in case.truth.of(message.client, "paid") if fact.wall <= message.wall]
    last = max(paid, key=lambda fact: fact.wall, default=None)
    read = _last_read(case, message, last) if last is not None else None
    if last is None or read is None or read >= last.wall or message.wall - read > FRESH:
        return None
    return last


def _last_read(case: Case, message: Message, paid: Fact) -> datetime | None:
    """When the product last asked the system that took this money, before the hand-off: the PMS
    for the desk's, else the processor. A look at the other one is none at this money."""
    owner = (message.client, paid.visit or 0)
    orders = {visit.order_id for visit in case.plan.client(message.client).visits}
    is_desk = paid.data.get("how") == "desk"
    names = [
        name
        for name, of in case.order_of_invoice.items()
        if of == owner and (name in orders) is is_desk
    ]
    reads = [case.seen.last_read(name, message.wall) for name in names]
    return max((read for read in reads if read is not None), default=None)


# -- 4


def at_night(case: Case) -> Iterator[Violation]:
    """Inside the hours of every zone and state in which the patient may be; no holiday."""
    for message in case.seen.messages:
        case.checked[NIGHT] += 1
        person = case.person(message.client)
        for zone in person.zones:
            local = message.at.astimezone(ZoneInfo(zone))
            opens, closes = OPENS, CLOSES
            for state in person.states:
                hours = STATE_HOURS[state](local.date())
                opens, closes = max(opens, hours[0]), min(closes, hours[1])
            clock = local.time().replace(microsecond=0)
            if not opens <= clock < closes or local.date() in HOLIDAYS:
                what = f"{name_of(message)} at {local:%a %Y-%m-%d %H:%M:%S} in {zone}"
                yield Violation(NIGHT, message.client, message.at, what)
                break


# -- 11


def without_consent(case: Case) -> Iterator[Violation]:
    """None is taken on a channel that the patient has closed."""
    for message in case.seen.messages:
        case.checked[CONSENT] += 1
        closed: Fact | None = None
        for fact in case.truth.of(message.client, "opted_out", "opted_in"):
            if fact.data["channel"] == message.channel and fact.wall < message.wall:
                closed = fact if fact.kind == "opted_out" else None
        if closed is not None:
            after = message.at - case.clock.seen(closed.wall)
            what = f"{name_of(message)} {after} after the patient opted out"
            yield Violation(CONSENT, message.client, message.at, what)


# -- 14


def switched_off(case: Case) -> Iterator[Violation]:
    """Nothing is taken more than five seconds after the switch went off."""
    flips = [fact for fact in case.truth.facts if fact.kind.startswith("switched_")]
    for message in case.seen.messages:
        case.checked[SWITCH] += 1
        name = "send" if message.template == "invoice" else "chase"
        if not message.asks:
            continue
        off: Fact | None = None
        for fact in flips:
            if fact.data["name"] == name and fact.wall < message.wall:
                off = fact if fact.kind == "switched_off" else None
        if off is not None and message.at - case.clock.seen(off.wall) > AT_ONCE:
            after = message.at - case.clock.seen(off.wall)
            what = f"{name_of(message)} {after} after {name} was switched off"
            yield Violation(SWITCH, message.client, message.at, what)


CHECKS: Sequence[Callable[[Case], Iterator[Violation]]] = (
    after_settlement,
    doubled.doubled,
    at_night,
    without_consent,
    switched_off,
)
"""Those that need nothing but what the twins saw and the driver did."""


def violations(case: Case) -> list[Violation]:
    """Everything that these checks find, in order of time."""
    found = [one for check in CHECKS for one in check(case)]
    return sorted(found, key=lambda one: (one.at, one.invariant, one.client))
