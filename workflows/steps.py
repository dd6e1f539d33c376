"""The activities of a visit, each with what it needs to know and the options it runs under."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.build import BuildActivities
    from activities.closing import ClosingActivities
    from activities.contracts import (
        ApplyIn,
        ApplyOut,
        BuildIn,
        BuildOut,
        CaseRef,
        CloseIn,
        CloseOut,
        OpenReviewIn,
        PaymentDoorIn,
        PaymentDoorOut,
        ResolveIn,
        ResolveOut,
        SendIn,
        SendOut,
        StandingIn,
        StandingOut,
        WriteBackIn,
        WriteBackOut,
    )
    from activities.reviews import ReviewActivities
    from activities.send import SendActivities
    from activities.standing import StandingActivities
    from activities.write_back import WriteBackActivities
    from domain.case import ChasePolicy, ChaseStep, Decision, VisitStatus
    from domain.dunning import RECEIPT_STEP, Dunning
    from workflows.options import BOOKS, MONEY, SEND


class VisitSteps:
    """Calls on behalf of one visit. `client_id` is known once the chart was read."""

    def __init__(self, case: CaseRef, chase: ChasePolicy, now: Callable[[], datetime]) -> None:
        self._case = case
        self._chase = chase
        self._now = now
        self._client_id: str | None = None
        self._document_id: str | None = None

    async def build(self, review_no: str) -> BuildOut:
        """Bill the chart as it is now, or learn why it has to wait."""
        built = await workflow.execute_activity_method(
            BuildActivities.build_invoice,
            BuildIn(case=self._case, at=self._now(), review_no=review_no),
            summary="bill the chart",
            **BOOKS,
        )
        self._client_id = built.client_id or self._client_id
        self._document_id = built.document_id or self._document_id
        return built

    async def open_payment_door(self) -> PaymentDoorOut:
        """Have the processor ask for exactly what the ledger says is owed."""
        return await workflow.execute_activity_method(
            StandingActivities.open_payment_door,
            PaymentDoorIn(
                case=self._case,
                client_id=self._client_id or "",
                due_days=self._chase.due_days,
                at=self._now(),
            ),
            summary="ask the processor for what is owed",
            **MONEY,
        )

    async def read_standing(self) -> StandingOut:
        """Read ledger, processor and PMS, and post what is new."""
        return await workflow.execute_activity_method(
            StandingActivities.read_standing,
            StandingIn(case=self._case, client_id=self._client_id or "", at=self._now()),
            summary="match and post payments",
            **BOOKS,
        )

    async def send(
        self,
        step: ChaseStep,
        skipped: tuple[str, ...],
        dunning: Dunning,
        document_id: str,
        retry_of: str | None,
    ) -> SendOut:
        """Send one step, unless the facts of that moment say otherwise."""
        words = dunning.words_of(step)
        return await workflow.execute_activity_method(
            SendActivities.send_step,
            SendIn(
                case=self._case,
                client_id=self._client_id or "",
                document_id=document_id,
                step=step,
                skipped=skipped,
                chase=self._chase,
                day0=dunning.day0,
                at=self._now(),
                first=not dunning.done,
                settled_ok=step.name == RECEIPT_STEP.name,
                retry_of=retry_of,
                asked_cents=words.asked_cents,
                in_flight_cents=words.in_flight_cents,
                despite_credit=dunning.despite_credit,
            ),
            summary=f"send {step.name}",
            **SEND,
        )

    async def resolve(
        self, step: ChaseStep, message_keys: tuple[str, ...], last_look: bool
    ) -> ResolveOut:
        """Look up messages whose outcome is unknown."""
        return await workflow.execute_activity_method(
            SendActivities.resolve_sends,
            ResolveIn(
                case=self._case,
                client_id=self._client_id or "",
                step=step,
                message_keys=message_keys,
                last_look=last_look,
                at=self._now(),
            ),
            summary="look up messages of unknown outcome",
            **SEND,
        )

    async def write_back(self) -> WriteBackOut:
        """Leave our note in the PMS, or learn that the desk has to record the payment."""
        return await workflow.execute_activity_method(
            WriteBackActivities.write_back,
            WriteBackIn(case=self._case, client_id=self._client_id or "", at=self._now()),
            summary="tell the PMS what was collected",
            **BOOKS,
        )

    async def ask(self, code: str, facts: tuple[str, ...], money_cents: int, review_no: str) -> str:
        """Put a question to the desk; returns its id."""
        opened = await workflow.execute_activity_method(
            ReviewActivities.open_review,
            OpenReviewIn(
                case=self._case,
                client_id=self._client_id,
                document_id=self._document_id,
                code=code,
                facts=facts,
                money_cents=money_cents,
                review_no=review_no,
                at=self._now(),
            ),
            summary="ask the desk",
            **BOOKS,
        )
        return opened.review_id

    async def apply(self, decision: Decision) -> ApplyOut:
        """Carry a decision out in the books."""
        return await workflow.execute_activity_method(
            ReviewActivities.apply_decision,
            ApplyIn(case=self._case, client_id=self._client_id, decision=decision, at=self._now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )

    async def close(self, status: VisitStatus, closed_by: str | None) -> CloseOut:
        """Keep how the case ended, or learn that the books do not agree."""
        return await workflow.execute_activity_method(
            ClosingActivities.close_case,
            CloseIn(
                case=self._case,
                client_id=self._client_id,
                status=status,
                closed_by=closed_by,
                at=self._now(),
            ),
            summary=f"close: {status}",
            **BOOKS,
        )
