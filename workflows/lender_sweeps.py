"""Lenders are asked: about what a webhook named at once, about everything else by a Schedule.

Each call is one activity on the lender's own task queue, whose rate keeps the lender's limit across
all workers. What a person or a webhook waits for goes before what a sweep reads.
"""

from datetime import datetime

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.feed import FeedActivities
    from activities.lending import LenderActivities
    from activities.lending_contracts import (
        CheckFeedIn,
        CheckFeedOut,
        FeedRef,
        ImportFileIn,
        ListFilesIn,
        ReadOneIn,
        ReadPageIn,
    )
    from domain.lender_case import LookInput, LookNews
    from domain.lender_news import Thing
    from domain.model import Record
    from domain.plan_case import Lender
    from workflows.options import BOOKS, LENDER, LENDER_SWEEP

URGENT, BULK = Priority(priority_key=1), Priority(priority_key=5)
PAGES_MAX = 200
"""A list of more pages is read on by the next sweep."""


def queue_of(task_queue: str, lender: str) -> str:
    """The task queue of a lender's calls, beside that of the cases."""
    return f"{task_queue}-{lender}"


class LenderSweepStart(Record):
    """Which lender at which location."""

    location_id: str
    lender: Lender


@workflow.defn(name="LenderLook", failure_exception_types=[ValidationError])
class LenderLook:
    """Asks a lender about one thing that a webhook named, until it has been asked since.

    | message | kind | from |
    |---|---|---|
    | heard | signal | the same thing named again |
    """

    @workflow.init
    def __init__(self, start: LookInput) -> None:
        self.start = start
        self.is_named = True

    @workflow.run
    async def run(self, start: LookInput) -> CheckFeedOut:
        """Read, and read again what was named meanwhile."""
        feed = FeedRef(location_id=start.location_id, lender=start.lender)
        unread: tuple[str, ...] = ()
        failed = None
        while self.is_named:
            self.is_named = False
            try:
                read = await workflow.execute_activity_method(
                    LenderActivities.read_lender_thing,
                    ReadOneIn(
                        feed=feed,
                        thing=start.thing,
                        thing_id=start.thing_id,
                        at=workflow.now(),
                    ),
                    task_queue=queue_of(workflow.info().task_queue, start.lender),
                    priority=URGENT,
                    summary=f"ask about a {start.thing}",
                    **LENDER,
                )
                unread += read.unread
            except ActivityError as failure:
                failed = _kind(failure)
        if unread or failed:
            return await _check(feed, unread, failed)
        return CheckFeedOut(told=0, healed=0)

    @workflow.signal
    def heard(self, _: LookNews) -> None:
        """A webhook named the thing again; what was read may be older than that."""
        self.is_named = True


@workflow.defn(name="LenderPoll", failure_exception_types=[ValidationError])
class LenderPoll:
    """Reads a lender's lists with overlapping windows, then looks whether its feed is well."""

    @workflow.run
    async def run(self, start: LenderSweepStart) -> CheckFeedOut:
        """One pass over every list."""
        feed = FeedRef(location_id=start.location_id, lender=start.lender)
        began_at, unread, failed = workflow.now(), list[str](), None
        for thing in Thing:
            try:
                unread += await self._read(feed, thing, began_at)
            except ActivityError as failure:
                failed = _kind(failure)
        return await _check(feed, tuple(unread), failed)

    async def _read(self, feed: FeedRef, thing: Thing, began_at: datetime) -> list[str]:
        """One list to its end; what could not be understood."""
        since, following, unread = None, None, list[str]()
        for _ in range(PAGES_MAX):
            page = await workflow.execute_activity_method(
                LenderActivities.read_lender_page,
                ReadPageIn(
                    feed=feed, thing=thing, since=since, following=following, began_at=began_at
                ),
                task_queue=queue_of(workflow.info().task_queue, feed.lender),
                priority=BULK,
                summary=f"list {thing}s",
                **LENDER_SWEEP,
            )
            since, following = page.since, page.following
            unread += page.unread
            if following is None:
                break
        return unread


@workflow.defn(name="LenderImport", failure_exception_types=[ValidationError])
class LenderImport:
    """Fetches a lender's new files, then looks whether one is missing."""

    @workflow.run
    async def run(self, start: LenderSweepStart) -> CheckFeedOut:
        """One pass over what is on offer."""
        feed = FeedRef(location_id=start.location_id, lender=start.lender)
        failed = None
        try:
            await self._import(feed)
        except ActivityError as failure:
            failed = _kind(failure)
        return await _check(feed, (), failed)

    async def _import(self, feed: FeedRef) -> None:
        queue = queue_of(workflow.info().task_queue, feed.lender)
        listed = await workflow.execute_activity_method(
            LenderActivities.list_lender_files,
            ListFilesIn(feed=feed, at=workflow.now()),
            task_queue=queue,
            priority=BULK,
            summary="list files",
            **LENDER_SWEEP,
        )
        for file in listed.files:
            await workflow.execute_activity_method(
                LenderActivities.import_lender_file,
                ImportFileIn(feed=feed, file=file, at=workflow.now()),
                task_queue=queue,
                priority=BULK,
                summary="import a file",
                **LENDER_SWEEP,
            )


async def _check(feed: FeedRef, unread: tuple[str, ...], failed: str | None) -> CheckFeedOut:
    return await workflow.execute_activity_method(
        FeedActivities.check_feed,
        CheckFeedIn(feed=feed, unread=unread, failed=failed, at=workflow.now()),
        summary="is the feed well?",
        **BOOKS,
    )


def _kind(failure: ActivityError) -> str:
    """The kind of error that ended a call for good, in words for the desk."""
    cause = failure.cause
    kind = cause.type if isinstance(cause, ApplicationError) and cause.type else "Timeout"
    return _IN_WORDS.get(kind, kind)


_IN_WORDS = {
    "Misconfigured": "it refuses our key or account",
    "BadRequest": "it calls our request wrong",
    "Timeout": "it has not answered for hours",
    "ProviderUnavailable": "it has not answered for hours",
    "RateLimited": "it has had too many calls for hours",
}
