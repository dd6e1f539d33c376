"""How a person's decision reaches its case: one update, the same for the CLI and the demo."""

import asyncio

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.case import Decision
from domain.model import input_hash
from starter.errors import Refusal
from store.reviews import Review
from workflows.case_room import NOT_OPEN

TRIES = 20
PAUSE_SECONDS = 0.1


async def send_decision(engine: Client, review: Review, decision: Decision) -> None:
    """Give a decision to the waiting case; `Refusal` says in one sentence why it was not taken.

    A question can be read in the books a moment before its case waits for the answer, so
    "not open" is asked again for two seconds.
    """
    for left in reversed(range(TRIES)):
        refused = await _send(engine, review, decision, TRIES - left)
        if refused is None:
            return
        if refused.type != NOT_OPEN or left == 0:
            raise Refusal(refused.message)
        await asyncio.sleep(PAUSE_SECONDS)


async def _send(
    engine: Client, review: Review, decision: Decision, attempt: int
) -> ApplicationError | None:
    case = engine.get_workflow_handle(review.workflow_id)
    # What was refused may be proposed again: the engine takes an update of one name once.
    name = f"decision-{input_hash(decision)[:32]}-{review.acts}-{attempt}"
    try:
        await case.execute_update("review_decided", decision, id=name)
    except WorkflowUpdateFailedError as refused:
        if isinstance(refused.cause, ApplicationError):
            return refused.cause
        raise Refusal("The case refused the decision.") from None
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise Refusal("The case of this question is closed; nothing was changed.") from None
        raise
    return None
