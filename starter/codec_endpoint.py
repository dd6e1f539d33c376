"""The codec server: lets a signed-in person read sealed payloads in the Temporal UI.

POST /codec/encode and /codec/decode speak the Temporal CLI's and UI's JSON. A caller shows the
codec token as a bearer, or a cookie that the sign-in page set; the browser is let in from the
UI's origin only.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from connectors.engine.codec import CodecError
from starter.pages import Pages
from starter.settings import Settings
from starter.stamps import make_stamp, stamp_holds
from store.vault import Vault

BODY_BYTES_MAX = 8_000_000
COOKIE = "tieout_codec"
COOKIE_SECONDS = 8 * 3600
PURPOSE = "codec"

Convert = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


class CodecEndpoint:
    """Encode and decode for one namespace."""

    def __init__(self, settings: Settings, vault: Vault, codec: PayloadCodec, pages: Pages) -> None:
        self._settings = settings
        self._vault = vault
        self._codec = codec
        self._pages = pages

    def routes(self) -> list[Route]:
        """Below /codec."""
        methods = ["POST", "OPTIONS"]
        return [
            Route("/codec/encode", self.encode, methods=methods, max_body_size=BODY_BYTES_MAX),
            Route("/codec/decode", self.decode, methods=methods, max_body_size=BODY_BYTES_MAX),
            Route("/codec/login", self.login, methods=["GET", "POST"], max_body_size=4096),
        ]

    async def encode(self, request: Request) -> Response:
        """Seal what a person types into the UI before it reaches the server."""
        return await self._convert(request, self._codec.encode)

    async def decode(self, request: Request) -> Response:
        """Open what the server stores."""
        return await self._convert(request, self._codec.decode)

    async def login(self, request: Request) -> Response:
        """Sign a browser in; the form posts the token, so that no URL or log carries it."""
        if request.method == "GET":
            return self._login_page(wrong=False)
        token = str((await request.form()).get("token", ""))
        if not self._is_token(token.strip()):
            return self._login_page(wrong=True)
        answer = RedirectResponse(self._settings.temporal_ui_url, 303)
        answer.set_cookie(
            COOKIE,
            make_stamp(self._vault, PURPOSE, COOKIE_SECONDS),
            max_age=COOKIE_SECONDS,
            path="/codec",
            httponly=True,
            samesite="lax",
            secure=self._settings.public_base_url.startswith("https://"),
        )
        return answer

    def _login_page(self, wrong: bool) -> Response:
        endpoint = f"{self._settings.public_base_url}/codec"
        status = 401 if wrong else 200
        return self._pages.render("codec_login.html", status, wrong=wrong, endpoint=endpoint)

    async def _convert(self, request: Request, convert: Convert) -> Response:
        if request.method == "OPTIONS":
            return self._answer(request, Response(status_code=204))
        if not self._is_allowed(request):
            return self._answer(request, PlainTextResponse("Show the codec token.", 401))
        namespace = request.headers.get("x-namespace")
        if namespace != self._settings.temporal_namespace:
            return self._answer(request, PlainTextResponse("Not this namespace.", 403))
        # A form or text body would reach us across sites without a preflight.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return self._answer(request, PlainTextResponse("Send application/json.", 415))
        try:
            payloads = json_format.Parse(await request.body(), Payloads())
            converted = Payloads(payloads=await convert(payloads.payloads))
        except (json_format.ParseError, UnicodeDecodeError):
            return self._answer(request, PlainTextResponse("The body is not payloads.", 400))
        except CodecError as error:
            return self._answer(request, PlainTextResponse(str(error), 422))
        text = json_format.MessageToJson(converted, indent=None)
        return self._answer(request, Response(text, media_type="application/json"))

    def _is_allowed(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(token.strip()):
            return True
        return stamp_holds(self._vault, PURPOSE, request.cookies.get(COOKIE))

    def _is_token(self, token: str) -> bool:
        wanted = self._settings.codec_token.get_secret_value()
        return hmac.compare_digest(token.encode(), wanted.encode())

    def _answer(self, request: Request, response: Response) -> Response:
        """Add the CORS headers, for the UI's origin alone."""
        response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        if request.headers.get("origin") == self._settings.temporal_ui_url.rstrip("/"):
            response.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = (
                "authorization, content-type, x-namespace"
            )
            response.headers["Access-Control-Max-Age"] = "600"
        return response
