"""What a patient sees on a phone, and that a browser's own rules let the money through."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.shop import picture
from tests.fakes import open_invoice
from tests.web.conftest import World, bill, settle

pytestmark = pytest.mark.browser

SEALED = """async url => {
  const answer = await fetch(url + '/codec/encode', {
    method: 'POST', credentials: 'include',
    headers: {'content-type': 'application/json', 'x-namespace': 'default'},
    body: '{"payloads": [{"data": "YQ=="}]}',
  });
  return answer.status;
}"""


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def test_a_patient_pays_from_the_phone(
    world: World, page: Page, site: str, processor_url: str, tmp_path: Path
) -> None:
    owed = await bill(world, 123400)
    fresh = open_invoice(owed.processor_id, 123400).model_copy(
        update={"pay_url": f"{processor_url}/hosted/1"}
    )
    world.processor.invoices[owed.processor_id] = fresh
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    await page.goto(f"{site}/p/{owed.token}")
    await expect(page.get_by_text("$1,234.00", exact=True)).to_be_visible()
    assert await fits(page)
    await page.screenshot(path=tmp_path / "due.png", full_page=True)
    button = page.get_by_role("button", name="Pay $1,234.00")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] < 844
    await button.click()
    await page.wait_for_url(f"{processor_url}/hosted/1")
    await settle(world, owed, 123400)
    await page.go_back()
    await expect(page.get_by_role("heading", name="Nothing due")).to_be_visible()
    await page.screenshot(path=tmp_path / "settled.png", full_page=True)
    assert problems == []


async def test_the_statement_opens_by_keyboard_alone(
    world: World, page: Page, site: str, tmp_path: Path
) -> None:
    owed = await bill(world, 24000)
    await page.goto(f"{site}/p/{owed.token}")
    await page.get_by_role("link", name="See what this is for").click()
    await page.screenshot(path=tmp_path / "factor.png", full_page=True)
    await page.get_by_label("ZIP code").fill("10001")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.screenshot(path=tmp_path / "wrong.png", full_page=True)
    await page.get_by_label("ZIP code").fill("78704")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name="Neurotoxin")).to_be_visible()
    assert await fits(page)
    await picture(page, "statement", tmp_path)
    await page.goto(f"{site}/p/{owed.token}/details")
    await expect(page.get_by_role("row", name="Neurotoxin")).to_be_visible()


@pytest.mark.parametrize("state", ["down", "in_flight", "unknown"])
async def test_bad_days_look_calm(
    world: World, page: Page, site: str, tmp_path: Path, state: str
) -> None:
    owed = await bill(world, 24000)
    world.processor.down = state == "down"
    if state == "in_flight":
        pending = open_invoice(owed.processor_id, 24000, in_flight=True)
        world.processor.invoices[owed.processor_id] = pending
    if state == "unknown":
        await page.goto(f"{site}/p/{'z' * 22}")
    else:
        await page.goto(f"{site}/p/{owed.token}")
        await page.get_by_role("button", name="Pay $240.00").click()
    titles = {
        "down": "Payments are paused for a moment",
        "in_flight": "Your payment is on its way",
        "unknown": "This link does not work",
    }
    await expect(page.get_by_role("heading", name=titles[state])).to_be_visible()
    assert await fits(page)
    await page.screenshot(path=tmp_path / f"{state}.png", full_page=True)


async def test_the_temporal_ui_reaches_the_codec_after_a_sign_in(
    page: Page, site: str, ui_url: str, tmp_path: Path
) -> None:
    await page.goto(ui_url)
    assert await page.evaluate(SEALED, site) == 401
    await page.goto(f"{site}/codec/login")
    await page.screenshot(path=tmp_path / "login.png", full_page=True)
    await page.get_by_label("Codec token").fill("codec-token")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{ui_url}/")
    assert await page.evaluate(SEALED, site) == 200
