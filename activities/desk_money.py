"""Money taken at the desk: found in the PMS between two reminders, and told to its case.

The case reads the books and the PMS itself; what it is told here is a hint. A hint is given only
for money that the books do not have yet, so that overlapping windows cost nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog

from activities.outside import PMS_MONEY
from activities.posting import change_question_id
from connectors.ports import CaseEngine, ConnectorError, PmsPort, PmsTenders, Refused
from domain import ids
from domain.case import PaymentPosted
from store import desk_money, locations
from store.db import Pool
from store.locations import Location

READS_AT_ONCE = 8
SLOTS = 5
"""Where orders cannot be asked by their last change, each owed one is read every five minutes."""

log = structlog.get_logger("tieout.desk_money")
Reopen = Callable[[str, str, str], Awaitable[str]]
"""(location id, visit id, event id) -> case id: opens a closed case again."""


class DeskMoney:
    """One pass over every location. `pms` maps a location id to its system."""

    def __init__(
        self, pool: Pool, pms: Mapping[str, PmsPort], engine: CaseEngine, reopen: Reopen
    ) -> None:
        self._pool = pool
        self._pms = pms
        self._engine = engine
        self._reopen = reopen

    async def find(self, since: datetime, at: datetime) -> dict[str, int]:
        """Look at what changed since; counts by outcome. One location's fault stops no other."""
        counts: Counter[str] = Counter(read=0, told=0, reopened=0, away=0)
        async with self._pool.acquire() as conn:
            known = await locations.list_locations(conn)
        for location in known:
            pms = self._pms.get(location.location_id)
            if pms is None:
                continue
            try:
                await self._look(location, pms, since, at, counts)
            except ConnectorError as error:
                counts["away"] += 1
                place, what = location.location_id, type(error).__name__
                log.warning("desk_money_away", location_id=place, error=what)
        return dict(counts)

    async def _look(
        self,
        location: Location,
        pms: PmsPort,
        since: datetime,
        at: datetime,
        counts: Counter[str],
    ) -> None:
        touched = await pms.tenders_touched(location.pms_location_ref, since)
        if touched is None:
            touched = await self._read_owed(location, pms, at)
        counts["read"] += len(touched)
        news = await self._news(location.location_id, pms.name, touched)
        for visit_id, payment_id in news.items():
            case_id = ids.visit_workflow_id(location.location_id, pms.name, visit_id)
            hint = PaymentPosted(payment_id=payment_id)
            if await self._engine.signal(case_id, "payment_posted", hint):
                counts["told"] += 1
            else:
                # Money on a visit that was done with: it opens again, and a person decides.
                await self._reopen(location.location_id, visit_id, f"desk:{hint.payment_id}")
                counts["reopened"] += 1

    async def _news(
        self, location_id: str, pms: str, touched: Mapping[str, PmsTenders]
    ) -> dict[str, str]:
        """Visit id -> its first payment that the books lack, or have at another amount."""
        cases = {ids.visit_workflow_id(location_id, pms, visit): visit for visit in touched}
        if not cases:
            return {}
        async with self._pool.acquire() as conn:
            known = await desk_money.known(conn, pms, list(cases))
        found: dict[str, str] = {}
        for case_id, visit_id in cases.items():
            if case_id not in known.billed:
                continue
            kept = {name: one.cents for name, one in known.kept.items() if one.case_id == case_id}
            shown = _money(case_id, pms, touched[visit_id])
            for payment_id in (*shown, *(kept.keys() - shown.keys())):
                # A payment that was taken back before it was ever booked is no news.
                cents = shown.get(payment_id, 0)
                question_id = change_question_id(case_id, payment_id, cents)
                if kept.get(payment_id, 0) != cents and question_id not in known.asked:
                    found.setdefault(visit_id, payment_id)
        return found

    async def _read_owed(
        self, location: Location, pms: PmsPort, at: datetime
    ) -> dict[str, PmsTenders]:
        """A fifth of what is owed at the location, order by order."""
        async with self._pool.acquire() as conn:
            owed = await desk_money.owed(conn, location.location_id)
        slot = int(at.timestamp()) // 60 % SLOTS
        visit_ids = [case_id.rpartition("/")[2] for case_id in sorted(owed)[slot::SLOTS]]
        found: dict[str, PmsTenders] = {}
        for start in range(0, len(visit_ids), READS_AT_ONCE):
            part = visit_ids[start : start + READS_AT_ONCE]
            answers = await asyncio.gather(*map(pms.read_tenders, part))
            found |= {
                visit_id: tenders
                for visit_id, tenders in zip(part, answers, strict=True)
                if not isinstance(tenders, Refused)
            }
        return found


def _money(case_id: str, pms: str, tenders: PmsTenders) -> dict[str, int]:
    """Payment id -> cents of new money on an order, without what we asked to record there."""
    ours = ids.dedupe_ref(case_id)
    return {
        ids.payment_id(pms, payment.payment_id): payment.amount_cents - payment.refunded_cents
        for payment in tenders.payments
        if payment.kind in PMS_MONEY and not (payment.note and ours in payment.note)
    }
