"""One call to Stripe, made once: the house's errors, and keys that outlive a saved failure."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import stripe

from connectors.payments.stripe_shapes import KeyReused, SavedFailure, translate
from connectors.ports import OutcomeUnknown

T = TypeVar("T")

KEY_LIFE_SECONDS = 23 * 3600
"""Stripe may forget a key at 24 h; one hour is left for clocks that differ."""

KEY_VERSIONS = 3


async def answer(call: Awaitable[T]) -> T:
    """Await an SDK call; its error becomes the house's."""
    try:
        return await call
    except stripe.StripeError as error:
        # The SDK's text holds Stripe's message and body, so it must not become a cause.
        raise translate(error) from None


async def once(
    key: str,
    call: Callable[[str], Awaitable[T]],
    find: Callable[[], Awaitable[T | None]],
) -> T:
    """Call with `key`; where the key is burnt, look up, and only then call with a new one."""
    for version in range(1, KEY_VERSIONS + 1):
        try:
            return await answer(call(key if version == 1 else f"{key}:v{version}"))
        except (SavedFailure, KeyReused) as error:
            found = await answer(find())
            if found is not None:
                return found
            if isinstance(error, KeyReused):
                raise
    raise OutcomeUnknown("stripe keeps failing under every key; nothing was found")


@dataclass(frozen=True)
class Posted:
    """What a POST answered; `replayed` when an idempotency key answered an earlier state."""

    doc: Mapping[str, Any]
    replayed: bool = False


async def post(client: stripe.StripeClient, path: str, key: str, **params: Any) -> Posted:
    """POST once and read plain JSON: the SDK's object tree costs more than the call itself."""
    response: Any = await client.raw_request_async("post", path, idempotency_key=key, **params)
    replayed = any(name.lower() == "idempotent-replayed" for name in response.headers)
    return Posted(response.data, replayed)
