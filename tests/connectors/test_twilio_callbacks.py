"""Signed callbacks and replies: who may speak, what it means, and who wants no more texts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from connectors.messaging.twilio import TwilioTexts
from connectors.messaging.twilio_codes import classify_reply, failure_kind, meaning
from connectors.ports import BadRequest, OutgoingText, SignatureRefused, VendorEvent
from sandbox.faults import Fault
from sandbox.twilio_phones import signed_headers
from tests.connectors.messaging_twin import Twin, closing, served_twin

ANA = "+15125550142"
URL = "https://desk.example.test/webhooks/twilio?key=k1"
TOKEN = "12345"
AT = datetime(2026, 11, 19, 17, 0, tzinfo=UTC)


def connector(token: str = TOKEN, previous: str | None = None) -> TwilioTexts:
    return TwilioTexts(
        account_sid="AC" + "1" * 32,
        auth_token=token,
        previous_auth_token=previous,
        messaging_service_sid="MG" + "2" * 32,
        callback_url="https://desk.example.test/webhooks/twilio",
        clock=lambda: AT,
    )


def form(**changes: str) -> bytes:
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": ANA, "From": "+15125550100"}
    return urlencode({**fields, **changes}).encode()


class TestSignature:
    def test_twilios_published_vector(self) -> None:
        """The worked example of Twilio's security page, with its token and signature."""
        url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        fields = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675310",
            "Digits": "1234",
            "From": "+14158675310",
            "To": "+18005551212",
        }
        signed = signed_headers(TOKEN, url, urlencode(fields).encode())
        assert signed["X-Twilio-Signature"] == "GvWf1cFY/Q7PnoempGyD5oXAezc="

    def test_a_signed_callback_becomes_an_event(self) -> None:
        event = connector().verify(form(), signed_headers(TOKEN, URL, form()), URL)
        assert (event.source, event.event_type) == ("twilio", "message.status")
        assert event.event_id == "SM1:delivered"
        assert event.occurred_at == AT
        assert event.body["key"] == "k1"

    def test_header_names_are_read_in_any_case(self) -> None:
        headers = {k.lower(): v for k, v in signed_headers(TOKEN, URL, form()).items()}
        assert connector().verify(form(), headers, URL).event_id == "SM1:delivered"

    @pytest.mark.parametrize(
        ("raw", "headers", "url"),
        [
            (form(), {}, URL),
            (form(), {"X-Twilio-Signature": ""}, URL),
            (form(), {"X-Twilio-Signature": "AAAA"}, URL),
            (form(), signed_headers("another", URL, form()), URL),
            (form(), signed_headers(TOKEN, URL, form()), URL.replace("k1", "k2")),
            (form(), signed_headers(TOKEN, URL, form()), URL.replace("https", "http")),
            (form(), signed_headers(TOKEN, URL, form()), URL.partition("?")[0]),
            (form(MessageStatus="failed"), signed_headers(TOKEN, URL, form()), URL),
            (form() + b"&ErrorCode=30003", signed_headers(TOKEN, URL, form()), URL),
            (b"", signed_headers(TOKEN, URL, b""), URL),
            (b"\xff\xfe", signed_headers(TOKEN, URL, form()), URL),
        ],
        ids=[
            "none",
            "empty",
            "forged",
            "other-token",
            "other-key",
            "other-scheme",
            "no-query",
            "tampered",
            "extended",
            "empty-body",
            "not-text",
        ],
    )
    def test_anything_else_is_refused(self, raw: bytes, headers: dict[str, str], url: str) -> None:
        with pytest.raises(SignatureRefused):
            connector().verify(raw, headers, url)

    def test_the_previous_token_counts_while_it_is_known(self) -> None:
        headers = signed_headers("old", URL, form())
        assert connector(previous="old").verify(form(), headers, URL).event_id == "SM1:delivered"
        with pytest.raises(SignatureRefused):
            connector().verify(form(), headers, URL)


class TestReport:
    @pytest.mark.parametrize(
        ("status", "code", "state", "kind"),
        [
            ("queued", None, "accepted", None),
            ("sending", None, "accepted", None),
            ("sent", None, "sent", None),
            ("delivered", None, "delivered", None),
            ("undelivered", "30003", "undelivered", "retry_later"),
            ("undelivered", "30005", "undelivered", "invalid_address"),
            ("undelivered", "30006", "undelivered", "invalid_address"),
            ("undelivered", "30007", "undelivered", "filtered"),
            ("undelivered", "21610", "undelivered", "opted_out"),
            ("failed", "30034", "failed", "misconfigured"),
            ("failed", "30001", "failed", "retry_later"),
            ("undelivered", "30023", "undelivered", "retry_tomorrow"),
            ("failed", "99999", "failed", "unreachable"),
            ("failed", None, "failed", "unreachable"),
            ("canceled", None, "failed", "unreachable"),
        ],
    )
    def test_each_status_has_a_state(
        self, status: str, code: str | None, state: str, kind: str | None
    ) -> None:
        raw = form(MessageStatus=status, **({"ErrorCode": code} if code else {}))
        texts = connector()
        report = texts.delivery_report(texts.verify(raw, signed_headers(TOKEN, URL, raw), URL))
        assert (report.message_key, report.provider_id) == ("k1", "SM1")
        assert (report.state, report.error_code, report.failure_kind) == (state, code, kind)

    @pytest.mark.parametrize(
        "body", [{"MessageStatus": "melted", "key": "k1"}, {"MessageStatus": "sent"}]
    )
    def test_an_unknown_status_or_no_key_is_a_defect(self, body: dict[str, str]) -> None:
        event = VendorEvent(
            source="twilio",
            event_id="x",
            event_type="message.status",
            occurred_at=AT,
            body={"MessageSid": "SM1", **body},
        )
        with pytest.raises(BadRequest):
            connector().delivery_report(event)

    @pytest.mark.parametrize(
        ("kind", "codes"),
        [
            ("opted_out", (21610,)),
            ("invalid_address", (21211, 21612, 21614, 21604, 30005, 30006)),
            ("filtered", (30004, 30007)),
            ("retry_later", (30003, 30008, 30017, 30022, 30410, 30500)),
            ("retry_tomorrow", (30023,)),
            ("rate_limited", (429, 20429, 14107, 21611, 30001)),
            ("misconfigured", (20003, 21212, 21408, 21601, 21606, 21703, 21704, 21705)),
            ("misconfigured", (30002, 30024, 30032, 30034, 30035)),
            ("defect", (20404, 21602, 21617)),
            ("ambiguous", (20500, 20503)),
        ],
    )
    def test_every_documented_code_has_its_action(self, kind: str, codes: tuple[int, ...]) -> None:
        assert {code: meaning(code) for code in codes} == dict.fromkeys(codes, kind)

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("20503", "retry_later"),
            ("21611", "retry_later"),
            ("21617", "misconfigured"),
            ("30036", "unreachable"),
        ],
    )
    def test_a_code_meant_for_calls_still_says_what_became_of_a_text(
        self, code: str, kind: str
    ) -> None:
        assert failure_kind("failed", code) == kind
        assert failure_kind("sent", code) is None

    def test_an_odd_code_has_no_meaning(self) -> None:
        assert meaning("oops") is None
        assert failure_kind("failed", "oops") == "unreachable"


class TestReply:
    def test_a_reply_is_an_event_of_its_own(self) -> None:
        raw = form(MessageStatus="", Body="I paid on Tuesday", SmsStatus="received")
        texts = connector()
        event = texts.verify(raw, signed_headers(TOKEN, URL, raw), URL)
        assert (event.event_type, event.event_id) == ("message.received", "SM1")
        reply = texts.inbound(event)
        assert (reply.from_e164, reply.body) == ("+15125550100", "I paid on Tuesday")
        assert reply.opt_out is None

    @pytest.mark.parametrize(
        "body",
        [
            "STOP", "stop", " Stop. ", "STOP!!", "S T O P", "unsubscribe", "End", "QUIT", "stopall",
            "Stop all", "REVOKE", "OPTOUT", "opt-out", "Opt out please", "CANCEL", "stopp", "sotp",
            "stop please", "Please stop texting me", "pls stop", "no mas", "No más, por favor",
            "no more texts", "don't text me", "Don’t contact me again", "do not message me",
            "please unsubscribe me", "take me off this list", "leave me alone", "parar", "Alto",
            "no me escriban", "dejen de mandar mensajes",
        ],
    )  # fmt: skip
    def test_any_reasonable_stop_is_a_stop(self, body: str) -> None:
        assert classify_reply(body) == "stop"

    @pytest.mark.parametrize(
        "body",
        [
            "", "I paid", "Can I stop by tomorrow to pay?", "Please stop by my car", "yes", "Yes",
            "When does this end?", "I had to cancel my card, please wait", "call me", "👍",
            "I can't stop laughing", "wrong person",
        ],
    )  # fmt: skip
    def test_what_a_person_must_read_is_left_to_one(self, body: str) -> None:
        assert classify_reply(body) is None

    @pytest.mark.parametrize(
        ("body", "kind", "expected"),
        [
            ("START", None, "start"),
            ("unstop", None, "start"),
            ("Help", None, "help"),
            ("yes", "START", "start"),
            ("basta ya", "STOP", "stop"),
            ("stop", "UNHEARD-OF", "stop"),
        ],
    )
    def test_twilios_own_verdict_wins(self, body: str, kind: str | None, expected: str) -> None:
        assert classify_reply(body, kind) == expected


@pytest.fixture
def twin() -> Iterator[Twin]:
    with served_twin() as twin:
        yield twin


class TestOverHttp:
    async def _send(self, twin: Twin, texts: TwilioTexts, to: str = ANA) -> None:
        await texts.send(OutgoingText(message_key="k7", to_e164=to, body="x", validity_seconds=600))

    @pytest.mark.parametrize(
        ("to", "state", "kind"),
        [
            (ANA, "delivered", None),
            ("+15125550003", "undelivered", "retry_later"),
            ("+15125550010", "undelivered", "retry_later"),
            ("+15125550012", "undelivered", "retry_tomorrow"),
            ("+15125550004", "undelivered", "invalid_address"),
            ("+15125550005", "undelivered", "filtered"),
            ("+15125550009", "failed", "misconfigured"),
        ],
    )
    async def test_the_last_word_on_a_text_comes_back(
        self, twin: Twin, to: str, state: str, kind: str | None
    ) -> None:
        async with closing(twin.texts()) as texts:
            await self._send(twin, texts, to)
            steps = 1 if state == "failed" else 2
            await twin.until(lambda: len(twin.callbacks) == steps)
            report = texts.delivery_report(texts.verify(*twin.callbacks[-1]))
        assert (report.message_key, report.state, report.failure_kind) == ("k7", state, kind)

    async def test_a_number_that_fails_once_gets_the_second_text(self, twin: Twin) -> None:
        async with closing(twin.texts()) as texts:
            for steps in (2, 4):
                await self._send(twin, texts, "+15125550011")
                await twin.until(lambda steps=steps: len(twin.callbacks) == steps)
            reports = [texts.delivery_report(texts.verify(*back)) for back in twin.callbacks]
        assert [report.state for report in reports] == ["sent", "undelivered", "sent", "delivered"]
        assert reports[1].failure_kind == "retry_later"

    async def test_a_callback_names_a_text_whose_answer_was_lost(self, twin: Twin) -> None:
        twin.box.faults.add(Fault("twilio", "messages.create", "reset_after"))
        async with closing(twin.texts()) as texts:
            with pytest.raises(Exception, match="may have acted"):
                await self._send(twin, texts)
            await twin.until(lambda: twin.callbacks)
            report = texts.delivery_report(texts.verify(*twin.callbacks[0]))
        assert (report.message_key, report.provider_id) == ("k7", twin.sms()[0]["sid"])

    async def test_a_forged_webhook_is_refused(self, twin: Twin) -> None:
        twin.box.faults.add(Fault("twilio", "webhook:status.sent", "forge"))
        async with closing(twin.texts()) as texts:
            await self._send(twin, texts)
            await twin.until(lambda: twin.callbacks)
            with pytest.raises(SignatureRefused):
                texts.verify(*twin.callbacks[0])

    async def test_ten_copies_carry_one_event_id(self, twin: Twin) -> None:
        twin.box.faults.add(Fault("twilio", "webhook:status.delivered", "duplicate"))
        async with closing(twin.texts()) as texts:
            await self._send(twin, texts)
            await twin.until(lambda: len(twin.callbacks) == 11)
            events = [texts.verify(*callback).event_id for callback in twin.callbacks]
        assert len(set(events)) == 2

    async def test_a_stop_reaches_us_signed_with_its_type(self, twin: Twin) -> None:
        twin.box.webhook_urls["twilio"] = twin.hook_url
        async with httpx.AsyncClient(base_url=f"{twin.url}/_control/twilio") as phone:
            await phone.post("/inbound", json={"from": ANA, "body": "Stop"})
        await twin.until(lambda: twin.callbacks)
        async with closing(twin.texts()) as texts:
            event = texts.verify(*twin.callbacks[0])
            reply = texts.inbound(event)
        assert dict(parse_qsl(twin.callbacks[0][0].decode()))["OptOutType"] == "STOP"
        assert (reply.from_e164, reply.body, reply.opt_out) == (ANA, "Stop", "stop")
        assert event.event_id == reply.provider_id
