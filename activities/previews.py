"""Shows what a choice does by doing it: the very effect runs, is read back, and is rolled back.

Other systems are not asked. What the case does next is run on what the books already hold: a
draft is billed from the chart that was read last, a payout tied out from the parts that are kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from activities import (
    agreed_plan,
    answering,
    decisions,
    expired_lots,
    payouts,
    previews_lending,
    reply_holds,
    undone_replies,
    unmatched_choices,
)
from activities.answering import CannotCarryOut, Waits
from activities.billing import bill_chart
from activities.charting import charted_again, overrides_of
from activities.contracts import ApplyIn, ApplyUnmatchedIn, BuildIn, CaseRef, UnmatchedRef
from activities.lot_contracts import LotRef
from activities.payout_contracts import PayoutRef
from activities.reply_contracts import ApplyReplyIn, ReplyRef
from activities.reply_decisions import apply_choice
from activities.undoing import take_back
from domain import ids
from domain.case import Decision, Undo
from domain.money import dollars
from domain.preview import Preview
from domain.reply_case import KEEP, ReplyHold, ReplyReceived
from domain.reviews import topic_of
from store import (
    clients,
    holds,
    invoices,
    ledger,
    locations,
    reviews,
    seen,
    touchpoints,
    undos,
)
from store.db import Conn
from store.locations import Location
from store.reviews import Review, ReviewClosed

_TRIES = 3
A_SECOND_PERSON = "a second person"
Follow = Callable[[Conn, Review, Decision, Location, datetime], Awaitable[list[str]]]
"""Does what is decided and says what follows."""


async def preview(conn: Conn, decision: Decision, at: datetime) -> Preview:
    """Every posting and message that a choice causes; nothing of it stays.

    `conn` is in no transaction. `at` is the case's clock. Raises LookupError for an unknown
    question.
    """
    review = await reviews.get(conn, decision.review_id)
    place = await locations.get_location(conn, review.location_id)
    for left in reversed(range(_TRIES)):
        try:
            return await _try(conn, review, decision, place, at)
        except asyncpg.SerializationError:  # somebody wrote to the same rows meanwhile
            if left == 0:
                raise
    raise AssertionError("unreachable")


async def preview_undo(conn: Conn, undo: Undo, at: datetime) -> Preview:
    """Every counter-entry with which a decision is taken back; nothing of it stays."""
    review = await reviews.get(conn, undo.review_id)
    choice = str((review.decision or {}).get("choice", ""))
    shown = Preview(review_id=review.review_id, choice=choice)
    async with _rolled_back(conn):
        since = await seen.start(conn)
        if undo.confirmed_by is not None:
            await undos.propose(conn, review.review_id, undo.by, undo.reason, at)
        try:
            await take_back(conn, undo, at)
        except CannotCarryOut as refusal:
            return shown.model_copy(update={"problem": str(refusal)})
        follows = [*await seen.others(conn, since)]
        if await agreed_plan.of_decision(conn, review) is not None:
            follows.append("Its plan ends; no instalment of it falls due.")
        follows.append("The question is asked again, with both sides as they were.")
        changes = await _written(conn, since, review.location_id)
        is_shared = review.confirmed_by is not None
        return shown.model_copy(
            update={**changes, "follows": tuple(follows), "second_person": is_shared}
        )


async def _written(conn: Conn, since: datetime, location_id: str) -> dict[str, object]:
    return {
        "entries": await seen.entries(conn, since, location_id),
        "lots": await seen.lots(conn, since, location_id),
        "money": await seen.money(conn, since, location_id),
        "documents": tuple(map(_document, await seen.documents(conn, since, location_id))),
    }


async def _try(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> Preview:
    shown = Preview(review_id=review.review_id, choice=decision.choice)
    async with _rolled_back(conn):
        since = await seen.start(conn)
        try:
            follows = await _carry_out(conn, review, decision, place, at)
            await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
            decided = await reviews.get(conn, review.review_id)
        except (CannotCarryOut, ReviewClosed) as refusal:
            return shown.model_copy(update={"problem": str(refusal)})
        return shown.model_copy(
            update={
                **await _written(conn, since, place.location_id),
                "follows": (*await seen.others(conn, since), *follows),
                "second_person": decided.confirmed_by is not None,
            }
        )


@asynccontextmanager
async def _rolled_back(conn: Conn) -> AsyncIterator[None]:
    attempt = conn.transaction(isolation="repeatable_read")
    await attempt.start()
    try:
        yield
    finally:
        await attempt.rollback()


async def _carry_out(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    """As the case will, with the yes of a second person where one is needed."""
    if review.client_id is not None:
        await clients.lock_client(conn, review.client_id)
    if review.proposal is not None and review.proposal != decision.model_dump(mode="json"):
        raise CannotCarryOut(f"An answer of {review.proposal['by']} waits for a second person.")
    follow = _FAMILIES.get(review.case_id.partition("/")[0], _nothing_known)

    async def effect(_: Review, counts: Decision, __: bool) -> list[str]:
        return await follow(conn, review, counts, place, at)

    done = await answering.carry_out(conn, decision, at, effect)
    if isinstance(done, Waits) and done.effect == "proposed":
        decision = decision.model_copy(update={"confirmed_by": A_SECOND_PERSON})
        done = await answering.carry_out(conn, decision, at, effect)
    if isinstance(done, Waits):
        raise CannotCarryOut(done.why)
    return done


# -- visits


async def _visit(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    case = case_ref(review.case_id, place)
    ask = ApplyIn(case=case, client_id=review.client_id, decision=decision, at=at)
    effect = await decisions.carry_out(conn, ask, review, is_first=True)
    if effect == "rebuild":
        return await _rebuilt(conn, review, decision, case, at)
    by_plan = await agreed_plan.due_dates(conn, review)
    if by_plan:
        return [*by_plan, "Each is asked for when it falls due; reminders of the visit stop."]
    balance_cents = await ledger.balance_of_case(conn, case.case_id)
    return [await _after(conn, effect, case, place, balance_cents)]


def case_ref(case_id: str, place: Location) -> CaseRef:
    """The case of a visit, from its id."""
    _, location_id, pms, visit_id = case_id.split("/", 3)
    return CaseRef(
        case_id=case_id, location_id=location_id, pms=pms, visit_id=visit_id, zone=place.zone
    )


_READ_AGAIN = "The chart is read again and billed as it then stands."


async def _rebuilt(
    conn: Conn, review: Review, decision: Decision, case: CaseRef, at: datetime
) -> list[str]:
    """The invoice that follows, from the chart as it was read last."""
    draft = await invoices.latest_draft(conn, case.case_id)
    if decision.choice in ("chart_fixed", "recount") or draft is None or review.client_id is None:
        return [_READ_AGAIN]
    overrides = overrides_of(await reviews.of_case(conn, case.case_id))
    built = await bill_chart(
        conn,
        BuildIn(case=case, at=at, review_no=f"preview/{review.review_id}"),
        charted_again(draft.chart, overrides),
        review.client_id,
        frozenset(overrides.approved),
        draft.pms_side,
    )
    if built.status == "held":
        return [f"The visit waits again: {topic_of(built.review_code or '').title}."]
    if built.status == "not_billable":
        return ["Nothing is billed and nothing is sent."]
    if built.due_cents <= 0:
        return ["A receipt goes to the patient; nothing is due."]
    return [f"The invoice goes to the patient at once: {dollars(built.due_cents)} due."]


async def _after(
    conn: Conn, effect: str, case: CaseRef, place: Location, balance_cents: int
) -> str:
    left = dollars(balance_cents)
    if effect in ("written_off", "stop"):
        still = f"; {left} stays on the account" if balance_cents > 0 else ""
        return f"The case ends and nothing more is sent{still}."
    if effect == "agency":
        return f"The case ends; {left} goes on the agency's next list: `tieout agency export`."
    if effect == "rest":
        return f"Nothing is sent for {place.chase.keep_open_days} days; then you are asked again."
    if effect == "resend":
        return "The step goes out again, at an hour that the patient allows."
    if balance_cents <= 0:
        return "Nothing more is asked of the patient."
    if effect == "reread":
        return f"The money is read again; what is owed then ({left} now) is asked for as planned."
    following = await _next_step(conn, case.case_id, place)
    return f"{left} stays to be paid; {following}."


async def _next_step(conn: Conn, case_id: str, place: Location) -> str:
    """The reminder that has not gone out yet."""
    past = {point.step for point in await touchpoints.of_case(conn, case_id)}
    left = [step.name for step in place.chase.steps if step.name not in past]
    return f"the next message is {left[0]}" if left else "every reminder has gone out"


# -- money, payouts and replies


_LINKED = "What this payer pays under a number of this client's is applied by itself from now on."


async def _payment(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    _, source, payment_id = review.case_id.split("/", 2)
    payment = UnmatchedRef(
        case_id=review.case_id,
        location_id=review.location_id,
        source=source,
        payment_id=payment_id,
        zone=place.zone,
    )
    ask = ApplyUnmatchedIn(payment=payment, decision=decision, at=at)
    done = await unmatched_choices.carry_out(conn, ask, is_first=True)
    if done.effect == "rest":
        days = 7 if decision.choice == "ask_payer" else 30
        return [f"Nothing is booked; the question comes back in {days} days."]
    told = [case_id for case_id in (done.case_id, *done.case_ids) if case_id is not None]
    linked = [_LINKED] if decision.choice == "link_payer" else []
    follows = [await _told(conn, case_id) for case_id in told] or ["Nobody is written to."]
    return [*follows, *linked]


async def _told(conn: Conn, case_id: str) -> str:
    """What money does to the messages of a visit."""
    known = await invoices.documents_of(conn, case_id)
    name = f"Invoice {known[0].number}" if known else "The visit"
    balance_cents = await ledger.balance_of_case(conn, case_id)
    if balance_cents > 0:
        return f"{name} still owes {dollars(balance_cents)}; its reminders go on."
    return f"{name} is paid; its reminders stop."


async def _payout(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    _, source, payout_id = review.case_id.split("/", 2)
    payout = PayoutRef(
        case_id=review.case_id,
        location_id=review.location_id,
        source=source,
        payout_id=payout_id,
        zone=place.zone,
    )
    return [await payouts.tried(conn, payout, decision, at)]


async def _reply(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    named = str((review.shown.get("theirs") or {}).get("replies") or "")
    replies = undone_replies.received(review) or [
        await _received(conn, review, inbox_id) for inbox_id in named.split(", ") if inbox_id
    ]
    ask = ApplyReplyIn(
        case=ReplyRef(case_id=review.case_id, location_id=review.location_id, zone=place.zone),
        replies=tuple(replies),
        decision=decision,
        at=at,
    )
    placed = await reply_holds.placed(conn, replies)
    done = await apply_choice(conn, ask, placed)
    if done.effect == "adverse_event":
        return ["A clinician is asked at once; the patient hears nothing."]
    if not placed and decision.choice in KEEP:
        return ["Nothing is sent, nor to whoever turns out to have the number."]
    if not done.case_ids:
        return ["Nothing is sent."]
    return [f"{len(done.case_ids)} visits go on; each reads holds and balance before it speaks."]


async def _received(conn: Conn, review: Review, inbox_id: str) -> ReplyReceived:
    """The reply with its hold on the client of the question."""
    hold_id = ids.hold_id(f"reply|{inbox_id}", review.client_id or "")
    standing = await holds.unreleased(conn, [hold_id])
    return ReplyReceived(
        inbox_id=inbox_id,
        code=review.code,
        at=review.opened_at,
        holds=tuple(ReplyHold(hold_id=h.hold_id, client_id=h.client_id) for h in standing),
    )


# -- refunds, disputes, lots and lenders' parts


async def _reversal(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    """What goes back, or was taken: booked as shown; the money moves in a later step."""
    case = CaseRef(
        case_id=review.case_id, location_id=place.location_id, pms="", visit_id="", zone=place.zone
    )
    ask = ApplyIn(case=case, client_id=review.client_id, decision=decision, at=at)
    await decisions.carry_out(conn, ask, review, is_first=True)
    return await _nothing_known(conn, review, decision, place, at)


async def _lot(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    lot = LotRef(
        case_id=review.case_id,
        location_id=place.location_id,
        lot_id=review.case_id.rpartition("/")[2],
        zone=place.zone,
    )
    await expired_lots.carry_out(conn, lot, decision, at)
    return await _nothing_known(conn, review, decision, place, at)


async def _nothing_known(
    _: Conn, review: Review, decision: Decision, __: Location, ___: datetime
) -> list[str]:
    chosen = next(c for c in review.choices if c.name == decision.choice)
    return [chosen.effect]


_FAMILIES: Mapping[str, Follow] = {
    "visit": _visit,
    "payment": _payment,
    "payout": _payout,
    "reply": _reply,
    "refund": _reversal,
    "dispute": _reversal,
    "lot": _lot,
    "loan": previews_lending.loan,
    "plan": previews_lending.plan,
}
"""By the first part of the case's id."""


def _document(row: tuple[str, str, int, int]) -> str:
    kind, number, total_cents, due_cents = row
    name = kind.replace("_", " ").capitalize()
    return f"{name} {number}: {dollars(total_cents)} in all, {dollars(due_cents)} due."
