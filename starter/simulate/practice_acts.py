"""What strikes the whole practice: the kill switch, outages of days, slow vendors, dead workers."""

import asyncio
import signal
from datetime import datetime, timedelta

from starter.simulate.plan import Act
from starter.simulate.world import World
from store import locations
from store.db import transaction

HELD_AT_ONCE = 12
HOLD_SECONDS = 300
"""Longer than any client waits: the call ends by the kill."""
SLOW_SECONDS = 6
_DUE_WITHIN = timedelta(minutes=2)
_KILLED = "worker_killed"
_LEAD = timedelta(milliseconds=300)
_TEXTED = (1, 2)
"""Which wake-ups of a case are reminders by text: the first two, if nothing came between."""
_ALWAYS = 1_000_000_000
_FIRST_SECONDS, _NEXT_SECONDS = 6, 3
"""How long the first call may be in coming, and the others after it: it is given up after four."""
_WORTH_IT, _PATIENT_TRIES, _TRIES_MAX = 4, 2, 12
"""Wait some days for so many texts that are due at once."""
_TOMORROW = timedelta(days=1)


async def switch(world: World, act: Act) -> None:
    """The desk flips a switch; the time of the commit is the one that counts."""
    state: locations.Switch = "off" if act.kind == "switch_off" else "live"
    name = act.data["name"]
    async with transaction(world.practice.pool) as conn:
        await locations.set_switch(
            conn, world.practice.location_id, name, state, "desk", "simulated"
        )
    world.truth.note("switched_off" if state == "off" else "switched_on", name=name)
    (world.off.add if state == "off" else world.off.discard)(name)


async def outage_begins(world: World, act: Act) -> None:
    """Vendors answer nothing but errors from now on."""
    for vendor in act.data["vendors"]:
        rule = {"vendor": vendor, "operation": "*", "kind": "error_before", "times": _ALWAYS}
        if vendor == "smtp":
            rule["operation"] = "smtp.data"
        await world.fault({**rule, "label": act.data["label"]})
    world.truth.note("outage_began", **act.data)
    world.outages.add(act.data["label"])
    if "boulevard" in act.data["vendors"]:
        world.closed_until = next(
            at
            for at, _, one in sorted(world.agenda, key=lambda entry: entry[0])
            if one.kind == "outage_ends" and one.data["label"] == act.data["label"]
        )


async def outage_ends(world: World, act: Act) -> None:
    """All cases live through it to its last moment; then the vendors are well again."""
    await lived(world)
    await world.end_fault(act.data["label"])
    running = [case_id for case_id in world.cases.known if world.cases.running(case_id)]
    await world.settle(running)  # to learn when each tries again
    world.truth.note("outage_ended", **act.data)
    world.outages.discard(act.data["label"])
    if "boulevard" in act.data["vendors"]:
        world.closed_until = None


async def lived(world: World) -> None:
    """Bring every running case to the present."""
    running = [case_id for case_id in world.cases.known if world.cases.running(case_id)]
    await asyncio.gather(*(world.cases.sync(case_id) for case_id in running))
    await world.settle(running)


async def strike(world: World, act: Act) -> None:
    """Texts that are due in a moment meet a vendor that does not answer, before or after the
    effect; when the act says so, the worker is killed while it waits."""
    due, tries = _due(world), act.data.get("tries", 0)
    if world.struck_at == act.at or world.outages or world.off:
        due = []  # one blow at a time, and only at who would send
    if len(due) < (1 if tries > _PATIENT_TRIES else _WORTH_IT):
        if tries < _TRIES_MAX:
            data = {**act.data, "tries": tries + 1}
            world.push(Act(act.at + _TOMORROW, act.kind, data=data))
        return
    world.struck_at, held = act.at, due[:HELD_AT_ONCE]
    world.touched |= set(held)
    await _hold(world, held, kills=act.kind == "kill_worker")
    if act.kind == "kill_worker":
        await _kill(world, held)


async def _hold(world: World, case_ids: list[str], *, kills: bool) -> None:
    """Plant calls that hang, every second one after its effect."""
    for place, case_id in enumerate(case_ids):
        number, _ = world.case_owner[case_id]
        kind = ("timeout_before", "timeout_after")[place % 2]
        await world.fault(
            {
                "vendor": "twilio",
                "operation": "messages.create",
                "kind": kind,
                "seconds": HOLD_SECONDS if kills else SLOW_SECONDS,
                "subject": world.plan.client(number).person.digits,
                "label": _KILLED if kills else f"sms_{kind}",
            }
        )


async def _kill(world: World, held: list[str]) -> None:
    """Let these cases begin to send, and kill the worker while the vendor does not answer."""
    earlier = (await world.hits())[_KILLED]
    wakes = [wake for case_id in held if (wake := world.cases.known[case_id].wake)]
    await world.clock.reach(min(wakes) - _LEAD)
    await asyncio.gather(*(world.cases.sync(case_id) for case_id in held))
    await _held(world, len(held), earlier)
    await world.stack.kill("worker", signal.SIGKILL)
    await world.end_fault(_KILLED)
    await asyncio.gather(*(world.cases.end_attempts(case_id) for case_id in held))
    await world.stack.start("worker")
    await world.settle(held)


def _due(world: World) -> list[str]:
    """Cases, one of a client, that act by themselves within two minutes."""
    now, clients = world.clock.now(), set()
    found: list[tuple[datetime, str]] = []
    for case_id, known in sorted(world.cases.known.items()):
        owner = world.case_owner.get(case_id)
        if owner is None or not known.running or known.wake is None or known.retrying:
            continue
        if len(world.wakes[case_id]) not in _TEXTED or not _may_text(world, owner[0]):
            continue
        if now <= known.wake <= now + _DUE_WITHIN and owner[0] not in clients:
            clients.add(owner[0])
            found.append((known.wake, case_id))
    first = min(found, default=(now, ""))[0]
    return [case_id for wake, case_id in found if wake <= first + _LEAD]


def _may_text(world: World, client: int) -> bool:
    stopped = any(fact.data["channel"] == "sms" for fact in world.truth.of(client, "opted_out"))
    return not stopped and world.plan.client(client).person.phone_arrives


async def _held(world: World, wanted: int, before_all: int) -> None:
    """Wait until the calls hang, or as many of them as will."""
    clock = asyncio.get_running_loop().time
    held, ends = 0, clock() + _FIRST_SECONDS
    while held < wanted and clock() < ends:
        await asyncio.sleep(0.1)
        now = (await world.hits())[_KILLED] - before_all
        if now and not held:
            ends = clock() + _NEXT_SECONDS
        held = now


VERBS = {
    "switch_off": switch,
    "switch_on": switch,
    "outage_begins": outage_begins,
    "outage_ends": outage_ends,
    "kill_worker": strike,
    "slow_vendor": strike,
}
