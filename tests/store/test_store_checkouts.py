"""The send lock holds for 15 minutes at most, and a payment page's end is only moved forward."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from store import checkouts
from store.checkouts import Checkout
from store.db import KeyReused

AT = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _checkout(practice, **changes):
    base = {
        "checkout_id": uuid4().hex,
        "location_id": practice.location_id,
        "client_id": practice.client_id,
        "door": "session",
        "amount_cents": 5_000,
        "opened_at": AT,
        "lock_until": AT + 15 * MINUTE,
    }
    return Checkout.model_validate({**base, **changes})


async def test_the_lock_ends_by_itself_after_its_time(conn, practice):
    assert await checkouts.open_until(conn, practice.client_id, AT) is None
    made = _checkout(practice)
    assert await checkouts.open_checkout(conn, made)
    assert not await checkouts.open_checkout(conn, made)
    assert await checkouts.open_until(conn, practice.client_id, AT) == made.lock_until
    assert await checkouts.open_until(conn, practice.client_id, AT + 14 * MINUTE)
    assert await checkouts.open_until(conn, practice.client_id, AT + 15 * MINUTE) is None
    assert await checkouts.open_until(conn, practice.client_id, AT - MINUTE) is None
    assert await checkouts.open_until(conn, "somebody-else", AT) is None


async def test_the_longest_lock_counts_and_a_cancel_ends_its_own_only(conn, practice):
    first, second = _checkout(practice), _checkout(practice, lock_until=AT + 9 * MINUTE)
    for made in (first, second):
        await checkouts.open_checkout(conn, made)
    assert await checkouts.unsettled(conn, practice.client_id) == []
    for made in (first, second):
        await checkouts.put_session(conn, made.checkout_id, f"cs_{made.checkout_id}")
    assert await checkouts.open_until(conn, practice.client_id, AT) == first.lock_until
    await checkouts.finish(conn, first.checkout_id, None, AT)
    assert await checkouts.open_until(conn, practice.client_id, AT) == second.lock_until
    assert [c.checkout_id for c in await checkouts.unsettled(conn, practice.client_id)] == [
        first.checkout_id,
        second.checkout_id,
    ]


async def test_money_ends_the_lock_of_those_who_went_to_an_invoice(conn, practice):
    door = _checkout(practice, door="invoice", case_id="c1")
    await checkouts.open_checkout(conn, door)
    assert await checkouts.unsettled(conn, practice.client_id) == []
    await checkouts.finish_invoice_doors(conn, practice.client_id, AT)
    assert await checkouts.open_until(conn, practice.client_id, AT) is None


async def test_what_was_paid_stays_paid_and_a_page_keeps_its_name(conn, practice):
    made = _checkout(practice)
    await checkouts.open_checkout(conn, made)
    await checkouts.put_session(conn, made.checkout_id, "cs_1")
    await checkouts.put_session(conn, made.checkout_id, "cs_1")
    with pytest.raises(KeyReused):
        await checkouts.put_session(conn, made.checkout_id, "cs_2")
    await checkouts.finish(conn, made.checkout_id, "expired", AT)
    await checkouts.finish(conn, made.checkout_id, "paid", AT)
    await checkouts.finish(conn, made.checkout_id, "expired", AT)
    kept = await checkouts.get(conn, made.checkout_id)
    assert kept is not None
    assert (kept.outcome, kept.processor_session_id) == ("paid", "cs_1")
    assert await checkouts.unsettled(conn, practice.client_id) == []
    assert await checkouts.opened_since(conn, practice.client_id, 60) == 1
    for change in ("amount_cents = 1", "outcome = 'expired'", "case_id = 'c2'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(f"UPDATE checkouts SET {change}")
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute("DELETE FROM checkouts")
