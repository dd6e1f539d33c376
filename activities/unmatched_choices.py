"""What a person decides about money that came by no invoice of ours; in the books alone.

Money of an unknown payer lies in 2095, of a known client in 2090. To another client's invoice it
goes by 2095: it stops being the one's, and then pays the other's.
"""

from activities.answering import CannotCarryOut
from activities.contracts import ApplyUnmatchedIn, ApplyUnmatchedOut
from activities.held_money import recover
from activities.posting import grant_credit_to, note_paid
from activities.refund_owed import Act, owe_held, still_held
from activities.statements import keep_as_credit, release
from domain import calendar, entries_held, ids
from store import clients, invoices, ledger, payers, payments, reviews
from store.db import Conn
from store.invoices import Document
from store.payments import PaymentFact
from store.reviews import Review

RESTS = frozenset({"hold_30_days", "ask_payer"})
"""Answers after which the money stays where it is and the question comes back."""


async def carry_out(conn: Conn, ask: ApplyUnmatchedIn, is_first: bool) -> ApplyUnmatchedOut:
    """Do what was decided, in the books alone; says what the case does next."""
    decision, payment = ask.decision, ask.payment
    fact = await payments.get(conn, ids.payment_id(payment.source, payment.payment_id))
    if fact is None:
        raise LookupError("the payment was never booked")
    if decision.choice in RESTS:
        return ApplyUnmatchedOut(effect="rest")
    if is_first:
        fact = await still_held(conn, fact)
    if decision.choice == "refund":
        return await _refund(conn, ask, fact, is_first)
    review = await reviews.get(conn, decision.review_id)
    documents = await _named(conn, ask, fact, review)
    if is_first:
        await _lock(conn, fact, documents)
        if decision.choice == "link_payer":
            await _link(conn, ask, review, documents[0])
        await _place(conn, ask, fact, documents)
    told = await payments.cases_of(conn, fact.payment_id)
    return ApplyUnmatchedOut(
        effect="done",
        case_ids=tuple(dict.fromkeys([*(one.case_id for one in documents), *told])),
        invoice_id=documents[0].document_id if documents else None,
    )


async def _named(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, review: Review
) -> list[Document]:
    """The invoices that the answer is about; none where the money alone is."""
    choice, named = ask.decision.choice, ask.decision.invoice_id or ""
    if choice in ("as_named", "link_payer"):
        named = str(review.shown.get("names") or "")
        if not named:
            why = "The payment names no invoice of ours: apply it to one, or refund it."
            raise CannotCarryOut(why)
    elif choice not in ("apply", "choose"):
        return []
    found = []
    for name in named.split(",") if choice == "choose" else [named]:
        document = await invoices.find(conn, fact.location_id, name.strip())
        if document is None:
            raise CannotCarryOut("There is no such invoice at this location.")
        found.append(document)
    is_theirs = fact.client_id is None or {one.client_id for one in found} == {fact.client_id}
    if choice == "apply" and review.code != "WRONG_CLIENT" and not is_theirs:
        raise CannotCarryOut("The named invoice is not one of this client's.")
    if choice == "choose":
        await _must_fit(conn, fact, review, found)
    return found


async def _must_fit(conn: Conn, fact: PaymentFact, review: Review, chosen: list[Document]) -> None:
    """A set that was shown, and that still sums exactly."""
    ways = [set(way) for way in review.shown.get("ways") or ()]
    if {one.number for one in chosen} not in ways:
        raise CannotCarryOut("Name every invoice of one of the sets that are shown, and no other.")
    owed_cents = [await ledger.balance_of_case(conn, one.case_id) for one in chosen]
    if sum(owed_cents) != fact.amount_cents:
        raise CannotCarryOut("By now these invoices do not sum to the payment any more.")


async def _lock(conn: Conn, fact: PaymentFact, documents: list[Document]) -> None:
    concerned = {fact.client_id, *(one.client_id for one in documents)}
    for client_id in sorted(one for one in concerned if one is not None):
        await clients.lock_client(conn, client_id)


async def _link(conn: Conn, ask: ApplyUnmatchedIn, review: Review, document: Document) -> None:
    payer_ref = review.shown.get("payer")
    if not payer_ref:
        raise CannotCarryOut("Nothing says who paid: apply the payment to the invoice instead.")
    by = ask.decision.by
    await payers.link(conn, document.client_id, str(payer_ref), by, review.review_id)


async def _place(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, documents: list[Document]
) -> None:
    """From suspense to where it belongs; what is over becomes credit of the invoice's client."""
    choice, by, zone = ask.decision.choice, ask.decision.by, ask.payment.zone
    others = [one for one in documents if one.client_id != fact.client_id]
    await _recover(conn, ask, fact, documents)
    if others:
        if fact.client_id is not None:
            await _let_go(conn, ask, fact)
        left_cents = fact.amount_cents
        for document in documents:
            is_last = document is documents[-1]
            left_cents -= await _apply(conn, ask, fact, document, left_cents, is_last=is_last)
    elif documents:
        await release(conn, fact, tuple(one.case_id for one in documents), by, zone, ask.at)
    elif choice == "not_duplicate":
        await release(conn, fact, None, by, zone, ask.at)
    elif choice in ("credit", "keep_as_credit"):
        await keep_as_credit(conn, fact, fact.amount_cents, zone, ask.at)


async def _recover(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, documents: list[Document]
) -> None:
    """What was given up of a named invoice, and comes in now, is owed again to be paid."""
    left_cents, today = fact.amount_cents, calendar.local_date(ask.at, ask.payment.zone)
    for document in documents:
        of = (document.client_id, document.case_id, document.location_id)
        left_cents -= await recover(conn, fact.payment_id, left_cents, *of, today)


async def _let_go(conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact) -> None:
    """It is not its payer's own: 2090 to 2095."""
    await ledger.post(
        conn,
        entries_held.unapplied_let_go(
            payment_id=fact.payment_id,
            amount_cents=fact.amount_cents,
            client_id=fact.client_id or "",
            location_id=fact.location_id,
            effective_on=calendar.local_date(ask.at, ask.payment.zone),
        ),
    )


async def _refund(
    conn: Conn, ask: ApplyUnmatchedIn, fact: PaymentFact, is_first: bool
) -> ApplyUnmatchedOut:
    """It is owed back from now on; a case of its own moves the money."""
    refund_id = ids.refund_id(ask.decision.review_id)
    if is_first:
        act = Act(
            refund_id=refund_id,
            workflow_id=ids.refund_workflow_id(fact.location_id, refund_id),
            location_id=fact.location_id,
            client_id=fact.client_id,
            by=ask.decision.by,
            reason=ask.decision.reason,
            on=calendar.local_date(ask.at, ask.payment.zone),
        )
        await owe_held(conn, act, fact)
    return ApplyUnmatchedOut(effect="done", refund_ids=(refund_id,))


async def _apply(
    conn: Conn,
    ask: ApplyUnmatchedIn,
    fact: PaymentFact,
    document: Document,
    left_cents: int,
    *,
    is_last: bool,
) -> int:
    """So much of what lies in 2095 as an invoice owes; the last one's client keeps what is over."""
    balance_cents = max(0, await ledger.balance_of_case(conn, document.case_id))
    to_case_cents = min(balance_cents, left_cents)
    excess_cents = left_cents - to_case_cents if is_last else 0
    today = calendar.local_date(ask.at, ask.payment.zone)
    await ledger.post(
        conn,
        entries_held.unidentified_applied(
            payment_id=fact.payment_id,
            amount_to_case_cents=to_case_cents,
            excess_cents=excess_cents,
            client_id=document.client_id,
            case_id=document.case_id,
            location_id=document.location_id,
            effective_on=today,
        ),
    )
    if to_case_cents:
        by = ask.decision.by
        await payments.allocate(conn, fact.payment_id, document.case_id, to_case_cents, by, today)
    if excess_cents:
        owner = (document.client_id, document.location_id)
        await grant_credit_to(conn, *owner, fact.payment_id, excess_cents, ask.at)
    await note_paid(conn, document.case_id)
    return to_case_cents
