"""Build: the chart becomes a priced, reserved and issued invoice in one transaction.

Nothing outside our books changes here, so a retry finds either nothing or all of it.
"""

from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from activities.charting import chart_of, overrides_of
from activities.contracts import BuildIn, BuildOut, CaseRef, Mismatch
from activities.errors import vendor_errors
from activities.questions import draft_question, question
from activities.tools import Tools
from connectors.ports import PmsVisit, Refused
from domain import calendar, entries, ids
from domain.chart import Chart, UnitLot
from domain.invoice import Held, PricedInvoice
from domain.lots import is_sold_now, name_sold_lots, sold_lots
from domain.model import input_hash
from domain.pricing import price
from store import catalogs, clients, entitlements, invoices, ledger, lots, reviews
from store.db import Conn, transaction
from store.entitlements import Movement
from store.invoices import Document


class BuildActivities:
    """The first stage of a visit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def build_invoice(self, ask: BuildIn) -> BuildOut:
        """Read the chart; issue its invoice, or what changed, or say why it waits."""
        visit = await self._tools.pms[ask.case.location_id].read_visit(ask.case.visit_id)
        if isinstance(visit, Refused) or (visit.closed_at is None and not visit.cancelled):
            return BuildOut(status="not_ready")
        client_id = await self._known_client(ask.case, visit)
        async with transaction(self._tools.pool) as conn:
            await clients.lock_client(conn, client_id)
            return await self._bill(conn, ask, visit, client_id)

    async def _known_client(self, case: CaseRef, visit: PmsVisit) -> str:
        """Our id of the patient, whose contact is kept encrypted."""
        client_id = ids.client_id(case.location_id, case.pms, visit.client_ref)
        person = await self._tools.pms[case.location_id].read_client(visit.client_ref)
        contact = (
            clients.Contact(first_name="", last_name="")
            if isinstance(person, Refused)
            else clients.Contact(**person.model_dump(exclude={"client_ref"}))
        )
        async with transaction(self._tools.pool) as conn:
            await clients.upsert_client(
                conn,
                self._tools.vault,
                client_id,
                case.location_id,
                case.pms,
                visit.client_ref,
                contact,
            )
        return client_id

    async def _bill(self, conn: Conn, ask: BuildIn, visit: PmsVisit, client_id: str) -> BuildOut:
        case = ask.case
        overrides = overrides_of(await reviews.of_case(conn, case.case_id))
        latest = await invoices.latest_document(conn, case.case_id)
        chart = chart_of(visit, case.location_id, overrides)
        if latest is None and (visit.cancelled or not (chart.lines or chart.tips_cents)):
            return BuildOut(status="not_billable", client_id=client_id)
        if latest is not None and latest.chart_hash == input_hash(chart):
            # A retry of the attempt that issued it must not look like an old, closed case.
            status = "issued" if latest.issued_at == ask.at else "unchanged"
            return await _answer(conn, status, case, latest)
        catalog = await catalogs.current_catalog(conn, case.location_id)
        brought = await entitlements.read(
            conn, client_id, chart.service_at, case.zone, own_case=case.case_id
        )
        priced = price(chart, catalog, brought, frozenset(overrides.approved))
        if isinstance(priced, Held):
            return await self._hold(conn, ask, client_id, chart, priced)
        first_id = ids.document_id(case.case_id, 1)
        priced = name_sold_lots(priced, first_id)
        taken = movements(priced)
        taken += await _sell(
            conn,
            client_id,
            case.location_id,
            sold_lots(priced, catalog, first_id, chart.service_at),
            first_id,
        )
        document = await self._issue(conn, ask, client_id, chart, priced, latest, taken)
        answer = await _answer(conn, "issued", case, document)
        if answer.balance_cents < 0:
            mismatch = await _overpaid(conn, ask, document, answer.balance_cents)
            answer = answer.model_copy(update={"mismatches": (mismatch,)})
        return answer

    async def _hold(
        self, conn: Conn, ask: BuildIn, client_id: str, chart: Chart, held: Held
    ) -> BuildOut:
        """Keep the draft, keep its units aside, and ask a person."""
        case = ask.case
        await invoices.save_draft(conn, case.case_id, input_hash(chart), chart, "held", held)
        if held.preview is not None:
            aside = [one for one in movements(held.preview) if not is_sold_now(one.lot_id)]
            await entitlements.reserve(conn, case.case_id, client_id, aside)
        asked = draft_question(
            case.case_id, case.location_id, client_id, held, ask.review_no, ask.at
        )
        await reviews.open_review(conn, asked)
        return BuildOut(
            status="held",
            client_id=client_id,
            review_id=asked.review_id,
            review_code=asked.code,
        )

    async def _issue(
        self,
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
        if latest is None:
            await entitlements.reserve(conn, case.case_id, client_id, taken)
            await entitlements.commit(conn, case.case_id, document.document_id)
            await invoices.pay_link(conn, case.case_id, client_id, case.location_id)
        else:
            await entitlements.release(conn, case.case_id)
            await entitlements.settle_delta(conn, case.case_id, document.document_id, taken)
        await self._post(conn, document, latest, ask.at, case.zone)
        return document

    async def _post(
        self, conn: Conn, document: Document, latest: Document | None, at: datetime, zone: str
    ) -> None:
        today = calendar.local_date(at, zone)
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


async def _sell(
    conn: Conn, client_id: str, location_id: str, sold: Sequence[UnitLot], source: str
) -> list[Movement]:
    """Grant what the visit sells now; what an amendment no longer sells is taken back whole.

    Lots keep the id that the case's first document gave them, so that an amendment which
    leaves a package alone sells nothing twice.
    """
    before = await lots.sold_by(conn, source)
    for lot in sold:
        if lot.lot_id not in before:
            await lots.grant_unit_lot(conn, client_id, location_id, lot, source)
    kept = {lot.lot_id for lot in sold}
    return [
        Movement(lot_id=lot_id, quantity=quantity, cents=cents)
        for lot_id, (quantity, cents) in before.items()
        if lot_id not in kept
    ]


def movements(priced: PricedInvoice) -> list[Movement]:
    """What an invoice takes from the client's lots: units with their value, and credits."""
    draws = [
        Movement(lot_id=line.draw.lot_id, quantity=line.draw.quantity, cents=line.draw.value_cents)
        for line in priced.lines
        if line.draw is not None
    ]
    credits = [
        Movement(lot_id=tender.lot_id, quantity=None, cents=tender.cents)
        for tender in priced.tenders
        if tender.lot_id is not None
    ]
    return [*draws, *credits]


def _kind(latest: Document | None, change_cents: int) -> str:
    if latest is None:
        return "invoice"
    return "supplementary" if change_cents > 0 else "credit_note"


async def _answer(conn: Conn, status: str, case: CaseRef, document: Document) -> BuildOut:
    return BuildOut(
        status=status,
        client_id=document.client_id,
        document_id=document.document_id,
        due_cents=document.priced.due_cents,
        balance_cents=await ledger.balance_of_case(conn, case.case_id),
    )


async def _overpaid(conn: Conn, ask: BuildIn, document: Document, balance_cents: int) -> Mismatch:
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
    return Mismatch(review_id=asked.review_id, code=asked.code)
