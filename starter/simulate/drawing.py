"""Plans drawn from a seed: who comes when, who pays how, and what goes wrong.

A client's part is drawn from the seed and the client's number alone.
"""

from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from starter.demo.cast import LASER, TOXIN, line
from starter.simulate import faults
from starter.simulate.people import TREATMENT, Person, person
from starter.simulate.plan import (
    CHANGES,
    MINUTE,
    OPEN_HOURS,
    TEXTS,
    Act,
    Client,
    Moment,
    Plan,
    Visit,
    at_clock,
    hours_of,
    waking_hour,
)

STARTS = (date(2026, 10, 5), date(2027, 2, 15))
"""Sixty days from either hold a change of the clocks; short runs begin two days before one."""
LONG_DAYS = 28
REST_DAYS = 16
"""Visits end this long before the run does, so that every step of each falls due in it."""
BUSY_WEEKDAY, BUSY_SHARE = 3, 0.6
"""Most patients come on Thursdays, so that many reminders are due at the same moment."""
STRIKES_EVERY_DAYS = 4
STRIKES = (
    (time(9, 59, 40), ("kill_worker", "slow_vendor")),
    (time(10, 59, 40), ("slow_vendor", "kill_worker")),
)
"""(when, what in turn): just before the reminders of the eastern and of the western zones."""

OUTAGES = (
    ("outage_of_days", ("boulevard", "stripe"), time(9, 55), (1_800, 3_250, 4_700)),
    ("outage_of_senders", ("twilio", "smtp"), time(10, 55), (35,)),
)
"""(label, vendors, when, how many minutes): nothing is known about money for days; nobody takes a
message for more than half an hour, when those of the western zones are due."""


def make_plan(seed: int, clients: int, days: int) -> Plan:
    """The same for the same three numbers; a client's part is the same in any company."""
    first = _first_day(seed, days)
    begins, ends = at_clock(first, time(7)), at_clock(first + timedelta(days=days), time(7))
    people = tuple(_client(seed, number, first, days) for number in range(clients))
    return Plan(seed, begins, ends, people, tuple(_practice(seed, first, days)))


def _first_day(seed: int, days: int) -> date:
    if days >= LONG_DAYS:
        return STARTS[seed % len(STARTS)]
    return CHANGES[seed % len(CHANGES)] - timedelta(days=2)


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


# -- the practice and its vendors


def _practice(seed: int, first: date, days: int) -> list[Act]:
    """Kill switch, outages and worker kills, at times when messages are due."""
    rng = Random(f"{seed}/practice")  # noqa: S311
    acts: list[Act] = []
    for day in sorted(rng.sample(range(1, days), min(max(1, days // 4), days - 1))):
        # Off while the reminders of the hour go out, or just before them.
        begins = at_clock(first + timedelta(days=day), time(9, 58)) + timedelta(
            seconds=rng.choice((0, 120, 123, 3600))
        )
        name = rng.choice(("chase", "chase", "send"))
        acts.append(Act(begins, "switch_off", data={"name": name}))
        hours = rng.choice((1, 3, 24))
        acts.append(Act(begins + timedelta(hours=hours), "switch_on", data={"name": name}))
    for name, vendors, when, minutes in OUTAGES:
        if days >= LONG_DAYS // 4:
            day = rng.randrange(days // 4, days * 3 // 4)
            begins = at_clock(first + timedelta(days=day), when)
            data = {"vendors": vendors, "label": name}
            length = timedelta(minutes=rng.choice(minutes))
            acts.append(Act(begins, "outage_begins", data=data))
            acts.append(Act(begins + length, "outage_ends", data=data))
    for number, day in enumerate(range(STRIKES_EVERY_DAYS, days, STRIKES_EVERY_DAYS)):
        for when, kinds in STRIKES:
            at = at_clock(first + timedelta(days=day), when)
            acts.append(Act(at, kinds[number % len(kinds)]))
    for day in range(1, days):
        at = at_clock(first + timedelta(days=day), time(6, 30))
        acts.append(Act(at, "sweep", data={"name": TEXTS}))
    return acts


# -- one client


def _client(seed: int, number: int, first: date, days: int) -> Client:
    rng = Random(f"{seed}/{number}")  # noqa: S311
    who = person(number, rng)
    visits = _visits(rng, first, days)
    acts, moments = [], []
    for visit in visits:
        more, struck = _course(rng, who, visit)
        acts += more
        moments += struck
        acts += _words(rng, who, visit)
    return Client(who, _uuid(rng), visits, tuple(acts), tuple(moments))


def _visits(rng: Random, first: date, days: int) -> tuple[Visit, ...]:
    room = max(1, days - REST_DAYS)
    day = rng.randrange(room)
    found = []
    for index in range(rng.choices((1, 2, 3, 4), (25, 35, 25, 15))[0]):
        on = first + timedelta(days=day)
        if rng.random() < BUSY_SHARE:
            later = (BUSY_WEEKDAY - on.weekday()) % 7
            on += timedelta(days=later if day + later < room else 0)
        hour = rng.choice([hour for hour in hours_of(on) if hour in OPEN_HOURS])
        found.append(_visit(rng, index, at_clock(on, time(hour, MINUTE))))
        day = min(room - 1, day + rng.choice((0, 1, 3, 6, 9, 13))) if room > 1 else 0
    return tuple(sorted(found, key=lambda visit: (visit.at, visit.index)))


def _visit(rng: Random, index: int, at: datetime) -> Visit:
    units = rng.randrange(20, 61)
    lines = [line(TOXIN, TREATMENT, units, 1_300)]
    due_cents = units * 1_300
    if rng.random() < 0.3:
        lines.append(line(LASER, f"{TREATMENT} laser", 1, 32_000))
        due_cents += 32_000
    lender_cents = 0
    if rng.random() < 0.15:
        lender_cents = due_cents if rng.random() < 0.4 else due_cents // 2
    return Visit(index, _uuid(rng), at, lines, due_cents, lender_cents)


def _course(rng: Random, who: Person, visit: Visit) -> tuple[list[Act], list[Moment]]:
    """How one visit is announced, paid or not, and what goes wrong on the way."""
    announced = rng.choices(("both", "order", "late", "lost", "doubled"), (25, 18, 20, 17, 20))[0]
    number = who.number
    checkout = {"announced": announced, "hours": rng.choice((1, 5, 26, 71))}
    acts = [Act(visit.at, "check_out", number, visit.index, checkout)]
    moments: list[Moment] = []
    left_cents = visit.patient_cents
    if left_cents:
        more, moments = _payment(rng, number, visit)
        acts += more
    for kind in faults.draw(rng):
        acts.append(Act(visit.at - timedelta(seconds=1), "plant", number, visit.index, kind))
    return acts, moments


_WAYS = (("online", 4), ("desk", 5), ("part", 6), ("moment", 66), ("bank", 16), ("never", 3))
_MOMENTS = (("race", "just_before", "desk_before", "stop_before"), (28, 18, 30, 24))
_HOOKS = (("", "late", "lost", "doubled", "reordered"), (12, 22, 22, 22, 22))
"""What becomes of the news of a payment."""
_DECLINED, _DEPOSIT = 0.2, 0.1
"""How often a card is declined, or a part is paid at the desk, before all that."""


def _payment(rng: Random, number: int, visit: Visit) -> tuple[list[Act], list[Moment]]:
    way = rng.choices([name for name, _ in _WAYS], [weight for _, weight in _WAYS])[0]
    early = visit.at + timedelta(minutes=rng.randrange(10, 3 * 24 * 60))
    after = visit.at + timedelta(minutes=rng.randrange(10, 17 * 24 * 60))
    late = after + timedelta(minutes=rng.randrange(60, 6 * 24 * 60))

    def act(at: datetime, kind: str, **data: Any) -> Act:
        return Act(waking_hour(at), kind, number, visit.index, data)

    hook, later_hook = rng.choices(*_HOOKS, k=2)
    first = [act(early, "pay_declined", share=100)] if rng.random() < _DECLINED else []
    first += [act(early, "pay_desk", share=30)] if rng.random() < _DEPOSIT else []
    if way == "moment":
        wake, kind = rng.choice((1, 1, 2, 3)), rng.choices(*_MOMENTS)[0]
        return first, [Moment(visit.index, wake, kind, hook)]
    if way == "online":
        return [*first, act(after, "pay", share=100, hook=hook)], []
    if way == "desk":
        return [*first, act(after, "pay_desk", share=100)], []
    if way == "part":
        half = act(after, rng.choice(("pay", "pay_desk")), share=50, hook=hook)
        return [*first, half, act(late, "pay", share=100, hook=later_hook)], []
    if way == "bank":
        settled = act(late, "bank_answers", succeeded=rng.random() < 0.5)
        return [*first, act(after, "pay_bank", share=100), settled], []
    return first, []


STOPS = ("STOP", "stop", "Stop.", "REVOKE", "OPTOUT", "unsubscribe", "CANCEL", "stpo", "no mas")
FREE_STOPS = ("please stop texting me", "take me off this list")
REPLIES = (
    ("dispute", "I dispute this charge, it is wrong"),
    ("paid", "I already paid this"),
    ("call", "please call me about this"),
    ("adverse", "my lip is swollen and it hurts a lot"),
    ("unclear", "ok maybe the other thing from tuesday"),
)


def _words(rng: Random, who: Person, visit: Visit) -> list[Act]:
    """What a patient says: stop, a question, a complaint; or what the desk is told."""
    at = waking_hour(visit.at + timedelta(minutes=rng.randrange(60, 12 * 24 * 60)))
    number, drawn = who.number, rng.random()
    if drawn < 0.08:
        acts = [Act(at, "text", number, data={"means": "stop", "body": rng.choice(STOPS)})]
        if rng.random() < 0.7:
            back = at + timedelta(days=rng.randrange(1, 5))
            acts.append(Act(back, "text", number, data={"means": "start", "body": "START"}))
        return acts
    if drawn < 0.13:
        return [Act(at, "text", number, data={"means": "stop", "body": rng.choice(FREE_STOPS)})]
    if drawn < 0.26:
        return [Act(at, "unsubscribe", number)]
    if drawn < 0.40:
        channel = rng.choice(("sms", "email"))
        return [Act(at, "desk_opts_out", number, data={"channel": channel})]
    if drawn < 0.53:
        means, body = rng.choice(REPLIES)
        return [Act(at, "text", number, data={"means": means, "body": body})]
    return []
