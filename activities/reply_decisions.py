"""What each answer about a reply does to holds and consent; every effect is safe to repeat."""

from datetime import date

from activities.answering import CannotCarryOut
from activities.reply_contracts import ApplyReplyIn, ApplyReplyOut
from domain import calendar, consent, ids
from domain.reply_case import KEEP, PAID_PAUSE, ReplyHold, ReplyReceived, promise_problem
from store import consents, holds, invoices, ledger, unknown_senders
from store import replies as books
from store.db import Conn
from store.holds import ClientHold

WRONG_PERSON = "wrong_person"
"""`reason` under which a wrong number is suppressed, and the only one that its lift undoes."""


async def apply_choice(
    conn: Conn, ask: ApplyReplyIn, placed: tuple[ReplyHold, ...]
) -> ApplyReplyOut:
    """Do what was decided; says what the case does next."""
    choice = ask.decision.choice
    if choice in KEEP:
        return await _keep(conn, ask, placed, KEEP[choice])
    if choice == "promise":
        problem = await _promise(conn, ask, placed)
        if problem is not None:
            raise CannotCarryOut(problem)
    elif choice == "opt_out":
        for client_id in _clients(placed):
            await consents.opt_out(
                conn, client_id, "sms", consents.EVERYTHING, "desk", "reply",
                taken_by=ask.decision.by,
            )  # fmt: skip
        if not placed:  # the word of a number alone, as its own STOP
            await unknown_senders.bar(conn, _inbox_ids(ask), consent.STOPPED, ask.at)
    elif choice == "right_person":
        for client_id in _clients(placed):
            await consents.lift_for_client(conn, client_id, "sms", WRONG_PERSON)
    await _pause_after_paid(conn, ask, placed)
    await unknown_senders.answer(conn, _inbox_ids(ask), ask.at)
    return await _release(conn, ask, placed)


async def _release(conn: Conn, ask: ApplyReplyIn, placed: tuple[ReplyHold, ...]) -> ApplyReplyOut:
    decision = ask.decision
    for hold in placed:
        await holds.release(
            conn, hold.hold_id, decision.by, decision.reason or decision.choice, ask.at
        )
    plans = await books.plan_cases(conn, _clients(placed))
    waiting = set(await books.waiting_cases(conn, _clients(placed))) - set(plans)
    return ApplyReplyOut(
        effect="done",
        hold_id=placed[0].hold_id if placed else "",
        case_ids=tuple(sorted(waiting)),
        plan_case_ids=tuple(plans),
        paid=decision.choice == "recorded",
    )


async def _keep(
    conn: Conn, ask: ApplyReplyIn, placed: tuple[ReplyHold, ...], kind: str
) -> ApplyReplyOut:
    """The client stays silent, for the reason that a person gave; nothing is ever unheld first."""
    decision = ask.decision
    await unknown_senders.stay_silent(conn, _inbox_ids(ask), kind)
    standing = {
        hold.hold_id
        for hold in await holds.unreleased(conn, [hold.hold_id for hold in placed])
        if hold.kind == kind
    }
    kept = []
    silent = {hold.client_id for hold in placed if hold.hold_id in standing}
    for hold in placed:
        if hold.hold_id in standing:
            kept.append(hold)
            continue
        if hold.client_id in silent:
            await holds.release(conn, hold.hold_id, decision.by, f"now a hold: {kind}", ask.at)
            continue
        hold_id = ids.hold_id(f"{decision.review_id}|{kind}", hold.client_id)
        await _place(conn, ask, hold_id, hold.client_id, kind)
        await holds.release(conn, hold.hold_id, decision.by, f"now a hold: {kind}", ask.at)
        kept.append(ReplyHold(hold_id=hold_id, client_id=hold.client_id))
    done = ApplyReplyOut(
        effect="done",
        hold_id=kept[0].hold_id if kept else "",
        plan_case_ids=tuple(await books.plan_cases(conn, _clients(placed))),
    )
    if decision.choice != "adverse_event":
        return done
    moved = _moved(ask.replies, tuple(kept))
    return done.model_copy(update={"effect": "adverse_event", "replies": moved})


async def _promise(conn: Conn, ask: ApplyReplyIn, placed: tuple[ReplyHold, ...]) -> str | None:
    """Hold one visit until the promised day; why not, in one sentence."""
    decision = ask.decision
    problem = promise_problem(decision.until, calendar.local_date(ask.at, ask.case.zone))
    document = await invoices.find(conn, ask.case.location_id, decision.invoice_id or "")
    if document is None or document.client_id not in _clients(placed):
        problem = "The invoice is not one of this patient's."
    elif await ledger.balance_of_case(conn, document.case_id) <= 0:
        problem = "Nothing is owed on this invoice."
    if problem is not None or document is None:
        return problem
    hold_id = ids.hold_id(f"promise|{document.case_id}", document.client_id)
    is_new = await _place(
        conn, ask, hold_id, document.client_id, "promise", document.case_id, decision.until
    )
    if not is_new and not await _is_same_promise(conn, hold_id, decision.until):
        return "This invoice has had its one promise already."
    return None


async def _is_same_promise(conn: Conn, hold_id: str, until: date | None) -> bool:
    """Whether a repeated call made it, not an earlier decision."""
    return any(hold.until == until for hold in await holds.unreleased(conn, [hold_id]))


async def _pause_after_paid(conn: Conn, ask: ApplyReplyIn, placed: tuple[ReplyHold, ...]) -> None:
    """ "I paid" that nobody can find yet: two days of silence from the reply on (D19)."""
    if ask.decision.choice != "resume":
        return
    said = [reply.at for reply in ask.replies if reply.code == "REPLY_PAID"]
    if not said or max(said) + PAID_PAUSE <= ask.at:
        return
    # A hold ends with a civil day, so the pause may be some hours longer, never shorter.
    last = calendar.local_date(max(said) + PAID_PAUSE, ask.case.zone)
    for client_id in _clients(placed):
        hold_id = ids.hold_id(f"{ask.decision.review_id}|pause", client_id)
        await _place(conn, ask, hold_id, client_id, "reply", None, last)


async def _place(
    conn: Conn,
    ask: ApplyReplyIn,
    hold_id: str,
    client_id: str,
    kind: str,
    case_id: str | None = None,
    until: date | None = None,
) -> bool:
    return await holds.place(
        conn,
        ClientHold.model_validate(
            {
                "hold_id": hold_id,
                "client_id": client_id,
                "case_id": case_id,
                "kind": kind,
                "placed_by": ask.decision.by,
                "reason": ask.decision.reason or ask.decision.choice,
                "placed_at": ask.at,
                "until": until,
            }
        ),
    )


def _inbox_ids(ask: ApplyReplyIn) -> list[str]:
    return [reply.inbox_id for reply in ask.replies]


def _clients(placed: tuple[ReplyHold, ...]) -> list[str]:
    return list(dict.fromkeys(hold.client_id for hold in placed))


def _moved(
    replies: tuple[ReplyReceived, ...], kept: tuple[ReplyHold, ...]
) -> tuple[ReplyReceived, ...]:
    """The same replies, now for a clinician, with the holds that stand."""
    first, *rest = replies
    about = {"code": "ADVERSE_EVENT"}
    return (
        first.model_copy(update={**about, "holds": kept}),
        *(reply.model_copy(update={**about, "holds": ()}) for reply in rest),
    )
