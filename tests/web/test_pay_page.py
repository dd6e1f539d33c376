"""The pay page: today's balance, a fresh way to pay, and a statement behind a second factor."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from connectors.ports import ProcessorInvoice
from starter.stamps import make_stamp
from store.invoices import note_factor_attempt
from tests.fakes import open_invoice
from tests.web.conftest import BASE_URL, Owed, World, bill, settle

RIGHT = {"birth_date": "1990-04-02", "postal_code": ""}
WRONG = {"birth_date": "1990-04-03", "postal_code": ""}


@pytest.fixture
async def owed(world: World) -> Owed:
    return await bill(world, 24000)


@pytest.fixture
async def second_browser(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def pay(http: httpx.AsyncClient, owed: Owed) -> httpx.Response:
    return await http.post(f"/p/{owed.token}/pay")


def reads(world: World) -> int:
    return sum(call == "read_invoice" for call, _ in world.processor.asked)


async def test_the_balance_is_todays(world: World, http: httpx.AsyncClient, owed: Owed) -> None:
    page = await http.get(f"/p/{owed.token}")
    assert page.status_code == 200
    assert "$240.00" in page.text
    assert "Lumin Aesthetics" in page.text
    await settle(world, owed, 9000)
    assert "$150.00" in (await http.get(f"/p/{owed.token}")).text
    await settle(world, owed, 15000)
    settled = await http.get(f"/p/{owed.token}")
    assert "Nothing due" in settled.text
    assert "<button" not in settled.text
    assert reads(world) == 0


async def test_the_first_page_names_no_person_and_no_treatment(
    http: httpx.AsyncClient, owed: Owed
) -> None:
    text = (await http.get(f"/p/{owed.token}")).text
    for word in ("Ada", "Quill", "Neurotoxin", owed.phone, owed.client_id, owed.case_id):
        assert word not in text


async def test_a_click_goes_to_the_fresh_address(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    first = await pay(http, owed)
    assert first.status_code == 303
    assert first.headers["location"] == f"https://pay.example.test/{owed.processor_id}/fresh"
    renewed = open_invoice(owed.processor_id, 24000).model_copy(
        update={"pay_url": "https://pay.example.test/renewed"}
    )
    world.processor.invoices[owed.processor_id] = renewed
    assert (await pay(http, owed)).headers["location"] == "https://pay.example.test/renewed"
    assert reads(world) == 2


@pytest.mark.parametrize(
    ("invoice", "settled_cents", "status", "words"),
    [
        (open_invoice("in_x", 24000), 24000, 200, "Nothing due"),
        (open_invoice("in_x", 24000, in_flight=True), 0, 200, "on its way"),
        (open_invoice("in_x", 24000, paid_cents=24000), 0, 200, "on its way"),
        (open_invoice("in_x", 24000).model_copy(update={"state": "draft"}), 0, 503, "up to date"),
        (open_invoice("in_x", 24000).model_copy(update={"state": "void"}), 0, 503, "up to date"),
    ],
)
async def test_nobody_is_sent_to_pay_what_is_not_owed(
    world: World,
    http: httpx.AsyncClient,
    owed: Owed,
    invoice: ProcessorInvoice,
    settled_cents: int,
    status: int,
    words: str,
) -> None:
    world.processor.invoices[owed.processor_id] = invoice
    if settled_cents:
        await settle(world, owed, settled_cents)
    answer = await pay(http, owed)
    assert answer.status_code == status
    assert "location" not in answer.headers
    assert words in answer.text


async def test_a_partial_payment_leaves_the_rest_payable(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    await settle(world, owed, 9000)
    world.processor.invoices[owed.processor_id] = open_invoice(owed.processor_id, 24000, 9000)
    assert (await pay(http, owed)).status_code == 303


async def test_a_processor_that_is_away_is_said_plainly(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    world.processor.down = True
    assert "$240.00" in (await http.get(f"/p/{owed.token}")).text
    answer = await pay(http, owed)
    assert answer.status_code == 503
    assert "Nothing was charged" in answer.text
    assert "Try again" in answer.text


@pytest.mark.parametrize(
    "token", ["x" * 22, "short", "%00" * 20, "a" * 200, "..%2F..%2Fetc%2Fpasswd"]
)
async def test_an_unknown_link_gives_no_hint(http: httpx.AsyncClient, token: str) -> None:
    for answer in (
        await http.get(f"/p/{token}"),
        await http.post(f"/p/{token}/pay"),
        await http.post(f"/p/{token}/details", data=RIGHT),
        await http.get(f"/p/{token}/details"),
    ):
        assert answer.status_code == 404
        assert "Lumin" not in answer.text


async def test_the_back_button_lands_on_the_live_page(http: httpx.AsyncClient, owed: Owed) -> None:
    answer = await http.get(f"/p/{owed.token}/pay")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/p/{owed.token}"


async def test_every_page_carries_the_headers(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    pages = [
        await http.get(f"/p/{owed.token}"),
        await http.get(f"/p/{owed.token}/details"),
        await http.post(f"/p/{owed.token}/details", data=WRONG),
        await http.post(f"/p/{owed.token}/details", data=RIGHT),
        await http.get("/p/" + "y" * 22),
    ]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-frame-options"] == "DENY"
        assert "<script" not in page.text
        assert '<html lang="en">' in page.text
    redirect = await pay(http, owed)
    assert redirect.headers["referrer-policy"] == "no-referrer"
    assert redirect.headers["cache-control"] == "no-store"


async def test_the_statement_needs_the_second_factor(
    http: httpx.AsyncClient, second_browser: httpx.AsyncClient, owed: Owed
) -> None:
    question = await http.get(f"/p/{owed.token}/details")
    assert "Neurotoxin" not in question.text
    refused = await http.post(f"/p/{owed.token}/details", data=WRONG)
    assert refused.status_code == 403
    assert "Neurotoxin" not in refused.text
    assert "set-cookie" not in refused.headers
    shown = await http.post(f"/p/{owed.token}/details", data={"postal_code": "78704"})
    assert shown.status_code == 200
    for word in ("Neurotoxin", "20 units", "$240.00"):
        assert word in shown.text
    again = await http.get(f"/p/{owed.token}/details")
    assert "Neurotoxin" in again.text
    elsewhere = await second_browser.get(f"/p/{owed.token}/details")
    assert "Neurotoxin" not in elsewhere.text


async def test_the_cookie_is_short_lived_and_this_links_alone(
    world: World, http: httpx.AsyncClient, second_browser: httpx.AsyncClient, owed: Owed
) -> None:
    shown = await http.post(f"/p/{owed.token}/details", data=RIGHT)
    cookie = shown.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=600", f"Path=/p/{owed.token}"):
        assert part in cookie
    assert "Ada" not in cookie
    other = await bill(world)
    value = cookie.split(";")[0].partition("=")[2]
    stale = make_stamp(world.vault, f"details|{owed.token}", -1)
    for token, stamp in ((other.token, value), (owed.token, stale), (owed.token, value + "0")):
        answer = await second_browser.get(
            f"/p/{token}/details", headers={"cookie": f"tieout_details={stamp}"}
        )
        assert "Neurotoxin" not in answer.text


async def test_five_wrong_answers_close_the_question_even_for_the_right_one(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    for _ in range(5):
        assert (await http.post(f"/p/{owed.token}/details", data=WRONG)).status_code == 403
    locked = await http.post(f"/p/{owed.token}/details", data=RIGHT)
    assert locked.status_code == 429
    assert locked.headers["retry-after"] == "900"
    assert "Neurotoxin" not in locked.text
    assert (await pay(http, owed)).status_code == 303
    other = await bill(world)
    assert (await http.post(f"/p/{other.token}/details", data=RIGHT)).status_code == 200


@pytest.mark.parametrize(("language", "said"), [("en", "until tomorrow"), ("es", "hasta mañana")])
async def test_fifteen_wrong_answers_close_it_for_a_day_and_say_so(
    world: World, http: httpx.AsyncClient, owed: Owed, language: str, said: str
) -> None:
    async with world.pool.acquire() as conn:
        for _ in range(15):
            await note_factor_attempt(conn, owed.token, False)
    locked = await http.post(f"/p/{owed.token}/details?lang={language}", data=RIGHT)
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "86400")
    assert said in locked.text
    assert "15 min" not in locked.text


async def test_a_burst_of_guesses_cannot_outrun_the_count(
    http: httpx.AsyncClient, owed: Owed
) -> None:
    answers = await asyncio.gather(
        *(http.post(f"/p/{owed.token}/details", data=WRONG) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [403] * 5 + [429] * 15


async def test_nothing_personal_and_no_token_is_logged(http: httpx.AsyncClient, owed: Owed) -> None:
    with structlog.testing.capture_logs() as logs:
        await http.get(f"/p/{owed.token}")
        await http.post(f"/p/{owed.token}/details", data=RIGHT)
        await pay(http, owed)
        await http.get(f"/nowhere/{owed.token}")
    assert [line["route"] for line in logs if line["event"] == "request"] == [
        "/p/{token}",
        "/p/{token}/details",
        "/p/{token}/pay",
        "-",
    ]
    for secret in (owed.token, owed.client_id, "Ada", "1990", owed.phone):
        assert secret not in str(logs)


async def test_a_statement_shows_what_was_paid(
    world: World, http: httpx.AsyncClient, owed: Owed
) -> None:
    await settle(world, owed, 24000)
    shown = await http.post(f"/p/{owed.token}/details", data=RIGHT)
    assert "Payments received" in shown.text
    assert "-$240.00" in shown.text
    assert "/pay" not in shown.text


async def test_the_stylesheet_is_our_own(http: httpx.AsyncClient, owed: Owed) -> None:
    page = (await http.get(f"/p/{owed.token}")).text
    assert 'href="/assets/page.css"' in page
    css = await http.get("/assets/page.css")
    assert css.headers["content-type"].startswith("text/css")
    assert "url(" not in css.text
    assert "@import" not in css.text
