"""Starts and signals cases over the Temporal client: the port `CaseEngine`.

A start with a known id and a signal to a closed case both answer "not this one"; the pair is
tried in turn until one is accepted, because a case may close between the two calls.
"""

from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import (
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from connectors.ports import ConnectorError, ProviderUnavailable
from domain.model import Record

RPC_TIMEOUT = timedelta(seconds=10)
MAX_ROUNDS = 5
"""A case that opens and closes this often within one call is a defect, not a race."""

_PASSING = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.ABORTED,
}


class TemporalCases:
    """Implements `CaseEngine`. `attributes` makes a case's first search attributes.

    Workflows are called by name, so that nothing here imports their code.
    """

    def __init__(
        self,
        client: Client,
        task_queue: str,
        attributes: Callable[[str], TypedSearchAttributes],
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._attributes = attributes

    async def start_or_signal(
        self,
        workflow: str,
        workflow_id: str,
        start_input: Record,
        signal: str,
        signal_input: Record,
        location_id: str,
    ) -> str:
        """Start the case, or signal the running one; returns `started` or `signalled`.

        Safe to repeat: ids are business keys, and every signal is idempotent or a hint.
        """
        for _ in range(MAX_ROUNDS):
            if await self._start(workflow, workflow_id, start_input, location_id):
                return "started"
            if await self.signal(workflow_id, signal, signal_input):
                return "signalled"
        raise ProviderUnavailable(
            f"The case took neither a start nor a signal in {MAX_ROUNDS} rounds."
        )

    async def signal(self, workflow_id: str, signal: str, signal_input: Record) -> bool:
        """Signal a running case; False when there is none."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(
                signal, signal_input, rpc_timeout=RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise _translated(error) from error
        return True

    async def _start(
        self, workflow: str, workflow_id: str, start_input: Record, location_id: str
    ) -> bool:
        try:
            await self._client.start_workflow(
                workflow,
                start_input,
                id=workflow_id,
                task_queue=self._task_queue,
                # A closed visit may come back (a late amendment); the books refuse a second
                # invoice, so a repeated id is safe and a second running case is impossible.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=self._attributes(location_id),
                static_summary=f"{workflow} at {location_id}",
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            raise _translated(error) from error
        return True


def _translated(error: RPCError) -> ConnectorError:
    """Temporal's status in the house's words; a passing one may be repeated as it is."""
    if error.status in _PASSING:
        return ProviderUnavailable(f"Temporal did not take the call ({error.status.name}).")
    return ConnectorError(f"Temporal refused the call ({error.status.name}).")
