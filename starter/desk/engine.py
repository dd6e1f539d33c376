"""Speaks to a running case for the desk: one update, with an end to the waiting."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.translation import visit_input
from domain.case import Close, Decision, Hold, PaymentPosted, Release, Undo
from domain.model import Record
from domain.refund_case import RefundInput, RefundResult
from starter.deciding import send_decision
from starter.desk.reopening import opening
from starter.errors import Refusal
from starter.settings import Settings
from starter.wiring import cases, temporal_client
from store import reviews
from store.db import Conn
from store.locations import Location
from store.reviews import Review
from workflows.attributes import at_start

PATIENCE_SECONDS = 30.0
"""A worker answers within milliseconds; longer means that none is running."""
_POLL_SECONDS = 0.05


async def give_decision(settings: Settings, review: Review, decision: Decision) -> None:
    """Hand a decision to its case; `Refusal` when it was not taken or nobody answered."""
    engine = await temporal_client(settings)
    await _patiently(send_decision(engine, review, decision))


async def tell_case(
    settings: Settings, case_id: str, update: str, message: Hold | Release | Close
) -> None:
    """Hold, release or close a case; `Refusal` when it has ended or nobody answered."""
    engine = await temporal_client(settings)
    await _patiently(_update(engine, case_id, update, message))


async def take_back(settings: Settings, place: Location, review: Review, undo: Undo) -> None:
    """Have a case take a decision back; one that has closed begins a new run with it."""
    name, start = opening(place, review)
    engine = await temporal_client(settings)
    await _patiently(
        _start(
            engine.start_workflow(
                name,
                start,
                id=review.workflow_id,
                task_queue=settings.temporal_task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal="decision_undone",
                start_signal_args=[undo],
                search_attributes=at_start(place.location_id),
                static_summary=f"{name} at {place.location_id}",
            )
        )
    )


async def wake(settings: Settings, place: Location, case_ids: Sequence[str], what: str) -> None:
    """Have visits read their money again; a closed one opens again, and asks the desk alone."""
    if not case_ids:
        return
    engine = cases(settings, await temporal_client(settings))
    hint = PaymentPosted(payment_id=what)
    for case_id in case_ids:
        _, _, pms, visit_id = case_id.split("/", 3)
        start = visit_input(place, pms, visit_id, what)
        await engine.start_or_signal(
            "TreatmentVisit", case_id, start, "payment_posted", hint, place.location_id
        )


async def _start(starting: Awaitable[object]) -> None:
    await starting


async def ask_refund(
    settings: Settings, conn: Conn, workflow_id: str, start: RefundInput
) -> Review:
    """Start the case of a refund; its question once it is asked, `Refusal` when it cannot be."""
    engine = await temporal_client(settings)
    handle = await engine.start_workflow(
        "Refund",
        start,
        id=workflow_id,
        task_queue=settings.temporal_task_queue,
        result_type=RefundResult,
        search_attributes=at_start(start.location_id),
        static_summary=f"Refund at {start.location_id}",
    )
    ended = asyncio.create_task(handle.result())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (asked := await reviews.open_of_case(conn, workflow_id)):
                if ended.done():
                    raise Refusal(ended.result().why)
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise Refusal(
            "No worker has answered yet: start `tieout worker`; the refund is then asked about in"
            " the queue."
        ) from None
    finally:
        ended.cancel()
    return asked[0]


@contextlib.asynccontextmanager
async def tell_cases(
    settings: Settings, case_ids: Sequence[str]
) -> AsyncIterator[Callable[[str, Record], Awaitable[int]]]:
    """A way to signal these cases, once the engine answers; it returns how many are running."""
    engine = cases(settings, await temporal_client(settings)) if case_ids else None

    async def tell(signal: str, message: Record) -> int:
        told = 0
        for case_id in case_ids:
            told += engine is not None and await engine.signal(case_id, signal, message)
        return told

    yield tell


async def _update(
    engine: Client, case_id: str, update: str, message: Hold | Release | Close
) -> None:
    try:
        await engine.get_workflow_handle(case_id).execute_update(update, message)
    except WorkflowUpdateFailedError as refused:
        if isinstance(refused.cause, ApplicationError):
            raise Refusal(refused.cause.message) from None
        raise Refusal("The visit's case refused this.") from None
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise Refusal("The visit's case has ended already; nothing was changed.") from None
        raise


async def _patiently(work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise Refusal(
            "No worker has answered, so nothing is known to have changed: start `tieout worker`"
            " and look again."
        ) from None
