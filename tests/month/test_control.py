"""The daily control over a generated month: silent while it ties, one question for a cent.

Each test plants in committed books, behind the triggers, and takes it out again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from activities.contracts import UndoIn
from activities.control import ControlActivities, find
from activities.control_contracts import ApplyControlIn, AskControlIn, ControlRef
from activities.previews import preview
from activities.sweeps import SweepIn
from activities.undoing import UndoActivities
from domain.case import Decision, Undo
from domain.control import CODE
from domain.control_case import ControlInput
from domain.money import dollars
from domain.month import Month
from store import db, locations, periods, reviews
from store.db import Pool
from store.periods import PeriodClose
from store.reviews import Review
from tests.activities.practice import ZONE, Practice
from tests.cli.conftest import settings_env
from tests.cli.desk import Said, one_sentence, run_here
from tests.fakes import FakeEngine
from tests.month.conftest import practice_in
from tests.month.maker import Made, Maker
from tests.month.test_month_end import damaged
from tests.web.conftest import location

DAY = date(2026, 11, 5)
"""The bank's statement goes so far."""


class Desk:
    """The sweep, and each case as its workflow runs it: look, ask, take back."""

    def __init__(self, pool: Pool, location_id: str) -> None:
        self.pool, self.place = pool, location_id
        self.engine = FakeEngine()
        self.work = ControlActivities(pool, self.engine)  # type: ignore[arg-type]
        self.cases: dict[str, ControlRef] = {}
        self.run, self.looks = uuid4().hex, 0

    async def morning(self, day: date = DAY) -> list[Review]:
        """The control of a day on the morning after it; what is open then."""
        at = datetime.combine(day + timedelta(days=1), time(10, 0), UTC)
        self.engine.signals.clear()
        ask = SweepIn(location_id=self.place, back_seconds=0, at=at)
        await self.work.find_control_totals(ask)
        for _, case_id, start, _ in self.engine.started:
            assert isinstance(start, ControlInput)
            self.cases.setdefault(
                case_id,
                ControlRef(
                    case_id=case_id,
                    location_id=self.place,
                    line=start.line,
                    since=start.since,
                    zone=ZONE,
                ),
            )
        told = {case_id for _, case_id, *_ in self.engine.started}
        told |= {case_id for case_id, *_ in self.engine.signals}
        self.engine.started.clear()
        for case_id in sorted(told):
            await self._look(self.cases[case_id], at)
        return await self.open()

    async def _look(self, control: ControlRef, at: datetime) -> None:
        waiting = [each for each in await self.open() if each.case_id == control.case_id]
        self.looks += 1
        found = await self.work.ask_about_control(
            AskControlIn(
                control=control,
                at=at,
                review_no=f"{self.run}/{self.looks}",
                review_id=waiting[0].review_id if waiting else None,
            )
        )
        if found.status == "asked":
            return
        async with self.pool.acquire() as conn:
            for each in waiting:
                await reviews.withdraw(conn, each.review_id, found.status)
        if found.status == "changed":
            await self._look(control, at)
        else:
            self._end(control.case_id)

    def _end(self, case_id: str) -> None:
        self.engine.running.discard(case_id)
        del self.cases[case_id]

    async def open(self) -> list[Review]:
        async with self.pool.acquire() as conn:
            waiting = await reviews.list_open(conn, self.place)
        return [each for each in waiting if each.code == CODE]

    async def answer(self, review: Review, choice: str) -> None:
        given = Decision(review_id=review.review_id, choice=choice, by="dana", reason="known")
        async with self.pool.acquire() as conn:
            shown = await preview(conn, given, review.opened_at)
            before = await conn.fetchval("SELECT count(*) FROM ledger_entries")
        assert (shown.problem, shown.entries, shown.lots, shown.money) == (None, (), (), ())
        assert shown.follows[0].startswith("Nothing is booked; ")
        control = self.cases[review.case_id]
        ask = ApplyControlIn(control=control, decision=given, at=review.opened_at)
        for _ in range(2):
            done = await self.work.apply_to_control(ask)
        assert done.effect == ("rest" if choice == "look_again" else "done")
        if done.effect == "done":
            self._end(review.case_id)
        async with self.pool.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM ledger_entries") == before

    async def take_back(self, review: Review, control: ControlRef) -> None:
        """As the case does in its new run."""
        undo = Undo(review_id=review.review_id, by="dana", reason="a mistake")
        work = UndoActivities(self.pool, self.engine)  # type: ignore[arg-type]
        assert (await work.take_back(UndoIn(undo=undo, at=review.opened_at))).effect == "undone"
        self.cases[control.case_id] = control
        self.engine.running.add(control.case_id)


class Living(Maker):
    """The same month, with the control of the day before on every morning."""

    asked: dict[date, list[str]]

    async def _visit(self, who: str, day: date) -> None:
        self.asked = getattr(self, "asked", {})
        if day not in self.asked:
            desk = Desk(self.practice.world.pool, self.made.location_id)
            found = await desk.morning(day - timedelta(days=1))
            self.asked[day] = [str(each.shown) for each in found]
        await super()._visit(who, day)


@dataclass
class Lived:
    """A month that was lived day by day."""

    made: Made
    asked: dict[date, list[str]]
    pool: Pool
    url: str


@pytest.fixture(scope="module")
async def lived(pg_url: str) -> AsyncIterator[Lived]:
    url = urlsplit(pg_url)._replace(path="/control").geturl()
    db.migrate(url)
    async with await db.open_pool(url, min_size=1, max_size=4) as pool:
        practice: Practice = await practice_in(pool)
        maker = Living(practice, 54, seed=5)
        made = await maker.play()
        yield Lived(made, maker.asked, pool, url)


@pytest.fixture
def desk(lived: Lived) -> Desk:
    return Desk(lived.pool, lived.made.location_id)


async def test_no_day_of_the_month_asks_anything_while_money_is_under_way(lived: Lived) -> None:
    assert len(lived.asked) > 20
    assert {day: said for day, said in lived.asked.items() if said} == {}


async def test_a_day_that_ties_out_asks_nothing(desk: Desk) -> None:
    assert await desk.morning() == []
    assert (desk.looks, desk.engine.running) == (0, set())


@dataclass(frozen=True)
class Plant:
    """One cent on one side. `sql` gets location and cents and returns what must be named."""

    line: str
    sql: str
    sign: int
    """What a cent more there is of ours less theirs."""
    mend: str = ""
    """Where it is not the same statement with the cent taken off."""


PLANTS = {
    "processor": Plant(
        "CHARGES",
        "UPDATE balance_movements m SET amount_cents = amount_cents + $2"
        " WHERE (source, movement_id) = (SELECT source, movement_id"
        "  FROM balance_movements JOIN payouts USING (source, payout_id)"
        "  WHERE location_id = $1 AND kind = 'charge' ORDER BY at, movement_id LIMIT 1)"
        " RETURNING (SELECT p.object_id FROM payment_names n"
        "  JOIN payments p USING (payment_id) WHERE n.name = m.payment_id LIMIT 1)",
        -1,
    ),
    "bank": Plant(
        "BANK",
        "UPDATE bank_lines SET amount_cents = amount_cents + $2 WHERE line_id = (SELECT line_id"
        " FROM bank_payouts JOIN payouts USING (source, payout_id) WHERE location_id = $1"
        " ORDER BY arrival_on LIMIT 1) RETURNING (SELECT payout_id FROM bank_payouts b"
        "  WHERE b.line_id = bank_lines.line_id)",
        -1,
    ),
    "PMS": Plant(
        "PMS_PAID",
        "UPDATE pms_standings SET desk_cents = desk_cents + $2 WHERE case_id = (SELECT case_id"
        " FROM pms_standings WHERE location_id = $1 AND desk_cents > 9 ORDER BY 1 LIMIT 1)"
        " RETURNING case_id",
        -1,
    ),
    "lender": Plant(
        "LENDERS",
        "INSERT INTO lender_fundings (fact_id, location_id, lender, funding_id, loan_id, source,"
        " state, as_of, observed_at, body, body_hash) SELECT 'cent-' || $1, $1, 'cherry',"
        " 'cent-' || $1, 'loan', 'poll', 'completed', '2026-10-20', '2026-10-20',"
        " jsonb_build_object('net_cents', $2::bigint, 'fee_cents', 0), 'h' RETURNING funding_id",
        1,
        "DELETE FROM lender_fundings WHERE fact_id = 'cent-' || $1",
    ),
    "ledger": Plant(
        "CLEARING",
        "UPDATE ledger_postings p SET debit_cents = debit_cents + $2 * sign(debit_cents),"
        " credit_cents = credit_cents + $2 * sign(credit_cents) WHERE entry_id = (SELECT entry_id"
        "  FROM ledger_entries WHERE location_id = $1 AND starts_with(business_key, 'charge-fee|')"
        "  ORDER BY 1 LIMIT 1) RETURNING (SELECT split_part(business_key, '|', 3)"
        "  FROM ledger_entries e WHERE e.entry_id = p.entry_id)",
        -1,
    ),
}


async def behind(pool: Pool, sql: str, *given: object) -> str:
    """Run a statement that the books' triggers would refuse, and commit it."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        return str(await conn.fetchval(sql, *given))


@asynccontextmanager
async def planted(lived: Lived, plant: Plant, cents: int) -> AsyncIterator[str]:
    place = lived.made.location_id
    try:
        yield await behind(lived.pool, plant.sql, place, cents)
    finally:
        if plant.mend:
            await behind(lived.pool, plant.mend, place)
        else:
            await behind(lived.pool, plant.sql, place, -cents)


@pytest.mark.parametrize("cents", [1, -1])
@pytest.mark.parametrize("side", PLANTS)
async def test_one_cent_is_one_question_until_it_is_mended(
    lived: Lived, desk: Desk, side: str, cents: int
) -> None:
    plant = PLANTS[side]
    async with planted(lived, plant, cents) as named:
        [asked] = await desk.morning()
        assert asked.case_id == f"control/{desk.place}/{plant.line}"
        assert (asked.money_cents, asked.shown["since"]) == (1, DAY.isoformat())
        [(name, off_cents)] = asked.shown["off"]
        assert named in name
        assert off_cents == cents * plant.sign
        since, fact, *_ = asked.shown["facts"]
        assert since == f"Off since {DAY}."
        assert fact.startswith(f"{'+' * (off_cents > 0)}{dollars(off_cents)} {name}: ")
        assert asked.shown["ours"]
        assert asked.shown["theirs"]
        [again] = await desk.morning(DAY + timedelta(days=1))
        assert again == asked
    assert await desk.morning(DAY + timedelta(days=2)) == []
    assert desk.engine.running == set()
    assert await desk.morning(DAY + timedelta(days=3)) == []


async def test_two_cents_that_cancel_are_two_questions(lived: Lived, desk: Desk) -> None:
    async with planted(lived, PLANTS["bank"], 1), planted(lived, PLANTS["PMS"], -1):
        assert [each.money_cents for each in await desk.morning()] == [1, 1]
    assert await desk.morning() == []


async def test_what_is_explained_stays_quiet_until_an_amount_or_a_thing_changes(
    lived: Lived, desk: Desk
) -> None:
    bank = PLANTS["bank"]
    # An amount that no other test explains: the books go on knowing it.
    async with planted(lived, bank, 5):
        [asked] = await desk.morning()
        await desk.answer(asked, "explained")
        looks = desk.looks
        for days in range(1, 4):
            assert await desk.morning(DAY + timedelta(days=days)) == []
        assert (desk.looks, desk.engine.running) == (looks, set())
        async with planted(lived, bank, 1):
            [more] = await desk.morning(DAY + timedelta(days=4))
            assert (more.money_cents, more.shown["since"]) == (6, "2026-11-09")
        assert await desk.morning(DAY + timedelta(days=5)) == [], "what was explained is left"
        other = replace(bank, sql=bank.sql.replace("arrival_on", "arrival_on DESC"))
        async with planted(lived, other, 1) as named:
            [two] = await desk.morning(DAY + timedelta(days=6))
            assert sorted(cents for _, cents in two.shown["off"]) == [-5, -1]
            assert [named in name for name, _ in two.shown["off"]].count(True) == 1
    assert await desk.morning(DAY + timedelta(days=7)) == []


async def test_an_explanation_that_is_taken_back_is_open_again_once(
    lived: Lived, desk: Desk
) -> None:
    async with planted(lived, PLANTS["bank"], 7):
        [asked] = await desk.morning()
        control = desk.cases[asked.case_id]
        await desk.answer(asked, "explained")
        await desk.take_back(asked, control)
        [again] = await desk.open()
        assert again.review_id != asked.review_id
        assert (again.shown["off"], again.shown["since"]) == (asked.shown["off"], "2026-11-05")
        assert await desk.morning(DAY + timedelta(days=1)) == [again]
    assert await desk.morning(DAY + timedelta(days=2)) == []


async def test_another_amount_takes_the_open_question_back_and_keeps_its_day(
    lived: Lived, desk: Desk
) -> None:
    async with planted(lived, PLANTS["PMS"], 1):
        [first] = await desk.morning()
        async with planted(lived, PLANTS["PMS"], 1):
            [second] = await desk.morning(DAY + timedelta(days=1))
        assert second.review_id != first.review_id
        assert (second.money_cents, second.shown["since"]) == (2, DAY.isoformat())
    assert await desk.morning(DAY + timedelta(days=2)) == []


async def test_look_again_books_nothing_and_the_line_is_still_told(
    lived: Lived, desk: Desk
) -> None:
    async with planted(lived, PLANTS["lender"], 1):
        [asked] = await desk.morning()
        await desk.answer(asked, "look_again")
        [again] = await desk.morning(DAY + timedelta(days=1))
        assert again.review_id != asked.review_id
    assert await desk.morning(DAY + timedelta(days=2)) == []


async def test_what_is_off_in_an_earlier_month_stays_off_until_that_month_is_signed(
    lived: Lived,
) -> None:
    odd = (
        "WITH made AS (INSERT INTO ledger_entries (entry_id, business_key, event, location_id,"
        "  effective_on, content_hash, created_txid, recorded_at) SELECT 'cent', 'cent', 'cent',"
        "  $1, '2026-10-20', 'h', pg_current_xact_id(), now() RETURNING entry_id), lines AS"
        "  (INSERT INTO ledger_postings SELECT entry_id, n, account, debit, credit FROM made,"
        "   (VALUES (1, '6010', 1, 0), (2, '4060', 0, 1)) AS line (n, account, debit, credit))"
        " SELECT entry_id FROM made"
    )
    async with damaged(lived.pool) as conn:
        place = await locations.get_location(conn, lived.made.location_id)
        await conn.execute(odd, place.location_id)
        for day in (date(2026, 10, 31), DAY, date(2027, 2, 1)):
            assert "SOURCES" in await find(conn, place, day)
        signed = PeriodClose(
            location_id=place.location_id,
            month=Month(first=date(2026, 10, 1)),
            signed_by="dana",
            reason="known",
            limit_cents=0,
            off_cents=1,
            open_above_limit=0,
            figures={},
            signed_at=datetime(2026, 11, 2, tzinfo=UTC),
        )
        await conn.execute("SET LOCAL session_replication_role = origin")
        await periods.close(conn, signed)
        assert "SOURCES" in await find(conn, place, date(2026, 10, 31))
        assert await find(conn, place, DAY) == []


async def test_money_of_the_whole_practice_is_asked_about_at_one_location(lived: Lived) -> None:
    async with damaged(lived.pool) as conn:
        first = location(f"a-{lived.made.location_id}")
        await locations.put_location(conn, first)
        await conn.fetchval(PLANTS["bank"].sql, lived.made.location_id, 1)
        await conn.fetchval(PLANTS["PMS"].sql, lived.made.location_id, 1)
        other = await locations.get_location(conn, lived.made.location_id)
        assert await find(conn, first, DAY) == ["BANK"]
        assert await find(conn, other, DAY) == ["PMS_PAID"]


async def run(lived: Lived, *words: str) -> Said:
    return await asyncio.to_thread(run_here, settings_env(lived.url), ("report", *words))


async def test_the_command_shows_the_same_figures(lived: Lived, desk: Desk) -> None:
    at = ("--day", "2026-11-05")
    quiet = await run(lived, "control", *at)
    assert quiet.code == 0, quiet
    assert "No line is off." in quiet.words
    async with planted(lived, PLANTS["bank"], 3):
        unasked = await run(lived, "control", *at)
        assert (unasked.code, "not asked yet" in unasked.words) == (1, True)
        [asked] = await desk.morning()
        said = await run(lived, "control", *at)
        assert said.code == 1
        assert "1 line off, $0.03 in all." in said.words
        assert f"{asked.review_id[:8]} since 2026-11-05" in said.words
        assert max(map(len, said.out.splitlines())) <= 80
        [data] = (await run(lived, "control", *at, "--json")).json
        [line] = [each for each in data["lines"] if each["verdict"] == "off"]
        assert (line["code"], line["off_cents"], line["review_id"]) == ("BANK", 3, asked.review_id)
        assert (data["day"], data["is_settled"]) == ("2026-11-05", False)
        month = (await run(lived, "month-end", "--month", "2026-10", "--json")).json
        [same] = [each for each in month["ties"] if each["code"] == "BANK"]
        assert [i for i in same["items"] if i["kind"] == "off"] == [
            i for i in line["items"] if i["kind"] == "off"
        ]
        await desk.answer(asked, "explained")
        known = await run(lived, "control", *at)
        assert (known.code, "explained by dana" in known.words) == (0, True)


async def test_a_day_that_is_not_over_and_a_place_that_is_none_are_refused(lived: Lived) -> None:
    early = one_sentence(await run(lived, "control", "--day", "2999-01-01"), 1)
    assert early.startswith("2999-01-01 is not over at ")
    assert "is not a day" in one_sentence(await run(lived, "control", "--day", "May"), 2)
    nowhere = one_sentence(await run(lived, "control", "--location", "nowhere"), 1)
    assert "There is no location nowhere" in nowhere
