"""What the database itself holds about people's decisions, tried from SQL."""

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from domain.entries import written_off
from domain.ledger import Tally, entry
from store import closings, db, desk_policies, invoices, ledger, payments, review_acts, reviews
from store.desk_policies import DeskPolicy
from store.reviews import Choice, Review
from tests.cash import cash_in

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)
WRITE_OFF = {"choice": "write_off", "by": "ana", "reason": "moved"}


async def _ask(conn, practice, cents=50_000, case_id=None, stake_cents=None):
    case_id = case_id or practice.case()
    asked = Review(
        review_id=str(uuid4()),
        case_id=case_id,
        workflow_id=case_id,
        location_id=practice.location_id,
        client_id=practice.client_id,
        code="CHASE_EXHAUSTED",
        opened_at=AT,
        shown={},
        choices=[
            Choice(name="keep_open", label="Keep", effect="It rests."),
            Choice(
                name="write_off",
                label="Write off",
                effect="Gone.",
                two_person=True,
                stake_cents=stake_cents,
            ),
        ],
        money_cents=cents,
    )
    await reviews.open_review(conn, asked)
    return asked.review_id


async def _decide(pool, review_id, decision=None, **more):
    async with db.transaction(pool) as conn:
        given = {**(decision or WRITE_OFF), **more}
        return await reviews.decide(conn, review_id, given, given["by"], "moved", AT)


async def _propose(conn, review_id, by="ana"):
    async with conn.transaction():
        await review_acts.propose(conn, review_id, {**WRITE_OFF, "by": by}, by, "moved", AT)


@pytest.mark.parametrize(
    ("cents", "stake_cents", "needed"),
    [(10_000, None, []), (10_001, None, ["write_off"]), (-10_001, None, ["write_off"]),
     (0, 20_000, ["write_off"]), (20_000, 0, [])],
)  # fmt: skip
async def test_the_limit_is_held_against_what_is_at_stake(
    conn, practice, cents, stake_cents, needed
):
    asked = await _ask(conn, practice, cents, stake_cents=stake_cents)
    assert (await reviews.get(conn, asked)).second_person == needed


async def test_a_limit_is_versioned_and_counts_for_new_questions(conn, practice):
    before = await desk_policies.current(conn, practice.location_id)
    assert (before.version, before.second_person_above_cents) == (0, 10_000)
    old = await _ask(conn, practice, 20_000)
    policy = DeskPolicy(
        location_id=practice.location_id,
        version=1,
        second_person_above_cents=30_000,
        manager_email="m@example.test",
    )
    await desk_policies.put(conn, policy, "owner", "grown")
    assert await desk_policies.current(conn, practice.location_id) == policy
    assert (await reviews.get(conn, await _ask(conn, practice, 20_000))).second_person == []
    assert (await reviews.get(conn, old)).second_person == ["write_off"]
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute("UPDATE desk_policies SET second_person_above_cents = 1")


async def test_one_person_alone_decides_nothing_above_the_limit(pool, conn, practice):
    asked = await _ask(conn, practice)
    for confirmed_by in (None, "ben"):
        with pytest.raises(asyncpg.RestrictViolationError, match="confirmed by another"):
            await _decide(pool, asked, confirmed_by=confirmed_by)
    with pytest.raises(asyncpg.RestrictViolationError):  # nor by leaving the choice out
        await _decide(pool, asked, {"by": "ana"})
    assert await _decide(pool, asked, {"choice": "keep_open", "by": "ana"})


async def test_two_people_decide_together(pool, conn, practice):
    asked = await _ask(conn, practice)
    await _propose(conn, asked)
    assert (await reviews.get(conn, asked)).proposal == WRITE_OFF
    for same in ("ana", "ANA", " a n a "):
        with pytest.raises(asyncpg.CheckViolationError):
            await _decide(pool, asked, confirmed_by=same)
    with pytest.raises(asyncpg.RestrictViolationError):  # another answer than the proposed one
        await _decide(pool, asked, reason="other", confirmed_by="ben")
    with pytest.raises(asyncpg.RestrictViolationError):  # not the one who proposed it
        await _decide(pool, asked, by="carl", confirmed_by="ben")
    assert await _decide(pool, asked, confirmed_by="ben")
    assert not await _decide(pool, asked, confirmed_by="ben")
    closed = await reviews.get(conn, asked)
    assert (closed.decided_by, closed.confirmed_by, closed.proposal) == ("ana", "ben", None)


async def test_a_refused_proposal_confirms_nothing(pool, conn, practice):
    asked = await _ask(conn, practice)
    with pytest.raises(asyncpg.RestrictViolationError, match="no proposal"):
        await conn.execute(
            "INSERT INTO review_acts (review_id, act, acted_by, reason, acted_at)"
            " VALUES ($1, 'refused', 'ben', '', now())",
            asked,
        )
    await _propose(conn, asked)
    await _propose(conn, asked)  # a repeat adds nothing
    with pytest.raises(asyncpg.RestrictViolationError, match="another proposal"):
        await _propose(conn, asked, by="carl")
    with pytest.raises(asyncpg.CheckViolationError):
        await review_acts.refuse(conn, asked, "Ana ", "mine", AT)
    await review_acts.refuse(conn, asked, "ben", "too much", AT)
    assert (await reviews.get(conn, asked)).proposal is None
    with pytest.raises(asyncpg.RestrictViolationError):
        await _decide(pool, asked, confirmed_by="ben")
    acts = [(one.act, one.acted_by) for one in await review_acts.of_review(conn, asked)]
    assert acts == [("proposed", "ana"), ("refused", "ben")]


async def test_a_closed_question_is_not_taken_and_the_log_only_grows(pool, conn, practice):
    asked = await _ask(conn, practice)
    await review_acts.take(conn, asked, "ana", AT)
    await review_acts.take(conn, asked, "ben", AT)
    assert (await reviews.get(conn, asked)).owner == "ben"
    await _decide(pool, asked, {"choice": "keep_open", "by": "ana"})
    with pytest.raises(asyncpg.RestrictViolationError):
        await review_acts.take(conn, asked, "carl", AT)
    for statement in ("DELETE FROM review_acts", "UPDATE review_acts SET acted_by = 'x'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement)


def _loss(practice, case_id, review_id="by hand", cents=5_000):
    return written_off(
        review_id=review_id,
        amount_cents=cents,
        client_id=practice.client_id,
        case_id=case_id,
        location_id=practice.location_id,
        effective_on=AT.date(),
    )


async def test_nobody_gives_money_up_without_a_name(pool, conn, practice):
    case_id = practice.case()
    with pytest.raises(asyncpg.RestrictViolationError, match="names nobody"):
        async with conn.transaction():
            await ledger.post(conn, _loss(practice, case_id))
    asked = await _ask(conn, practice, 5_000, case_id)
    async with db.transaction(pool) as tx:
        await reviews.decide(tx, asked, WRITE_OFF, "ana", "moved", AT)
        await ledger.post(tx, _loss(practice, case_id, asked))
    assert await ledger.moved_by(conn, asked) == 5_000
    goodwill = Tally(practice.client_id).move("6070", "2060", 100)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with conn.transaction():
            await ledger.post(
                conn, entry("gift", str(uuid4()), practice.location_id, AT.date(), goodwill)
            )


async def _paid(conn, practice, cents=9_000):
    payment_id = str(uuid4())
    await payments.record(
        conn,
        payments.PaymentFact(
            payment_id=payment_id,
            source="stripe",
            object_id=payment_id,
            kind="card",
            state="paid",
            amount_cents=cents,
            occurred_at=AT,
            client_id=practice.client_id,
            location_id=practice.location_id,
        ),
    )
    return payment_id


async def test_automation_never_alters_what_a_person_has_placed(pool, conn, practice):
    payment_id, case_id = await _paid(conn, practice), practice.case()
    asked = await _ask(conn, practice, 9_000)
    await payments.allocate(conn, payment_id, case_id, 1_000, "matching")
    await payments.allocate(conn, payment_id, case_id, -1_000, "matching")
    async with db.transaction(pool) as tx:
        await reviews.decide(tx, asked, {"choice": "keep_open", "by": "ana"}, "ana", "", AT)
        await payments.allocate(tx, payment_id, case_id, 4_000, "ana")
    for who, where, cents in (
        ("matching", case_id, -4_000),
        ("matching", case_id, 1),
        ("matching", practice.case(), 1_000),
        ("payer", case_id, -1),
    ):
        with pytest.raises(asyncpg.RestrictViolationError, match="placed by a person"):
            await payments.allocate(conn, payment_id, where, cents, who)
    assert await payments.allocated(conn, payment_id) == 4_000
    await payments.allocate(conn, payment_id, case_id, -4_000, "ben")  # a person may


async def _close(conn, case_id, status, by=None, key=None):
    return await closings.put(conn, key or uuid4().hex, case_id, status, by, AT)


@pytest.mark.parametrize("status", ["paid", "nothing_due", "not_billable", "written_off"])
async def test_no_case_closes_while_money_is_owed(conn, practice, status):
    case_id = practice.case()
    async with conn.transaction():
        await ledger.post(conn, practice.sale(case_id, 1))
    for by in (None, "ana"):
        assert "off by 1 cents" in await _close(conn, case_id, status, by)
    assert await conn.fetch("SELECT FROM case_closings WHERE case_id = $1", case_id) == []


async def test_a_case_closes_on_an_exact_match_or_by_a_name(pool, conn, practice):
    case_id = practice.case()
    assert await _close(conn, case_id, "paid") is None
    assert await _close(conn, case_id, "written_off", "ana")  # nobody has written it off
    async with conn.transaction():
        await ledger.post(conn, practice.sale(case_id, 500))
    for nobody in (None, " "):
        assert await _close(conn, case_id, "closed_by_staff", nobody)
    assert await _close(conn, case_id, "closed_by_staff", "ana") is None
    asked = await _ask(conn, practice, 500, case_id)
    async with db.transaction(pool) as tx:
        await reviews.decide(tx, asked, WRITE_OFF, "ana", "moved", AT)
        await ledger.post(tx, _loss(practice, case_id, asked, 500))
    assert await _close(conn, case_id, "written_off", "ana") is None
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute("DELETE FROM case_closings")


async def test_an_end_is_kept_once(conn, practice):
    case_id, key = practice.case(), uuid4().hex
    assert await _close(conn, case_id, "paid", key=key) is None
    async with conn.transaction():
        await ledger.post(conn, practice.sale(case_id, 500))
    assert await _close(conn, case_id, "paid", key=key) is None  # the answer was lost, say
    rows = await conn.fetch("SELECT status FROM case_closings WHERE case_id = $1", case_id)
    assert [row["status"] for row in rows] == ["paid"]


async def test_too_much_money_is_left_by_a_name_alone(pool, conn, practice):
    case_id = practice.case()
    async with conn.transaction():
        who = practice.client_id
        await cash_in(conn, practice.location_id, who, case_id, 700, AT.date())
    assert "off by -700 cents" in await _close(conn, case_id, "paid")
    asked = await _ask(conn, practice, 700, case_id)
    await _decide(pool, asked, {"choice": "keep_open", "by": "ana"})
    assert await _close(conn, case_id, "paid") is None


async def _refuses_to_close(conn, practice, key, case_id, cents):
    """An entry that takes cents off what is owed is not let in, whatever it is called."""
    less = Tally(practice.client_id, case_id).move("1020", "1100", cents)
    with pytest.raises(asyncpg.RestrictViolationError, match="no exact match and nobody's name"):
        async with conn.transaction():
            await ledger.post(conn, entry("paid", key, practice.location_id, AT.date(), less))
    assert await ledger.balance_of_case(conn, case_id) == 500


async def test_a_debt_goes_down_by_an_exact_match_or_a_name(conn, practice):
    case_id = practice.case()
    await ledger.post(conn, practice.sale(case_id, 500))
    document = await invoices.issue(conn, practice.document(case_id, 500))
    payment_id = await _paid(conn, practice, 500)
    await payments.allocate(conn, payment_id, case_id, 499, "matching")
    for key in (
        str(uuid4()),
        f"amended|{document.document_id}",
        f"amended|{uuid4()}",
        f"received|stripe|{payment_id}|{case_id}",
        f"received|stripe|{uuid4()}|{case_id}",
        f"plan-signed|{uuid4()}",
    ):
        await _refuses_to_close(conn, practice, key, case_id, 500)
    async with conn.transaction():
        await payments.allocate(conn, payment_id, case_id, 1, "matching")
        less = Tally(practice.client_id, case_id).move("1020", "1100", 500)
        key = f"received|stripe|{payment_id}|{case_id}"
        await ledger.post(conn, entry("paid", key, practice.location_id, AT.date(), less))
    assert await ledger.balance_of_case(conn, case_id) == 0


async def test_a_part_that_a_person_placed_is_no_exact_match_of_a_machine(pool, conn, practice):
    case_id = practice.case()
    await ledger.post(conn, practice.sale(case_id, 500))
    payment_id = await _paid(conn, practice, 500)
    asked = await _ask(conn, practice, 500, case_id)
    async with db.transaction(pool) as tx:
        await reviews.decide(tx, asked, {"choice": "keep_open", "by": "ana"}, "ana", "so", AT)
        await payments.allocate(tx, payment_id, case_id, 500, "ana")
    key = f"received|stripe|{payment_id}|{case_id}"
    await _refuses_to_close(conn, practice, key, case_id, 500)
