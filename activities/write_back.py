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
from store.reviews import Review

log = structlog.get_logger("tieout.write_back")

_TASK, _FAILED = "PMS_CONFIRM", "PMS_WRITE_FAILED"
_UNNOTED = "The PMS did not take our note on this client."
_UNREAD = "The note was written, and the PMS does not show it."


class WriteBackActivities:
    """The last stage: our books and the PMS say the same."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def write_back(self, ask: WriteBackIn) -> WriteBackOut:
        """Search, write one note with our reference, read it back, and have the tender recorded.

        Money that the PMS took itself needs nothing; a tender that carries our reference
        already is read back as done. A note that the PMS does not take is a question of its own.
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
            of_case = await reviews.of_case(conn, case.case_id)
        asked = [review for review in of_case if review.code in (_TASK, _FAILED)]
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
        done_cents = sum(review.money_cents for review in asked if _is_done(review))
        missing_cents = collected_cents - max(recorded_cents, done_cents)
        if missing_cents <= 0:
            return WriteBackOut(status="agreed")
        waiting = next((review for review in asked if review.state == "open"), None)
        if waiting is not None:
            return WriteBackOut(status="task", review_id=waiting.review_id, code=waiting.code)
        code, facts = _TASK, _what_to_record(missing_cents, reference)
        if pms.capabilities.writes_notes and not is_noted:
            words = f"Paid online {dollars(collected_cents)}, invoice {document.number}."
            refusal = await _note(pms, case.visit_id, pms_ref, words, reference, is_noted)
            code, facts = (_FAILED, (refusal, *facts)) if refusal else (code, facts)
        task = question(
            case.case_id,
            case.location_id,
            code,
            missing_cents,
            _number(document.document_no, sum(one.code == code for one in asked)),
            ask.at,
            client_id=ask.client_id,
            document_id=document.document_id,
            facts=facts,
            ours={"collected": dollars(collected_cents), "invoice": document.number},
            theirs={"unpaid in the PMS": _unpaid(tenders)},
        )
        async with self._tools.pool.acquire() as conn:
            await reviews.open_review(conn, task)
        return WriteBackOut(status="task", review_id=task.review_id, code=code)


async def _note(
    pms: PmsPort,
    visit_id: str,
    pms_ref: str,
    words: str,
    reference: str,
    is_noted: bool | None,
) -> str | None:
    """Leave our note and read it back; why the PMS has not got it, else None."""
    text, search = f"{words} {reference}", is_noted is None
    try:
        written = await pms.write_note(pms_ref, text, reference, search=search)
    except BadRequest as error:
        log.warning("note_refused", pms=pms.name, error=str(error))  # for a developer
        return _UNNOTED
    except OutcomeUnknown as error:
        # The next attempt searches for the note before it writes one.
        raise ProviderUnavailable(str(error)) from None
    if isinstance(written, Refused):
        return _UNNOTED
    _, is_there = await pms.read_before_note(visit_id, pms_ref, reference)
    return _UNREAD if is_there is False else None


def _is_done(review: Review) -> bool:
    """Whether the desk has seen to it: recorded by hand, or left as it is."""
    return review.state == "decided" and (review.decision or {}).get("choice") != "retry"


def _what_to_record(cents: int, reference: str) -> tuple[str, ...]:
    return (
        f"Record a tender of {dollars(cents)} of kind other on the order.",
        f"Put {reference} in its note; it is read back from there.",
    )


def _unpaid(tenders: PmsTenders | Refused) -> str:
    return "not readable" if isinstance(tenders, Refused) else dollars(tenders.unpaid_cents)


def _number(document_no: int, asked_before: int) -> str:
    """A task that was taken back, or that covered less, is followed by one of its own."""
    return f"{document_no}/{asked_before}" if asked_before else str(document_no)
