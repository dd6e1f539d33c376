"""Write-back: the PMS learns what was collected, by note and, where it must be, by a person."""

import structlog
from temporalio import activity

from activities.contracts import WriteBackIn, WriteBackOut
from activities.errors import vendor_errors
from activities.installments import IN_HOUSE
from activities.outside import standing_of
from activities.questions import question
from activities.tools import Tools
from connectors.ports import (
    BadRequest,
    OutcomeUnknown,
    PmsPort,
    PmsTenders,
    ProviderUnavailable,
    Refused,
)
from domain import ids
from domain.money import dollars
from store import clients, invoices, payments, pms_standings, reviews

log = structlog.get_logger("tieout.write_back")

_TASK = "PMS_CONFIRM"
_UNNOTED = "The PMS did not take our note on this client."


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
        if ask.case.pms == IN_HOUSE:
            return WriteBackOut(status="nothing")
        case, pms = ask.case, self._tools.pms[ask.case.location_id]
        async with self._tools.pool.acquire() as conn:
            collected_cents = await payments.collected(
                conn, case.case_id, self._tools.processor.name
            )
            document = await invoices.latest_document(conn, case.case_id)
            pms_ref = await clients.pms_ref_of(conn, ask.client_id)
            asked = [r for r in await reviews.of_case(conn, case.case_id) if r.code == _TASK]
        if collected_cents == 0 or document is None:
            return WriteBackOut(status="nothing")
        reference = ids.dedupe_ref(case.case_id)
        tenders, is_noted = await pms.read_before_note(case.visit_id, pms_ref, reference)
        recorded_cents = 0
        if not isinstance(tenders, Refused):
            shown = standing_of(case, tenders, ask.at)
            recorded_cents = shown.ours_cents
            async with self._tools.pool.acquire() as conn:
                await pms_standings.put(conn, shown)
        done_cents = sum(review.money_cents for review in asked if review.state == "decided")
        missing_cents = collected_cents - max(recorded_cents, done_cents)
        if missing_cents <= 0:
            return WriteBackOut(status="agreed")
        waiting = next((review for review in asked if review.state == "open"), None)
        if waiting is not None:
            return WriteBackOut(status="task", review_id=waiting.review_id)
        unnoted: tuple[str, ...] = ()
        if pms.capabilities.writes_notes and not is_noted:
            text = f"Paid online {dollars(collected_cents)}, invoice {document.number}. {reference}"
            if not await _noted(pms, pms_ref, text, reference, search=is_noted is None):
                unnoted = (_UNNOTED,)
        task = question(
            case.case_id,
            case.location_id,
            _TASK,
            missing_cents,
            _number(document.document_no, len(asked)),
            ask.at,
            client_id=ask.client_id,
            document_id=document.document_id,
            facts=(
                f"Record a tender of {dollars(missing_cents)} of kind other on the order.",
                f"Put {reference} in its note; it is read back from there.",
                *unnoted,
            ),
            ours={"collected": dollars(collected_cents), "invoice": document.number},
            theirs={"unpaid in the PMS": _unpaid(tenders)},
        )
        async with self._tools.pool.acquire() as conn:
            await reviews.open_review(conn, task)
        return WriteBackOut(status="task", review_id=task.review_id)


async def _noted(pms: PmsPort, pms_ref: str, text: str, reference: str, search: bool) -> bool:
    """Whether the client has our note now; False when the PMS said no, which holds nothing up."""
    try:
        note = await pms.write_note(pms_ref, text, reference, search=search)
    except BadRequest as error:
        log.warning("note_refused", pms=pms.name, error=str(error))  # for a developer
        return False
    except OutcomeUnknown as error:
        # The next attempt searches for the note before it writes one.
        raise ProviderUnavailable(str(error)) from None
    return not isinstance(note, Refused)


def _unpaid(tenders: PmsTenders | Refused) -> str:
    return "not readable" if isinstance(tenders, Refused) else dollars(tenders.unpaid_cents)


def _number(document_no: int, asked_before: int) -> str:
    """A task that was taken back, or that covered less, is followed by one of its own."""
    return f"{document_no}/{asked_before}" if asked_before else str(document_no)
