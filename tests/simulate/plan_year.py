"""A year of financing plans, played without an engine: every plan of every lender, every fault.

    python -m tests.simulate.plan_year --plans 85 --months 12 --seed 1

Prints one JSON object; exits with 1 when a promise was broken. The same stories are played on a
real engine, in smaller number, by `tests/simulate/test_plan_year.py`.
"""

import argparse
import json
import sys
import time
from collections import Counter
from datetime import datetime, timedelta

from domain import plan_course, plan_desk
from domain.plan_case import Lender
from domain.plan_policy import DEFAULT_PLAN
from tests.simulate.plan_stories import Story, stories
from tests.simulate.plan_town import Patient, violations

_STEPS_MAX = 2_000


def live(story: Story) -> Patient:
    """Play a plan from its first telling to its end, as its case would."""
    patient, done, not_before = Patient(story), set[str](), dict[str, datetime]()
    now, coming = story.instants()[0], story.instants()[1:]
    for _ in range(_STEPS_MAX):
        facts = patient.facts(now)
        for ask in plan_desk.asks(facts, DEFAULT_PLAN, now, story.zone):
            if ask.code not in patient.asked:
                patient.asked.append(ask.code)
        found = plan_course.next_touch(facts, DEFAULT_PLAN, done, now, story.zone, not_before)
        for touch in found.missed:
            patient.miss(touch)
            done.add(touch.key)
        if found.touch is not None and found.at is not None and found.at <= now:
            said = patient.say(found.touch, now)
            if said.status == "snoozed" and said.until is not None:
                not_before[found.touch.key] = said.until
            else:
                done.add(found.touch.key)
            continue
        ahead = [at for at in (found.at, *coming[:1]) if at is not None and at > now]
        if not ahead or min(ahead) > story.ends:
            return patient
        now = min(ahead)
        coming = [at for at in coming if at > now]
    raise RuntimeError(f"{story.plan_id} never came to rest")


def play(seed: int, plans: int, months: int) -> dict[str, object]:
    """Every lender's plans of every month; `violations` is empty when all promises held."""
    begun, found = time.monotonic(), Counter[str]()
    faults, steps, reasons, asked = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    count = 0
    for lender in Lender:
        for month in range(1, months + 1):
            for story in stories(seed, lender, month, plans):
                patient = live(story)
                count += 1
                faults.update(story.faults)
                steps.update(touch.step.name for _, touch in patient.heard)
                reasons.update(patient.unsaid.values())
                asked.update(patient.asked)
                found.update(what.partition(":")[0] for what in violations(patient))
    return {
        "seed": seed,
        "plans": count,
        "messages": dict(steps),
        "unsaid": dict(reasons),
        "questions": dict(asked),
        "faults": dict(faults),
        "violations": dict(found),
        "seconds": timedelta(seconds=int(time.monotonic() - begun)).seconds,
    }


def main() -> int:
    """The command."""
    words = argparse.ArgumentParser(description="A year of financing plans under faults.")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--plans", type=int, default=85, help="new plans a month and lender")
    words.add_argument("--months", type=int, default=12)
    asked = words.parse_args()
    figures = play(asked.seed, asked.plans, asked.months)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if figures["violations"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
