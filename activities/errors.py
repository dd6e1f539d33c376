"""Turns a connector's closed vocabulary into what the engine retries, or does not.

Only the type's name and a short sentence cross the wire; causes are cut off, because a
cause can hold a secret or a patient's data.
"""

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError

from connectors.ports import ConnectorError, RateLimited
from store.db import KeyReused

P = ParamSpec("P")
R = TypeVar("R")

_SENTENCE_MAX = 300


def vendor_errors(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Wrap an activity so that its failures carry our error types."""

    @functools.wraps(run)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except ConnectorError as error:
            raise application_error(error) from None
        except KeyReused as error:
            raise ApplicationError(str(error), type="KeyReused", non_retryable=True) from None

    return wrapped


def application_error(error: ConnectorError) -> ApplicationError:
    """The engine's form of a connector error, with the vendor's own pause when it named one."""
    pause = error.retry_after_seconds if isinstance(error, RateLimited) else None
    return ApplicationError(
        str(error)[:_SENTENCE_MAX],
        type=type(error).__name__,
        non_retryable=not error.retryable,
        next_retry_delay=None if pause is None else timedelta(milliseconds=int(pause * 1000)),
    )
