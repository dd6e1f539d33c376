"""A bank debit that is started on a payment page of ours and comes back: days later, or at once."""

import httpx

from store.checkouts import Checkout
from tests.web.conftest import Owed, World, bill, settle
from tests.web.test_paying import left, locked, number_of, pay, rows, several

__all__ = ["several"]


async def _debit(world: World, owed: Owed, state: str) -> Checkout:
    """What the bank says of the debit that was started on the newest page."""
    row = (await rows(world, owed))[-1]
    world.processor.pay_checkout(row.processor_session_id or "", state)
    return row


async def _asked(world: World, owed: list[Owed]) -> list[tuple[str, int]]:
    found = await world.pool.fetch(
        "SELECT case_id, money_cents FROM reviews WHERE code = 'SETTLEMENT_FAILED'"
        " AND case_id = ANY($1)",
        [one.case_id for one in owed],
    )
    return [(row["case_id"], row["money_cents"]) for row in found]


async def test_a_debit_that_came_back_days_later_is_said_until_money_comes(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], amount="120")
    row = await _debit(world, several[0], "processing")
    assert "on its way" in (await http.get(f"/p/{several[0].token}/done/{row.checkout_id}")).text
    await _debit(world, several[0], "requires_payment_method")
    for _ in range(2):
        page = await http.get(f"/p/{several[1].token}")
        assert (page.status_code, "bank did not make" in page.text) == (200, True)
        assert "$350.00" in page.text
    assert await left(world, several) == [10_000, 20_000, 5_000]
    assert not await locked(world, several[0])
    assert await _asked(world, several) == [(several[0].case_id, 12_000)]
    assert "/checkout/cs_" in (await pay(http, several[0], amount="20")).headers["location"]
    row = await _debit(world, several[0], "succeeded")
    assert "$20.00" in (await http.get(f"/p/{several[0].token}/done/{row.checkout_id}")).text
    assert "bank did not make" not in (await http.get(f"/p/{several[0].token}")).text


async def test_a_debit_that_came_back_before_the_payer_did_claims_no_payment(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], invoice=await number_of(http, several[0], 1))
    assert await _asked(world, several) == []
    await pay(http, several[1], amount="50.00")
    row = await _debit(world, several[0], "requires_payment_method")
    done = await http.get(f"/p/{several[0].token}/done/{row.checkout_id}", follow_redirects=True)
    assert (done.status_code, "bank did not make" in done.text) == (200, True)
    assert "Thank you" not in done.text
    assert (await rows(world, several[0]))[-1].outcome == "failed"


async def test_a_click_that_finds_the_debit_come_back_says_so_before_anybody_pays(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], amount="120")
    await _debit(world, several[0], "requires_payment_method")
    answer = await pay(http, several[0])
    assert (answer.status_code, "bank did not make" in answer.text) == (409, True)
    assert (await pay(http, several[0])).status_code == 303


async def test_nobody_is_asked_about_a_debit_that_came_back_when_nothing_is_owed(
    world: World, http: httpx.AsyncClient
) -> None:
    owed = await bill(world, 20_000)
    await pay(http, owed, amount="120")
    await settle(world, owed, 20_000)
    await _debit(world, owed, "requires_payment_method")
    assert "bank did not make" not in (await http.get(f"/p/{owed.token}")).text
    assert (await rows(world, owed))[-1].outcome == "failed"
    assert await _asked(world, [owed]) == []
