"""`/u/{token}`: ends e-mails with one click (RFC 8058), or with a button for those who look first.

GET changes nothing, because mail scanners follow every link. POST ends e-mail at once, for
everybody who shares the address, without a cookie, a login or a second question.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain import consent
from domain.case import Channel
from domain.unsubscribe import PATH, client_of
from starter.pages import Pages
from starter.wiring import Wiring
from store import clients, consents
from store.db import Conn, transaction

HOW = "unsubscribe"


class Unsubscribe:
    """The page behind the `List-Unsubscribe` header and the footer of every e-mail."""

    def __init__(self, wiring: Wiring, pages: Pages) -> None:
        self._wiring = wiring
        self._pages = pages

    def routes(self) -> list[Route]:
        """Below /u."""
        path = PATH + "/{token}"
        return [
            Route(path, self.show, methods=["GET"]),
            Route(path, self.end, methods=["POST"], max_body_size=4096),
        ]

    async def show(self, request: Request) -> Response:
        """A button, and nothing about anybody."""
        if self._client(request) is None:
            return self._pages.render("not_found.html", 404)
        return self._pages.render("unsubscribe.html")

    async def end(self, request: Request) -> Response:
        """No more e-mail, from now on; a repeat changes nothing."""
        client_id = self._client(request)
        if client_id is None:
            return self._pages.render("not_found.html", 404)
        async with transaction(self._wiring.pool) as conn:
            for each in await clients.clients_sharing(conn, client_id, Channel.EMAIL):
                if await _is_out(conn, each):
                    continue
                await consents.opt_out(
                    conn,
                    each,
                    Channel.EMAIL,
                    consent.UNSUBSCRIBE_SCOPE,
                    HOW,
                    "one-click",
                    given_at=datetime.now(UTC),
                )
        return self._pages.render("unsubscribed.html")

    def _client(self, request: Request) -> str | None:
        return client_of(request.path_params["token"], self._wiring.vault.digest)


async def _is_out(conn: Conn, client_id: str) -> bool:
    """Whether every class has ended by a word of the client already."""
    answers = [
        (await consents.permission(conn, client_id, Channel.EMAIL, each)).reason
        for each in consent.CLASSES
    ]
    return answers == ["opted_out"] * len(answers)
