"""Lots past their last day: found, asked about, and ended only as a named person decides."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from activities.expired_lots import ExpiredLotActivities
from activities.lot_contracts import ApplyLotIn, AskLotIn, LotRef
from activities.previews import preview
from activities.sweeps import SweepIn
from domain import calendar, entries, ids
from domain.case import Decision
from domain.chart import LotKind, MoneyLot, UnitLot
from domain.preview import Preview
from store import entitlements, expired_lots, ledger, lots
from store.db import Conn, transaction
from tests.activities.practice import AT, ZONE, Practice

LAST_DAY = date(2026, 9, 30)


class Engine:
    """Keeps what it is asked to start."""

    def __init__(self) -> None:
        self.started: list[str] = []

    async def start_or_signal(self, workflow: str, workflow_id: str, *_: object) -> str:
        self.started.append(workflow_id)
        return "started"


class Shelf:
    """One client's lots, and the activities that look at them."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.place = practice.world.location_id
        self.engine = Engine()
        self.work = ExpiredLotActivities(practice.world.pool, self.engine)  # type: ignore[arg-type]

    async def open(self) -> None:
        self.who = self.practice.client()
        await self.practice.bill(self.practice.chart(self.who))
        self.client_id = self.practice.client_id(self.who)

    async def units(self, grace_days: int = 0, expires_on: date | None = LAST_DAY) -> str:
        lot = UnitLot(
            lot_id=str(uuid4()),
            skus=("FILLER-SYRINGE",),
            remaining=Decimal(3),
            value_cents=150_000,
            purchased_at=AT - timedelta(days=400),
            expires_on=expires_on.isoformat() if expires_on else None,
            grace_days=grace_days,
        )
        async with transaction(self.practice.world.pool) as conn:
            await entitlements.grant_unit_lot(conn, self.client_id, self.place, lot, "opening")
            await self._owe(conn, lot.lot_id, "unit", 150_000)
        return lot.lot_id

    async def money(self, kind: LotKind = LotKind.MEMBERSHIP_CREDIT) -> str:
        lot = MoneyLot(
            lot_id=str(uuid4()),
            kind=kind,
            remaining_cents=19_000,
            purchased_at=AT - timedelta(days=400),
            expires_on=LAST_DAY.isoformat(),
        )
        async with transaction(self.practice.world.pool) as conn:
            await entitlements.grant_money_lot(conn, self.client_id, self.place, lot, "opening")
            await self._owe(conn, lot.lot_id, kind, 19_000)
        return lot.lot_id

    async def _owe(self, conn: Conn, lot_id: str, kind: str, cents: int) -> None:
        entry = entries.opening_lot(
            lot_id=lot_id,
            kind=kind,
            value_cents=cents,
            client_id=self.client_id,
            location_id=self.place,
            effective_on=calendar.local_date(AT, ZONE),
        )
        if entry is not None:
            await ledger.post(conn, entry)

    async def found(self, at: datetime = AT) -> set[str]:
        """Lots whose cases the sweep opens."""
        self.engine.started.clear()
        await self.work.find_expired_lots(SweepIn(location_id=self.place, back_seconds=0, at=at))
        return {workflow_id.rpartition("/")[2] for workflow_id in self.engine.started}

    def ref(self, lot_id: str) -> LotRef:
        case_id = ids.lot_workflow_id(self.place, lot_id)
        return LotRef(case_id=case_id, location_id=self.place, lot_id=lot_id, zone=ZONE)

    async def ask(self, lot_id: str) -> str | None:
        asked = await self.work.ask_about_lot(
            AskLotIn(lot=self.ref(lot_id), at=AT, review_no="run/1")
        )
        return asked.review_id

    async def answer(
        self, lot_id: str, choice: str, review_id: str | None = None, **more: object
    ) -> str:
        asked = review_id or await self.ask(lot_id)
        decision = Decision.model_validate(
            {"review_id": asked, "choice": choice, "by": "dana", "reason": "rule"} | more
        )
        ask = ApplyLotIn(lot=self.ref(lot_id), decision=decision, at=AT)
        first = await self.work.apply_to_lot(ask)
        if first.effect == "proposed":
            second = decision.model_copy(update={"confirmed_by": "owner"})
            ask = ask.model_copy(update={"decision": second})
            first = await self.work.apply_to_lot(ask)
        before = await self.accounts()
        await self.work.apply_to_lot(ask)
        assert await self.accounts() == before
        return first.effect

    async def shows(self, lot_id: str, choice: str) -> Preview:
        given = Decision(review_id=await self.ask(lot_id) or "", choice=choice, by="dana")
        async with self.practice.world.pool.acquire() as conn:
            return await preview(conn, given, AT)

    async def accounts(self) -> dict[str, int]:
        return await self.practice.accounts(self.who)

    async def left(self) -> list[tuple[Decimal, int]]:
        async with self.practice.world.pool.acquire() as conn:
            rows = await lots.lot_statement(conn, self.client_id)
        assert all(row.is_conserved for row in rows)
        return [(row.remaining_quantity, row.remaining_cents) for row in rows]


@pytest.fixture
async def shelf(practice: Practice) -> Shelf:
    opened = Shelf(practice)
    await opened.open()
    return opened


async def test_the_sweep_finds_what_is_past_its_grace_and_no_other(shelf: Shelf) -> None:
    units, credit = await shelf.units(grace_days=30), await shelf.money()
    await shelf.units(expires_on=None)
    await shelf.money(LotKind.PROMOTIONAL_CREDIT)
    morning = datetime(2026, 10, 30, 17, 0, tzinfo=UTC)
    assert await shelf.found(morning) == {credit}
    assert await shelf.found(morning + timedelta(days=1)) == {units, credit}


async def test_a_lot_that_somebody_is_asked_about_is_not_found_again(shelf: Shelf) -> None:
    lot_id = await shelf.units()
    assert await shelf.ask(lot_id) == await shelf.ask(lot_id)
    assert await shelf.found() == set()


@pytest.mark.parametrize(
    ("choice", "account"), [("to_income", "4050"), ("to_state", "2110")], ids=["income", "state"]
)
async def test_what_is_left_goes_where_the_person_says_and_the_lot_is_empty(
    shelf: Shelf, choice: str, account: str
) -> None:
    units, credit = await shelf.units(), await shelf.money()
    shown = await shelf.shows(units, choice)
    assert {line.account for line in shown.entries[0].lines} == {"2010", account}
    assert [(lot.act, lot.cents) for lot in shown.lots] == [("expire", -150_000)]
    assert await shelf.answer(units, choice) == "done"
    assert await shelf.accounts() == {"3000": 169_000, "2030": -19_000, account: -150_000}
    assert await shelf.answer(credit, choice) == "done"
    assert await shelf.accounts() == {"3000": 169_000, account: -169_000}
    assert await shelf.left() == [(0, 0), (0, 0)]
    assert await shelf.found() == set()


async def test_nothing_is_booked_before_a_person_decides(shelf: Shelf) -> None:
    lot_id = await shelf.units()
    await shelf.ask(lot_id)
    assert await shelf.answer(lot_id, "leave") == "rest"
    assert await shelf.accounts() == {"3000": 150_000, "2010": -150_000}
    assert await shelf.found() == {lot_id}


async def test_a_new_last_day_lets_the_lot_be_drawn_again(shelf: Shelf) -> None:
    lot_id = await shelf.units()
    until = date(2027, 6, 30)
    assert await shelf.answer(lot_id, "extend", until=until) == "done"
    assert await shelf.found() == set()
    case = shelf.practice.chart(shelf.who, ("FILLER-SYRINGE", "1"))
    assert (await shelf.practice.bill(case)).due_cents == 0
    assert await shelf.left() == [(2, 100_000)]
    later = datetime(2027, 7, 1, 18, 0, tzinfo=UTC)
    assert await shelf.found(later) == {lot_id}


async def test_a_lot_that_is_empty_by_now_asks_nothing_and_books_nothing(shelf: Shelf) -> None:
    lot_id = await shelf.units()
    review_id = await shelf.ask(lot_id)
    async with transaction(shelf.practice.world.pool) as conn:
        await lots.end(conn, "refund", "r-1", lot_id, Decimal(3), 150_000, LAST_DAY)
    assert await shelf.answer(lot_id, "to_income", review_id) == "failed"
    assert await shelf.accounts() == {"3000": 150_000, "2010": -150_000}


async def test_a_lot_that_a_person_reinstated_is_good(shelf: Shelf) -> None:
    lot_id = await shelf.units()
    async with transaction(shelf.practice.world.pool) as conn:
        await lots.reinstate(conn, lot_id, "dana", "goodwill")
        assert await expired_lots.get(conn, lot_id, AT.date()) is None
    assert await shelf.ask(lot_id) is None
