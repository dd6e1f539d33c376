"""One click ends e-mail, a look ends nothing, and nobody ends another's."""

from uuid import uuid4

import httpx

from domain.case import Channel
from domain.unsubscribe import token_for, unsubscribe_url
from store import clients, consents
from store.clients import Contact
from tests.web.conftest import BASE_URL, World

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def add(world: World, email: str) -> str:
    client_id = str(uuid4())
    async with world.pool.acquire() as conn:
        await clients.upsert_client(
            conn,
            world.vault,
            client_id,
            world.location_id,
            "boulevard",
            client_id,
            Contact(first_name="Ada", last_name="Quill", email=email),
        )
    return client_id


async def reason(world: World, client_id: str, of: str = "billing") -> str | None:
    async with world.pool.acquire() as conn:
        return (await consents.permission(conn, client_id, Channel.EMAIL, of)).reason


def token(world: World, client_id: str) -> str:
    return token_for(client_id, world.vault.digest)


async def test_a_look_changes_nothing_and_names_nobody(
    world: World, http: httpx.AsyncClient
) -> None:
    client_id = await add(world, "ada@quill.example")
    page = await http.get(f"/u/{token(world, client_id)}")
    assert page.status_code == 200
    assert "Ada" not in page.text
    assert "quill" not in page.text.lower()
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await reason(world, client_id) is None


async def test_one_click_ends_email_for_everybody_with_the_address(
    world: World, http: httpx.AsyncClient
) -> None:
    family = [await add(world, "home@quill.example"), await add(world, "Home@Quill.example")]
    stranger = await add(world, f"{uuid4().hex}@quill.example")
    url = unsubscribe_url(BASE_URL, family[0], world.vault.digest)
    assert "quill" not in url
    for _ in range(2):
        assert (await http.post(url, data=ONE_CLICK)).status_code == 200
    assert [await reason(world, one) for one in family] == ["opted_out"] * 2
    assert await reason(world, family[0], "marketing") == "opted_out"
    assert await reason(world, stranger) is None
    async with world.pool.acquire() as conn:
        rows = await conn.fetch(
            "SELECT how, channel FROM consent_events WHERE client_id = $1", family[0]
        )
    assert [tuple(row) for row in rows] == [("unsubscribe", "email")]


async def test_who_had_ended_billing_alone_still_ends_everything(
    world: World, http: httpx.AsyncClient
) -> None:
    client_id = await add(world, f"{uuid4().hex}@quill.example")
    async with world.pool.acquire() as conn:
        await consents.opt_in(conn, client_id, "email", "marketing", "written", "offers")
        await consents.opt_out(conn, client_id, "email", "billing", "desk", "asked")
    await http.post(f"/u/{token(world, client_id)}", data=ONE_CLICK)
    assert await reason(world, client_id, "marketing") == "opted_out"


async def test_a_made_up_token_ends_nothing(world: World, http: httpx.AsyncClient) -> None:
    client_id, other = await add(world, "a@quill.example"), await add(world, "b@quill.example")
    name, digest = token(world, client_id).split(".")[0], token(world, other).split(".")[1]
    for bad in (f"{name}.{digest}", name, f"{name}.", "x.y"):
        assert (await http.post(f"/u/{bad}", data=ONE_CLICK)).status_code == 404
        assert (await http.get(f"/u/{bad}")).status_code == 404
    assert await reason(world, client_id) is None
