"""E-mail over real SMTP: what arrives, what each stage's failure means, kept connections."""

import asyncio
import contextlib
import socket
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.messaging import smtp
from connectors.messaging.smtp import SmtpEmails, SmtpRelay
from connectors.ports import (
    Accepted,
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    OutgoingEmail,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from sandbox.box import Box
from sandbox.faults import Fault
from sandbox.mail import MailSink, start_mail_sink
from tests.connectors.messaging_twin import new_box

HTML = "<p>Zoë, your statement – " + "x" * 1200 + "</p>"


@pytest.fixture
def box() -> Box:
    return new_box()


@pytest.fixture
def sink(box: Box) -> Iterator[MailSink]:
    sink = start_mail_sink(box, 0)
    yield sink
    sink.stop()


def relay(port: int, **changes: object) -> SmtpRelay:
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "sender_address": "desk@lumin.example",
        "sender_name": "Lumin Aesthetics",
        "tls": "none",
        "timeout_seconds": 1,
    }
    return SmtpRelay.model_validate({**settings, **changes})


@pytest.fixture
async def emails(sink: MailSink) -> AsyncIterator[SmtpEmails]:
    async with SmtpEmails(relay(sink.port)) as emails:
        yield emails


def email(to: str = "ana@example.com", key: str = "k1", **changes: object) -> OutgoingEmail:
    values: dict[str, object] = {
        "message_key": key,
        "to_address": to,
        "subject": "Your statement – Lumin",
        "text": "Zoë, your statement: https://pay.example/p/t\n",
        "html": HTML,
    }
    return OutgoingEmail.model_validate({**values, **changes})


def fault(box: Box, kind: str, **more: object) -> None:
    box.faults.add(Fault("smtp", "smtp.data", kind, **more))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def slow_relay(pause_seconds: float, data_seconds: float) -> AsyncIterator[int]:
    """A relay that answers each command, and each message, after a while; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while line := await reader.readline():
            is_data = line.upper().startswith(b"DATA")
            await asyncio.sleep(pause_seconds)
            writer.write(b"354 go\r\n" if is_data else b"250 ok\r\n")
            if is_data:
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(data_seconds)
                writer.write(b"250 kept\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class TestMessage:
    async def test_both_parts_arrive_unchanged(self, box: Box, emails: SmtpEmails) -> None:
        answer = await emails.send(email())
        (kept,) = box.state.list("email")
        assert answer == Accepted(provider_id="<k1@lumin.example>")
        assert kept["message_id"] == "<k1@lumin.example>"
        assert (kept["to"], kept["from"]) == ("ana@example.com", "desk@lumin.example")
        assert kept["subject"] == "Your statement – Lumin"
        assert kept["text"].strip() == "Zoë, your statement: https://pay.example/p/t"
        assert kept["html"].strip() == HTML
        assert kept["headers"]["content-type"].startswith("multipart/alternative")
        assert kept["headers"]["from"] == "Lumin Aesthetics <desk@lumin.example>"
        assert kept["headers"]["auto-submitted"] == "auto-generated"
        assert kept["headers"]["date"]

    async def test_one_click_unsubscribe_only_where_there_is_a_link(
        self, box: Box, emails: SmtpEmails
    ) -> None:
        await emails.send(email(unsubscribe_url="https://pay.example/u/t"))
        await emails.send(email(key="k2"))
        with_link, without = (kept["headers"] for kept in box.state.list("email"))
        assert with_link["list-unsubscribe"] == "<https://pay.example/u/t>"
        assert with_link["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
        assert not any(name.startswith("list-") for name in without)

    async def test_a_repeat_carries_the_same_message_id(self, box: Box, emails: SmtpEmails) -> None:
        await emails.send(email())
        await emails.send(email())
        assert {kept["message_id"] for kept in box.state.list("email")} == {"<k1@lumin.example>"}
        assert len(box.state.list("email")) == 2

    async def test_a_relay_that_knows_our_key_drops_the_repeat(
        self, box: Box, sink: MailSink
    ) -> None:
        header = "Resend-Idempotency-Key"
        async with SmtpEmails(relay(sink.port, idempotency_header=header)) as emails:
            assert emails.resends_safely
            fault(box, "reset_after")
            with pytest.raises(OutcomeUnknown):
                await emails.send(email())
            assert isinstance(await emails.send(email()), Accepted)
        (kept,) = box.state.list("email")
        assert kept["headers"]["resend-idempotency-key"] == "k1"

    async def test_without_such_a_relay_a_repeat_is_not_called_safe(
        self, box: Box, emails: SmtpEmails
    ) -> None:
        await emails.send(email())
        assert not emails.resends_safely
        assert "resend-idempotency-key" not in box.state.list("email")[0]["headers"]

    async def test_a_subject_cannot_start_a_header(self, box: Box, emails: SmtpEmails) -> None:
        with pytest.raises(BadRequest):
            await emails.send(email(subject="Hello\r\nBcc: all@example.com"))
        assert box.state.list("email") == []


class TestOutcome:
    @pytest.mark.parametrize(
        ("to", "expected"),
        [
            ("bounce@example.com", Refused(code="550", kind="invalid_address")),
            ("spam@example.com", Refused(code="554", kind="filtered")),
            ("", Refused(code="syntax", kind="invalid_address")),
            ("nobody", Refused(code="syntax", kind="invalid_address")),
            ("a@b", Refused(code="syntax", kind="invalid_address")),
            ("a@x.example\r\nDATA", Refused(code="syntax", kind="invalid_address")),
            ("a@x.example, b@x.example", Refused(code="syntax", kind="invalid_address")),
            ("josé@example.com", Refused(code="syntax", kind="invalid_address")),
        ],
    )
    async def test_a_business_no_is_a_value(
        self, box: Box, emails: SmtpEmails, to: str, expected: Refused
    ) -> None:
        assert await emails.send(email(to)) == expected
        assert box.state.list("email") == []

    @pytest.mark.parametrize(
        ("kind", "kept", "error"),
        [
            ("rate_limit", 0, RateLimited),
            ("error_before", 0, RateLimited),
            ("timeout_before", 0, OutcomeUnknown),
            ("timeout_after", 1, OutcomeUnknown),
            ("reset_before", 0, OutcomeUnknown),
            ("reset_after", 1, OutcomeUnknown),
        ],
    )
    async def test_after_the_content_only_an_answer_is_definite(
        self, box: Box, emails: SmtpEmails, kind: str, kept: int, error: type[ConnectorError]
    ) -> None:
        fault(box, kind, seconds=1.5)
        with pytest.raises(error):
            await emails.send(email())
        assert len(box.state.list("email")) == kept
        assert [rule.hits for rule in box.faults.rules] == [1]
        assert isinstance(await emails.send(email(key="k2")), Accepted)

    async def test_a_full_mailbox_is_for_later(self, box: Box, emails: SmtpEmails) -> None:
        with pytest.raises(ProviderUnavailable):
            await emails.send(email("full@example.com"))
        assert isinstance(await emails.send(email()), Accepted)
        assert len(box.state.list("email")) == 1

    async def test_nobody_there_is_unavailable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with SmtpEmails(relay(port)) as emails:
            with pytest.raises(ProviderUnavailable):
                await emails.send(email())

    async def test_a_silent_relay_is_unavailable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with SmtpEmails(relay(silent.getsockname()[1])) as emails:
                with pytest.raises(ProviderUnavailable):
                    await emails.send(email())

    @pytest.mark.parametrize(
        ("pause_seconds", "data_seconds", "error"),
        [(0.2, 0.0, ProviderUnavailable), (0.0, 2.0, OutcomeUnknown)],
    )
    async def test_a_slow_hand_off_ends_as_a_whole(
        self,
        monkeypatch: pytest.MonkeyPatch,
        pause_seconds: float,
        data_seconds: float,
        error: type[ConnectorError],
    ) -> None:
        monkeypatch.setattr(smtp, "ENVELOPE_SECONDS", 0.5)
        monkeypatch.setattr(smtp, "HANDOFF_SECONDS", 0.8)
        async with (
            slow_relay(pause_seconds, data_seconds) as port,
            SmtpEmails(relay(port, timeout_seconds=4)) as emails,
        ):
            began = asyncio.get_running_loop().time()
            with pytest.raises(error):
                await emails.send(email())
            assert asyncio.get_running_loop().time() - began < 1.2

    async def test_waiting_for_a_connection_counts_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smtp, "CONNECTIONS_MAX", 1)
        monkeypatch.setattr(smtp, "ENVELOPE_SECONDS", 0.5)
        async with (
            slow_relay(0.0, 2.0) as port,
            SmtpEmails(relay(port, timeout_seconds=4)) as emails,
        ):
            first = asyncio.create_task(emails.send(email()))
            await asyncio.sleep(0.2)
            with pytest.raises(ProviderUnavailable, match="busy"):
                await emails.send(email(key="k2"))
            assert isinstance(await first, Accepted)

    def test_the_whole_hand_off_ends_within_the_bound_of_the_kill_switch(self) -> None:
        assert smtp.ENVELOPE_SECONDS < smtp.HANDOFF_SECONDS < 5

    @pytest.mark.parametrize("changes", [{"tls": "starttls"}, {"username": "u", "password": "p"}])
    async def test_a_relay_without_the_safety_asked_for_gets_nothing(
        self, box: Box, sink: MailSink, changes: dict[str, str]
    ) -> None:
        async with SmtpEmails(relay(sink.port, **changes)) as emails:
            with pytest.raises(Misconfigured):
                await emails.send(email())
        assert box.state.list("email") == []

    async def test_errors_name_no_address(self, box: Box, emails: SmtpEmails) -> None:
        said = ""
        for to, kind in (("full@example.com", None), ("ana@example.com", "reset_after")):
            if kind:
                fault(box, kind)
            with pytest.raises(ConnectorError) as raised:
                await emails.send(email(to))
            assert raised.value.__cause__ is None
            said += "".join(traceback.format_exception(raised.value))
        assert "@example.com" not in said


class TestConnections:
    async def test_messages_in_a_row_share_one(self, emails: SmtpEmails) -> None:
        for number in range(3):
            await emails.send(email(key=f"k{number}"))
        assert len(emails._idle) == 1

    async def test_a_refused_recipient_leaves_it_usable(self, box: Box, emails: SmtpEmails) -> None:
        await emails.send(email("bounce@example.com"))
        (kept, _) = emails._idle[0]
        await emails.send(email())
        assert emails._idle[0][0] is kept
        assert len(box.state.list("email")) == 1

    async def test_many_at_once_use_a_few(self, box: Box, emails: SmtpEmails) -> None:
        await asyncio.gather(*(emails.send(email(key=f"k{number}")) for number in range(20)))
        assert len({kept["message_id"] for kept in box.state.list("email")}) == 20
        assert len(emails._idle) <= 8

    async def test_a_connection_that_died_meanwhile_costs_nothing(self, box: Box) -> None:
        sink = start_mail_sink(box, 0)
        port = sink.port
        async with SmtpEmails(relay(port)) as emails:
            await emails.send(email())
            sink.stop()
            sink = start_mail_sink(box, port)
            try:
                assert isinstance(await emails.send(email(key="k2")), Accepted)
            finally:
                sink.stop()
        assert len(box.state.list("email")) == 2
