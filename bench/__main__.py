"""`python -m bench`: latency, throughput against the engine's own floor, cost per visit.

Prints progress to stderr and one JSON object on the last line of stdout. Absolute figures
belong to the machine and the minute; the ratio is what travels.
"""

import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.costs import costs
from bench.cpu import Meter
from bench.load import Rate, floor_rate, half_load, product_rate, unloaded
from starter.dev import Stack
from starter.exit import end
from starter.ports import Ports
from starter.rehearsal import Rehearsal
from starter.settings import state_folder

VISITS_UNLOADED = int(os.environ.get("BENCH_UNLOADED", "40"))
VISITS_LOADED = int(os.environ.get("BENCH_LOADED", "240"))
SECONDS_HALF_LOAD = int(os.environ.get("BENCH_HALF_LOAD_SECONDS", "30"))
IN_FLIGHT = int(os.environ.get("BENCH_IN_FLIGHT", "60"))
SECONDS_BETWEEN = int(os.environ.get("BENCH_SECONDS_BETWEEN", "45"))
"""The engine looks at each activity again when its 30 or 40 s are over; the next load must not
pay for that."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


async def measure(folder: Path) -> dict[str, Any]:
    """Everything, on one stack of its own."""
    async with Stack(folder, fresh=True, ports=Ports.free(), say=say) as stack:
        return await _measure_on(stack)


async def _measure_on(stack: Stack) -> dict[str, Any]:
    async with Rehearsal(stack.settings, stack.practice.location.location_id) as practice:
        meter = Meter(stack)
        await practice.at_two_on_thursday()
        await practice.generous_vendors()
        say("warming up")
        await unloaded(practice, 10)
        say(f"unloaded: {VISITS_UNLOADED} visits, one after the other")
        alone = await unloaded(practice, VISITS_UNLOADED)
        floor, rates = [], []
        for _ in range(2):  # in turn, because machines change speed
            say(f"floor: {VISITS_LOADED} empty visits, {IN_FLIGHT} in flight")
            floor.append(await floor_rate(practice, VISITS_LOADED, IN_FLIGHT, meter))
            await asyncio.sleep(SECONDS_BETWEEN)
            say(f"product: {VISITS_LOADED} visits, {IN_FLIGHT} in flight")
            rates.append(await product_rate(practice, VISITS_LOADED, IN_FLIGHT, meter))
            await asyncio.sleep(SECONDS_BETWEEN)
        rate, floor_per_s = _mean(rates), _mean(floor)
        say(f"half load: {rate / 2:.1f} visits/s for {SECONDS_HALF_LOAD} s")
        loaded = await half_load(practice, rate / 2, SECONDS_HALF_LOAD)
        say("cost per shape")
        shapes = await costs(practice)
    return {
        "sent_ms": alone,
        "sent_ms_half_load": loaded,
        "visits_per_s": round(rate, 2),
        "floor_visits_per_s": round(floor_per_s, 2),
        "floor_ratio": round(rate / floor_per_s, 3),
        "busy_cores": {"product": _busy(rates), "floor": _busy(floor)},
        "cpu_ms": {"product": _cpu_ms(rates), "floor": _cpu_ms(floor)},
        **shapes,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "visits": {"unloaded": VISITS_UNLOADED, "loaded": VISITS_LOADED, "in_flight": IN_FLIGHT},
    }


def _mean(rates: Sequence[Rate]) -> float:
    return sum(rate.per_second for rate in rates) / len(rates)


def _busy(rates: Sequence[Rate]) -> list[float]:
    return [round(rate.busy_cores, 2) for rate in rates if rate.busy_cores is not None]


def _cpu_ms(rates: Sequence[Rate]) -> dict[str, float]:
    """Milliseconds of CPU per visit, by process and in all; empty where nobody counts."""
    counted = [rate.cpu_ms for rate in rates if rate.cpu_ms is not None]
    if not counted:
        return {}
    by_process = {
        process: sum(one[process] for one in counted) / len(counted) for process in counted[0]
    }
    return {
        name: round(ms, 1) for name, ms in {**by_process, "all": sum(by_process.values())}.items()
    }


def main() -> None:
    """Measure and print."""
    figures = asyncio.run(measure(state_folder() / "bench"))
    print(json.dumps(figures))
    end(0)


if __name__ == "__main__":
    main()
