"""Makes the questions for the desk: both sides, the choices with their effect, no free text."""

from datetime import datetime
from typing import Any

from activities.contracts import Mismatch
from domain import ids
from domain.invoice import Held
from domain.money import dollars
from domain.reviews import topic_of
from store import case_facts, reviews
from store.db import Conn
from store.reviews import Choice, Review

ABOUT_MONEY = frozenset(
    {
        "CHART_CHANGED",
        "DUPLICATE_SUSPECTED",
        "OVERPAID",
        "NO_REFERENCE",
        "AMBIGUOUS_GROUP",
        "WRONG_CLIENT",
        "WRONG_INVOICE",
        "LATE_EVENT",
        "PMS_DISAGREES",
        "SETTLEMENT_FAILED",
    }
)
"""Codes of questions that matching and amending open beside their own work."""


async def owed_and_asked(conn: Conn, case_id: str) -> tuple[int, tuple[Mismatch, ...]]:
    """What a case owes in cents, and every open question about money that does not fit.

    All of them, not those of this call alone: the answer of the attempt that opened one may
    have been lost, and a question that its case does not know can never be decided.
    """
    facts = await case_facts.read(conn, case_id)
    return facts.balance_cents, tuple(
        Mismatch(review_id=asked.review_id, code=asked.code)
        for asked in facts.asked
        if asked.code in ABOUT_MONEY
    )


def draft_question(
    case_id: str,
    location_id: str,
    client_id: str,
    held: Held,
    review_no: int | str,
    at: datetime,
    stake_cents: int | None = None,
) -> Review:
    """One question per held draft: its first reason is asked, the others are shown.

    `stake_cents` is what the answer is about, where that is not what the patient would pay.
    """
    first = held.reasons[0]
    preview = held.preview
    shown = {
        "line_id": first.chart_line_id,
        "ours": {"due": dollars(preview.due_cents) if preview else "not priced"},
        "theirs": {"chart line": first.chart_line_id or "the whole visit", "says": first.detail},
        "facts": [reason.detail for reason in held.reasons],
        "action": first.action,
        "subject": first.subject,
    }
    money_cents = preview.due_cents if preview else 0
    asked = _question(
        case_id, location_id, client_id, None, first.code, money_cents, shown, review_no, at
    )
    stakes = [c.model_copy(update={"stake_cents": stake_cents}) for c in asked.choices]
    return asked.model_copy(update={"choices": stakes})


def question(
    case_id: str,
    location_id: str,
    code: str,
    money_cents: int,
    review_no: int | str,
    at: datetime,
    *,
    client_id: str | None = None,
    document_id: str | None = None,
    facts: tuple[str, ...] = (),
    ours: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
) -> Review:
    """A question about money or messages, with what each system says."""
    shown = {"ours": ours or {}, "theirs": theirs or {}, "facts": list(facts)}
    return _question(
        case_id, location_id, client_id, document_id, code, money_cents, shown, review_no, at
    )


async def ask_about_returned(
    conn: Conn,
    case_id: str,
    location_id: str,
    client_id: str,
    cents: int,
    name: str,
    reason: str,
    at: datetime,
) -> None:
    """A debit that its bank sent back was never money in the books, but reminders had paused."""
    asked = question(
        case_id,
        location_id,
        "SETTLEMENT_FAILED",
        cents,
        name,
        at,
        client_id=client_id,
        facts=("The bank sent the debit back; nothing of it was booked.",),
        theirs={"system": "the bank", "reason": reason},
    )
    await reviews.open_review(conn, asked)


def _question(
    case_id: str,
    location_id: str,
    client_id: str | None,
    document_id: str | None,
    code: str,
    money_cents: int,
    shown: dict[str, Any],
    review_no: int | str,
    at: datetime,
) -> Review:
    topic = topic_of(code)
    return Review(
        review_id=ids.review_id(case_id, code, review_no),
        case_id=case_id,
        workflow_id=case_id,
        location_id=location_id,
        client_id=client_id,
        document_id=document_id,
        code=code,
        opened_at=at,
        shown=shown,
        choices=[
            Choice(
                name=choice.name,
                label=choice.label,
                effect=choice.effect.format(amount=dollars(money_cents)),
                needs=[str(need) for need in choice.needs],
                two_person=choice.two_person,
            )
            for choice in topic.choices
        ],
        suggested=topic.suggested,
        money_cents=money_cents,
    )
