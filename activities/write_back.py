"""Write-back: the PMS learns what was collected, by note and, where it must be, by a person."""

import structlog
from temporalio import activity

from activities.contracts import CaseRef, WriteBackIn, WriteBackOut
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
from store import clients, invoices, locations, payments, pms_standings, reviews
from store.locations import WRITE_BACK
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
        While write-back is suspended nothing is written: the note waits, and the desk's task says
        so; the first look after it was resumed searches again, and writes.
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
        open_ = [review for review in asked if review.state == "open"]
        known = next((review for review in open_ if not _note_waits(review)), None)
        if known is not None:
            return _asked(known)
        note = None
        if pms.capabilities.writes_notes and not is_noted:
            words = f"Paid online {dollars(collected_cents)}, invoice {document.number}."
            note = await self._leave_note(case, pms, pms_ref, words, reference, is_noted)
        is_refused = note not in (None, reviews.WAITS)
        if open_ and not is_refused:
            return _asked(open_[0])
        code, facts = _TASK, _what_to_record(missing_cents, reference)
        ours = {"collected": dollars(collected_cents), "invoice": document.number}
        if note is not None and is_refused:
            code, facts = _FAILED, (note, *facts)
        elif note is not None:
            ours[reviews.NOTE] = note
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
            ours=ours,
            theirs={"unpaid in the PMS": _unpaid(tenders)},
        )
        async with self._tools.pool.acquire() as conn:
            await reviews.open_review(conn, task)
        return _asked(task)

    async def _leave_note(
        self,
        case: CaseRef,
        pms: PmsPort,
        pms_ref: str,
        words: str,
        reference: str,
        is_noted: bool | None,
    ) -> str | None:
        """None once the PMS has it; WAITS while it may not be written to; else why it has not."""
        # The last thing that is read before the write.
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, case.location_id)
        if location.switch(WRITE_BACK) != "live":
            return reviews.WAITS
        return await _note(pms, case.visit_id, pms_ref, words, reference, is_noted)


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


def _asked(review: Review) -> WriteBackOut:
    return WriteBackOut(status="task", review_id=review.review_id, code=review.code)


def _is_done(review: Review) -> bool:
    """Whether the desk has seen to it: recorded by hand, or left as it is."""
    choice = (review.decision or {}).get("choice")
    return review.state == "decided" and choice not in ("retry", "suspend")


def _note_waits(review: Review) -> bool:
    """Whether our note was not written when the question was asked."""
    ours: dict[str, str] = review.shown["ours"]
    return ours.get(reviews.NOTE) == reviews.WAITS


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
