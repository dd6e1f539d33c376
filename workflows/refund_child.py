"""How a case hands a refund that it has decided to a case of the refund's own."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from domain import ids
    from domain.refund_case import RefundInput
    from workflows.attributes import at_start
    from workflows.case_room import CaseRoom


async def carry_out_refunds(
    refund_ids: Sequence[str], room: CaseRoom, reminders: tuple[int, ...]
) -> None:
    """Start what moves the money; it outlives the case that decided it."""
    for refund_id in refund_ids:
        try:
            await workflow.start_child_workflow(
                "Refund",
                RefundInput(
                    location_id=room.location_id,
                    zone=room.zone,
                    refund_id=refund_id,
                    staff_reminder_business_days=reminders,
                    clock_shift_seconds=int(room.shift.total_seconds()),
                ),
                id=ids.refund_workflow_id(room.location_id, refund_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=at_start(room.location_id),
                static_summary=f"Refund at {room.location_id}",
            )
        except WorkflowAlreadyStartedError:
            room.note("the refund is carried out already")
