"""Every way to pay: what a payer may choose, and where a click leads in each state of the world."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.ports import CheckoutOrder, ProcessorCheckout, ProviderUnavailable
from starter.pay_standing import cents_of
from starter.pay_till import OPENED_AN_HOUR_MAX
from starter.pay_words import WORDS, accepted, language_of, long_date
from starter.throttle import Throttle
from store import checkouts, ledger
from store.checkouts import Checkout
from tests.fakes import open_invoice
from tests.web.conftest import Owed, World, bill, settle

NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)


@pytest.fixture
async def several(world: World) -> list[Owed]:
    """100, 200 and 50 dollars, oldest first."""
    first = await bill(world, 10_000, issued_at=datetime.now(UTC) - timedelta(days=9))
    second = await bill(world, 20_000, of=first, issued_at=datetime.now(UTC) - timedelta(days=5))
    return [first, second, await bill(world, 5_000, of=first)]


async def pay(http: httpx.AsyncClient, owed: Owed, **form: object) -> httpx.Response:
    return await http.post(f"/p/{owed.token}/pay", data=form)


async def number_of(http: httpx.AsyncClient, owed: Owed, place: int) -> str:
    page = (await http.get(f"/p/{owed.token}")).text
    return str(re.findall(r'name="invoice" value="([^"]+)"', page)[place])


async def rows(world: World, owed: Owed) -> list[Checkout]:
    async with world.pool.acquire() as conn:
        found = await conn.fetch(
            "SELECT checkout_id FROM checkouts WHERE client_id = $1 ORDER BY recorded_at",
            owed.client_id,
        )
        return [row for one in found if (row := await checkouts.get(conn, one["checkout_id"]))]


async def locked(world: World, owed: Owed) -> bool:
    """Whether the send lock holds, on the location's clock."""
    at = datetime.now(UTC) + timedelta(hours=1, seconds=5)
    async with world.pool.acquire() as conn:
        return await checkouts.open_until(conn, owed.client_id, at) is not None


async def left(world: World, owed: list[Owed]) -> list[int]:
    async with world.pool.acquire() as conn:
        return [await ledger.balance_of_case(conn, one.case_id) for one in owed]


async def test_every_link_of_a_client_shows_all_that_is_open(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    stranger = await bill(world, 77_700)
    for one in several:
        page = (await http.get(f"/p/{one.token}")).text
        for words in ("$350.00", "$100.00", "$200.00", "$50.00"):
            assert words in page
        assert "777" not in page
        for secret in ("Ada", "Quill", "Neurotoxin", one.client_id, one.case_id):
            assert secret not in page
    await settle(world, several[0], 10_000)
    page = (await http.get(f"/p/{several[0].token}")).text
    assert "$250.00" in page
    assert "$777.00" in (await http.get(f"/p/{stranger.token}")).text


async def test_one_invoice_in_full_goes_to_its_own_page(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    number = await number_of(http, several[0], 1)
    answer = await pay(http, several[0], invoice=number, shown=35_000)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"{several[1].processor_id}/fresh")
    assert await locked(world, several[0])
    (row,) = await rows(world, several[0])
    assert (row.door, row.case_id) == ("invoice", several[1].case_id)


@pytest.mark.parametrize(
    ("form", "cents"), [({}, 35_000), ({"amount": "120.50"}, 12_050), ({"amount": "$1"}, 100)]
)
async def test_any_other_amount_gets_a_page_of_its_own(
    world: World, http: httpx.AsyncClient, several: list[Owed], form: dict[str, str], cents: int
) -> None:
    answer = await pay(http, several[2], **form)
    assert answer.status_code == 303
    assert "/checkout/cs_" in answer.headers["location"]
    (row,) = await rows(world, several[0])
    assert (row.door, row.case_id, row.amount_cents) == ("session", None, cents)
    assert await locked(world, several[0])


async def test_an_old_invoice_gets_a_page_that_has_not_expired(
    world: World, http: httpx.AsyncClient
) -> None:
    # A day more than the bound: by the practice's clock it may still be the day before.
    owed = await bill(world, 9_000, issued_at=datetime.now(UTC) - timedelta(days=30))
    assert "/checkout/cs_" in (await pay(http, owed)).headers["location"]


@pytest.mark.parametrize("change", [{"remaining_cents": 12_000}, {"pay_url": None}])
async def test_where_the_invoices_page_asks_for_something_else_it_is_not_used(
    world: World, http: httpx.AsyncClient, change: dict[str, object]
) -> None:
    owed = await bill(world, 9_000)
    shown = open_invoice(owed.processor_id, 9_000).model_copy(update=change)
    world.processor.invoices[owed.processor_id] = shown
    assert "/checkout/cs_" in (await pay(http, owed)).headers["location"]
    (row,) = await rows(world, owed)
    assert row.amount_cents == 9_000


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "between $1.00 and $350.00"),
        ("0.99", "between"),
        ("350.01", "between"),
        ("-5", "between"),
        ("1e3", "between"),
        ("ten", "between"),
        ("١٢", "between"),
        ("349.60", "leave less than $0.50"),
    ],
)
async def test_an_amount_that_cannot_be_paid_is_asked_for_again(
    world: World, http: httpx.AsyncClient, several: list[Owed], amount: str, words: str
) -> None:
    answer = await pay(http, several[0], amount=amount)
    assert answer.status_code == 422
    assert words in answer.text
    assert await rows(world, several[0]) == []


def test_amounts_are_read_as_people_write_them() -> None:
    read = {"25": 2500, " $25.5 ": 2550, "1,250.00": 125_000, "1250.": None, "1,25": None}
    assert {text: cents_of(text) for text in read} == read


async def test_a_stale_page_is_shown_again_before_anybody_pays(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    number = await number_of(http, several[0], 0)
    await settle(world, several[0], 10_000)
    for form in ({"shown": 35_000}, {"invoice": number}):
        answer = await pay(http, several[0], **form)
        assert answer.status_code in (409, 422)
        assert "$250.00" in answer.text
    assert await rows(world, several[0]) == []


async def test_two_tabs_share_a_page_and_another_amount_replaces_it(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    first = (await pay(http, several[0])).headers["location"]
    assert (await pay(http, several[1])).headers["location"] == first
    second = (await pay(http, several[1], amount="20")).headers["location"]
    assert second != first
    states = {page.pay_url: page.state for page in world.processor.checkouts.values()}
    assert states == {None: "expired", second: "open"}
    assert [row.outcome for row in await rows(world, several[0])] == ["expired", None]


async def test_of_clicks_at_the_same_time_one_page_takes_money(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    answers = await asyncio.gather(*(pay(http, several[0], amount=str(20 + n)) for n in range(5)))
    assert {answer.status_code for answer in answers} <= {303, 503}
    pages = [page for page in world.processor.checkouts.values() if page.state == "open"]
    assert len(pages) == 1


async def test_a_page_that_a_later_click_overtook_takes_no_money(
    world: World,
    http: httpx.AsyncClient,
    several: list[Owed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, answered, real = asyncio.Event(), asyncio.Event(), world.processor.open_checkout

    async def stalls_at_first(order: CheckoutOrder) -> ProcessorCheckout:
        page = await real(order)
        if not made.is_set():
            made.set()
            await answered.wait()
        return page

    monkeypatch.setattr(world.processor, "open_checkout", stalls_at_first)
    slow = asyncio.create_task(pay(http, several[0], amount="20"))
    await made.wait()
    quick = await pay(http, several[0], amount="30")
    answered.set()
    assert ((await slow).status_code, quick.status_code) == (503, 303)
    (page,) = [one for one in world.processor.checkouts.values() if one.state == "open"]
    assert page.pay_url == quick.headers["location"]


async def test_back_from_the_page_the_money_is_booked_before_any_webhook(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], amount="120")
    (row,) = await rows(world, several[0])
    world.processor.pay_checkout(row.processor_session_id or "")
    for _ in range(2):
        page = await http.get(f"/p/{several[0].token}/done/{row.checkout_id}")
        assert "We received your payment of $120.00." in page.text
        assert "$230.00" in page.text
    assert await left(world, several) == [0, 18_000, 5_000]
    assert not await locked(world, several[0])


async def test_a_look_at_the_page_books_what_another_tab_paid(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0])
    (row,) = await rows(world, several[0])
    world.processor.pay_checkout(row.processor_session_id or "")
    assert "Nothing due" in (await http.get(f"/p/{several[1].token}")).text
    assert await left(world, several) == [0, 0, 0]


async def test_a_click_finds_that_another_tab_has_paid(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], amount="120")
    (row,) = await rows(world, several[0])
    world.processor.pay_checkout(row.processor_session_id or "")
    answer = await pay(http, several[0])
    assert answer.status_code == 409
    assert "$230.00" in answer.text
    assert len(await rows(world, several[0])) == 1


async def test_coming_back_without_paying_ends_the_lock_and_closes_the_page(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0])
    (row,) = await rows(world, several[0])
    for _ in range(2):
        page = await http.get(f"/p/{several[0].token}/back/{row.checkout_id}")
        assert "Nothing was charged" in page.text
    assert not await locked(world, several[0])
    assert world.processor.checkouts[row.processor_session_id or ""].state == "expired"
    assert (await rows(world, several[0]))[0].outcome == "expired"


async def test_a_cancel_that_comes_after_the_payment_finds_the_money(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0])
    (row,) = await rows(world, several[0])
    world.processor.pay_checkout(row.processor_session_id or "")
    for _ in range(2):
        back = await http.get(f"/p/{several[0].token}/back/{row.checkout_id}")
        assert (back.status_code, "charged" in back.text) == (303, False)
    assert await left(world, several) == [0, 0, 0]


async def test_a_cancel_that_the_processor_does_not_hear_claims_nothing(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0])
    (row,) = await rows(world, several[0])
    world.processor.down = True
    back = await http.get(f"/p/{several[0].token}/back/{row.checkout_id}")
    assert (back.status_code, "charged" in back.text) == (303, False)
    assert not await locked(world, several[0])
    assert (await rows(world, several[0]))[0].outcome is None


async def test_a_debit_under_way_stops_the_next_payment(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0], amount="120")
    (row,) = await rows(world, several[0])
    world.processor.pay_checkout(row.processor_session_id or "", "processing")
    for answer in (
        await http.get(f"/p/{several[0].token}"),
        await http.get(f"/p/{several[0].token}/done/{row.checkout_id}"),
        await pay(http, several[0]),
    ):
        assert "on its way" in answer.text
    assert len(await rows(world, several[0])) == 1


async def test_another_clients_checkout_says_nothing(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    await pay(http, several[0])
    (row,) = await rows(world, several[0])
    stranger = await bill(world, 5_000)
    done = await http.get(f"/p/{stranger.token}/done/{row.checkout_id}")
    assert done.status_code == 303
    await http.get(f"/p/{stranger.token}/back/{row.checkout_id}")
    assert await locked(world, several[0])
    assert (await http.get(f"/p/{stranger.token}/done/nothing")).status_code == 303


async def test_a_processor_that_fails_on_the_way_leaves_no_lock(
    world: World, http: httpx.AsyncClient, several: list[Owed], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise ProviderUnavailable("away")

    monkeypatch.setattr(world.processor, "open_checkout", away)
    answer = await pay(http, several[0])
    assert answer.status_code == 503
    assert "Nothing was charged" in answer.text
    assert not await locked(world, several[0])


async def test_a_client_is_sent_to_the_processor_so_often_and_not_more(
    world: World, http: httpx.AsyncClient, several: list[Owed]
) -> None:
    for _ in range(OPENED_AN_HOUR_MAX):
        made = Checkout(
            checkout_id=str(len(await rows(world, several[0]))) + several[0].client_id,
            location_id=world.location_id,
            client_id=several[0].client_id,
            door="invoice",
            amount_cents=1,
            opened_at=NOW,
            lock_until=NOW + timedelta(minutes=15),
        )
        async with world.pool.acquire() as conn:
            await checkouts.open_checkout(conn, made)
    answer = await pay(http, several[0])
    assert answer.status_code == 429
    assert "too often" in answer.text


async def test_a_link_is_clicked_so_often_a_minute_and_not_more(
    http: httpx.AsyncClient, several: list[Owed]
) -> None:
    answers = [await pay(http, several[0], amount="x") for _ in range(13)]
    assert [answer.status_code for answer in answers] == [422] * 12 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 61
    assert (await http.get(f"/p/{several[0].token}")).status_code == 200
    assert (await pay(http, several[1], amount="x")).status_code == 422


def test_a_window_slides_and_keys_are_apart() -> None:
    now = [0]
    throttle = Throttle(2, 60, lambda: now[0])
    assert [throttle.wait_seconds("a") for _ in range(3)] == [0, 0, 61]
    assert throttle.wait_seconds("b") == 0
    assert throttle.wait_seconds(None) == 0
    now[0] = 60
    assert throttle.wait_seconds("a") == 0


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "es-US,es;q=0.9,en;q=0.8", "es"),
        ("", "en-US,es;q=0.9", "en"),
        ("", "fr, es;q=0.3, en;q=0.2", "es"),
        ("", "fr-CA", "en"),
        ("?lang=es", "en-US", "es"),
        ("?lang=xx", "en-US", "en"),
    ],
)
async def test_the_language_is_the_readers(
    http: httpx.AsyncClient, several: list[Owed], query: str, header: str, language: str
) -> None:
    page = await http.get(f"/p/{several[0].token}{query}", headers={"accept-language": header})
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}">' in page.text
    kept = page.headers.get("set-cookie", "")
    assert ("tieout_lang=es" in kept) is (query == "?lang=es")
    if query == "?lang=es":
        assert "Saldo pendiente" in (await http.get(f"/p/{several[0].token}")).text


def test_the_record_decides_only_where_the_browser_says_nothing() -> None:
    assert language_of(None, None, "", "es") == "es"
    assert language_of(None, None, "en-US", "es") == "en"
    assert language_of(None, "es", "en-US", "en") == "es"
    assert accepted("es;q=0, en;q=0.1") == "en"
    assert accepted(";;;,,q=") is None


def test_both_languages_say_the_same_things() -> None:
    assert set(WORDS["en"]) == set(WORDS["es"])
    for key, sentence in WORDS["en"].items():
        assert re.findall(r"\{\w+\}", sentence) == re.findall(r"\{\w+\}", WORDS["es"][key]), key
    assert long_date(NOW.date(), "en") == "November 5, 2026"
    assert long_date(NOW.date(), "es") == "5 de noviembre de 2026"


async def test_a_few_cents_cannot_be_paid_by_card(world: World, http: httpx.AsyncClient) -> None:
    owed = await bill(world, 40)
    page = (await http.get(f"/p/{owed.token}")).text
    assert "<button" not in page
    assert "too little" in page
