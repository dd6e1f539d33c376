"""`python -m bench.lender_limits`: two workers, 2,000 queued calls a lender, no hour too full.

An hour is scaled to BENCH_HOUR_SECONDS: limits are data, and the rate comes from the product's own
arithmetic for that window. The calls are the connectors' own, over HTTP, and the twins count what
any window sees; one urgent call joins each queue while it is long. Prints one JSON object.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.lender_contracts import CONTRACTS
from domain.lender_news import Context, Thing
from domain.lender_pace import most, pace
from domain.plan_case import Lender
from domain.plan_facts import FactSource
from starter import binaries, compose
from starter.exit import end
from starter.lending import lender_ports
from starter.ports import LOOPBACK, Ports
from starter.settings import LenderKeys, Settings
from starter.state import generate_secrets
from worker import make_lender_worker

HOUR_SECONDS = int(os.environ.get("BENCH_HOUR_SECONDS", "20"))
CALLS = int(os.environ.get("BENCH_CALLS", "2000"))
IN_ONE_CASE = 100
HELD_SECONDS = 1
"""Longest wait in a worker in this run: a call to a twin takes milliseconds."""
LENDERS = tuple(lender for lender, of in CONTRACTS.items() if of.calls_per_hour)


class Calls:
    """One lender's calls as activities: each is one request."""

    def __init__(self, port: Any) -> None:
        self._port = port

    @activity.defn(name="call_lender")
    async def call_lender(self, lender: str) -> None:
        """Read what is not there, or list files: one GET."""
        if lender == Lender.CARECREDIT:
            await self._port.list_files("bench")
            return
        context = Context(
            contract=self._port.contract,
            location_id="bench",
            zone="UTC",
            source=FactSource.POLL,
            observed_at=datetime.now(UTC),
        )
        await self._port.read_one(Thing.CONTRACT, "tx_none", context)


@workflow.defn
class Queued:
    """So many calls at once, all of one priority."""

    @workflow.run
    async def run(self, ask: list[Any]) -> None:
        """`[lender, calls, priority]`."""
        lender, calls, priority = ask
        await asyncio.gather(
            *(
                workflow.execute_activity(
                    "call_lender",
                    lender,
                    task_queue=f"bench-{lender}",
                    priority=Priority(priority_key=priority),
                    start_to_close_timeout=timedelta(seconds=10),
                )
                for _ in range(calls)
            )
        )


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


async def work(address: str, keys: str) -> None:
    """A worker process: every lender's queue, at the rate of the product's arithmetic."""
    client = await Client.connect(address)
    given = {name: LenderKeys.model_validate(each) for name, each in json.loads(keys).items()}
    ports = lender_ports(Settings.model_construct(lenders=given))
    async with AsyncExitStack() as working:
        for name, port in ports.items():
            limit = CONTRACTS[Lender(name)].calls_per_hour
            rate = pace(limit, HOUR_SECONDS, HELD_SECONDS)
            calls = [Calls(port).call_lender]
            own = make_lender_worker(client, f"bench-{name}", calls, rate)
            await working.enter_async_context(own)
        await asyncio.Event().wait()


async def measure() -> dict[str, Any]:
    """Every lender at once."""
    async with AsyncExitStack() as stack:
        control, keys = await stack.enter_async_context(_twins())
        flags = [
            flag for flag in compose.temporal_flags() if flag.startswith("--dynamic-config-value")
        ]
        env = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=str(binaries.find("temporal")),
                dev_server_extra_args=flags,
            )
        )
        address = env.client.service_client.config.target_host
        for _ in range(2):
            await stack.enter_async_context(
                _process("-m", "bench.lender_limits", "work", address, json.dumps(keys))
            )
        cases = Worker(
            env.client,
            task_queue="bench",
            workflows=[Queued],
            workflow_runner=UnsandboxedWorkflowRunner(),
            # A hundred activities at once take a busy machine longer than a workflow task should.
            debug_mode=True,
        )
        await stack.enter_async_context(cases)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=control))
        await _limit(http)
        say(f"{CALLS} calls each, an hour is {HOUR_SECONDS} s")
        found = await asyncio.gather(*(_one(env.client, http, lender) for lender in LENDERS))
    return {"hour_seconds": HOUR_SECONDS, "calls": CALLS, "lenders": dict(found)}


async def _one(client: Client, http: httpx.AsyncClient, lender: Lender) -> tuple[str, Any]:
    began, name = time.monotonic(), lender.value
    bulk = [
        client.execute_workflow(
            Queued.run, [name, IN_ONE_CASE, 5], id=f"{name}/{n}", task_queue="bench"
        )
        for n in range(CALLS // IN_ONE_CASE)
    ]
    all_of_it = asyncio.gather(*bulk)
    await asyncio.sleep(HOUR_SECONDS / 2)
    asked = time.monotonic()
    await client.execute_workflow(Queued.run, [name, 1, 1], id=f"{name}/urgent", task_queue="bench")
    urgent = time.monotonic() - asked
    await all_of_it
    seconds = time.monotonic() - began
    counted = (await http.get(f"/lenders/{name}/calls")).json()
    limit = CONTRACTS[lender].calls_per_hour
    rate = pace(limit, HOUR_SECONDS, HELD_SECONDS)
    say(f"{name}: {counted['most']} of {limit}")
    return name, {
        "limit": limit,
        "most": counted["most"],
        "refused": counted["refused"],
        "calls": counted["calls"],
        "reckoned_most": most(rate, HOUR_SECONDS, HELD_SECONDS),
        "seconds": round(seconds, 1),
        "hours": round(seconds / HOUR_SECONDS, 2),
        "urgent_seconds": round(urgent, 2),
    }


async def _limit(http: httpx.AsyncClient) -> None:
    for lender in LENDERS:
        limits = {"calls": CONTRACTS[lender].calls_per_hour, "window_seconds": HOUR_SECONDS}
        url = f"/lenders/{lender}/settings"
        (await http.put(url, json={"limits": limits})).raise_for_status()


@asynccontextmanager
async def _twins() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    ports, folder = Ports.free(), tempfile.mkdtemp(prefix="tieout-bench-")
    held = generate_secrets()
    path = Path(folder) / "credentials.json"
    path.write_text(json.dumps(held))
    places = ("--port", str(ports.sandbox), "--smtp-port", str(ports.smtp))
    url = f"http://{LOOPBACK}:{ports.sandbox}"
    keys = {
        lender.value: {
            "base_url": f"{url}/{lender}",
            "api_key": held[f"{lender}_api_key"],
            "accounts": {"bench": held[f"{lender}_account"]},
        }
        for lender in LENDERS
    }
    async with _process("-m", "sandbox", "--credentials", str(path), *places):
        async with httpx.AsyncClient() as http:
            for _ in range(200):
                try:
                    await http.get(f"{url}/_control/health")
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
        yield f"{url}/_control", keys


@asynccontextmanager
async def _process(*words: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=compose.ROOT)
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def main() -> None:
    """Measure, or be one of the two workers."""
    if sys.argv[1:2] == ["work"]:
        asyncio.run(work(sys.argv[2], sys.argv[3]))
    else:
        print(json.dumps(asyncio.run(measure())))
    end(0)


if __name__ == "__main__":
    main()
