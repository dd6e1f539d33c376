"""Money of a payer whom nobody knew, placed by a person and given back: 2100 by client."""

from collections.abc import AsyncIterator, Iterator

import pytest

from domain import ids
from tests.activities.practice import Practice
from tests.activities.reversals import Till
from tests.activities.test_refunds_outside import WHY, tie
from tests.connectors.stripe_world import World as Twin

DUE_CENTS, BACK_CENTS = 65_000, 20_000


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def till(running: Twin, practice: Practice) -> AsyncIterator[Till]:
    running.reset()
    stripe = running.processor()
    yield Till(practice, running, stripe)
    await stripe.close()


async def _placed(till: Till, cents: int):
    """It pays a visit, and what is over is the client's credit."""
    who = till.practice.client()
    case = till.practice.chart(who, ("TOXIN-UNIT", "50"))
    await till.practice.bill(case)
    loose = await till.loose(cents)
    effect, _ = await till.place(loose, "apply", invoice_id=ids.document_id(case.case_id, 1))
    assert effect == "done"
    return who, case, loose.payment_id


async def _by_client(till: Till, *accounts: str) -> list[tuple[str, str | None, int]]:
    """What does not net to zero, by account and client."""
    rows = await till.practice.world.pool.fetch(
        "SELECT account, client_id, sum(debit_cents - credit_cents)::bigint FROM ledger_postings"
        " JOIN ledger_entries USING (entry_id) WHERE location_id = $1 AND account = ANY($2)"
        " GROUP BY account, client_id HAVING sum(debit_cents - credit_cents) <> 0",
        till.practice.world.location_id,
        accounts,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("choice", ["allow", "owe_again"])
@pytest.mark.parametrize("credit_cents", [0, 5_000])
async def test_gone_back_in_the_processors_pages_nobodys_2100_is_left(
    till: Till, choice: str, credit_cents: int
) -> None:
    who, case, name = await _placed(till, DUE_CENTS + credit_cents)
    ref = await till.refunded_outside(ids.payment_id("stripe", name), BACK_CENTS)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, choice, **WHY)
    assert (await till.settle(ref)).status == "paid"
    owed_cents = BACK_CENTS - credit_cents if choice == "owe_again" else 0
    assert await till.owed(case) == (owed_cents,)
    assert await _by_client(till, "2100", "2095", "2060") == []
    owed = [("1100", till.practice.client_id(who), owed_cents)]
    assert await _by_client(till, "1100") == (owed if owed_cents else [])
    payout = await till.twin.control("/payouts")
    assert (await tie(till, payout["id"])).status == "tied"
    assert await _by_client(till, "2100", "2095", "2060") == []


async def test_given_back_by_the_desk_it_is_paid_to_whom_it_is_owed(till: Till) -> None:
    who, case, _ = await _placed(till, DUE_CENTS)
    ref, done = await till.refund(case, who, amount_cents=BACK_CENTS)
    assert done.status == "paid"
    assert await _by_client(till, "2100") == []
    payout = await till.twin.control("/payouts")
    assert (await tie(till, payout["id"])).status == "tied"
    assert (await till.settle(ref)).status == "paid"
    assert await _by_client(till, "2100") == []


@pytest.mark.parametrize("credit_cents", [0, 5_000])
async def test_taken_by_the_bank_it_is_owed_again_by_whose_visit_it_had_paid(
    till: Till, credit_cents: int
) -> None:
    who, case, name = await _placed(till, DUE_CENTS + credit_cents)
    ref = await till.disputed(ids.payment_id("stripe", name))
    await till.follow(ref)
    await till.bank(ref, "lost")
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, "rebill", **WHY)
    assert (await till.follow(ref)).status == "rebill"
    assert await till.owed(case) == (DUE_CENTS,)
    owed = [("1100", till.practice.client_id(who), DUE_CENTS)]
    assert await _by_client(till, "1100", "1120", "2060") == owed
