"""The HTTP below the Stripe SDK: one attempt, the house's own transport."""

import asyncio
from collections.abc import Mapping

import httpx
import stripe

from connectors.http import PooledTransport

CONNECT_SECONDS = 5


class StripeHttp(stripe.HTTPClient):
    """What the SDK needs of an asynchronous client; its errors are the SDK's own."""

    name = "tieout"

    def __init__(self, timeout_seconds: int) -> None:
        super().__init__()
        self._transport = PooledTransport()
        self._limits = httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS).as_dict()

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Exchange once; APIConnectionError, which names no address, when no answer came."""
        request = httpx.Request(
            method.upper(),
            url,
            headers=dict(headers),
            content=post_data,
            extensions={"timeout": self._limits},
        )
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            text = f"no answer: {type(error).__name__}"
            raise stripe.APIConnectionError(text) from None  # type: ignore[no-untyped-call]
        return answer.content, answer.status_code, answer.headers

    async def sleep_async(self, secs: float) -> None:
        """The pause between the SDK's own retries, which are off."""
        await asyncio.sleep(secs)

    async def close_async(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()
