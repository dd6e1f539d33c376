"""The pay page: a link that lives as long as the debt and always shows today's balance.

It keeps no amount and no processor address: the balance is read from the books at every view,
and the way to pay from the processor at every click.
"""

import asyncio
import re

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.ports import ConnectorError, ProcessorInvoice
from domain.model import Record
from starter.pages import Pages
from starter.pay_details import factor_matches, statement
from starter.stamps import make_stamp, stamp_holds
from starter.wiring import Wiring
from store import catalogs, clients, invoices, ledger, locations, processor
from store.db import transaction
from store.invoices import PayLink
from store.locations import Location

PROCESSOR_TIMEOUT_SECONDS = 8
COOKIE = "tieout_details"
COOKIE_SECONDS = 600
LOCK_SECONDS = 900
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")

log = structlog.get_logger("tieout.pay_page")


class Standing(Record):
    """What a link shows before anything is asked of the processor."""

    link: PayLink
    location: Location
    balance_cents: int
    processor_ids: tuple[str, ...]


class PayPage:
    """GET shows, POST pays or asks for the second factor."""

    def __init__(self, wiring: Wiring, pages: Pages) -> None:
        self._wiring = wiring
        self._pages = pages

    def routes(self) -> list[Route]:
        """Below /p."""
        return [
            Route("/p/{token}", self.show),
            Route("/p/{token}/pay", self.back, methods=["GET"]),
            Route("/p/{token}/pay", self.pay, methods=["POST"], max_body_size=4096),
            Route("/p/{token}/details", self.details, methods=["GET"]),
            Route("/p/{token}/details", self.prove, methods=["POST"], max_body_size=4096),
        ]

    async def show(self, request: Request) -> Response:
        """The amount due today, and nothing about what it is for."""
        standing = await self._standing(request)
        if standing is None:
            return self._not_found()
        if standing.balance_cents <= 0:
            return self._page("nothing_due.html", standing)
        return self._page("due.html", standing)

    async def back(self, request: Request) -> Response:
        """A reload or the back button after a payment lands on the live page."""
        return RedirectResponse(f"/p/{request.path_params['token']}", 303)

    async def pay(self, request: Request) -> Response:
        """Redirect to the processor's page as it is at this moment."""
        standing = await self._standing(request)
        if standing is None:
            return self._not_found()
        if standing.balance_cents <= 0:
            return self._page("nothing_due.html", standing)
        try:
            async with asyncio.timeout(PROCESSOR_TIMEOUT_SECONDS):
                asked = [
                    await self._wiring.processor.read_invoice(processor_id)
                    for processor_id in standing.processor_ids
                ]
        except (ConnectorError, TimeoutError) as error:
            log.warning("processor_unavailable", error=type(error).__name__)
            return self._page("unavailable.html", standing, status=503)
        return self._answer(standing, asked)

    async def details(self, request: Request) -> Response:
        """The statement for a proven visitor, else the question."""
        standing = await self._standing(request)
        if standing is None:
            return self._not_found()
        token = standing.link.token
        if stamp_holds(self._wiring.vault, _purpose(token), request.cookies.get(COOKIE)):
            return await self._itemised(standing)
        return self._page("factor.html", standing, wrong=False)

    async def prove(self, request: Request) -> Response:
        """Check birth date or ZIP; five wrong answers close the question for a while."""
        standing = await self._standing(request)
        if standing is None:
            return self._not_found()
        form = await request.form()
        given = (str(form.get("birth_date", "")), str(form.get("postal_code", "")))
        verdict = await self._try_factor(standing.link, *given)
        if verdict is None:
            locked = self._page("locked.html", standing, status=429)
            locked.headers["Retry-After"] = str(LOCK_SECONDS)
            return locked
        if not verdict:
            return self._page("factor.html", standing, status=403, wrong=True)
        answer = await self._itemised(standing)
        answer.set_cookie(
            COOKIE,
            make_stamp(self._wiring.vault, _purpose(standing.link.token), COOKIE_SECONDS),
            max_age=COOKIE_SECONDS,
            path=f"/p/{standing.link.token}",
            httponly=True,
            samesite="lax",
            secure=self._wiring.settings.public_base_url.startswith("https://"),
        )
        return answer

    def _answer(self, standing: Standing, asked: list[ProcessorInvoice]) -> Response:
        payable = [invoice for invoice in asked if invoice.state == "open" and invoice.pay_url]
        payable = [invoice for invoice in payable if invoice.remaining_cents > 0]
        if any(invoice.in_flight for invoice in asked):
            return self._page("processing.html", standing)
        # The processor has the money before our books do: never ask for it twice.
        if not payable and any(invoice.state == "paid" for invoice in asked):
            return self._page("processing.html", standing)
        # It still asks for more than is owed (a desk payment or credit not yet passed on).
        asked_cents = sum(invoice.remaining_cents for invoice in payable)
        if not payable or asked_cents > standing.balance_cents:
            return self._page("updating.html", standing, status=503)
        return RedirectResponse(
            str(payable[0].pay_url),
            303,
            {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )

    async def _standing(self, request: Request) -> Standing | None:
        if _TOKEN.fullmatch(request.path_params["token"]) is None:
            return None
        async with self._wiring.pool.acquire() as conn:
            link = await invoices.link_by_token(conn, request.path_params["token"])
            if link is None:
                return None
            asked = await processor.invoices_of_case(conn, link.case_id)
            return Standing(
                link=link,
                location=await locations.get_location(conn, link.location_id),
                balance_cents=await ledger.balance_of_case(conn, link.case_id),
                processor_ids=tuple(asked.values()),
            )

    async def _try_factor(self, link: PayLink, birth_date: str, postal_code: str) -> bool | None:
        """Whether the factor is right; None while the link is locked."""
        async with transaction(self._wiring.pool) as conn:
            # The client's row makes guesses queue, so that a burst cannot outrun the count.
            await clients.lock_client(conn, link.client_id)
            if await invoices.factor_locked(conn, link.token):
                return None
            try:
                contact = await clients.contact_of(conn, self._wiring.vault, link.client_id)
                matches = factor_matches(contact, birth_date, postal_code)
            except LookupError:
                matches = False
            await invoices.note_factor_attempt(conn, link.token, matches)
            return matches

    async def _itemised(self, standing: Standing) -> Response:
        link = standing.link
        async with self._wiring.pool.acquire() as conn:
            document = await invoices.latest_document(conn, link.case_id)
            if document is None:
                return self._page("details.html", standing, statement=None)
            catalog = await catalogs.get_catalog(conn, link.location_id, document.catalog_version)
        shown = statement(document, catalog, standing.balance_cents)
        return self._page("details.html", standing, statement=shown)

    def _page(
        self, template: str, standing: Standing, status: int = 200, **values: object
    ) -> Response:
        return self._pages.render(
            template,
            status,
            token=standing.link.token,
            practice=standing.location.practice_name,
            phone=standing.location.reply_phone,
            balance_cents=standing.balance_cents,
            **values,
        )

    def _not_found(self) -> Response:
        return self._pages.render("not_found.html", 404)


def _purpose(token: str) -> str:
    return f"details|{token}"
