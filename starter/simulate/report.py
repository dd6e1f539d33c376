"""One run from a seed to its one object."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starter.dev import Stack
from starter.ports import Ports
from starter.rehearsal import Rehearsal
from starter.simulate import checks, leaks, seen, steps, story
from starter.simulate.driver import Driver, Progress
from starter.simulate.evidence import INVARIANTS, Case, Violation
from starter.simulate.plan import CHANGES, ZONE, Plan
from starter.simulate.world import World

FAULTS = (
    "visit_news_late",
    "visit_news_lost",
    "visit_news_doubled",
    "payment_news_late",
    "payment_news_lost",
    "payment_news_doubled",
    "payment_news_reordered",
    "report_late",
    "report_lost",
    "report_doubled",
    "paid_in_race",
    "paid_just_before_step",
    "desk_payment",
    "desk_payment_just_before_step",
    "payment_in_flight",
    "card_declined",
    "sms_error_before",
    "sms_rate_limit",
    "sms_lost_call",
    "sms_lost_answer",
    "sms_timeout_before",
    "sms_timeout_after",
    "mail_error_before",
    "mail_lost_call",
    "mail_lost_answer",
    "pms_error",
    "pms_lost_answer",
    "outage_of_days",
    "outage_of_senders",
    "worker_killed",
    "clock_change",
    "opt_out_by_text",
    "opt_out_by_mail",
    "opt_out_at_desk",
    "opt_out_just_before_step",
    "reply_to_read",
    "kill_switch",
)
"""Every kind, so that one that never struck is seen as 0."""


@dataclass
class Outcome:
    """What a run found: the printed object, and the violations one by one."""

    figures: dict[str, Any]
    found: list[Violation]
    stories: dict[int, list[str]]
    """Time lines of the first clients with a violation, by the plan's number."""


async def simulate(plan: Plan, folder: Path, progress: Progress, **stack_options: Any) -> Outcome:
    """Play a plan on a stack of its own, and check what was received.

    `stack_options` go to the stack; tests run another worker by them.
    """
    async with Stack(folder, fresh=True, ports=Ports.free(), **stack_options) as stack:
        location_id = stack.practice.location.location_id
        async with Rehearsal(stack.settings, location_id) as practice:
            world = World(stack, practice, plan)
            driver = Driver(world, progress)
            await driver.run()
            progress("checking what was received")
            return await _outcome(world, driver)


async def _outcome(world: World, driver: Driver) -> Outcome:
    twins = await seen.gather(world)
    world.truth.facts = sorted([*world.truth.facts, *twins.struck], key=lambda fact: fact.wall)
    not_judged = _overtaken(world)
    twins.messages = [one for one in twins.messages if one.client not in not_judged]
    case = Case(world.plan, world.clock, world.truth, twins, _names(world))
    found = checks.violations(case)
    found += await steps.lost_steps(case, world)
    found += await leaks.leaks(case, world)
    struck = await world.hits() + world.struck
    struck["clock_change"] = _over_a_change(case)
    broken = Counter(one.invariant for one in found)
    figures = {
        "seed": world.plan.seed,
        "clients": len(world.plan.clients),
        "days": world.plan.days,
        "visits": sum(1 for fact in world.truth.facts if fact.kind == "closed"),
        "messages": len(twins.messages),
        "faults": {kind: struck[kind] for kind in FAULTS},
        "violations": {name: broken[name] for name in INVARIANTS},
        "checked": {name: case.checked[name] for name in INVARIANTS},
        "upper_bound": {name: _bound(case.checked[name]) for name in INVARIANTS},
        "residual_race": {
            "payments": len(case.races),
            "longest_ms": max((race // _MS for race in case.races), default=0),
        },
        "not_judged": len(not_judged),
        "questions": dict(sorted(driver.questions.items())),
        "instants": driver.instants,
        "plan": world.plan.digest,
        "digest": digest(case),
    }
    return Outcome(figures, found, await _stories(case, world, found))


async def _stories(case: Case, world: World, found: list[Violation]) -> dict[int, list[str]]:
    numbers = sorted({one.client for one in found if one.client >= 0})[: story.SHOWN_MAX]
    return {number: await story.story(case, world, number) for number in numbers}


def _overtaken(world: World) -> set[int]:
    """Clients one of whose cases the engine moved further than it was asked to.

    Such a case acts at a time that nobody else has; it says nothing about the product.
    """
    owners = (world.case_owner.get(case_id) for case_id in world.cases.overtook)
    found = {owner[0] for owner in owners if owner is not None}
    world.truth.facts = [fact for fact in world.truth.facts if fact.client not in found]
    return found


def _names(world: World) -> dict[str, tuple[int, int]]:
    """Order ids and processor invoices, each with the visit that it is about."""
    orders = {
        visit.order_id: (client.person.number, visit.index)
        for client in world.plan.clients
        for visit in client.visits
    }
    return {**orders, **world.invoice_owner}


_MS = timedelta(milliseconds=1)


def _bound(checked: int) -> float | None:
    """The 95 % upper bound of a rate of which none was seen: the rule of three."""
    return round(3 / checked, 6) if checked else None


def _over_a_change(case: Case) -> int:
    """Visits that were open, and being chased, while the clocks changed."""
    over = 0
    for client in case.plan.clients:
        for visit in client.visits:
            texts = [one for one in case.seen.messages if one.client == client.person.number]
            last = max((one.at for one in texts), default=visit.at)
            over += any(visit.at.date() <= change <= last.date() for change in CHANGES)
    return over


def digest(case: Case) -> str:
    """What every patient received, by step, channel and the practice's own date."""
    zone = ZoneInfo(ZONE)
    rows = sorted(
        (one.client, one.at.astimezone(zone).date().isoformat(), one.channel, one.template)
        for one in case.seen.messages
        if one.received
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
