"""A mail relay that keeps what it is given: nothing leaves this machine.

Documents: `email` (to, subject, text, html, message_id, headers, at). A second copy is dropped
only when it carries the same Resend-Idempotency-Key, as that relay documents it; a copy with
nothing but the same Message-ID is kept, so that a duplicate shows.

Magic recipients: bounce@… (550 at RCPT), full@… (452), spam@… (554 after DATA). These take the
message and report later, signed, to the `mail` webhook (sandbox.mail_reports): bounce-later@…
(5.1.1), full-later@… (4.2.2), slow-later@… (still trying), spam-later@… (a complaint). The
document's `report` says which; webhook faults of vendor `mail` drop, delay or double it.
Faults: vendor `smtp`, operation `smtp.data`: error, timeout or reset, before or after the
message is kept.
"""

import asyncio
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import cast, get_args

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.box import Box
from sandbox.faults import CallFault
from sandbox.mail_reports import report_on

IDEMPOTENCY_HEADER = "Resend-Idempotency-Key"
REFUSED_RECIPIENTS = {
    "bounce": "550 5.1.1 The mailbox does not exist",
    "full": "452 4.2.2 The mailbox is full, try later",
}
REFUSED_CONTENT = {"spam": "554 5.7.1 Message refused by policy"}


class Mailbox:
    """What aiosmtpd calls for each recipient and each message."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse the magic mailboxes, take every other."""
        del server, session, options
        refusal = REFUSED_RECIPIENTS.get(address.partition("@")[0])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message, with at most one fault before or after."""
        del session
        kinds, to = get_args(CallFault), envelope.rcpt_tos[0]
        fault = self._box.faults.take("smtp", "smtp.data", kinds, to)
        if fault is None:
            return self._keep(envelope)
        if fault.kind == "rate_limit":
            return "451 4.7.1 Too many messages, slow down"
        if fault.kind == "meanwhile" and self._box.faults.happen is not None:
            await self._box.faults.happen(fault.act)
            return self._keep(envelope)
        if fault.kind.endswith("_after"):
            self._keep(envelope)
        if fault.kind.startswith("timeout"):
            await asyncio.sleep(fault.seconds)
        if fault.kind.startswith("reset"):
            # uvloop's transport is none of asyncio's classes.
            cast(asyncio.WriteTransport, server.transport).abort()
        return "451 4.3.0 Simulated failure"

    def _keep(self, envelope: Envelope) -> str:
        mailbox = envelope.rcpt_tos[0].partition("@")[0]
        if mailbox in REFUSED_CONTENT:
            return REFUSED_CONTENT[mailbox]
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        # The newer EmailMessage parses each header by its grammar, ten times the work.
        message = message_from_bytes(raw)
        headers = {name.lower(): _unfolded(value) for name, value in message.items()}
        key = headers.get(IDEMPOTENCY_HEADER.lower())
        known = self._box.state.get("email_key", key) if key else None
        if known is not None:
            return f"250 2.0.0 OK queued as {known['number']}"
        number = self._box.state.next_number("email")
        self._box.state.put(
            "email",
            str(number),
            {
                "to": envelope.rcpt_tos[0],
                "from": envelope.mail_from,
                "subject": headers.get("subject"),
                "text": _part(message, "plain"),
                "html": _part(message, "html"),
                "message_id": headers.get("message-id"),
                "headers": headers,
                "at": self._box.now().isoformat(),
                "report": report_on(self._box, envelope.rcpt_tos[0], raw),
            },
        )
        if key:
            self._box.state.put("email_key", key, {"number": number})
        return f"250 2.0.0 OK queued as {number}"


def _unfolded(value: str) -> str:
    """A header on one line, its encoded words decoded."""
    return str(make_header(decode_header("".join(value.splitlines()))))


def _part(message: Message, subtype: str) -> str | None:
    """The text of the first part of this type."""
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode(part.get_content_charset("utf-8"))
    return None


class MailSink(Controller):
    """The running relay; `.port` is the real port, also after asking for port 0."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


async def serve_mail(box: Box, port: int) -> asyncio.Server:
    """Serve SMTP on 127.0.0.1 in the running loop, where no thread waits for another."""
    loop, mailbox = asyncio.get_running_loop(), Mailbox(box)
    return await loop.create_server(
        lambda: SMTP(mailbox, hostname="127.0.0.1", enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        port,
    )


def start_mail_sink(box: Box, port: int) -> MailSink:
    """Serve SMTP on 127.0.0.1 in a thread of its own; port 0 takes a free one."""
    sink = MailSink(Mailbox(box), hostname="127.0.0.1", port=port)
    sink.start()
    return sink
