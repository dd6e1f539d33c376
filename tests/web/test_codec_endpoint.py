"""The codec server: who may read, and that what is read is what was sealed."""

import json

import httpx
import pytest
from google.protobuf import json_format
from starlette.applications import Starlette
from temporalio.api.common.v1 import Payload, Payloads

from tests.web.conftest import World

UI = "http://127.0.0.1:8233"


def body() -> str:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": 1}')
    return json_format.MessageToJson(Payloads(payloads=[plain]))


def headers(world: World, **more: str) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-namespace": world.wiring.settings.temporal_namespace,
        "origin": UI,
    } | more


BEARER_HEADER = {"authorization": "Bearer codec-token"}


async def test_what_is_encoded_decodes(world: World, http: httpx.AsyncClient) -> None:
    signed_in = headers(world, **BEARER_HEADER)
    sealed = await http.post("/codec/encode", content=body(), headers=signed_in)
    assert sealed.status_code == 200
    assert '"a"' not in sealed.text
    [payload] = json_format.Parse(sealed.text, Payloads()).payloads
    assert payload.metadata["encoding"] == b"binary/encrypted"
    opened = await http.post("/codec/decode", content=sealed.text, headers=signed_in)
    assert json.loads(opened.text) == json.loads(body())
    assert opened.headers["access-control-allow-origin"] == UI
    assert opened.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("credential", [{}, {"authorization": "Bearer no"}, {"authorization": ""}])
@pytest.mark.parametrize("verb", ["encode", "decode"])
async def test_without_the_token_nothing_is_read(
    world: World, http: httpx.AsyncClient, verb: str, credential: dict[str, str]
) -> None:
    answer = await http.post(f"/codec/{verb}", content=body(), headers=headers(world, **credential))
    assert answer.status_code == 401
    assert "payloads" not in answer.text


async def test_another_namespace_is_refused(world: World, http: httpx.AsyncClient) -> None:
    given = headers(world, **BEARER_HEADER) | {"x-namespace": "other"}
    assert (await http.post("/codec/decode", content=body(), headers=given)).status_code == 403


async def test_the_preflight_lets_the_ui_in_and_nobody_else(http: httpx.AsyncClient) -> None:
    answer = await http.options("/codec/decode", headers={"origin": UI})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == UI
    allowed = answer.headers["access-control-allow-headers"]
    assert all(name in allowed for name in ("authorization", "content-type", "x-namespace"))
    stranger = await http.options("/codec/decode", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


async def test_a_browser_signs_in_once(world: World, http: httpx.AsyncClient) -> None:
    assert "codec-token" not in (await http.get("/codec/login")).text
    wrong = await http.post("/codec/login", data={"token": "no"})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = await http.post("/codec/login", data={"token": "codec-token"})
    assert right.status_code == 303
    assert right.headers["location"] == UI
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "codec-token" not in cookie
    answer = await http.post("/codec/decode", content=body(), headers=headers(world))
    assert answer.status_code == 200


async def test_a_cookie_of_another_purpose_does_not_open(
    world: World, http: httpx.AsyncClient
) -> None:
    from starter.stamps import make_stamp

    http.cookies.set("tieout_codec", make_stamp(world.vault, "details|codec", 600))
    answer = await http.post("/codec/decode", content=body(), headers=headers(world))
    assert answer.status_code == 401
    http.cookies.set("tieout_codec", make_stamp(world.vault, "codec", -1))
    answer = await http.post("/codec/decode", content=body(), headers=headers(world))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("not json", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("{}", "text/plain", 415),
        ("x" * 8_000_001, "application/json", 413),
    ],
)
async def test_garbage_is_refused(
    world: World, http: httpx.AsyncClient, content: str | bytes, kind: str, status: int
) -> None:
    given = headers(world, **BEARER_HEADER) | {"content-type": kind}
    assert (await http.post("/codec/decode", content=content, headers=given)).status_code == status


async def test_an_unknown_key_is_named(world: World, http: httpx.AsyncClient) -> None:
    lost = Payload(
        metadata={"encoding": b"binary/encrypted", "tieout-key-id": b"k9"}, data=b"x" * 40
    )
    text = json_format.MessageToJson(Payloads(payloads=[lost]))
    answer = await http.post("/codec/decode", content=text, headers=headers(world, **BEARER_HEADER))
    assert answer.status_code == 422
    assert "'k9'" in answer.text


def test_the_app_has_no_other_codec_route(app: Starlette) -> None:
    paths = {route.path for route in app.routes if route.path.startswith("/codec")}  # type: ignore[attr-defined]
    assert paths == {"/codec/encode", "/codec/decode", "/codec/login"}
