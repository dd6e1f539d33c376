"""Sending, looking up and cancelling texts, against the twin over real HTTP."""

import asyncio
import inspect
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from connectors.messaging.twilio import HANDOFF_SECONDS, TwilioTexts
from connectors.ports import (
    Accepted,
    BadRequest,
    ConnectorError,
    DeliveryReport,
    Misconfigured,
    OutcomeUnknown,
    OutgoingText,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from sandbox.faults import Fault
from tests.connectors.messaging_twin import CREDENTIALS, Twin, closing, served_twin, slow_server

ANA = "+15125550142"


@pytest.fixture
def twin() -> Iterator[Twin]:
    with served_twin() as twin:
        yield twin


@pytest.fixture
async def texts(twin: Twin) -> AsyncIterator[TwilioTexts]:
    async with closing(twin.texts()) as texts:
        yield texts


def text(
    to: str = ANA, body: str = "A new statement", key: str = "k1", validity: int = 600
) -> OutgoingText:
    return OutgoingText(message_key=key, to_e164=to, body=body, validity_seconds=validity)


def now() -> datetime:
    return datetime.now(UTC)


def fault(twin: Twin, kind: str, operation: str = "messages.create", **more: object) -> None:
    twin.box.faults.add(Fault("twilio", operation, kind, **more))  # type: ignore[arg-type]


class TestSend:
    async def test_sends_through_the_service_with_our_key_in_the_callback(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        answer = await texts.send(text(key="abc 1"))
        (doc,) = twin.sms()
        assert answer == Accepted(provider_id=doc["sid"])
        (call,) = twin.box.state.list("call")
        assert call["request"] == {
            "To": ANA,
            "Body": "A new statement",
            "MessagingServiceSid": CREDENTIALS["twilio_messaging_service_sid"],
            "StatusCallback": f"{twin.hook_url}?key=abc+1",
            "ValidityPeriod": "600",
            "SmartEncoded": "true",
        }

    @pytest.mark.parametrize(
        ("asked", "sent"), [(0, "1"), (-5, "1"), (600, "600"), (90000, "36000")]
    )
    async def test_validity_stays_in_twilios_range(
        self, twin: Twin, texts: TwilioTexts, asked: int, sent: str
    ) -> None:
        assert isinstance(await texts.send(text(validity=asked)), Accepted)
        assert twin.box.state.list("call")[0]["request"]["ValidityPeriod"] == sent

    @pytest.mark.parametrize(
        ("to", "expected"),
        [
            ("+15125550001", Refused(code="21610", kind="opted_out")),
            ("+15125550002", Refused(code="21211", kind="invalid_address")),
            ("not a number", Refused(code="21211", kind="invalid_address")),
        ],
    )
    async def test_a_business_no_is_a_value(
        self, twin: Twin, texts: TwilioTexts, to: str, expected: Refused
    ) -> None:
        assert await texts.send(text(to)) == expected
        assert twin.sms() == []

    @pytest.mark.parametrize(
        ("to", "body", "error"),
        [
            ("+15125550006", "x", Misconfigured),
            ("+15125550007", "x", RateLimited),
            ("+15125550008", "x", Misconfigured),
            (ANA, "", BadRequest),
            (ANA, "x" * 1601, BadRequest),
        ],
    )
    async def test_what_no_retry_cures_is_an_error(
        self, texts: TwilioTexts, to: str, body: str, error: type[ConnectorError]
    ) -> None:
        with pytest.raises(error):
            await texts.send(text(to, body))

    async def test_wrong_token_is_misconfigured(self, twin: Twin) -> None:
        async with closing(twin.texts(auth_token="wrong")) as texts:
            with pytest.raises(Misconfigured):
                await texts.send(text())

    async def test_unknown_service_is_misconfigured(self, twin: Twin) -> None:
        async with closing(twin.texts(messaging_service_sid="MG" + "9" * 32)) as texts:
            with pytest.raises(Misconfigured):
                await texts.send(text())

    async def test_rate_limit_names_the_pause_and_sends_nothing(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        fault(twin, "rate_limit")
        with pytest.raises(RateLimited) as raised:
            await texts.send(text())
        assert raised.value.retry_after_seconds == Decimal(1)
        assert twin.sms() == []

    @pytest.mark.parametrize("kind", ["error", "timeout", "reset"])
    @pytest.mark.parametrize(("moment", "sent"), [("before", 0), ("after", 1)])
    async def test_a_lost_answer_is_unknown_and_tried_once(
        self, twin: Twin, texts: TwilioTexts, kind: str, moment: str, sent: int
    ) -> None:
        fault(twin, f"{kind}_{moment}", seconds=1.5)
        with pytest.raises(OutcomeUnknown):
            await texts.send(text())
        assert len(twin.sms()) == sent
        assert [rule.hits for rule in twin.box.faults.rules] == [1]
        assert len(twin.box.state.list("call")) <= 1

    async def test_a_timeout_ends_when_it_says(self, twin: Twin) -> None:
        fault(twin, "timeout_before", seconds=4.0)
        async with closing(twin.texts(timeout_seconds=0.3)) as texts:
            before = now()
            with pytest.raises(OutcomeUnknown):
                await texts.send(text())
        assert now() - before < timedelta(seconds=2)

    async def test_an_answer_that_trickles_is_given_up_as_a_whole(self) -> None:
        async with slow_server(pause_seconds=0.2) as url:
            texts = TwilioTexts(
                account_sid="AC1",
                auth_token="t",
                messaging_service_sid="MG1",
                callback_url="http://127.0.0.1:9/hook",
                base_url=url,
                timeout_seconds=0.5,
            )
            async with closing(texts):
                before = now()
                with pytest.raises(OutcomeUnknown):
                    await texts.send(text())
                assert now() - before < timedelta(seconds=1.5)
                with pytest.raises(ProviderUnavailable):
                    await texts.find(text(), now())

    def test_the_whole_call_ends_within_the_bound_of_the_kill_switch(self) -> None:
        default = inspect.signature(TwilioTexts).parameters["timeout_seconds"].default
        assert default == HANDOFF_SECONDS < 5

    async def test_nobody_there_is_unavailable(self, twin: Twin) -> None:
        async with closing(twin.texts(base_url="http://127.0.0.1:9")) as texts:
            with pytest.raises(ProviderUnavailable):
                await texts.send(text())

    async def test_errors_and_logs_name_no_number(
        self, twin: Twin, texts: TwilioTexts, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        fault(twin, "error_before", "messages.list")
        raised: list[BaseException] = []
        calls = [texts.send(text(f"+1512555{last}")) for last in ("0006", "0007", "0008")]
        for call in (*calls, texts.find(text(), now())):
            with pytest.raises(ConnectorError) as caught:
                await call
            raised.append(caught.value)
        await texts.find(text(), now())
        said = caplog.text + "".join("".join(traceback.format_exception(error)) for error in raised)
        assert "15125550" not in said
        assert all(error.__cause__ is None for error in raised)


class TestFind:
    async def test_finds_what_a_lost_answer_left(self, twin: Twin, texts: TwilioTexts) -> None:
        since = now()
        fault(twin, "error_after")
        with pytest.raises(OutcomeUnknown):
            await texts.send(text())
        assert await texts.find(text(), since) == Accepted(provider_id=twin.sms()[0]["sid"])

    async def test_finds_nothing_where_nothing_was_sent(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        fault(twin, "error_before")
        with pytest.raises(OutcomeUnknown):
            await texts.send(text())
        assert await texts.find(text(), now()) is None

    async def test_other_words_other_number_and_older_texts_do_not_count(
        self, texts: TwilioTexts
    ) -> None:
        await texts.send(text())
        assert await texts.find(text(body="Other words"), now()) is None
        assert await texts.find(text(to="+15125550143"), now()) is None
        assert await texts.find(text(), now() + timedelta(seconds=30)) is None

    async def test_whole_seconds_of_twilio_do_not_hide_a_text(self, texts: TwilioTexts) -> None:
        since = now()
        await texts.send(text())
        assert await texts.find(text(), since) is not None

    async def test_smart_encoding_does_not_hide_a_text(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        since = now()
        await texts.send(text(body='Lumin\'s "statement" - new...'))
        assert await texts.find(text(body="Lumin’s “statement” – new…"), since) is not None

    async def test_newest_of_two_is_taken(self, twin: Twin, texts: TwilioTexts) -> None:
        since = now()
        await texts.send(text())
        newest = await texts.send(text())
        assert await texts.find(text(), since) == newest

    async def test_a_text_that_failed_there_is_refused(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        since, to = now(), "+15125550005"
        await texts.send(text(to))
        await twin.until(lambda: twin.sms()[0]["status"] == "undelivered")
        assert await texts.find(text(to), since) == Refused(code="30007", kind="filtered")

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            ("error_before", ProviderUnavailable),
            ("timeout_before", ProviderUnavailable),
            ("reset_before", ProviderUnavailable),
            ("rate_limit", RateLimited),
        ],
    )
    async def test_a_look_up_is_safe_to_repeat(
        self, twin: Twin, texts: TwilioTexts, kind: str, error: type[ConnectorError]
    ) -> None:
        fault(twin, kind, "messages.list", seconds=1.5)
        with pytest.raises(error):
            await texts.find(text(), now())

    async def test_wrong_token_is_misconfigured(self, twin: Twin) -> None:
        async with closing(twin.texts(auth_token="wrong")) as texts:
            with pytest.raises(Misconfigured):
                await texts.find(text(), now())


async def _report(texts: TwilioTexts, provider_id: str, state: str) -> DeliveryReport:
    """What Twilio says once the network has done its part."""
    for _ in range(200):
        report = await texts.report(provider_id)
        assert report is not None
        if report.state == state:
            return report
        await asyncio.sleep(0.02)
    raise AssertionError(f"{provider_id} is {report.state}")


class TestReport:
    @pytest.mark.parametrize(
        ("end", "state", "kind"),
        [("0142", "delivered", None), ("0004", "undelivered", "invalid_address")],
    )
    async def test_a_text_is_shown_as_it_stands(
        self, texts: TwilioTexts, end: str, state: str, kind: str | None
    ) -> None:
        answer = await texts.send(text(to=f"+1512555{end}"))
        assert isinstance(answer, Accepted)
        report = await _report(texts, answer.provider_id, state)
        assert (report.provider_id, report.failure_kind) == (answer.provider_id, kind)

    async def test_a_text_that_twilio_does_not_know_has_no_report(self, texts: TwilioTexts) -> None:
        assert await texts.report("SM" + "0" * 32) is None

    async def test_no_answer_is_no_report(self, twin: Twin, texts: TwilioTexts) -> None:
        fault(twin, "error_before", "messages.read")
        with pytest.raises(ProviderUnavailable):
            await texts.report("SM" + "0" * 32)


class TestCancel:
    async def test_a_text_on_its_way_cannot_be_stopped(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        twin.box.state.put("setting", "twilio_pace", {"sent_seconds": 60})
        answer = await texts.send(text())
        assert isinstance(answer, Accepted)
        assert await texts.cancel(answer.provider_id) is False
        assert twin.sms()[0]["status"] == "accepted"

    async def test_a_scheduled_text_can(self, twin: Twin, texts: TwilioTexts) -> None:
        account, token = CREDENTIALS["twilio_account_sid"], CREDENTIALS["twilio_auth_token"]
        async with httpx.AsyncClient(auth=(account, token)) as client:
            answer = await client.post(
                f"{twin.url}/twilio/2010-04-01/Accounts/{account}/Messages.json",
                data={
                    "To": ANA,
                    "Body": "later",
                    "MessagingServiceSid": CREDENTIALS["twilio_messaging_service_sid"],
                    "ScheduleType": "fixed",
                    "SendAt": (now() + timedelta(seconds=1)).isoformat(),
                },
            )
        assert answer.json()["status"] == "scheduled"
        assert await texts.cancel(answer.json()["sid"]) is True
        assert twin.sms()[0]["status"] == "canceled"

    async def test_an_unknown_text_is_not_stopped(self, texts: TwilioTexts) -> None:
        assert await texts.cancel("SM" + "0" * 32) is False

    async def test_a_lost_answer_is_unknown(self, twin: Twin, texts: TwilioTexts) -> None:
        fault(twin, "error_before", "messages.update")
        with pytest.raises(OutcomeUnknown):
            await texts.cancel("SM" + "0" * 32)
