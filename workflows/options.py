"""Activity options by what is at stake, each with its reason."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy

# Lost transport is repeated for as long as the effect's idempotency key lives; every other
# kind of failure is named here, because types match by exact name.
FINAL_ERRORS = ["BadRequest", "Misconfigured", "KeyReused", "ValidationError"]


class Options(TypedDict):
    """The keyword arguments that every activity call of ours sets."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


def _options(
    attempt_seconds: int, give_up_hours: int, pause_max_seconds: int, first_pause_ms: int = 500
) -> Options:
    return Options(
        start_to_close_timeout=timedelta(seconds=attempt_seconds),
        schedule_to_close_timeout=timedelta(hours=give_up_hours),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=first_pause_ms),
            backoff_coefficient=2,
            maximum_interval=timedelta(seconds=pause_max_seconds),
            non_retryable_error_types=FINAL_ERRORS,
        ),
    )


# Reads and our own books: nothing is lost by trying for days.
BOOKS = _options(attempt_seconds=30, give_up_hours=72, pause_max_seconds=300)

# Processor writes: stop inside the 24 h life of an idempotency key, then a person looks.
MONEY = _options(attempt_seconds=30, give_up_hours=20, pause_max_seconds=600)

# A send decides anew at each attempt (window, balance); the workflow owns the long waits.
SEND = _options(attempt_seconds=40, give_up_hours=2, pause_max_seconds=60)

# A call to a lender waits for its turn in a queue of hours, and outlasts an outage of hours.
LENDER = _options(
    attempt_seconds=30, give_up_hours=24, pause_max_seconds=600, first_pause_ms=10_000
)

# What a sweep does not reach, the next one does.
LENDER_SWEEP = _options(
    attempt_seconds=30, give_up_hours=6, pause_max_seconds=600, first_pause_ms=10_000
)
