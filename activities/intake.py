"""Translates one inbox row into a start or a signal, so that no verified event is lost.

Dispatch is safe to repeat: ids come from business keys, and every signal is idempotent or a
hint. A failure of ours or of a vendor leaves the row undispatched for the redrive; only a body
that nobody can read is marked failed, for a person.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from activities.desk_money import DeskMoney
from activities.intake_mail import MailIntake
from activities.intake_payments import LATER_SECONDS, PaymentIntake
from activities.intake_payouts import EVENTS as PAYOUT_EVENTS
from activities.intake_payouts import PayoutIntake
from activities.intake_reversals import EVENTS as REVERSAL_EVENTS
from activities.intake_reversals import ReversalIntake
from activities.intake_texts import TextIntake
from activities.lender_intake import LenderIntake
from activities.translation import Ignored, Undecodable, json_object, text_at, visit_input
from connectors.ports import (
    BadRequest,
    CaseEngine,
    ConnectorError,
    MailReportPort,
    PayoutPort,
    PmsOrganisation,
    PmsPort,
    ProcessorPort,
    ReversalPort,
    TextPort,
    VendorEvent,
)
from domain import ids
from domain.case import ChartAmended
from domain.model import canonical_json
from store import inbox, invoices, locations, text_reports
from store.db import Pool, transaction
from store.inbox import InboxEvent
from store.vault import Vault

REDRIVE_LIMIT = 200
TEXTS_LIMIT, TEXTS_AT_ONCE = 500, 8
MAIL = "mail"
ORDER_COMPLETED = "order.completed"
APPOINTMENT_COMPLETED = "appointment.completed"

log = structlog.get_logger("tieout.intake")


class Intake:
    """Everything that may open a case or tell it something, per inbox row.

    `pms` maps a location id to its practice management system.
    """

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        pms: Mapping[str, PmsPort],
        processor: ProcessorPort,
        text: TextPort,
        engine: CaseEngine,
        more_texts: Sequence[TextPort] = (),
        mail: MailReportPort | None = None,
        payouts: PayoutPort | None = None,
        reversals: ReversalPort | None = None,
        lenders: LenderIntake | None = None,
        organisations: Sequence[PmsOrganisation] = (),
    ) -> None:
        """`text` and `more_texts` are the text providers whose webhooks come here; `mail` reads
        the relay's reports, `payouts` what the processor sent to the bank, `reversals` what it
        gave back; `organisations` are the PMSs whose events name the location themselves."""
        self._mail = None if mail is None else MailIntake(pool, vault, mail, engine)
        self._lenders = lenders
        self._organisations = {port.name: port for port in organisations}
        self._pool = pool
        self._vault = vault
        self._pms = pms
        self._processor = processor
        self._engine = engine
        self._payments = PaymentIntake(pool, processor, engine)
        self._payouts = None if payouts is None else PayoutIntake(pool, payouts, engine)
        self._reversals = None if reversals is None else ReversalIntake(pool, reversals, engine)
        self._texts = {
            port.name: TextIntake(pool, vault, port, engine) for port in (text, *more_texts)
        }

    async def dispatch(self, inbox_id: str) -> str:
        """Translate one row; returns the workflow id it went to, or `ignored: reason`."""
        async with self._pool.acquire() as conn:
            event = await inbox.read(conn, self._vault, inbox_id)
        return await self.dispatch_event(event)

    async def dispatch_event(self, event: InboxEvent) -> str:
        """The same for a row whose content is at hand, because it was stored just now."""
        inbox_id = event.inbox_id
        try:
            workflow_id = await self._translate(event)
        except Ignored as ignored:
            async with self._pool.acquire() as conn:
                await inbox.mark_ignored(conn, inbox_id, ignored.reason)
            return f"ignored: {ignored.reason}"
        except Undecodable as problem:
            async with self._pool.acquire() as conn:
                await inbox.mark_failed(conn, inbox_id, str(problem))
            return f"failed: {problem}"
        except Exception as error:
            async with self._pool.acquire() as conn:
                sentence = f"Dispatch failed ({type(error).__name__}); it is tried again."
                await inbox.mark_failed(conn, inbox_id, sentence)
            raise
        async with self._pool.acquire() as conn:
            await inbox.mark_dispatched(conn, inbox_id, workflow_id)
        return workflow_id

    def wait_seconds(self, event: VendorEvent) -> int:
        """How long a fresh event should wait before `dispatch`; the redrive waits for nothing."""
        if event.source != self._processor.name:
            return 0
        return LATER_SECONDS.get(event.event_type, 0)

    async def redrive(self, older_than_seconds: int) -> dict[str, int]:
        """Dispatch what was received and never marked; counts by outcome."""
        async with transaction(self._pool) as conn:
            waiting = await inbox.undispatched(conn, older_than_seconds, REDRIVE_LIMIT)
        return await self._dispatch_each(waiting)

    async def catch_up(self, since: datetime) -> dict[str, int]:
        """Fetch the processor's events since then; webhooks that came anyway change nothing."""
        new: list[str] = []
        for event in await self._processor.events_since(since):
            async with transaction(self._pool) as conn:
                inbox_id, is_new = await inbox.receive(
                    conn,
                    self._vault,
                    event.source,
                    None,
                    event.event_id,
                    event.event_type,
                    event.occurred_at,
                    {},
                    canonical_json(event.body).encode(),
                )
            if is_new:
                new.append(inbox_id)
        return await self._dispatch_each(new)

    async def sweep_missed(
        self, location_id: str, since: datetime, until: datetime
    ) -> dict[str, int]:
        """Open a case for every visit closed in [since, until) that has none."""
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, location_id)
        pms = self._pms[location_id]
        closed = await pms.visits_closed(location.pms_location_ref, since, until)
        started = 0
        for visit_id in closed:
            case_id = ids.visit_workflow_id(location_id, pms.name, visit_id)
            async with self._pool.acquire() as conn:
                known = (
                    await invoices.latest_draft(conn, case_id) is not None
                    or await invoices.latest_document(conn, case_id) is not None
                )
            if not known:
                await self._open_visit(location_id, visit_id, f"sweep:{visit_id}")
                started += 1
        return {"closed": len(closed), "started": started}

    async def find_desk_money(self, since: datetime, at: datetime) -> dict[str, int]:
        """Tell cases of money that the PMS shows and the books lack; counts by outcome."""
        desk = DeskMoney(self._pool, self._pms, self._engine, self._open_visit)
        return await desk.find(since, at)

    async def find_text_reports(self, since: datetime, until: datetime) -> dict[str, int]:
        """Ask what became of texts whose report never came; counts by outcome."""
        async with self._pool.acquire() as conn:
            waiting = await text_reports.unreported(conn, since, until, TEXTS_LIMIT)
        counts: Counter[str] = Counter(found=len(waiting), told=0, ended=0, open=0, away=0)
        slots = asyncio.Semaphore(TEXTS_AT_ONCE)

        async def ask(provider: str, provider_id: str) -> None:
            async with slots:
                counts[await self._text_report(provider, provider_id, until)] += 1

        await asyncio.gather(*(ask(*one) for one in waiting))
        return dict(counts)

    async def _text_report(self, provider: str, provider_id: str, at: datetime) -> str:
        texts = self._texts.get(provider)
        if texts is None:
            return "open"
        try:
            return await texts.look_up(provider_id, at)
        except ConnectorError as error:  # the next pass asks again
            log.warning("text_report_failed", provider=provider, error=type(error).__name__)
            return "away"

    async def find_payouts(self, since: datetime) -> dict[str, int]:
        """Tell the cases of payouts that moved on without a webhook; counts by outcome."""
        return {} if self._payouts is None else await self._payouts.find(since)

    async def _translate(self, event: InboxEvent) -> str:
        if event.source == self._processor.name:
            if self._payouts is not None and event.event_type.startswith(PAYOUT_EVENTS):
                return await self._payouts.translate(event)
            if self._reversals is not None and event.event_type.startswith(REVERSAL_EVENTS):
                return await self._reversals.translate(event)
            return await self._payments.translate(event)
        if event.source in self._texts:
            return await self._texts[event.source].translate(event)
        if self._mail is not None and event.source == MAIL:
            return await self._mail.translate(event)
        if self._lenders is not None and event.source in self._lenders.sources:
            return await self._lenders.translate(event)
        if event.source in self._organisations:
            return await self._visit_of(event, self._organisations[event.source])
        if event.location_id is None:
            raise Undecodable("The event names no location.")
        return await self._visit(event, event.location_id)

    async def _visit(self, event: InboxEvent, location_id: str) -> str:
        """Order and appointment events of the practice management system."""
        if event.event_type == ORDER_COMPLETED:
            visit_id = _bare(text_at(json_object(event.body), "data", "node", "id"))
        elif event.event_type == APPOINTMENT_COMPLETED:
            ref = text_at(json_object(event.body), "data", "node", "id")
            order_ref = await self._pms[location_id].visit_of_appointment(ref)
            if order_ref is None:
                raise Ignored("no order yet")
            visit_id = _bare(order_ref)
        else:
            raise Ignored(f"{event.event_type} opens no visit")
        return await self._open_visit(location_id, visit_id, event.event_id or event.inbox_id)

    async def _visit_of(self, event: InboxEvent, system: PmsOrganisation) -> str:
        """An event of a whole organisation: it says itself which location it is about."""
        try:
            hint = system.hint(event.event_type, json_object(event.body))
        except BadRequest as problem:
            raise Undecodable(str(problem)) from None
        if hint is None:
            raise Ignored(f"{event.event_type} opens no visit")
        async with self._pool.acquire() as conn:
            found = await locations.location_by_pms_ref(conn, system.name, hint.location_ref)
        if found is None:
            raise Ignored("the event is of a location that is not ours")
        visit_id = _bare(hint.visit_id)
        return await self._open_visit(found.location_id, visit_id, event.event_id or event.inbox_id)

    async def _open_visit(self, location_id: str, visit_id: str, event_id: str) -> str:
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, location_id)
        pms = self._pms[location_id].name
        case_id = ids.visit_workflow_id(location_id, pms, visit_id)
        await self._engine.start_or_signal(
            "TreatmentVisit",
            case_id,
            visit_input(location, pms, visit_id, event_id),
            "chart_amended",
            ChartAmended(event_id=event_id),
            location_id,
        )
        return case_id

    async def _dispatch_each(self, inbox_ids: list[str]) -> dict[str, int]:
        counts: Counter[str] = Counter(found=len(inbox_ids), dispatched=0, ignored=0, failed=0)
        for inbox_id in inbox_ids:
            try:
                outcome = await self.dispatch(inbox_id)
            except Exception as error:  # one bad row must not stop the others
                log.warning("dispatch_failed", inbox_id=inbox_id, error=type(error).__name__)
                outcome = "failed:"
            word = outcome.partition(":")[0]
            counts[word if word in ("ignored", "failed") else "dispatched"] += 1
        return dict(counts)


def _bare(urn: str) -> str:
    """The UUID at the end of a reference; anything else would make a workflow id of free text."""
    try:
        return str(UUID(urn.rpartition(":")[2]))
    except ValueError:
        raise Undecodable("The event's order is not named by a UUID.") from None
