"""The pay page: a link that lives as long as the debt and always shows today's balance.

It keeps no amount and no processor address: the balance is read from the books at every view,
and the way to pay from the processor at every click.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.model import Record
from starter.pages import Pages
from starter.pay_factor import statements, try_factor
from starter.pay_plan import is_plan, plan_shown
from starter.pay_standing import (
    PAYABLE_CENTS,
    NoChoice,
    Standing,
    choose,
    language_on_record,
    standing_of,
)
from starter.pay_till import Till, Verdict
from starter.pay_words import LANGUAGES, language_of
from starter.stamps import make_stamp, stamp_holds
from starter.throttle import Throttle, caller
from starter.wiring import Wiring
from store.checkouts import Checkout
from store.invoices import FactorLock

COOKIE = "tieout_details"
COOKIE_SECONDS = 600
LANGUAGE_COOKIE = "tieout_lang"
LANGUAGE_SECONDS = 180 * 24 * 3600
LOCK_SECONDS: Mapping[FactorLock, int] = {"minutes": 900, "day": 24 * 3600}
FORM_BYTES_MAX = 4096
VIEWS_A_MINUTE = 60
CLICKS_A_MINUTE = 12
CALLER_A_MINUTE = 120
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")

_PAGES = {
    Verdict.UNDER_WAY: ("processing.html", 200),
    Verdict.UPDATING: ("updating.html", 503),
    Verdict.UNAVAILABLE: ("unavailable.html", 503),
    Verdict.TOO_OFTEN: ("slow_down.html", 429),
}


class Visitor(Record):
    """One view: what the link stands for and the language that it is read in."""

    standing: Standing
    language: str
    is_chosen: bool = False


Handler = Callable[[Request, Visitor], Awaitable[Response]]


class PayPage:
    """GET shows, POST pays or asks for the second factor."""

    def __init__(self, wiring: Wiring, pages: Pages) -> None:
        self._wiring, self._pages, self._till = wiring, pages, Till(wiring)
        self._views = Throttle(VIEWS_A_MINUTE, 60)
        self._clicks = Throttle(CLICKS_A_MINUTE, 60)
        self._callers = Throttle(CALLER_A_MINUTE, 60)

    def routes(self) -> list[Route]:
        """Below /p."""
        at = "/p/{token}"
        return [
            Route(at, self._for(self.show)),
            Route(f"{at}/pay", self._for(self.again), methods=["GET"]),
            Route(f"{at}/pay", self._for(self.pay), methods=["POST"], max_body_size=FORM_BYTES_MAX),
            Route(f"{at}/done/{{checkout}}", self._for(self.done)),
            Route(f"{at}/back/{{checkout}}", self._for(self.gave_up)),
            Route(f"{at}/details", self._for(self.details), methods=["GET"]),
            Route(
                f"{at}/details",
                self._for(self.prove),
                methods=["POST"],
                max_body_size=FORM_BYTES_MAX,
            ),
        ]

    # -- what every request goes through

    def _for(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            token = request.path_params["token"]
            wait = self._wait_seconds(request, token)
            if wait:
                slow = self._pages.render("slow_down.html", 429, self._tongue(request, None))
                slow.headers["Retry-After"] = str(wait)
                return slow
            visitor = await self._visitor(request, token)
            if visitor is None:
                return self._pages.render("not_found.html", 404, self._tongue(request, None))
            answer = await handler(request, visitor)
            if visitor.is_chosen:
                self._keep_language(answer, visitor.language)
            return answer

        return endpoint

    def _wait_seconds(self, request: Request, token: str) -> int:
        settings = self._wiring.settings
        wait = self._callers.wait_seconds(caller(request, settings.caller_address_header))
        if not wait and request.method == "POST":
            wait = self._clicks.wait_seconds(token)
        return wait or self._views.wait_seconds(token)

    async def _visitor(self, request: Request, token: str) -> Visitor | None:
        if _TOKEN.fullmatch(token) is None:
            return None
        async with self._wiring.pool.acquire() as conn:
            standing = await standing_of(conn, token)
            if standing is None:
                return None
            on_record = await language_on_record(conn, self._wiring.vault, standing.link.client_id)
        return Visitor(
            standing=standing,
            language=self._tongue(request, on_record),
            is_chosen=request.query_params.get("lang") in LANGUAGES,
        )

    def _tongue(self, request: Request, on_record: str | None) -> str:
        return language_of(
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("accept-language", ""),
            on_record,
        )

    # -- the money

    async def show(self, _: Request, visitor: Visitor) -> Response:
        """The amount due today, and nothing about what it is for; nothing at all of a plan."""
        if is_plan(visitor.standing.link):
            return self._page("plan.html", visitor)
        verdict = await self._till.look(visitor.standing)
        if verdict is Verdict.UNDER_WAY:
            return await self._shown(visitor, verdict)
        # A processor that does not answer hides nothing: the books are shown as they are.
        is_news = verdict in (Verdict.CHANGED, Verdict.RETURNED)
        return self._due(await self._again(visitor) if is_news else visitor)

    async def again(self, _: Request, visitor: Visitor) -> Response:
        """A reload or the back button after a payment lands on the live page."""
        return _redirect(f"/p/{visitor.standing.link.token}")

    async def pay(self, request: Request, visitor: Visitor) -> Response:
        """Redirect to the processor's page as it is at this moment."""
        standing = visitor.standing
        form = await request.form()
        amount = str(form["amount"]) if "amount" in form else None
        if standing.total_cents <= 0:
            return self._page("nothing_due.html", visitor)
        if str(form.get("shown", standing.total_cents)) != str(standing.total_cents):
            return await self._shown(visitor, Verdict.CHANGED)
        try:
            choice = choose(standing, str(form.get("invoice", "")), amount)
        except NoChoice as refusal:
            return self._due(visitor, 422, wrong=refusal.word, typed=amount or "")
        link = f"{self._wiring.settings.public_base_url}/p/{standing.link.token}"
        answer = await self._till.send(standing, choice, visitor.language, link)
        if isinstance(answer, Verdict):
            return await self._shown(visitor, answer)
        return _redirect(answer)

    async def done(self, request: Request, visitor: Visitor) -> Response:
        """Back from a payment: thanks, when it is booked, and what is left."""
        found = await self._till.returned(visitor.standing, request.path_params["checkout"])
        if isinstance(found, Checkout):
            now = await self._again(visitor)
            return self._page("thanks.html", now, paid_cents=found.amount_cents)
        if found is Verdict.UNAVAILABLE:
            return self._page("processing.html", visitor)
        if found is None or found is Verdict.RETURNED:
            return _redirect(f"/p/{visitor.standing.link.token}")
        return await self._shown(visitor, found)

    async def gave_up(self, request: Request, visitor: Visitor) -> Response:
        """Back without paying: the page at the processor takes no money any more."""
        found = await self._till.give_up(visitor.standing, request.path_params["checkout"])
        if found is None:
            return self._due(visitor, notice="canceled")
        if found is Verdict.UNDER_WAY:
            return await self._shown(visitor, found)
        # Nothing is claimed of a charge: the link itself shows where things stand.
        return _redirect(f"/p/{visitor.standing.link.token}")

    async def _shown(self, visitor: Visitor, verdict: Verdict) -> Response:
        if verdict in (Verdict.CHANGED, Verdict.RETURNED):
            return self._due(await self._again(visitor), 409, notice=verdict.value)
        template, status = _PAGES[verdict]
        return self._page(template, visitor, status)

    async def _again(self, visitor: Visitor) -> Visitor:
        """The same link after the books have moved."""
        async with self._wiring.pool.acquire() as conn:
            standing = await standing_of(conn, visitor.standing.link.token)
        return visitor.model_copy(update={"standing": standing or visitor.standing})

    def _due(self, visitor: Visitor, status: int = 200, **values: object) -> Response:
        standing = visitor.standing
        if standing.total_cents <= 0:
            return self._page("nothing_due.html", visitor)
        notice = Verdict.RETURNED.value if standing.came_back else None
        said = {"notice": notice, "wrong": None, "typed": "", **values}
        return self._page("due.html", visitor, status, **said)

    # -- the statement

    async def details(self, request: Request, visitor: Visitor) -> Response:
        """The statement for a proven visitor, else the question."""
        token = visitor.standing.link.token
        if stamp_holds(self._wiring.vault, _purpose(token), request.cookies.get(COOKIE)):
            return await self._itemised(visitor)
        return self._page("factor.html", visitor, wrong=False, below="/details")

    async def prove(self, request: Request, visitor: Visitor) -> Response:
        """Check birth date or ZIP; five wrong answers close the question for a while."""
        form, link = await request.form(), visitor.standing.link
        given = (str(form.get("birth_date", "")), str(form.get("postal_code", "")))
        verdict = await try_factor(self._wiring, link, *given)
        if isinstance(verdict, str):
            locked = self._page("locked.html", visitor, 429, lock=verdict)
            locked.headers["Retry-After"] = str(LOCK_SECONDS[verdict])
            return locked
        if not verdict:
            return self._page("factor.html", visitor, 403, wrong=True, below="/details")
        answer = await self._itemised(visitor)
        answer.set_cookie(
            COOKIE,
            make_stamp(self._wiring.vault, _purpose(link.token), COOKIE_SECONDS),
            max_age=COOKIE_SECONDS,
            path=f"/p/{link.token}",
            httponly=True,
            samesite="lax",
            secure=self._is_https,
        )
        return answer

    async def _itemised(self, visitor: Visitor) -> Response:
        if is_plan(visitor.standing.link):
            plan = await plan_shown(self._wiring, visitor.standing, visitor.language)
            if plan is not None:
                return self._page("plan_details.html", visitor, plan=plan, below="/details")
        shown = await statements(self._wiring, visitor.standing, visitor.language)
        return self._page("details.html", visitor, statements=shown, below="/details")

    # -- rendering

    @property
    def _is_https(self) -> bool:
        return self._wiring.settings.public_base_url.startswith("https://")

    def _keep_language(self, answer: Response, language: str) -> None:
        answer.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=LANGUAGE_SECONDS,
            path="/p",
            httponly=True,
            samesite="lax",
            secure=self._is_https,
        )

    def _page(
        self, template: str, visitor: Visitor, status: int = 200, **values: object
    ) -> Response:
        standing = visitor.standing
        return self._pages.render(
            template,
            status,
            visitor.language,
            token=standing.link.token,
            practice=standing.location.practice_name,
            phone=standing.location.reply_phone,
            balance_cents=standing.total_cents,
            least_cents=standing.least_cents,
            items=standing.items,
            is_payable=standing.total_cents >= PAYABLE_CENTS,
            **{"below": "", **values},
        )


def _redirect(where: str) -> Response:
    return RedirectResponse(
        where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def _purpose(token: str) -> str:
    return f"details|{token}"
