"""Turns failures into what the engine retries, or does not, by a closed vocabulary of types.

Only the type's name and a short sentence cross the wire; causes are cut off, because a
cause can hold a secret or a patient's data. What is not named here (a database away, a bug)
is retried by the activity's options and ends, when they do, as a question for a person.
"""

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError

from connectors.ports import ConnectorError, RateLimited
from domain.messages import TemplateFault
from store.db import KeyReused
from store.entitlements import LotShort
from store.payments import OverAllocated
from store.reviews import ReviewClosed

P = ParamSpec("P")
R = TypeVar("R")

_SENTENCE_MAX = 300
_OUR_REFUSALS = (KeyReused, ReviewClosed, LotShort, OverAllocated, TemplateFault)
"""The books or the rules say no; the same call would be refused again."""


def vendor_errors(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Wrap an activity so that its failures carry our error types."""

    @functools.wraps(run)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except ConnectorError as error:
            raise application_error(error) from None
        except _OUR_REFUSALS as error:
            raise refusal(error) from None
        except LookupError as error:
            # Our own functions raise plain LookupError with a sentence; a KeyError is a bug.
            if type(error) is not LookupError:
                raise
            raise refusal(error) from None

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


def refusal(error: Exception) -> ApplicationError:
    """The engine's form of a no that a repeat would not change."""
    return ApplicationError(
        str(error)[:_SENTENCE_MAX], type=type(error).__name__, non_retryable=True
    )
