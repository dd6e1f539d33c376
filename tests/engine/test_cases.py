"""Starting and signalling cases on a real dev server, and what its store then holds."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from connectors.engine.cases import MAX_ROUNDS, TemporalCases
from connectors.engine.client import (
    EngineAddress,
    EngineUnreachable,
    connect,
    data_converter,
)
from connectors.ports import ConnectorError, ProviderUnavailable
from domain.case import ChartAmended, PaymentPosted
from starter import binaries
from workflows import attributes

KEYS = {"k1": b"k" * 32}
QUEUE = "cases"
MARKER = "marker-4100"


@workflow.defn(name="Sample")
class Sample:
    """Ends at its first signal with what the signal brought; fails on demand."""

    def __init__(self) -> None:
        self._got: str | None = None

    @workflow.run
    async def run(self, start: ChartAmended) -> str:
        await workflow.wait_condition(lambda: self._got is not None)
        if self._got == "fail":
            raise ApplicationError(f"{MARKER} in an error")
        return f"{start.event_id} then {self._got}"

    @workflow.signal
    def payment_posted(self, posted: PaymentPosted) -> None:
        self._got = posted.payment_id


@dataclass
class Bench:
    """A connected client, its address and the engine under test."""

    client: Client
    address: EngineAddress
    cases: TemporalCases

    async def open(self, workflow_id: str, payment_id: str = "pay-1") -> str:
        return await self.cases.start_or_signal(
            "Sample",
            workflow_id,
            ChartAmended(event_id=MARKER),
            "payment_posted",
            PaymentPosted(payment_id=payment_id),
            "lumin",
        )


@pytest.fixture(scope="module")
async def bench() -> AsyncIterator[Bench]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binaries.find("temporal")),
        dev_server_log_level="error",
        search_attributes=attributes.ALL,
    ) as env:
        address = EngineAddress(
            env.client.service_client.config.target_host, env.client.namespace, KEYS, "k1"
        )
        client = await connect(address)
        async with Worker(
            client,
            task_queue=QUEUE,
            workflows=[Sample],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield Bench(client, address, TemporalCases(client, QUEUE, attributes.at_start))


def new_id() -> str:
    return f"visit/lumin/boulevard/{uuid4()}"


async def test_first_contact_starts_second_signals(bench: Bench) -> None:
    case = new_id()
    assert await bench.open(case) == "started"
    assert await bench.open(case, "pay-2") == "signalled"
    assert await bench.client.get_workflow_handle(case).result() == f"{MARKER} then pay-2"


async def test_closed_case_starts_again(bench: Bench) -> None:
    case = new_id()
    await bench.open(case)
    await bench.cases.signal(case, "payment_posted", PaymentPosted(payment_id="pay-1"))
    await bench.client.get_workflow_handle(case).result()
    assert await bench.open(case) == "started"


async def test_ten_at_once_open_one_case(bench: Bench) -> None:
    case = new_id()
    answers = await asyncio.gather(*(bench.open(case) for _ in range(10)))
    assert answers.count("started") >= 1
    assert set(answers) <= {"started", "signalled"}
    runs = [run async for run in bench.client.list_workflows(f"WorkflowId = '{case}'")]
    open_runs = [run for run in runs if run.status == WorkflowExecutionStatus.RUNNING]
    assert len(open_runs) <= 1


async def test_signal_without_a_case_is_false(bench: Bench) -> None:
    assert not await bench.cases.signal(new_id(), "payment_posted", PaymentPosted(payment_id="p"))


async def test_case_carries_its_first_attributes(bench: Bench) -> None:
    case = new_id()
    await bench.open(case)
    found = (await bench.client.get_workflow_handle(case).describe()).typed_search_attributes
    assert found.get(attributes.LOCATION) == "lumin"
    assert found.get(attributes.STAGE) == "building"
    assert found.get(attributes.ATTENTION) == "system"
    assert found.get(attributes.NEXT_ACTION_AT) is None


async def test_history_and_failure_hold_no_clear_text(bench: Bench) -> None:
    case = new_id()
    await bench.open(case)
    await bench.cases.signal(case, "payment_posted", PaymentPosted(payment_id="fail"))
    handle = bench.client.get_workflow_handle(case)
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert MARKER in str(caught.value.cause)
    history = await handle.fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert MARKER.encode() not in raw
    assert b"tieout-key-id" in raw


async def test_stranger_without_the_key_reads_nothing(bench: Bench) -> None:
    case = new_id()
    await bench.open(case)
    await bench.open(case, "pay-1")
    stranger = await Client.connect(
        bench.address.target,
        namespace=bench.address.namespace,
        data_converter=data_converter({"k2": b"x" * 32}, "k2"),
    )
    with pytest.raises(Exception, match="key 'k1', which is not among the codec keys"):
        await stranger.get_workflow_handle(case).result()


async def test_nobody_at_the_address_is_one_sentence(bench: Bench) -> None:
    with pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:9: .*TIEOUT_TEMPORAL_ADDRESS"):
        await connect(EngineAddress("127.0.0.1:9", "default", KEYS, "k1"))


class Flapping:
    """A client whose case is running for every start and gone for every signal."""

    def __init__(self, status: RPCStatusCode | None = None) -> None:
        self.starts = 0
        self._status = status

    async def start_workflow(self, *_: object, **__: object) -> None:
        self.starts += 1
        if self._status:
            raise RPCError("no", self._status, b"")
        raise WorkflowAlreadyStartedError("case", "Sample")

    def get_workflow_handle(self, _: str) -> "Flapping":
        return self

    async def signal(self, *_: object, **__: object) -> None:
        raise RPCError("no", RPCStatusCode.NOT_FOUND, b"")


async def open_on(client: Flapping) -> str:
    cases = TemporalCases(client, QUEUE, attributes.at_start)  # type: ignore[arg-type]
    return await cases.start_or_signal(
        "Sample",
        "case",
        ChartAmended(event_id="e"),
        "payment_posted",
        PaymentPosted(payment_id="p"),
        "lumin",
    )


async def test_endless_flapping_is_bounded() -> None:
    client = Flapping()
    with pytest.raises(ProviderUnavailable, match=f"in {MAX_ROUNDS} rounds"):
        await open_on(client)
    assert client.starts == MAX_ROUNDS


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (RPCStatusCode.UNAVAILABLE, True),
        (RPCStatusCode.DEADLINE_EXCEEDED, True),
        (RPCStatusCode.INVALID_ARGUMENT, False),
    ],
)
async def test_engine_errors_are_the_house_s(status: RPCStatusCode, retryable: bool) -> None:
    with pytest.raises(ConnectorError, match=status.name) as caught:
        await open_on(Flapping(status))
    assert caught.value.retryable is retryable
