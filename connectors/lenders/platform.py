"""What Cherry, PatientFi and Alphaeon have in common; each one's own file says what differs.

Three lists, each with `updated_since`, a cursor and a total; single reads by id; webhooks in one
envelope. An empty list whose total is not zero is a failed call and not an answer (A.6).
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.lenders.access import LenderAccess, lender_api
from connectors.lenders.webhooks import check_hmac, check_secret, event_of
from connectors.ports import (
    BadRequest,
    LenderPage,
    Misconfigured,
    ProviderUnavailable,
    Refused,
    VendorEvent,
)
from domain.lender_contracts import LenderContract
from domain.lender_news import Context, News, Thing, read

PAGE_SIZE = 100


@dataclass(frozen=True)
class Dialect:
    """What differs between these lenders, as far as we take it to."""

    contract: LenderContract
    paths: Mapping[Thing, str]
    sign_in: Callable[[str], Mapping[str, str]]
    """API key -> headers."""
    signature_header: str
    is_signed: bool
    """True: HMAC over the bytes. False: the header holds the shared secret."""
    prefixes: Mapping[str, Thing]
    """First part of an event's type -> what its `data` is."""


def bearer(api_key: str) -> dict[str, str]:
    """`Authorization: Bearer <key>`."""
    return {"Authorization": f"Bearer {api_key}"}


def basic(api_key: str) -> dict[str, str]:
    """`Authorization: Basic <key and an empty password>`."""
    return {"Authorization": "Basic " + base64.b64encode(f"{api_key}:".encode()).decode()}


class PlatformLender:
    """`LenderPort`, `LenderWebhooks` and `LenderReads` over one dialect."""

    def __init__(self, dialect: Dialect, access: LenderAccess) -> None:
        self._dialect, self._access = dialect, access
        name = dialect.contract.lender.value
        self._http = lender_api(name, access, dialect.sign_in(access.api_key))

    @property
    def contract(self) -> LenderContract:
        """What it is taken to do."""
        return self._dialect.contract

    @property
    def locations(self) -> Sequence[str]:
        """The locations that have an account."""
        return sorted(self._access.accounts)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    def verify(
        self, raw: bytes, headers: Mapping[str, str], location_id: str, now: datetime
    ) -> VendorEvent:
        """A webhook of this location's account, proven as its lender proves it."""
        header, secret = self._dialect.signature_header, self._access.webhook_secret
        if self._dialect.is_signed:
            check_hmac(raw, headers, header, secret, now)
        else:
            check_secret(headers, header, secret)
        account = self._access.accounts.get(location_id, "")
        return event_of(self.contract.lender.value, raw, account, now)

    def hear(self, body: bytes, context: Context) -> News:
        """What a webhook says of an application, a contract or a funding."""
        event = json.loads(body)
        kind = str(event.get("type", "")).partition(".")[0]
        thing, data = self._dialect.prefixes.get(kind), event.get("data")
        if thing is None:
            return News()
        return read(thing, data if isinstance(data, dict) else {}, context)

    async def read_page(
        self, thing: Thing, since: datetime, following: str | None, context: Context
    ) -> LenderPage:
        """One page of what changed since."""
        stamp = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        params = {"updated_since": stamp, "limit": str(PAGE_SIZE)}
        if following is not None:
            params["cursor"] = following
        body = await self._get(self._dialect.paths[thing], params, context)
        if isinstance(body, Refused):
            raise BadRequest(f"{self.contract.name} has no list of {thing}s")
        return self._page(thing, body, context)

    def _page(self, thing: Thing, body: Mapping[str, Any], context: Context) -> LenderPage:
        items, total, following = body.get("items"), body.get("total"), body.get("next_cursor")
        if not isinstance(items, list):
            raise ProviderUnavailable(f"{self.contract.name} answered a list without items")
        if not items and total:
            raise ProviderUnavailable(f"{self.contract.name} says {total} and lists none")
        news = News()
        for item in items:
            news += read(thing, item if isinstance(item, dict) else {}, context)
        return LenderPage(news=news, following=following if isinstance(following, str) else None)

    async def read_one(self, thing: Thing, thing_id: str, context: Context) -> News | Refused:
        """One thing as it is now."""
        body = await self._get(f"{self._dialect.paths[thing]}/{thing_id}", {}, context)
        return body if isinstance(body, Refused) else read(thing, body, context)

    async def _get(
        self, path: str, params: Mapping[str, str], context: Context
    ) -> Mapping[str, Any] | Refused:
        account = self._access.accounts.get(context.location_id)
        if account is None:
            raise Misconfigured(f"{self.contract.name} has no account for this location")
        return await self._http.get_json(path, params, {"X-Merchant": account})
