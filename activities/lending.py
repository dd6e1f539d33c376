"""Calls to lenders: each activity is one call, so that the queue's limit is the limit on calls.

They run on the lender's own task queue. What a call answers is kept and told before it returns; a
repeat after a crash asks the lender again and changes nothing.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from temporalio import activity

from activities.errors import vendor_errors
from activities.file_intake import FileIntake
from activities.lender_desk import port_of
from activities.lending_contracts import (
    FeedRef,
    ImportFileIn,
    ImportFileOut,
    ListFilesIn,
    ListFilesOut,
    NewFile,
    ReadOneIn,
    ReadOneOut,
    ReadPageIn,
    ReadPageOut,
)
from activities.plan_intake import PlanIntake
from connectors.ports import (
    BadRequest,
    ConnectorError,
    LenderFiles,
    LenderPort,
    LenderReads,
    RateLimited,
    Refused,
)
from domain.lender_news import Context, News
from domain.plan_facts import FactSource
from store import lenders, locations
from store.db import Pool

FIRST_LOOK = timedelta(days=90)
"""How far back a lender is read when it is set up."""


class LenderActivities:
    """Reads of every lender. `known` maps a lender to its port."""

    def __init__(self, pool: Pool, known: Mapping[str, LenderPort], plans: PlanIntake) -> None:
        self._pool = pool
        self._known = known
        self._plans = plans
        self._files = FileIntake(pool, plans)

    @activity.defn
    @vendor_errors
    async def read_lender_thing(self, ask: ReadOneIn) -> ReadOneOut:
        """Ask about one thing that a webhook named."""
        port = self._reads(ask.feed)
        context = await self._context(ask.feed, FactSource.POLL, ask.at)
        async with self._call(ask.feed, f"{ask.thing}.read"):
            read = await port.read_one(ask.thing, ask.thing_id, context)
        if isinstance(read, Refused):
            return ReadOneOut(status="not_found")
        await self._take(read, f"look/{ask.thing_id}")
        return ReadOneOut(status="unread" if read.unread else "read", unread=read.unread)

    @activity.defn
    @vendor_errors
    async def read_lender_page(self, ask: ReadPageIn) -> ReadPageOut:
        """One page of what changed; the last one moves the mark, back to which the next looks."""
        port = self._reads(ask.feed)
        location_id, lender = ask.feed.location_id, ask.feed.lender
        since = ask.since
        if since is None:
            async with self._pool.acquire() as conn:
                mark = await lenders.read_until(conn, location_id, lender, ask.thing)
            back = timedelta(hours=self._known[lender].contract.poll_back_hours)
            since = mark - back if mark is not None else ask.began_at - FIRST_LOOK
        context = await self._context(ask.feed, FactSource.POLL, ask.began_at)
        async with self._call(ask.feed, f"{ask.thing}.list"):
            page = await port.read_page(ask.thing, since, ask.following, context)
        told = await self._take(page.news, f"poll/{ask.thing}")
        if page.following is None:
            async with self._pool.acquire() as conn:
                await lenders.note_read(conn, location_id, lender, ask.thing, ask.began_at)
        return ReadPageOut(
            since=since, following=page.following, told=told, unread=page.news.unread
        )

    @activity.defn
    @vendor_errors
    async def list_lender_files(self, ask: ListFilesIn) -> ListFilesOut:
        """The files that are on offer and not imported yet."""
        port = self._file_port(ask.feed)
        async with self._call(ask.feed, "files.list"):
            offered = await port.list_files(ask.feed.location_id)
        async with self._pool.acquire() as conn:
            known = await lenders.known_files(conn, ask.feed.location_id, ask.feed.lender)
            await lenders.note_read(conn, ask.feed.location_id, ask.feed.lender, "files", ask.at)
        fresh = (NewFile(**f.model_dump()) for f in offered if (f.name, f.made_at) not in known)
        return ListFilesOut(files=tuple(fresh))

    @activity.defn
    @vendor_errors
    async def import_lender_file(self, ask: ImportFileIn) -> ImportFileOut:
        """Fetch a file and take in each of its rows, or keep what is wrong with it."""
        port, name = self._file_port(ask.feed), ask.file.name
        context = await self._context(ask.feed, FactSource.FILE, ask.at)
        async with self._call(ask.feed, "files.read"):
            raw = await port.fetch_file(ask.feed.location_id, name)
        try:
            export = port.read_file(name, raw, context)
        except ValueError as problem:
            return await self._files.refuse(name, raw, ask.feed, ask.file.made_at, str(problem))
        return await self._files.take(export, raw, ask.feed, ask.file.made_at, "fetched")

    async def _take(self, news: News, event_id: str) -> int:
        told = await self._plans.take(news.facts, event_id)
        await self._plans.keep_fundings(news.fundings)
        return len(told)

    async def _context(self, feed: FeedRef, source: FactSource, at: datetime) -> Context:
        async with self._pool.acquire() as conn:
            location = await locations.get_location(conn, feed.location_id)
        return Context(
            contract=port_of(self._known, feed.lender).contract,
            location_id=location.location_id,
            zone=location.zone,
            source=source,
            observed_at=at,
        )

    def _reads(self, feed: FeedRef) -> LenderReads:
        port = port_of(self._known, feed.lender)
        if not isinstance(port, LenderReads):
            raise BadRequest(f"{feed.lender} cannot be asked")
        return port

    def _file_port(self, feed: FeedRef) -> LenderFiles:
        port = port_of(self._known, feed.lender)
        if not isinstance(port, LenderFiles):
            raise BadRequest(f"{feed.lender} makes no files")
        return port

    @contextlib.asynccontextmanager
    async def _call(self, feed: FeedRef, operation: str) -> AsyncIterator[None]:
        """Count the one call inside; none leaves while a pause that the lender named lasts.

        A 429 pauses every call to that lender, of every worker: the queue would go on calling.
        """
        async with self._pool.acquire() as conn:
            left = await lenders.pause_left(conn, feed.lender)
        if left is not None:
            raise RateLimited(f"{feed.lender} asked for a pause", Decimal(left))
        outcome, pause = "answered", None
        try:
            yield
        except ConnectorError as error:
            outcome = type(error).__name__
            if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
                pause = int(error.retry_after_seconds)
            raise
        finally:
            async with self._pool.acquire() as conn:
                await lenders.note_call(
                    conn, feed.lender, feed.location_id, operation, outcome, pause
                )
