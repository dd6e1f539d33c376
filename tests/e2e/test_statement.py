"""One link for two visits, paid at once or in part, through the processor's page and back."""

from urllib.parse import urlsplit

import httpx
import pytest

from domain import ids
from tests.e2e.play import LASER_AND_SERUM, TOXIN_20, TOXIN_40, Case, Play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FIRST, SECOND = 52_000, 46_722


async def two_visits(play: Play) -> tuple[Case, Case]:
    """Both billed and asked for online, to the same patient."""
    first = await play.billed(TOXIN_40)
    second = await play.case(LASER_AND_SERUM, patient=first.patient, urn=first.urn)
    for case, cents in ((first, FIRST), (second, SECOND)):

        async def asked(case: Case = case, cents: int = cents) -> bool:
            return await play.stripe_asks(case) == cents

        await play.until(asked, "the processor's invoice", case)
    return first, second


async def send_to_pay(play: Play, case: Case, **form: str) -> str:
    """Press the pay page's button; returns the address at the processor."""
    rows = await play.fetch("SELECT token FROM pay_links WHERE case_id = $1", case.case_id)
    async with httpx.AsyncClient(timeout=30) as http:
        page = f"{play.stack.web_url}/p/{rows[0]['token']}"
        assert (await http.get(page)).status_code == 200
        answer = await http.post(f"{page}/pay", data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def pay_there(address: str) -> str:
    """Pay on the processor's page and never come back."""
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(address, headers={"accept": "text/html"}, data={})
    return str(answer.headers["location"])


async def test_one_payment_settles_both_visits(play: Play) -> None:
    first, second = await two_visits(play)
    address = await send_to_pay(play, second)
    assert "/checkout/" in urlsplit(address).path
    await pay_there(address)

    for case in (first, second):
        await play.until_balance(case, 0)

        async def lowered(case: Case = case) -> bool:
            return await play.stripe_asks(case) == 0

        await play.until(lowered, "an invoice that asks for nothing", case)
        await play.record_in_pms(case)
        assert await play.result(case) == "paid"
        assert (await play.posted(case))["payment_received"] == 1
        assert [bill["status"] for bill in await play.stripe_invoices(case)] == ["paid"]
    rows = await play.fetch(
        "SELECT amount_cents, allocated_cents FROM payments WHERE client_id = $1", first.client_id
    )
    assert [tuple(row) for row in rows] == [(FIRST + SECOND, FIRST + SECOND)]


async def test_a_part_pays_the_older_visit_first_and_lost_webhooks_change_nothing(
    play: Play,
) -> None:
    first, second = await two_visits(play)
    address = await send_to_pay(play, first, amount="600.00")
    await play.fault("stripe", "*", "drop", times=50)
    await pay_there(address)
    await play.flush()
    assert sum((await play.hits()).values()) >= 2
    await play.clear_faults()
    await play.sweep("ProcessorCatchUp", back_seconds=600)

    await play.until_balance(first, 0)
    await play.until_balance(second, FIRST + SECOND - 60_000)

    for case, left_cents in ((first, 0), (second, FIRST + SECOND - 60_000)):

        async def lowered(case: Case = case, left_cents: int = left_cents) -> bool:
            return await play.stripe_asks(case) == left_cents

        await play.until(lowered, "a lower request for money", case)
    await play.record_in_pms(first)
    assert await play.result(first) == "paid"


async def test_every_webhook_twice_and_late_books_it_once(play: Play) -> None:
    first, second = await two_visits(play)
    for kind in ("duplicate", "delay"):
        await play.fault("stripe", "*", kind, times=20, seconds=1)
    back = await pay_there(await send_to_pay(play, first))
    async with httpx.AsyncClient(timeout=30) as http:
        thanks = await http.get(back)
    assert "$987.22" in thanks.text
    await play.flush()
    for case in (first, second):
        await play.until_balance(case, 0)
        assert (await play.posted(case))["payment_received"] == 1


async def test_both_pay_at_once_and_a_person_places_what_is_too_much(play: Play) -> None:
    """One pays the invoice on its own page, the other pays the same amount by the link."""
    case = await play.billed(TOXIN_20)
    other = await play.case(TOXIN_20, patient=case.patient, urn=case.urn)

    async def asked() -> bool:
        return await play.stripe_asks(other) == 26_000

    await play.until(asked, "the processor's invoice", other)
    address = await send_to_pay(play, case, amount="260.00")
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await pay_there(address)
    (intent,) = [
        doc["id"]
        for doc in await play.practice.docs("stripe.payment_intent")
        if doc["metadata"].get("checkout")
        and doc["status"] == "succeeded"
        and doc["customer"] == (await play.stripe_invoices(case))[0]["customer"]
    ]
    workflow_id = ids.unmatched_workflow_id("stripe", intent)

    async def held() -> str | None:
        rows = await play.fetch(
            "SELECT review_id FROM reviews WHERE case_id = $1 AND code = 'DUPLICATE_SUSPECTED'",
            workflow_id,
        )
        return str(rows[0]["review_id"]) if rows else None

    await play.until(held, "a question about the second payment")
    assert await play.balance(other) == 26_000


async def _debit(play: Play, case: Case, act: str, **how: object) -> None:
    session = await play.session_of(case)
    await play.practice.control(f"stripe/sessions/{session}/{act}", how)
    await play.flush()


async def _page(play: Play, case: Case) -> str:
    rows = await play.fetch("SELECT token FROM pay_links WHERE case_id = $1", case.case_id)
    async with httpx.AsyncClient(timeout=30) as http:
        return (await http.get(f"{play.stack.web_url}/p/{rows[0]['token']}")).text


async def test_a_debit_from_the_page_that_comes_back_days_later_waits_for_a_person(
    play: Play,
) -> None:
    case = await play.billed(TOXIN_20)
    await send_to_pay(play, case, amount="100.00")
    await _debit(play, case, "processing")
    assert "on its way" in await _page(play, case)
    await play.practice.skip(case.case_id, days=5)
    assert {one.step for one in await play.messages(case)} == {"invoice"}

    await _debit(play, case, "settle", succeeded=False)
    asked = await play.question(case, "SETTLEMENT_FAILED")
    assert asked.money_cents == 10_000
    page = await _page(play, case)
    assert "bank did not make" in page
    assert "$260.00" in page
    assert (await play.balance(case), await play.posted(case)) == (26_000, {"visit_issued": 1})
    await play.practice.skip(case.case_id, days=2)
    assert {one.step for one in await play.messages(case)} == {"invoice"}

    await play.decide(asked, "resume")
    await play.practice.skip(case.case_id, days=2)

    async def reminded() -> bool:
        return len({one.step for one in await play.messages(case)}) > 1

    await play.until(reminded, "the reminder that had waited", case)
    assert "did not go through" in (await play.texts(case))[-1]["body"]
    await play.check_books()
