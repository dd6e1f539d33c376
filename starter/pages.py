"""Server-rendered pages: templates, the stylesheet and the headers that every page carries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import phonenumbers
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from domain.money import dollars
from starter.pay_words import DEFAULT, LANGUAGES, long_date, words

_HERE = Path(__file__).parent
ASSETS = {"page.css": "text/css", "icon.svg": "image/svg+xml"}


def page_headers(form_target: str | None) -> Mapping[str, str]:
    """No script, no frame, no cache, no referrer.

    `form-action` also governs where a posted form may be redirected, so it names https and,
    where that place is on plain http, the one place where the page's form leads.
    """
    targets = "'self' https:" + (f" {form_target}" if form_target else "")
    return {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {targets}"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


class Pages:
    """Renders templates. `form_target` is the origin to which a posted form is redirected."""

    def __init__(self, form_target: str | None) -> None:
        self._headers = page_headers(form_target)
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["dollars"] = dollars
        self._templates.filters["phone"] = national
        self._templates.filters["long_date"] = long_date

    def routes(self) -> list[Route]:
        """The stylesheet and the icon."""
        return [Route(f"/assets/{name}", self.asset) for name in ASSETS]

    async def asset(self, request: Request) -> Response:
        """Carries no data, so it may be cached."""
        name = request.url.path.rpartition("/")[2]
        return FileResponse(
            _HERE / "assets" / name,
            media_type=ASSETS[name],
            headers={"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"},
        )

    def render(
        self, template: str, status: int = 200, language: str = DEFAULT, **values: Any
    ) -> HTMLResponse:
        """A page with its headers, in one of the languages of the pay page."""
        given = {"lang": language, "t": words(language), "languages": LANGUAGES, **values}
        text = self._templates.get_template(template).render(**given)
        headers = {**self._headers, "Content-Language": language}
        return HTMLResponse(text, status, headers)


def national(phone_e164: str) -> str:
    """`(512) 555-0100` for people; the number as it is when it cannot be read."""
    try:
        number = phonenumbers.parse(phone_e164)
    except phonenumbers.NumberParseException:
        return phone_e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
