"""Decisions taken back by a message to their case, also to one that has closed."""

from typing import Any

from temporalio.common import WorkflowIDReusePolicy

from domain.case import Undo
from tests.workflows.clinic import Case
from tests.workflows.fakes import World
from workflows import attributes


def undo_of(world: World) -> Undo:
    """The newest decision, taken back."""
    decided = [question for question in world.questions if question.decision is not None]
    return Undo(review_id=decided[-1].review_id, by="desk-1", reason="a mistake")


async def reopened(case: Case, workflow: str, start: Any, undo: Undo | None = None) -> None:
    """As the desk tells a case of which it does not know whether it runs."""
    handle = await case.clinic.client.start_workflow(
        workflow,
        start,
        id=case.handle.id,
        task_queue=case.clinic.queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="decision_undone",
        start_signal_args=[undo or undo_of(case.world)],
        search_attributes=attributes.at_start("lumin"),
        result_type=case.handle._result_type,
    )
    case.handle = case.clinic.client.get_workflow_handle(
        handle.id, run_id=handle.result_run_id, result_type=case.handle._result_type
    )
    await case.settled()


async def first_input(case: Case, kind: type) -> Any:
    """What a case began with."""
    [payload] = [
        event.workflow_execution_started_event_attributes.input.payloads[0]
        for event in (await case.handle.fetch_history()).events[:1]
    ]
    return (await case.clinic.client.data_converter.decode([payload], [kind]))[0]
