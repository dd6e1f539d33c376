"""What each answer of the desk does to the books, and what the case does next.

Effects: rebuild (read and price the chart again), reread (read the money again), resend,
rest (leave the debt open for a while), continue, written_off, stop, agency, not_billable, credited
(the processor may have to ask for another amount), despite_credit.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from activities.agency import hand_over
from activities.agreed_plan import agree
from activities.answering import CannotCarryOut
from activities.contracts import ApplyIn, CaseRef
from activities.credit import apply_credit
from activities.desk_lots import correct_lot
from activities.dispute_effects import (
    DISPUTE_LOST,
    DISPUTE_OPEN,
    block,
    contest,
    give_up,
    rebill,
    write_off_lost,
)
from activities.held_money import apply_here, apply_named, keep_as_credit, refund_held
from activities.moved_money import move_paid
from activities.pms_money import take_pms, was_refunded
from activities.posting import grant_credit
from activities.refund_effects import (
    act_of,
    by_hand,
    given_back,
    pay_again,
    pay_back,
    refund_to_credit,
)
from activities.refund_outside import allow, expense, link, owe_again
from activities.refund_owed import owe_over
from domain import calendar, entries
from domain.case import Decision
from domain.catalog import Catalog, TaxRow
from store import catalogs, entitlements, invoices, ledger, locations, touchpoints
from store.db import Conn
from store.locations import WRITE_BACK
from store.reviews import Review

Effect = Callable[[Conn, ApplyIn, Review], Awaitable[None]]

NEXT: Mapping[str, str] = {
    "map": "rebuild",
    "one_off_price": "rebuild",
    "not_billable": "rebuild",
    "chart_fixed": "rebuild",
    "catalog_fixed": "rebuild",
    "approve": "rebuild",
    "charge": "rebuild",
    "reinstate": "rebuild",
    "confirm_tax": "rebuild",
    "tax_table_fixed": "rebuild",
    "recount": "rebuild",
    "correct_ours": "rebuild",
    "correct_pms": "rebuild",
    "try_again": "reread",
    "take_pms": "reread",
    "was_refunded": "reread",
    "retry": "resend",
    "send_again": "resend",
    "keep_open": "rest",
    "write_off": "written_off",
    "apply_credit": "credited",
    "not_duplicate": "credited",
    "keep_as_credit": "credited",
    "credit": "credited",
    "refund": "credited",
    "apply": "credited",
    "chase_anyway": "despite_credit",
    "stop": "stop",
    "agency": "agency",
    "plan": "credited",
    "drop": "dropped",
    "new_method": "resend",
}
"""What the case does after a choice; every other choice lets it go on."""


SUSPENDED = "MEMBERSHIP_SUSPENDED"
_OF_CODE: Mapping[tuple[str, str], str] = {
    ("PMS_DISAGREES", "stop"): "continue",
    (SUSPENDED, "allow"): "rebuild",
    ("PMS_WRITE_FAILED", "retry"): "continue",
    ("TAX_DIFF", "take_ours"): "rebuild",
    ("UNDERPAID", "leave_open"): "rest",
    ("UNDERPAID", "apply"): "reread",
    ("LATE_EVENT", "read_again"): "reread",
    ("CARD_DECLINED", "plan"): "rest",
    ("SETTLEMENT_FAILED", "called"): "rest",
}
"""Choices that mean something else for one code: a difference is left as it is, a debt rests."""


async def carry_out(conn: Conn, ask: ApplyIn, review: Review, is_first: bool) -> str:
    """Run the choice's effect once; returns what the case does next."""
    choice = ask.decision.choice
    effect = _EFFECTS.get(choice)
    if is_first and effect is not None:
        await effect(conn, ask, review)
    return _OF_CODE.get((review.code, choice)) or NEXT.get(choice, "continue")


async def _map_code(conn: Conn, ask: ApplyIn, review: Review) -> None:
    code = await _chart_code(conn, ask.case, review)
    catalog = await catalogs.current_catalog(conn, ask.case.location_id)
    codes = {**catalog.codes, code: ask.decision.sku or ""}
    await _new_version(conn, catalog, ask.decision, {"codes": codes})


async def _declare_free(conn: Conn, ask: ApplyIn, review: Review) -> None:
    code = await _chart_code(conn, ask.case, review)
    catalog = await catalogs.current_catalog(conn, ask.case.location_id)
    free = (*catalog.not_billable, code)
    await _new_version(conn, catalog, ask.decision, {"not_billable": free})


async def _confirm_tax(conn: Conn, ask: ApplyIn, review: Review) -> None:
    catalog = await catalogs.current_catalog(conn, ask.case.location_id)
    today = calendar.local_date(ask.at, ask.case.zone)
    item_class = review.shown.get("subject")

    def confirmed(row: TaxRow) -> TaxRow:
        if row.confirmed_by or (item_class and row.item_class != item_class):
            return row
        return row.model_copy(update={"confirmed_by": ask.decision.by, "confirmed_on": today})

    rows = tuple(confirmed(row) for row in catalog.tax_rows)
    await _new_version(conn, catalog, ask.decision, {"tax_rows": rows})


async def _reinstate(conn: Conn, ask: ApplyIn, review: Review) -> None:
    lot_id = review.shown.get("subject")
    if lot_id:
        await entitlements.reinstate(conn, lot_id, ask.decision.by, ask.decision.reason)


async def _allow(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """A refund elsewhere was for good; a suspended credit pays once the chart is priced again."""
    if review.code != SUSPENDED:
        await allow(conn, ask, review)


async def _accept(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """A dispute is given up, or a refund that nothing explains is a cost."""
    await (give_up if review.code == DISPUTE_OPEN else expense)(conn, ask, review)


async def _write_off(conn: Conn, ask: ApplyIn, review: Review) -> None:
    if review.code == DISPUTE_LOST:
        await write_off_lost(conn, ask, review)
        return
    balance_cents = await ledger.balance_of_case(conn, ask.case.case_id)
    if balance_cents > 0:
        await ledger.post(
            conn,
            entries.written_off(
                review_id=review.review_id,
                amount_cents=balance_cents,
                client_id=ask.client_id or "",
                case_id=ask.case.case_id,
                location_id=ask.case.location_id,
                effective_on=_today(ask),
            ),
        )


async def _suspend(conn: Conn, ask: ApplyIn, _: Review) -> None:
    """No write to the PMS of this location, until a person switches it on again."""
    by, why = ask.decision.by, ask.decision.reason
    await locations.set_switch(conn, ask.case.location_id, WRITE_BACK, "off", by, why)


async def _send_again(conn: Conn, ask: ApplyIn, _: Review) -> None:
    for row in await touchpoints.of_case(conn, ask.case.case_id):
        if row.state == "unknown":
            await touchpoints.mark(conn, row.message_key, "failed", reason="SEND_AGAIN")


async def _apply(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """Held money goes to an invoice, or the payment that left a small rest to another one."""
    await (move_paid if review.code == "UNDERPAID" else apply_named)(conn, ask, review)


async def _credit(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """What is too much stays as the client's credit: of an amended visit, or of a payment."""
    if review.code != "CHART_CHANGED":
        await keep_as_credit(conn, ask, review)
        return
    over_cents = -await ledger.balance_of_case(conn, ask.case.case_id)
    if over_cents <= 0 or review.document_id is None:
        return
    client_id = ask.client_id or ""
    await ledger.post(
        conn,
        entries.credit_balance_to_client(
            document_id=review.document_id,
            amount_cents=over_cents,
            client_id=client_id,
            case_id=ask.case.case_id,
            location_id=ask.case.location_id,
            effective_on=_today(ask),
        ),
    )
    await grant_credit(conn, ask.case, client_id, review.document_id, over_cents, ask.at)


async def _refund(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """Book what we owe back; a case of its own then moves the money."""
    if review.code != "CHART_CHANGED" or review.document_id is None:
        await refund_held(conn, ask, review)
        return
    over_cents = -await ledger.balance_of_case(conn, ask.case.case_id)
    if over_cents > 0:
        act = act_of(ask, review, ask.client_id)
        act = act.model_copy(update={"case_id": ask.case.case_id})
        await owe_over(conn, act, review.document_id, over_cents)


async def _chart_code(conn: Conn, case: CaseRef, review: Review) -> str:
    """The PMS reference of the chart line that the question is about."""
    draft = await invoices.latest_draft(conn, case.case_id)
    line_id = review.shown.get("line_id")
    if draft is not None:
        for line in draft.chart.lines:
            if line.line_id == line_id:
                return line.code
    raise CannotCarryOut("The chart line of this question is no longer there.")


async def _new_version(
    conn: Conn, catalog: Catalog, decision: Decision, changes: Mapping[str, object]
) -> None:
    changed = catalog.model_copy(update={**changes, "version": catalog.version + 1})
    await catalogs.put_catalog(conn, changed, decision.by, decision.reason or decision.choice)


def _today(ask: ApplyIn) -> date:
    return calendar.local_date(ask.at, ask.case.zone)


_EFFECTS: Mapping[str, Effect] = {
    "map": _map_code,
    "not_billable": _declare_free,
    "confirm_tax": _confirm_tax,
    "reinstate": _reinstate,
    "correct_ours": correct_lot,
    "write_off": _write_off,
    "agency": hand_over,
    "plan": agree,
    "apply_credit": apply_credit,
    "send_again": _send_again,
    "suspend": _suspend,
    "credit": _credit,
    "refund": _refund,
    "keep_as_credit": keep_as_credit,
    "not_duplicate": apply_here,
    "apply": _apply,
    "pay_back": pay_back,
    "given_back": given_back,
    "pay_again": pay_again,
    "by_hand": by_hand,
    "refund_to_credit": refund_to_credit,
    "allow": _allow,
    "post_now": allow,
    "owe_again": owe_again,
    "take_pms": take_pms,
    "was_refunded": was_refunded,
    "link": link,
    "accept": _accept,
    "contest": contest,
    "rebill": rebill,
    "block": block,
}
