"""Texts by Podium against its twin over real HTTP: sends, limits, lost answers, signed webhooks."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from connectors.messaging import podium
from connectors.messaging.podium import HANDOFF_SECONDS, PodiumTexts
from connectors.ports import (
    Accepted,
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    OutgoingText,
    ProviderUnavailable,
    RateLimited,
    Refused,
    SignatureRefused,
    VendorEvent,
)
from sandbox.box import Box
from sandbox.faults import Fault, Faults
from sandbox.podium import podium_app, podium_control, signed_headers
from sandbox.state import Doc, State
from sandbox.webhooks import WebhookPump
from tests.connectors.messaging_twin import slow_server

ANA = "+15125550142"
UID = "11111111-2222-4333-8444-555555555555"
SECRET = "a-webhook-secret"
CREDENTIALS = {
    "podium_client_id": "client",
    "podium_client_secret": "secret",
    "podium_refresh_token": "refresh",
    "podium_webhook_secret": SECRET,
    "podium_location_uid": UID,
}
AT = datetime(2026, 11, 19, 17, 0, tzinfo=UTC)


class Twin:
    """A served Podium twin and what it called back."""

    def __init__(self) -> None:
        state, faults = State(None), Faults()
        self.box = Box(state, faults, WebhookPump(state, faults), CREDENTIALS, "")
        self.url = ""
        self.callbacks: list[tuple[bytes, dict[str, str], str]] = []

    def messages(self) -> list[Doc]:
        return self.box.state.list("podium_message")

    def texts(self, **changes: object) -> PodiumTexts:
        values: dict[str, object] = {
            "client_id": "client",
            "client_secret": "secret",
            "refresh_token": "refresh",
            "webhook_secret": SECRET,
            "locations": {"lumin": UID},
            "base_url": f"{self.url}/podium/v4",
            "token_url": f"{self.url}/podium/oauth/token",
            "timeout_seconds": 1,
        }
        return PodiumTexts(**{**values, **changes})  # type: ignore[arg-type]

    async def until(self, count: int) -> None:
        for _ in range(250):
            if len(self.callbacks) >= count:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it never came")


@pytest.fixture
def twin() -> Iterator[Twin]:
    made = Twin()

    async def hook(request: Request) -> Response:
        made.callbacks.append((await request.body(), dict(request.headers), str(request.url)))
        return Response(status_code=204)

    app = Starlette(
        routes=[
            Mount("/podium", podium_app(made.box)),
            Mount("/_control/podium", podium_control(made.box)),
            Route("/hook", hook, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    made.box.webhook_urls["podium"] = f"{made.url}/hook"
    yield made
    server.should_exit = server.force_exit = True
    thread.join(timeout=5)


@contextlib.asynccontextmanager
async def closing(texts: PodiumTexts) -> AsyncIterator[PodiumTexts]:
    try:
        yield texts
    finally:
        await texts.aclose()


@pytest.fixture
async def texts(twin: Twin) -> AsyncIterator[PodiumTexts]:
    async with closing(twin.texts()) as texts:
        yield texts


def text(to: str = ANA, body: str = "A new statement", where: str = "lumin") -> OutgoingText:
    return OutgoingText(
        message_key="k1", to_e164=to, body=body, validity_seconds=600, location_id=where
    )


class TestSend:
    async def test_sends_what_podium_publishes_and_nothing_else(
        self, twin: Twin, texts: PodiumTexts
    ) -> None:
        answer = await texts.send(text())
        (doc,) = twin.messages()
        assert answer == Accepted(provider_id=f"podium:{doc['uid']}")
        (call,) = twin.box.state.list("call")
        assert call["request"] == {
            "channel": {"type": "phone", "identifier": ANA},
            "body": "A new statement",
            "locationUid": UID,
        }

    @pytest.mark.parametrize("to", ["+15125550002", "not a number"])
    async def test_a_number_that_is_none_is_a_value(
        self, twin: Twin, texts: PodiumTexts, to: str
    ) -> None:
        expected = Refused(code="invalid_request_values", kind="invalid_address")
        assert await texts.send(text(to)) == expected
        assert twin.messages() == []

    @pytest.mark.parametrize(
        ("changes", "message", "error"),
        [
            ({}, text(where="elsewhere"), Misconfigured),
            ({"locations": {"lumin": "another"}}, text(), Misconfigured),
            ({"refresh_token": "old"}, text(), Misconfigured),
            ({"base_url": "http://127.0.0.1:9"}, text(), ProviderUnavailable),
            ({"token_url": "http://127.0.0.1:9"}, text(), ProviderUnavailable),
            ({}, text(body=""), BadRequest),
        ],
    )
    async def test_what_no_text_cures_is_an_error(
        self,
        twin: Twin,
        changes: dict[str, Any],
        message: OutgoingText,
        error: type[ConnectorError],
    ) -> None:
        async with closing(twin.texts(**changes)) as texts:
            with pytest.raises(error):
                await texts.send(message)
        assert twin.messages() == []

    @pytest.mark.parametrize("kind", ["error", "timeout", "reset"])
    @pytest.mark.parametrize(("moment", "sent"), [("before", 0), ("after", 1)])
    async def test_a_lost_answer_is_unknown_and_tried_once(
        self, twin: Twin, texts: PodiumTexts, kind: str, moment: str, sent: int
    ) -> None:
        twin.box.faults.add(Fault("podium", "messages.send", f"{kind}_{moment}", seconds=1.5))
        with pytest.raises(OutcomeUnknown):
            await texts.send(text())
        assert len(twin.messages()) == sent
        with pytest.raises(OutcomeUnknown):
            await texts.find(text(), AT)
        assert await texts.cancel("podium:x") is False

    async def test_one_token_serves_many_and_an_ended_one_is_replaced(
        self, twin: Twin, texts: PodiumTexts
    ) -> None:
        await asyncio.gather(*(texts.send(text()) for _ in range(5)))
        assert len(twin.messages()) == 5
        assert len(twin.box.state.list("podium_token")) == 1
        async with httpx.AsyncClient() as http:
            await http.post(f"{twin.url}/podium/oauth/expire")
        with pytest.raises(ProviderUnavailable):
            await texts.send(text())
        assert isinstance(await texts.send(text()), Accepted)
        assert len(twin.messages()) == 6
        assert len(twin.box.state.list("podium_token")) == 2

    async def test_the_301st_call_of_a_minute_waits_for_its_turn(self, twin: Twin) -> None:
        now = [1000.0]
        async with closing(twin.texts(seconds=lambda: now[0])) as texts:
            for _ in range(300):
                assert isinstance(await texts.send(text()), Accepted)
            now[0] += 20
            with pytest.raises(RateLimited) as raised:
                await texts.send(text())
            assert raised.value.retry_after_seconds == Decimal(40)
            assert len(twin.messages()) == 300

    async def test_podiums_own_limit_names_a_minute(self, twin: Twin, texts: PodiumTexts) -> None:
        twin.box.faults.add(Fault("podium", "messages.send", "rate_limit"))
        with pytest.raises(RateLimited) as raised:
            await texts.send(text())
        assert raised.value.retry_after_seconds == Decimal(60)
        assert twin.messages() == []

    async def test_a_hand_off_ends_as_a_whole(self, twin: Twin) -> None:
        async with slow_server(pause_seconds=0.2) as slow:
            for changes, error in (
                ({"base_url": slow}, OutcomeUnknown),
                ({"token_url": slow}, ProviderUnavailable),
            ):
                async with closing(twin.texts(**changes)) as texts:
                    began = time.monotonic()
                    with pytest.raises(error):
                        await texts.send(text())
                    assert time.monotonic() - began < 2
        assert HANDOFF_SECONDS < 5

    async def test_errors_name_no_number(self, twin: Twin, texts: PodiumTexts) -> None:
        for message in (text(where="elsewhere"), text(body="")):
            with pytest.raises(ConnectorError) as raised:
                await texts.send(message)
            assert "5125550142" not in str(raised.value)
            assert raised.value.__cause__ is None


class TestWebhooks:
    async def _heard(self, twin: Twin, texts: PodiumTexts, to: str) -> VendorEvent:
        await texts.send(text(to))
        await twin.until(1)
        return texts.verify(*twin.callbacks[0])

    @pytest.mark.parametrize(
        ("to", "state", "kind"),
        [
            (ANA, "sent", None),
            ("+15125550003", "failed", "invalid_address"),
            ("+15125550005", "failed", "unreachable"),
        ],
    )
    async def test_the_last_word_on_a_text(
        self, twin: Twin, texts: PodiumTexts, to: str, state: str, kind: str | None
    ) -> None:
        event = await self._heard(twin, texts, to)
        report = texts.delivery_report(event)
        uid = twin.messages()[0]["uid"]
        assert (report.provider_id, report.message_key) == (f"podium:{uid}", "")
        assert (report.state, report.failure_kind) == (state, kind)
        assert report.words == "A new statement"
        assert (event.event_id, event.event_type) == (f"{uid}:message.{state}", "message.status")

    async def test_a_stop_is_heard_and_ends_delivery_there(
        self, twin: Twin, texts: PodiumTexts
    ) -> None:
        async with httpx.AsyncClient(base_url=f"{twin.url}/_control/podium") as phone:
            await phone.post("/inbound", json={"from": ANA, "body": "Stop"})
        await twin.until(1)
        event = texts.verify(*twin.callbacks[0])
        said = texts.inbound(event)
        assert event.event_type == "message.received"
        assert (said.from_e164, said.body, said.opt_out) == (ANA, "Stop", "stop")
        await texts.send(text())
        await twin.until(2)
        report = texts.delivery_report(texts.verify(*twin.callbacks[1]))
        assert (report.state, report.failure_kind) == ("failed", "opted_out")

    @pytest.mark.parametrize("kind", ["forge", "stale"])
    async def test_what_podium_did_not_sign_now_is_refused(
        self, twin: Twin, texts: PodiumTexts, kind: str
    ) -> None:
        twin.box.faults.add(Fault("podium", "webhook:message.sent", kind))
        await texts.send(text())
        await twin.until(1)
        with pytest.raises(SignatureRefused):
            texts.verify(*twin.callbacks[0])

    async def test_ten_copies_carry_one_event_id(self, twin: Twin, texts: PodiumTexts) -> None:
        twin.box.faults.add(Fault("podium", "webhook:message.sent", "duplicate"))
        await texts.send(text())
        await twin.until(10)
        assert len({texts.verify(*callback).event_id for callback in twin.callbacks}) == 1


def body(kind: str = "message.sent", **data: Any) -> bytes:
    given = {"data": {"uid": "m1", "body": "x", **data}, "metadata": {"event_type": kind}}
    return json.dumps(given).encode()


def bare(secret: str = SECRET) -> PodiumTexts:
    return PodiumTexts(
        client_id="c",
        client_secret="s",
        refresh_token="r",
        webhook_secret=secret,
        locations={},
        clock=lambda: AT,
    )


class TestSignature:
    def test_the_published_construction(self) -> None:
        """Podium's guide: `<timestamp>.<body>` under HMAC-SHA256 with the secret."""
        raw = b'{"data":{"bar":"apples","foo":"1"},"metadata":{"event_type":"test.event"}}'
        at = datetime.fromtimestamp(1620771659.663, UTC)
        headers = signed_headers("s", raw, at)
        assert headers["podium-timestamp"] == "1620771659663"
        by_hand = hmac.new(b"s", b"1620771659663." + raw, hashlib.sha256).hexdigest()
        assert headers["podium-signature"] == by_hand

    @pytest.mark.parametrize("kind", ["message.sent", "message.failed", "message.received"])
    def test_a_signed_event_in_either_letters(self, kind: str) -> None:
        raw = body(kind)
        headers = signed_headers(SECRET, raw, AT)
        assert bare().verify(raw, headers, "").event_id == f"m1:{kind}"
        digest = bytes.fromhex(headers["podium-signature"])
        other = {**headers, "podium-signature": base64.b64encode(digest).decode()}
        assert bare().verify(raw, other, "").event_id == f"m1:{kind}"

    @pytest.mark.parametrize(
        ("raw", "headers", "secret"),
        [
            (body(), {}, SECRET),
            (body(), signed_headers("other", body(), AT), SECRET),
            (body(kind="message.failed"), signed_headers(SECRET, body(), AT), SECRET),
            (body(), signed_headers(SECRET, body(), AT - timedelta(days=1, minutes=1)), SECRET),
            (body(), signed_headers(SECRET, body(), AT + timedelta(minutes=6)), SECRET),
            (body(), signed_headers("", body(), AT), ""),
            (b"[]", signed_headers(SECRET, b"[]", AT), SECRET),
            (b"\xff", signed_headers(SECRET, b"\xff", AT), SECRET),
            (
                body(),
                {**signed_headers(SECRET, body(), AT), "podium-timestamp": "soon"},
                SECRET,
            ),
        ],
        ids=["none", "secret", "body", "old", "future", "unsigned", "list", "bytes", "stamp"],
    )
    def test_anything_else_is_refused(
        self, raw: bytes, headers: dict[str, str], secret: str
    ) -> None:
        with pytest.raises(SignatureRefused):
            bare(secret).verify(raw, headers, "")

    def test_a_timestamp_that_was_signed_but_is_no_number_is_refused(self) -> None:
        raw = body()
        signature = hmac.digest(SECRET.encode(), b"soon." + raw, "sha256").hex()
        with pytest.raises(SignatureRefused):
            bare().verify(raw, {"podium-timestamp": "soon", "podium-signature": signature}, "")


class TestReading:
    def _event(self, kind: str, **data: Any) -> VendorEvent:
        return VendorEvent(
            source="podium",
            event_id="e",
            event_type=podium.EVENTS[kind],
            occurred_at=AT,
            body=json.loads(body(kind, **data)),
        )

    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            ("Attempted to send SMS to a landline.", "invalid_address"),
            ("Phone number is invalid", "invalid_address"),
            ("The contact has opted out", "opted_out"),
            ("Recipient is opted-out of texts", "opted_out"),
            ("User unsubscribed", "opted_out"),
            ("Blocked by the carrier", "unreachable"),
            ("", "unreachable"),
        ],
    )
    def test_a_failures_words_have_a_kind(self, words: str, kind: str) -> None:
        report = bare().delivery_report(self._event("message.failed", failureReason=words))
        assert report.failure_kind == kind

    @pytest.mark.parametrize("number", [ANA, "5125550142", "15125550142", "(512) 555-0142"])
    def test_a_sender_has_one_form(self, number: str) -> None:
        channel = {"channel": {"type": "phone", "identifier": number}}
        said = bare().inbound(self._event("message.received", conversation=channel))
        assert said.from_e164 == ANA

    @pytest.mark.parametrize(
        "conversation",
        [
            {"channel": {"type": "email", "identifier": "a@example.test"}},
            {"channel": {"type": "phone", "identifier": "12"}},
            {},
            None,
        ],
    )
    def test_what_came_from_no_phone_is_a_defect(self, conversation: Any) -> None:
        with pytest.raises(BadRequest):
            bare().inbound(self._event("message.received", conversation=conversation))
