"""A lender's file taken in: every good row told, every other row kept with its line and reason."""

import hashlib

from activities.lending_contracts import FeedRef, ImportFileOut
from activities.plan_intake import PlanIntake
from domain.carecredit_file import Export
from store import lenders
from store.db import Pool
from store.lenders import LenderFile


class FileIntake:
    """The same for a file that was fetched and for one that a person imports."""

    def __init__(self, pool: Pool, told: PlanIntake) -> None:
        self._pool = pool
        self._plans = told

    async def take(
        self, export: Export, raw: bytes, feed: FeedRef, made_at: str | None, by: str
    ) -> ImportFileOut:
        """Rows first, the file's own row last: a crash in between has it all read again."""
        digest = hashlib.sha256(raw).hexdigest()
        told = await self._plans.take(export.facts, f"file/{export.name}/{digest[:12]}")
        await self._plans.keep_fundings(export.fundings)
        bad = tuple((each.row, each.why) for each in export.bad)
        async with self._pool.acquire() as conn:
            await lenders.put_file(
                conn,
                LenderFile(
                    location_id=feed.location_id,
                    lender=feed.lender,
                    name=export.name,
                    sha256=digest,
                    made_at=made_at,
                    cut_at=export.cut_at,
                    rows=export.rows,
                    bad=bad,
                    fault=export.fault,
                    imported_by=by,
                ),
            )
        return ImportFileOut(rows=export.rows, bad=len(bad), told=len(told))

    async def refuse(
        self, name: str, raw: bytes, feed: FeedRef, made_at: str | None, why: str
    ) -> ImportFileOut:
        """Keep that a file is none of this lender's, for a person; it is not fetched again."""
        async with self._pool.acquire() as conn:
            await lenders.put_file(
                conn,
                LenderFile(
                    location_id=feed.location_id,
                    lender=feed.lender,
                    name=name,
                    sha256=hashlib.sha256(raw).hexdigest(),
                    made_at=made_at,
                    cut_at=None,
                    rows=0,
                    bad=(),
                    fault=why,
                    imported_by="fetched",
                ),
            )
        return ImportFileOut(rows=0, bad=0, told=0)
