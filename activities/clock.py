"""The case's time at this very attempt, for what must not be decided from an old question."""

from datetime import datetime, timedelta

from temporalio import activity


def at_this_attempt(at: datetime) -> datetime:
    """`at` as asked, moved on by what queueing and earlier attempts took.

    Both instants are the engine's, so that a shifted clock stays shifted.
    """
    if not activity.in_activity():
        return at
    info = activity.info()
    return at + max(timedelta(0), info.started_time - info.scheduled_time)
