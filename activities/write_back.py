"""Write-back: the PMS learns what was collected, by note and, where it must be, by a person."""

from temporalio import activity

from activities.contracts import WriteBackIn, WriteBackOut
from activities.errors import vendor_errors
from activities.questions import question
from activities.tools import Tools
from connectors.ports import Refused
from domain import ids
from domain.money import dollars
from store import clients, invoices, payments, reviews
from store.db import transaction


class WriteBackActivities:
    """The last stage: our books and the PMS say the same."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def write_back(self, ask: WriteBackIn) -> WriteBackOut:
        """Search, write one note with our reference, and ask the desk to record the tender.

        Money that the PMS took itself needs nothing; a tender that carries our reference
        already is read back as done.
        """
        case, pms = ask.case, self._tools.pms[ask.case.location_id]
        async with self._tools.pool.acquire() as conn:
            facts = await payments.of_case(conn, case.case_id)
            document = await invoices.latest_document(conn, case.case_id)
            pms_ref = await clients.pms_ref_of(conn, ask.client_id)
            asked = await reviews.of_case(conn, case.case_id)
        collected_cents = sum(
            fact.amount_cents
            for fact in facts
            if fact.source == self._tools.processor.name and fact.state == "paid"
        )
        if collected_cents == 0 or document is None:
            return WriteBackOut(status="nothing")
        reference = ids.dedupe_ref(case.case_id)
        tenders = await pms.read_tenders(case.visit_id)
        if not isinstance(tenders, Refused) and any(
            reference in (tender.note or "") for tender in tenders.payments
        ):
            return WriteBackOut(status="agreed")
        if any(review.code == "PMS_CONFIRM" and review.state == "decided" for review in asked):
            return WriteBackOut(status="agreed")
        waiting = next((r for r in asked if r.code == "PMS_CONFIRM" and r.state == "open"), None)
        if waiting is not None:
            return WriteBackOut(status="task", review_id=waiting.review_id)
        if pms.capabilities.writes_notes:
            words = f"Paid online {dollars(collected_cents)}, invoice {document.number}."
            await pms.write_note(pms_ref, f"{words} {reference}", reference)
        task = question(
            case.case_id,
            case.location_id,
            "PMS_CONFIRM",
            collected_cents,
            document.document_no,
            ask.at,
            client_id=ask.client_id,
            document_id=document.document_id,
            facts=(
                f"Record a tender of {dollars(collected_cents)} of kind other on the order.",
                f"Put {reference} in its note; it is read back from there.",
            ),
            ours={"collected": dollars(collected_cents), "invoice": document.number},
            theirs={
                "unpaid in the PMS": "not readable"
                if isinstance(tenders, Refused)
                else dollars(tenders.unpaid_cents)
            },
        )
        async with transaction(self._tools.pool) as conn:
            await reviews.open_review(conn, task)
        return WriteBackOut(status="task", review_id=task.review_id)
