"""CareCredit's files in real books: each day read once, each fault told."""

from datetime import UTC, datetime, timedelta

from activities.lending_contracts import AskFeedIn, ImportFileIn
from domain import ids
from domain.lender_feed import MISSING, REFUNDED, ROWS, Trouble
from store import lenders, plans, reviews
from tests.activities.house import House, built, house, served

__all__ = ["house", "served"]


def buy(house: House, ref: str, **cells: str) -> None:
    base = {"transaction_type": "purchase", "status": "completed", "ehr_patient_id": f"pat-{ref}"}
    base |= {"transaction_date": "2026-11-02", "patient_last": "Abbott"}
    base |= {"gross_amount": "2,800.00", "fee_amount": "277.20", "net_amount": "2,522.80"}
    house.act("carecredit", "transaction", ref_id=ref, **base | cells)


def give_back(house: House, ref: str, of: str, gross: str) -> None:
    amounts = {"gross_amount": gross, "fee_amount": "0.00", "net_amount": gross}
    buy(house, ref, transaction_type="refund", original_ref_id=of, **amounts)


def fault_files(house: House) -> None:
    """Five days of CareCredit with every fault of the export."""
    buy(house, "T0", transaction_date="2026-11-01", posted_date="2026-11-01")
    # The day on which the clocks go back, before and after they do.
    house.act("carecredit", "cut", day="2026-11-01", no=1, faults=[])
    house.act("carecredit", "cut", day="2026-11-01", no=2, faults=["repeat", "bom"])
    buy(house, "T1", status="requested")
    house.act("carecredit", "cut", day="2026-11-03", no=1, faults=["missing"])
    house.act("carecredit", "cut", day="2026-11-03", no=2, faults=["bom", "crlf"])
    buy(house, "T1")
    give_back(house, "R2", "T2", "-500.00")
    house.act("carecredit", "cut", day="2026-11-04", no=1, faults=[])
    buy(house, "T2")
    buy(house, "T3", practice_memo="no such memo")
    buy(house, "T4", transaction_date="soon")
    house.act("carecredit", "cut", day="2026-11-04", no=2, faults=["repeat"])
    buy(house, "T3", status="canceled")
    buy(house, "T5", transaction_date="2026-10-30")
    house.act("carecredit", "cut", day="2026-11-05", no=1, faults=["repeat", "crlf"])
    give_back(house, "R5", "T5", "-9,000.00")
    buy(house, "T6", status="odd word")
    house.act("carecredit", "cut", day="2026-11-05", no=2, faults=["late"])
    buy(house, "T1", funding_date="2026-11-06", funding_batch_id="B1")
    buy(house, "T7")
    house.act("carecredit", "cut", day="2026-11-06", no=1, faults=["truncate"])
    buy(house, "T8")
    house.act("carecredit", "cut", day="2026-11-06", no=2, faults=["trailer", "repeat"])
    house.act("carecredit", "release")


class TestFiles:
    async def test_fault_files_in_any_order_and_twice_end_in_the_same_plans(
        self, pool, served, house
    ):
        fault_files(house)
        names = [f.name for f in await house.known["carecredit"].list_files(house.location_id)]
        orders = [names, names[::-1], [*names[3:], *names[:3]]]
        ends, rows, asked = set(), set(), set()
        for order in orders:
            async with built(pool, served) as other:
                for name in (*order, *order[::-1]):
                    await self._take(other, name)
                ends.add(await self._plans(other))
                rows.add(await self._rows(other))
                asked.add(tuple(sorted((t.code, t.key) for t in await other.check("carecredit"))))
        assert len(ends) == 1
        assert dict(*ends) == {
            "T0": "accepted",
            "T1": "funded",
            "T2": "partly_refunded",
            "T3": "cancelled",
            "T5": "refunded",
            "T6": "unknown",
            "T7": "accepted",
            "T8": "accepted",
        }
        # Nothing is skipped in silence: every row is a fact of a plan, or named with its line.
        assert len(rows) == 1
        told = "\n".join(*rows)
        for says in (
            "transaction date is no date",
            "ends without a trailer, inside a row",
            "its trailer counts other",
            "fewer columns than the first row",
        ):
            assert says in told
        assert len(asked) == 1
        assert (REFUNDED, "T5/900000") in dict.fromkeys(*asked)

    @staticmethod
    async def _take(house: House, name: str) -> None:
        at = datetime.now(UTC)
        ask = ImportFileIn(
            feed=house.feed("carecredit"), file={"name": name, "made_at": "x"}, at=at
        )
        await house.calls.import_lender_file(ask)

    @staticmethod
    async def _plans(house: House) -> tuple[tuple[str, str], ...]:
        async with house.pool.acquire() as conn:
            found = await plans.list_plans(conn, house.location_id)
        return tuple(sorted((row.standing.plan_id, str(row.standing.status)) for row in found))

    @staticmethod
    async def _rows(house: House) -> tuple[str, ...]:
        async with house.pool.acquire() as conn:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            seen = await lenders.files_since(conn, house.location_id, "carecredit", long_ago)
        return tuple(f"{f.name} {f.fault} {[why for _, why in f.bad]}" for f in seen)

    async def test_a_file_is_fetched_once_and_again_when_it_was_made_anew(self, house):
        buy(house, "T1")
        house.act("carecredit", "cut", day="2026-11-03", no=1)
        assert await house.fetch() == [(1, 0, 1)]
        assert await house.fetch() == []
        buy(house, "T2")
        house.act("carecredit", "cut", day="2026-11-03", no=1, faults=["repeat"])
        assert await house.fetch() == [(2, 0, 1)]

    async def test_a_refund_waits_for_its_purchase_before_anybody_is_told(self, house):
        give_back(house, "R1", "T1", "-500.00")
        house.act("carecredit", "cut", day="2026-11-03", no=1)
        assert await house.fetch() == [(1, 0, 0)]
        buy(house, "T1")
        house.act("carecredit", "cut", day="2026-11-03", no=2)
        assert await house.fetch() == [(1, 0, 1)]

    async def test_a_file_that_is_none_of_ours_is_named_and_not_fetched_again(self, house):
        house.twins.box.state.put(
            "carecredit_file",
            "report.csv",
            {"name": "report.csv", "made_at": "2026", "refs": [], "text": "a,b", "listed": True},
        )
        assert await house.fetch() == [(0, 0, 0)]
        assert await house.fetch() == []
        (told,) = await house.check("carecredit")
        assert (told.code, told.key.startswith("report.csv/")) == (ROWS, True)

    async def test_a_missing_file_is_asked_about_once_and_heals_when_it_comes(self, house):
        await house.fetch()
        began = datetime.now(UTC)
        ten = began.replace(hour=17, minute=0) + timedelta(days=2)
        missing = [each for each in await house.check("carecredit", ten) if each.code == MISSING]
        assert missing
        again = await house.check("carecredit", ten + timedelta(minutes=15))
        assert len([each for each in again if each.code == MISSING]) == 2 * len(missing)
        # Told twice, asked once: the case knows a trouble by its key, the books by its question.
        day, no = missing[0].key.split("/")
        await self._ask(house, missing[0])
        buy(house, "T1", transaction_date="2026-11-02")
        house.act("carecredit", "cut", day=day, no=int(no))
        await house.fetch()
        await house.check("carecredit", ten + timedelta(minutes=30))
        healed = [one for _, signal, one in house.engine.signals if signal == "healed"]
        assert [(one.code, one.key) for one in healed] == [(MISSING, missing[0].key)]

    @staticmethod
    async def _ask(house: House, trouble: Trouble) -> None:
        case_id = ids.feed_workflow_id(house.location_id, "carecredit")
        await house.feeds.ask_feed(
            AskFeedIn(
                feed=house.feed("carecredit"),
                case_id=case_id,
                trouble=trouble,
                number="1",
                at=datetime.now(UTC),
            )
        )
        async with house.pool.acquire() as conn:
            (asked,) = await reviews.of_case(conn, case_id)
        assert asked.shown["subject"] == trouble.key
