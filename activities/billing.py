"""A chart into the books: priced, reserved and issued, or held with a question.

Nothing outside our books is read or changed here, so that it can be shown before it is done.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from activities.contracts import BuildIn, BuildOut, CaseRef
from activities.plan_sessions import note_session
from activities.questions import draft_question, owed_and_asked, question
from activities.selling import movements, not_yet_drawn, sell, without
from domain import calendar, entries, ids
from domain.chart import Chart
from domain.invoice import Held, PricedInvoice
from domain.lots import is_sold_now
from domain.model import input_hash
from domain.pms_side import PmsSide, differences
from domain.pricing import price
from store import catalogs, entitlements, invoices, ledger, refund_facts, reviews
from store.db import Conn
from store.entitlements import Movement
from store.invoices import Document


async def bill_chart(
    conn: Conn,
    ask: BuildIn,
    chart: Chart,
    client_id: str,
    approved: frozenset[str],
    theirs: PmsSide | None = None,
) -> BuildOut:
    """Issue the invoice of a chart, or what changed since, or hold it for a person.

    Writes to the books alone. `approved` are the reasons that a named person let pass, `theirs`
    what the PMS shows of the same visit.
    """
    case = ask.case
    latest = await invoices.latest_document(conn, case.case_id)
    if latest is None and not (chart.lines or chart.tips_cents):
        # A draft of this visit may have kept units aside.
        await entitlements.release(conn, case.case_id)
        await invoices.save_draft(
            conn, case.case_id, input_hash(chart), chart, "not_billable", None
        )
        return BuildOut(status="not_billable", client_id=client_id)
    if latest is not None and latest.chart_hash == input_hash(chart):
        # A retry of the attempt that issued it must not look like an old, closed case.
        status = "issued" if latest.issued_at == ask.at else "unchanged"
        await entitlements.release(conn, case.case_id)
        return await _answer(conn, status, case, latest)
    catalog = await catalogs.current_catalog(conn, case.location_id)
    brought = await entitlements.read(
        conn, client_id, chart.service_at, case.zone, own_case=case.case_id
    )
    priced = price(chart, catalog, brought, approved)
    if isinstance(priced, PricedInvoice) and theirs is not None:
        reasons = differences(priced, theirs, approved)
        priced = Held(reasons=reasons, preview=priced) if reasons else priced
    if isinstance(priced, Held):
        values = {lot.lot_id: lot.value_cents for lot in brought.unit_lots}
        return await _hold(conn, ask, client_id, chart, priced, values, theirs)
    number = 1 if latest is None else latest.document_no + 1
    priced, taken = await sell(
        conn,
        case.case_id,
        case.location_id,
        client_id,
        number,
        catalog,
        priced,
        chart.service_at,
        calendar.local_date(ask.at, case.zone),
    )
    document = await issue(conn, ask, client_id, chart, priced, latest, taken)
    balance_cents = await ledger.balance_of_case(conn, case.case_id)
    if balance_cents < 0:
        await _overpaid(conn, ask, document, balance_cents)
    plan_case_id = await note_session(conn, case, client_id, priced, chart.service_at)
    answer = await _answer(conn, "issued", case, document)
    return answer.model_copy(update={"plan_case_id": plan_case_id})


async def _hold(
    conn: Conn,
    ask: BuildIn,
    client_id: str,
    chart: Chart,
    held: Held,
    values: Mapping[str, int],
    theirs: PmsSide | None,
) -> BuildOut:
    """Keep the draft, keep its units aside, and ask a person."""
    case = ask.case
    chart_hash = input_hash(chart)
    await invoices.save_draft(conn, case.case_id, chart_hash, chart, "held", held, theirs)
    if held.preview is not None:
        aside = [one for one in movements(held.preview) if not is_sold_now(one.lot_id)]
        aside = await not_yet_drawn(conn, case.case_id, aside)
        await entitlements.reserve(conn, case.case_id, client_id, aside)
    asked = draft_question(
        case.case_id,
        case.location_id,
        client_id,
        held,
        ask.review_no,
        ask.at,
        values.get(held.reasons[0].subject or ""),
    )
    await reviews.open_review(conn, asked)
    return BuildOut(
        status="held",
        client_id=client_id,
        review_id=asked.review_id,
        review_code=asked.code,
    )


async def issue(
    conn: Conn,
    ask: BuildIn,
    client_id: str,
    chart: Chart,
    priced: PricedInvoice,
    latest: Document | None,
    taken: Sequence[Movement],
) -> Document:
    """Write document, draws and ledger entry together; corrections only ever add."""
    case = ask.case
    number = 1 if latest is None else latest.document_no + 1
    change_cents = priced.due_cents - (0 if latest is None else latest.priced.due_cents)
    document = await invoices.issue(
        conn,
        Document(
            document_id=ids.document_id(case.case_id, number),
            document_no=number,
            case_id=case.case_id,
            location_id=case.location_id,
            client_id=client_id,
            kind=_kind(latest, change_cents),
            chart_hash=input_hash(chart),
            catalog_version=priced.catalog_version,
            currency=priced.currency,
            priced=priced,
            change_due_cents=change_cents,
            issued_at=ask.at,
        ),
    )
    await invoices.save_draft(conn, case.case_id, input_hash(chart), chart, "issued", priced)
    today = calendar.local_date(ask.at, case.zone)
    if latest is None:
        await entitlements.reserve(conn, case.case_id, client_id, taken)
        await entitlements.commit(conn, case.case_id, document.document_id, today)
        await invoices.pay_link(conn, case.case_id, client_id, case.location_id)
    else:
        await entitlements.release(conn, case.case_id)
        # What a refund has put back stays where it is, whatever the chart says now.
        taken = without(taken, await refund_facts.returned(conn, case.case_id))
        await entitlements.settle_delta(conn, case.case_id, document.document_id, taken, today)
    await _post(conn, document, latest, today)
    return document


async def _post(conn: Conn, document: Document, latest: Document | None, today: date) -> None:
    if latest is None:
        entry = entries.visit_issued(
            document_id=document.document_id,
            case_id=document.case_id,
            client_id=document.client_id,
            location_id=document.location_id,
            effective_on=today,
            priced=document.priced,
        )
    else:
        posted = await ledger.entries_of_case(conn, document.case_id)
        issued = [earlier.entry_id for earlier in posted if earlier.event == "visit_issued"]
        entry = entries.visit_amended(
            document_id=document.document_id,
            case_id=document.case_id,
            client_id=document.client_id,
            location_id=document.location_id,
            effective_on=today,
            before=latest.priced,
            after=document.priced,
            corrects=issued[0] if issued else None,
        )
    if entry is not None:
        await ledger.post(conn, entry)


def _kind(latest: Document | None, change_cents: int) -> str:
    if latest is None:
        return "invoice"
    return "supplementary" if change_cents > 0 else "credit_note"


async def _answer(conn: Conn, status: str, case: CaseRef, document: Document) -> BuildOut:
    balance_cents, mismatches = await owed_and_asked(conn, case.case_id)
    return BuildOut(
        status=status,
        client_id=document.client_id,
        document_id=document.document_id,
        due_cents=document.priced.due_cents,
        balance_cents=balance_cents,
        mismatches=mismatches,
    )


async def _overpaid(conn: Conn, ask: BuildIn, document: Document, balance_cents: int) -> None:
    """The visit now costs less than was paid: credit or refund is a person's choice."""
    asked = question(
        document.case_id,
        document.location_id,
        "CHART_CHANGED",
        -balance_cents,
        document.document_id,
        ask.at,
        client_id=document.client_id,
        document_id=document.document_id,
        facts=("The chart was amended after payment; the client has paid too much.",),
    )
    await reviews.open_review(conn, asked)
