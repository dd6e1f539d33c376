"""Reviews, the inbox and the retried-write guard."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from store import case_facts, db, guard, inbox, reviews
from store.db import KeyReused
from store.reviews import Choice, Review, ReviewClosed

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


def _review(practice, case_id, review_id=None):
    return Review(
        review_id=review_id or str(uuid4()),
        case_id=case_id,
        workflow_id=case_id,
        location_id=practice.location_id,
        code="unknown_code",
        opened_at=AT,
        shown={"ours": {"cents": 1}, "theirs": {}, "facts": ["a"]},
        choices=[Choice(name="map", label="Map", effect="Bills it.", needs=["sku"])],
        money_cents=100,
    )


async def _decide(conn, review, choice="map", by="ana"):
    return await reviews.decide(conn, review.review_id, {"choice": choice}, by, "why", AT)


async def test_a_review_is_decided_once_and_names_who(conn, practice):
    review = _review(practice, practice.case())
    assert await reviews.open_review(conn, review)
    assert not await reviews.open_review(conn, review)
    assert await reviews.open_of_case(conn, review.case_id) == [review]
    now = await case_facts.read(conn, review.case_id)
    assert [(one.review_id, one.code) for one in now.asked] == [(review.review_id, review.code)]
    assert await reviews.list_open(conn, practice.location_id) == [review]
    assert review in await reviews.list_open(conn)
    assert await _decide(conn, review)
    assert not await _decide(conn, review)
    with pytest.raises(ReviewClosed, match="by ana"):
        await _decide(conn, review, "other", "ben")
    assert await reviews.list_open(conn, practice.location_id) == []
    now = await case_facts.read(conn, review.case_id)
    assert (now.balance_cents, now.asked) == (0, ())
    closed = await reviews.get(conn, review.review_id)
    assert (closed.state, closed.decided_by, closed.decision) == (
        "decided",
        "ana",
        {"choice": "map"},
    )
    assert (closed.decided_at, closed.decided_reason) == (AT, "why")
    assert [r.state for r in await reviews.of_case(conn, review.case_id)] == ["decided"]


async def test_two_people_at_once_one_decides(pool, conn, practice):
    review = _review(practice, practice.case())
    await reviews.open_review(conn, review)

    async def person(choice, by):
        async with db.transaction(pool) as tx:
            return await _decide(tx, review, choice, by)

    results = await asyncio.gather(person("a", "ana"), person("b", "ben"), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["ReviewClosed", "bool"]


async def test_a_withdrawn_review_takes_no_decision(conn, practice):
    review = _review(practice, practice.case())
    await reviews.open_review(conn, review)
    assert await reviews.withdraw(conn, review.review_id, "paid meanwhile")
    assert not await reviews.withdraw(conn, review.review_id, "again")
    with pytest.raises(ReviewClosed, match="withdrawn"):
        await _decide(conn, review)
    with pytest.raises(LookupError):
        await reviews.decide(conn, "nothing", {}, "ana", "", AT)


async def test_get_takes_a_unique_beginning(conn, practice):
    stem = uuid4().hex
    for tail in ("a1", "b2"):
        await reviews.open_review(conn, _review(practice, practice.case(), stem + tail))
    assert (await reviews.get(conn, stem + "a")).review_id == stem + "a1"
    with pytest.raises(LookupError, match="More than one"):
        await reviews.get(conn, stem)
    await reviews.open_review(conn, _review(practice, practice.case(), stem))
    assert (await reviews.get(conn, stem)).review_id == stem
    for wrong in ("", "%", stem + "c"):
        with pytest.raises(LookupError):
            await reviews.get(conn, wrong)


async def test_a_reminder_is_noted_once_per_business_day(conn, practice):
    review = _review(practice, practice.case())
    await reviews.open_review(conn, review)
    noted = [await reviews.note_reminder(conn, review.review_id, day, AT) for day in (1, 1, 3)]
    assert noted == [True, False, True]


async def test_raw_sql_cannot_reopen_or_rewrite_a_review(conn, practice):
    review = _review(practice, practice.case())
    await reviews.open_review(conn, review)
    shown = "UPDATE reviews SET shown = '{}' WHERE review_id = $1"
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute(shown, review.review_id)
    await _decide(conn, review)
    for statement in (
        "UPDATE reviews SET state = 'open' WHERE review_id = $1",
        "DELETE FROM reviews WHERE review_id = $1",
        "UPDATE review_decisions SET decided_by = 'x' WHERE review_id = $1",
        "DELETE FROM review_decisions WHERE review_id = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement, review.review_id)


async def _receive(conn, vault, event_id, body=b'{"phone": "+15555550100"}'):
    return await inbox.receive(
        conn, vault, "boulevard", None, event_id, "order.closed", AT, {"x-sig": "s"}, body
    )


async def test_an_event_is_kept_once_and_its_body_is_sealed(conn, vault):
    event_id = str(uuid4())
    inbox_id, is_new = await _receive(conn, vault, event_id)
    assert is_new
    assert await _receive(conn, vault, event_id, b"redelivered") == (inbox_id, False)
    event = await inbox.read(conn, vault, inbox_id)
    assert (event.body, event.event_id) == (b'{"phone": "+15555550100"}', event_id)
    stored = await conn.fetchrow("SELECT * FROM inbox WHERE inbox_id = $1", inbox_id)
    assert b"5555550100" not in stored["sealed_body"]
    assert "x-sig" not in str(dict(stored))


async def test_without_a_vendor_id_the_body_decides(conn, vault):
    body = uuid4().bytes
    first, is_new = await _receive(conn, vault, None, body)
    assert is_new
    assert await _receive(conn, vault, None, body) == (first, False)
    assert (await _receive(conn, vault, None, uuid4().bytes))[1]


async def _waiting(conn):
    return await inbox.undispatched(conn, 0, 1000)


async def test_the_redrive_sees_what_is_not_done(pool, conn, vault):
    ids = [(await _receive(conn, vault, str(uuid4())))[0] for _ in range(4)]
    await inbox.mark_dispatched(conn, ids[0], "visit/x")
    await inbox.mark_ignored(conn, ids[1], "not_ours")
    await inbox.mark_failed(conn, ids[2], "The engine did not answer.")
    await inbox.mark_failed(conn, ids[0], "A late failure changes nothing.")
    assert set(ids) & set(await _waiting(conn)) == {ids[2], ids[3]}
    assert not set(ids) & set(await inbox.undispatched(conn, 3600, 1000))
    async with db.transaction(pool) as tx:
        assert ids[3] in await _waiting(tx)
        assert not set(ids) & set(await _waiting(conn))
    attempts = "SELECT attempts FROM inbox WHERE inbox_id = $1"
    assert await conn.fetchval(attempts, ids[2]) == 1


async def test_bodies_past_retention_go_and_undone_ones_stay(conn, vault):
    done, waiting = [(await _receive(conn, vault, str(uuid4())))[0] for _ in range(2)]
    await inbox.mark_ignored(conn, done, "not_ours")
    await conn.execute("UPDATE inbox SET received_at = received_at - interval '91 days'")
    assert await inbox.forget_bodies(conn, 90) >= 1
    with pytest.raises(LookupError):
        await inbox.read(conn, vault, done)
    assert (await inbox.read(conn, vault, waiting)).body


async def test_refusals_are_counted(conn):
    source = uuid4().hex
    for _ in range(3):
        await inbox.count_refused(conn, source, "bad_signature")
    assert (await inbox.refused_counts(conn))[(source, "bad_signature")] == 3


async def test_a_guarded_write_runs_once(conn):
    key = uuid4().hex
    assert await guard.claim(conn, key, "h") is None
    await guard.settle(conn, key, {"number": 7})
    await guard.settle(conn, key, {"number": 7})
    assert await guard.claim(conn, key, "h") == {"number": 7}
    with pytest.raises(KeyReused):
        await guard.claim(conn, key, "other")
    with pytest.raises(KeyReused):
        await guard.settle(conn, key, {"number": 8})
    with pytest.raises(LookupError):
        await guard.settle(conn, "unclaimed", {})
    for statement in (
        "UPDATE write_guards SET result = '{}' WHERE key = $1",
        "DELETE FROM write_guards WHERE key = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement, key)


async def test_a_concurrent_claim_waits_and_gets_the_first_result(pool):
    key, runs = uuid4().hex, []

    async def write():
        async with db.transaction(pool) as tx:
            found = await guard.claim(tx, key, "h")
            if found is not None:
                return found
            runs.append(1)
            await asyncio.sleep(0.05)
            await guard.settle(tx, key, {"n": len(runs)})
            return {"n": len(runs)}

    assert await asyncio.gather(write(), write(), write()) == [{"n": 1}] * 3
