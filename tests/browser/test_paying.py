"""A patient pays on a phone: all, one invoice, a part, with a declined card, in two tabs."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.shop import Shop, accessible, open_shop, picture
from tests.connectors.stripe_world import World as Twin
from tests.web.conftest import World

pytestmark = pytest.mark.browser

DECLINED = "4000 0000 0000 0002"


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin.served() as twin:
        yield twin


@pytest.fixture
async def shop(world: World, running: Twin) -> AsyncIterator[Shop]:
    running.reset()
    async with open_shop(world, running) as opened:
        yield opened


async def choose(page: Page, amount: str) -> None:
    await page.get_by_text("Pay a different amount").click()
    await page.get_by_label("Amount in US dollars").fill(amount)
    await page.get_by_role("button", name="Continue").click()


async def test_one_invoice_in_full(shop: Shop, page: Page, tmp_path: Path) -> None:
    owed = await shop.owe(53_361)
    problems: list[str] = []
    page.on(
        "console",
        lambda said: problems.append(said.text) if shop.url in said.location["url"] else None,
    )
    await page.goto(shop.link(owed))
    await accessible(page)
    await picture(page, "due", tmp_path)
    button = page.get_by_role("button", name="Pay $533.61")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] < 844
    await button.click()
    await expect(page.get_by_role("heading", name="$533.61 due")).to_be_visible()
    await picture(page, "full-processor", tmp_path)
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("status")).to_have_text("Thank you, your payment was received.")
    assert await shop.read(owed) == 0
    await page.goto(shop.link(owed))
    await expect(page.get_by_role("heading", name="Nothing due")).to_be_visible()
    await accessible(page)
    await picture(page, "settled", tmp_path)
    assert problems == []


async def test_all_invoices_at_once(shop: Shop, page: Page, tmp_path: Path) -> None:
    first = await shop.owe(20_000, days_ago=12)
    second = await shop.owe(9_550, of=first, days_ago=5)
    third = await shop.owe(4_000, of=first)
    await page.goto(shop.link(second))
    await accessible(page)
    await picture(page, "several", tmp_path)
    await expect(page.get_by_role("listitem")).to_have_count(3)
    await page.get_by_role("button", name="Pay $335.50").click()
    await expect(page.get_by_role("heading", name="$335.50")).to_be_visible()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await expect(page.get_by_text("We received your payment of $335.50.")).to_be_visible()
    await accessible(page)
    await picture(page, "several-thanks", tmp_path)
    assert await shop.left(first, second, third) == [0, 0, 0]
    await page.reload()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert await shop.taken() == 33_550
    for one in (first, second, third):
        await shop.door(one)
        assert await shop.asked_online(one) == 0


async def test_one_of_several(shop: Shop, page: Page) -> None:
    first = await shop.owe(20_000, days_ago=12)
    second = await shop.owe(9_550, of=first)
    await page.goto(shop.link(first))
    await page.get_by_role("button", name="Pay only this one").nth(1).click()
    await expect(page.get_by_role("heading", name="$95.50 due")).to_be_visible()
    await page.get_by_role("button", name="Pay").click()
    assert await shop.read(second) == 0
    assert await shop.left(first) == [20_000]


async def test_a_part(shop: Shop, page: Page, tmp_path: Path) -> None:
    owed = await shop.owe(53_361)
    await page.goto(shop.link(owed))
    await choose(page, "999")
    await expect(page.get_by_role("alert")).to_contain_text("between $1.00 and $533.61")
    await expect(page.get_by_label("Amount in US dollars")).to_be_focused()
    await accessible(page)
    await picture(page, "part-refused", tmp_path)
    await page.goto(shop.link(owed))
    await page.get_by_text("Pay a different amount").click()
    await page.get_by_label("Amount in US dollars").fill("150")
    await picture(page, "part", tmp_path)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="$150.00")).to_be_visible()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_text("We received your payment of $150.00.")).to_be_visible()
    await expect(page.get_by_text("$383.61")).to_be_visible()
    await accessible(page)
    await picture(page, "part-thanks", tmp_path)
    assert await shop.left(owed) == [38_361]
    await shop.door(owed)
    assert await shop.asked_online(owed) == 38_361
    await page.get_by_role("link", name="Pay the rest").click()
    await page.get_by_role("button", name="Pay $383.61").click()
    await expect(page.get_by_role("heading", name="$383.61 due")).to_be_visible()
    await page.get_by_role("button", name="Pay").click()
    assert await shop.read(owed) == 0
    assert await shop.taken() == 53_361


async def test_a_declined_card(shop: Shop, page: Page, tmp_path: Path) -> None:
    owed = await shop.owe(53_361)
    await page.goto(shop.link(owed))
    await choose(page, "150.00")
    hosted = page.url
    await page.get_by_label("Card number").fill(DECLINED)
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("alert")).to_contain_text("declined")
    await picture(page, "declined", tmp_path)
    await page.get_by_role("link", name="Back").click()
    await expect(page.get_by_role("status")).to_contain_text("Nothing was charged")
    await expect(page.get_by_text("$533.61").first).to_be_visible()
    await accessible(page)
    await picture(page, "declined-back", tmp_path)
    assert await shop.left(owed) == [53_361]
    await page.goto(hosted)
    await expect(page.get_by_text("not valid any more")).to_be_visible()
    assert await shop.taken() == 0


async def test_paid_in_another_tab(shop: Shop, page: Page, tmp_path: Path) -> None:
    first = await shop.owe(20_000, days_ago=12)
    second = await shop.owe(9_550, of=first)
    other = await page.context.new_page()
    for tab in (page, other):
        await tab.goto(shop.link(first))
    await other.get_by_role("button", name="Pay only this one").nth(1).click()
    await other.get_by_role("button", name="Pay").click()
    assert await shop.read(second) == 0
    await page.get_by_role("button", name="Pay $295.50").click()
    await expect(page.get_by_role("status")).to_contain_text("has changed")
    await expect(page.get_by_role("button", name="Pay $200.00")).to_be_visible()
    await accessible(page)
    await picture(page, "changed", tmp_path)
    assert await shop.taken() == 9_550


async def test_two_tabs_share_one_page_and_it_is_paid_once(shop: Shop, page: Page) -> None:
    first = await shop.owe(20_000, days_ago=12)
    second = await shop.owe(9_550, of=first)
    other = await page.context.new_page()
    for tab in (page, other):
        await tab.goto(shop.link(first))
        await tab.get_by_role("button", name="Pay $295.50").click()
        await expect(tab.get_by_role("heading", name="$295.50")).to_be_visible()
    assert page.url == other.url
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await other.get_by_role("button", name="Pay").click()
    await expect(other.get_by_text("not valid any more")).to_be_visible()
    await other.goto(shop.link(second))
    await expect(other.get_by_role("heading", name="Nothing due")).to_be_visible()
    assert await shop.taken() == 29_550


async def test_another_amount_closes_the_page_of_the_first_tab(shop: Shop, page: Page) -> None:
    first = await shop.owe(20_000, days_ago=12)
    await shop.owe(9_550, of=first)
    other = await page.context.new_page()
    await page.goto(shop.link(first))
    await page.get_by_role("button", name="Pay $295.50").click()
    await expect(page.get_by_role("heading", name="$295.50")).to_be_visible()
    await other.goto(shop.link(first))
    await choose(other, "25")
    await expect(other.get_by_role("heading", name="$25.00")).to_be_visible()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_text("not valid any more")).to_be_visible()
    await other.get_by_role("button", name="Pay").click()
    await expect(other.get_by_text("We received your payment of $25.00.")).to_be_visible()
    assert await shop.taken() == 2_500
    assert (await shop.left(first)) == [17_500]


async def test_in_spanish_on_a_dark_phone(shop: Shop, page: Page, tmp_path: Path) -> None:
    first = await shop.owe(20_000, days_ago=12)
    await shop.owe(9_550, of=first)
    await page.emulate_media(color_scheme="dark")
    await page.goto(shop.link(first))
    await page.get_by_role("link", name="Español").click()
    await expect(page.get_by_role("heading", name="Saldo pendiente")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "es"
    await accessible(page)
    await picture(page, "spanish-dark", tmp_path)
    await page.get_by_role("link", name="Ver de qué se trata").click()
    await expect(page.get_by_role("heading", name="Confirme que es usted")).to_be_visible()
    await accessible(page)
    await page.get_by_label("Código postal").fill("78704")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Su factura")).to_be_visible()
    await expect(page.get_by_text("20 unidades").first).to_be_visible()
    await accessible(page)
    await picture(page, "statement-dark", tmp_path)
    await page.goto(shop.link(first))
    await page.get_by_role("button", name="Pagar $295.50").click()
    await expect(page.get_by_role("button", name="Pagar")).to_be_visible()


async def test_by_keyboard_alone(shop: Shop, page: Page) -> None:
    first = await shop.owe(20_000, days_ago=12)
    await shop.owe(9_550, of=first)
    await page.goto(shop.link(first))
    passed = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        passed.append(await page.evaluate("document.activeElement.textContent.trim()"))
        if passed[-1] == "Pay a different amount":
            break
    assert passed[0] == "Español"
    assert passed[1] == "Pay $295.50"
    assert passed[-1] == "Pay a different amount"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("12.34")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="$12.34")).to_be_visible()


@pytest.mark.parametrize("state", ["under_way", "down", "too_often", "unknown", "locked"])
async def test_bad_days_are_accessible(shop: Shop, page: Page, tmp_path: Path, state: str) -> None:
    owed = await shop.owe(53_361)
    titles = {
        "under_way": "Your payment is on its way",
        "down": "Payments are paused for a moment",
        "too_often": "Please wait a moment",
        "unknown": "This link does not work",
        "locked": "Too many tries",
    }
    if state == "down":
        shop.twin.fault("invoices.retrieve", "error_before", times=9)
    await page.goto(shop.link(owed) if state != "unknown" else f"{shop.url}/p/{'z' * 22}")
    if state == "under_way":
        await choose(page, "150.00")
        await page.get_by_label("Pay with").select_option("us_bank_account")
        await page.get_by_role("button", name="Pay").click()
    if state == "down":
        await page.get_by_role("button", name="Pay $533.61").click()
    if state == "too_often":
        for _ in range(61):
            await page.request.get(shop.link(owed))
        await page.reload()
    if state == "locked":
        await page.goto(f"{shop.link(owed)}/details")
        for _ in range(6):
            await page.get_by_label("ZIP code").fill("10001")
            await page.keyboard.press("Enter")
            await page.wait_for_load_state()
    await expect(page.get_by_role("heading", name=titles[state])).to_be_visible()
    await accessible(page)
    await picture(page, f"state-{state}", tmp_path)
