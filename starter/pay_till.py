"""Sends a payer to the processor, and books what comes back: the steps between two pages.

Whoever pays one invoice in full gets the processor's own page of that invoice. Any other amount
gets a payment page made for it. A client has one such page open at a time, so that the same debt
is not paid twice by two tabs.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import structlog

from activities.statements import came_back, is_under_way, settle_page
from connectors.ports import CheckoutOrder, ConnectorError, ProcessorCheckout, ProcessorInvoice
from starter.pay_standing import Choice, Standing
from starter.wiring import Wiring
from store import checkouts, clients, invoices, payments, processor
from store.checkouts import Checkout, Door
from store.db import transaction

PROCESSOR_TIMEOUT_SECONDS = 8
LOCK = timedelta(minutes=15)
PAGE_LIFE = timedelta(minutes=35)
"""Stripe wants 30 minutes at least from when it makes the page."""
HOSTED_PAGE_DAYS = 28
"""The processor's page of an invoice lives until 30 days after its due date at the soonest."""
OPENED_AN_HOUR_MAX = 20

log = structlog.get_logger("tieout.pay_page")


class Verdict(StrEnum):
    """Why a payer is not sent on."""

    CHANGED = "changed"
    RETURNED = "returned"
    UNDER_WAY = "under_way"
    UPDATING = "updating"
    UNAVAILABLE = "unavailable"
    TOO_OFTEN = "too_often"


class Till:
    """The processor and the books, as the pay page needs them."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def look(self, standing: Standing) -> Verdict | None:
        """Book what open payment pages brought: CHANGED, UNDER_WAY, RETURNED; None if nothing."""
        async with self._wiring.pool.acquire() as conn:
            rows = await checkouts.unsettled(conn, standing.link.client_id)
        if not rows:
            return None
        try:
            async with asyncio.timeout(PROCESSOR_TIMEOUT_SECONDS):
                pages = await self._read_pages(rows)
        except (ConnectorError, TimeoutError) as error:
            log.warning("processor_unavailable", error=type(error).__name__)
            return Verdict.UNAVAILABLE
        return await self._take(standing, pages)

    async def send(
        self, standing: Standing, choice: Choice, language: str, link: str
    ) -> str | Verdict:
        """Where the payer goes to pay `choice`; `link` is the public address of their pay link."""
        try:
            async with asyncio.timeout(PROCESSOR_TIMEOUT_SECONDS):
                return await self._send(standing, choice, language, link)
        except (ConnectorError, TimeoutError) as error:
            log.warning("processor_unavailable", error=type(error).__name__)
            return Verdict.UNAVAILABLE

    async def returned(self, standing: Standing, checkout_id: str) -> Checkout | Verdict | None:
        """A payer comes back from a page: what was paid there, or why we cannot tell yet.

        None when the page is not this client's, or nothing was paid on it.
        """
        row, verdict = await self._row(standing, checkout_id), None
        if row is not None and row.outcome is None:
            verdict = await self.look(standing)
            row = await self._row(standing, checkout_id)
        return row if row is not None and row.outcome == "paid" else verdict

    async def _row(self, standing: Standing, checkout_id: str) -> Checkout | None:
        async with self._wiring.pool.acquire() as conn:
            row = await checkouts.get(conn, checkout_id)
        return row if row is not None and row.client_id == standing.link.client_id else None

    async def give_up(self, standing: Standing, checkout_id: str) -> Verdict | None:
        """A payer comes back without paying: the lock ends, and the page takes no money.

        None when that is certain; UNAVAILABLE when nobody can tell, CHANGED when it was paid.
        """
        row = await self._row(standing, checkout_id)
        if row is None or row.outcome == "paid":
            return Verdict.CHANGED
        if row.outcome is not None:
            return None
        async with self._wiring.pool.acquire() as conn:
            await checkouts.finish(conn, checkout_id, None, standing.at)
        try:
            async with asyncio.timeout(PROCESSOR_TIMEOUT_SECONDS):
                return await self._take(standing, await self._expire([row]))
        except (ConnectorError, TimeoutError) as error:
            # The page stays known as open, so whatever it brings is still seen.
            log.warning("processor_unavailable", error=type(error).__name__)
            return Verdict.UNAVAILABLE

    # -- the way there

    async def _send(
        self, standing: Standing, choice: Choice, language: str, link: str
    ) -> str | Verdict:
        async with self._wiring.pool.acquire() as conn:
            rows = await checkouts.unsettled(conn, standing.link.client_id)
        pages, asked = await asyncio.gather(self._read_pages(rows), self._read_invoices(standing))
        verdict = await self._take(standing, pages) or await self._judge(standing, choice, asked)
        if verdict is not None:
            return verdict
        shared = _shared(choice, rows, pages, standing.at)
        if shared is not None:
            return shared
        hosted = _hosted(standing, choice, asked)
        door: Door = "session" if hosted is None else "invoice"
        row = await self._open(standing, choice, door)
        if isinstance(row, Verdict):
            return row
        if hosted is not None:
            return await self._close_older(standing, row) or hosted
        page = await self._make_page(row, language, link)
        verdict = await self._close_older(standing, row) or await self._overtaken(row)
        if verdict is not None or page.pay_url is None:
            await self._expire([row.model_copy(update={"processor_session_id": page.session_id})])
            async with self._wiring.pool.acquire() as conn:
                await checkouts.finish(conn, row.checkout_id, "expired", standing.at)
            return verdict or Verdict.UPDATING
        return page.pay_url

    async def _open(self, standing: Standing, choice: Choice, door: Door) -> Checkout | Verdict:
        """Keep the intent and the send lock before the payer is sent anywhere."""
        at, client_id = standing.at, standing.link.client_id
        row = Checkout(
            checkout_id=str(uuid4()),
            location_id=standing.link.location_id,
            client_id=client_id,
            case_id=choice.case_id,
            door=door,
            amount_cents=choice.amount_cents,
            currency=standing.location.currency,
            opened_at=at,
            lock_until=at + LOCK,
        )
        async with transaction(self._wiring.pool) as conn:
            # The client's row orders this before or after any booking of their money.
            await clients.lock_client(conn, client_id)
            now = await invoices.open_items(conn, row.location_id, client_id)
            if tuple(item.balance_cents for item in now) != tuple(
                item.balance_cents for item in standing.items
            ):
                return Verdict.CHANGED
            if await checkouts.opened_since(conn, client_id, 60) >= OPENED_AN_HOUR_MAX:
                return Verdict.TOO_OFTEN
            await checkouts.open_checkout(conn, row)
        return row

    async def _make_page(self, row: Checkout, language: str, link: str) -> ProcessorCheckout:
        port = self._wiring.processor
        async with self._wiring.pool.acquire() as conn:
            customer_id = await processor.get_customer(conn, row.client_id)
        try:
            if customer_id is None:
                customer_id = await port.ensure_customer(f"client:{row.client_id}", row.client_id)
            page = await port.open_checkout(
                CheckoutOrder(
                    checkout_id=row.checkout_id,
                    customer_id=customer_id,
                    amount_cents=row.amount_cents,
                    currency=row.currency,
                    done_url=f"{link}/done/{row.checkout_id}",
                    back_url=f"{link}/back/{row.checkout_id}",
                    expires_at=datetime.now(UTC).replace(microsecond=0) + PAGE_LIFE,
                    language=language,
                )
            )
        except (ConnectorError, TimeoutError, asyncio.CancelledError):
            # Nobody was shown a page, so nobody is paying.
            async with self._wiring.pool.acquire() as conn:
                await checkouts.finish(conn, row.checkout_id, None, row.opened_at)
            raise
        async with transaction(self._wiring.pool) as conn:
            await processor.put_customer(conn, row.client_id, customer_id)
            await checkouts.put_session(conn, row.checkout_id, page.session_id)
        return page

    async def _close_older(self, standing: Standing, row: Checkout) -> Verdict | None:
        """Only the newest page takes money; one that has just been paid changes everything."""
        async with self._wiring.pool.acquire() as conn:
            rows = await checkouts.unsettled(conn, row.client_id)
        names = [one.checkout_id for one in rows]
        older = rows[: names.index(row.checkout_id)] if row.checkout_id in names else rows
        return await self._take(standing, await self._expire(older))

    async def _overtaken(self, row: Checkout) -> Verdict | None:
        """A later click that was quicker could not close this page: it had no name yet."""
        async with self._wiring.pool.acquire() as conn:
            return Verdict.UPDATING if await checkouts.is_overtaken(conn, row.checkout_id) else None

    # -- what the processor knows

    async def _read_pages(self, rows: Sequence[Checkout]) -> list[ProcessorCheckout]:
        reads = [self._wiring.processor.read_checkout(_name(row)) for row in rows]
        return list(await asyncio.gather(*reads))

    async def _expire(self, rows: Sequence[Checkout]) -> list[ProcessorCheckout]:
        named = [_name(row) for row in rows if row.processor_session_id]
        closing = map(self._wiring.processor.expire_checkout, named)
        return list(await asyncio.gather(*closing))

    async def _read_invoices(self, standing: Standing) -> dict[str, list[ProcessorInvoice]]:
        """Case id -> its invoices at the processor."""
        found: dict[str, list[ProcessorInvoice]] = {}
        async with self._wiring.pool.acquire() as conn:
            names = {
                item.case_id: await processor.invoices_of_case(conn, item.case_id)
                for item in standing.items
            }
        for case_id, named in names.items():
            reads = map(self._wiring.processor.read_invoice, named)
            found[case_id] = list(await asyncio.gather(*reads))
        return found

    async def _take(self, standing: Standing, pages: Sequence[ProcessorCheckout]) -> Verdict | None:
        """Book what pages brought, end those that are over."""
        if not pages:
            return None
        source, zone = self._wiring.processor.name, standing.location.zone
        async with transaction(self._wiring.pool) as conn:
            await clients.lock_client(conn, standing.link.client_id)
            booked = [await settle_page(conn, source, page, zone, standing.at) for page in pages]
        if any(map(is_under_way, pages)):
            return Verdict.UNDER_WAY
        if any(booked):
            return Verdict.CHANGED
        return Verdict.RETURNED if any(map(came_back, pages)) else None

    async def _judge(
        self, standing: Standing, choice: Choice, asked: Mapping[str, Sequence[ProcessorInvoice]]
    ) -> Verdict | None:
        """Whether the processor knows of money that the books lack, or asks for too little."""
        if any(invoice.in_flight for found in asked.values() for invoice in found):
            return Verdict.UNDER_WAY
        verdict = None
        for item in standing.items:
            found = asked[item.case_id]
            asked_cents = sum(one.remaining_cents for one in found if one.state == "open")
            if asked_cents >= item.balance_cents:
                continue
            async with self._wiring.pool.acquire() as conn:
                booked_cents = await payments.allocated_to(conn, item.case_id)
            if sum(one.paid_cents for one in found) > booked_cents:
                return Verdict.UNDER_WAY
            if choice.case_id in (None, item.case_id):
                verdict = Verdict.UPDATING
        return verdict


def _name(row: Checkout) -> str:
    return row.processor_session_id or ""


def _shared(
    choice: Choice, rows: Sequence[Checkout], pages: Sequence[ProcessorCheckout], at: datetime
) -> str | None:
    """The page that another tab has just opened for the same: both pay there, one of them can."""
    for row, page in zip(rows, pages, strict=True):
        is_same = (row.amount_cents, row.case_id) == (choice.amount_cents, choice.case_id)
        if is_same and page.state == "open" and at < row.lock_until:
            return page.pay_url
    return None


def _hosted(
    standing: Standing, choice: Choice, asked: Mapping[str, Sequence[ProcessorInvoice]]
) -> str | None:
    """The processor's own page, where it asks for exactly what the payer wants to pay."""
    items = [item for item in standing.items if choice.case_id in (None, item.case_id)]
    if len(items) != 1 or items[0].age > HOSTED_PAGE_DAYS:
        return None
    payable = [one for one in asked[items[0].case_id] if one.state == "open"]
    payable = [one for one in payable if one.remaining_cents > 0]
    if len(payable) != 1 or payable[0].remaining_cents != choice.amount_cents:
        return None
    return payable[0].pay_url
