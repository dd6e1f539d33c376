"""A relay's bounces and complaints: who signed them, what they say, and a twin that sends them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from connectors.messaging.mail_codes import kind_of_refusal
from connectors.messaging.mail_reports import MailReports
from connectors.ports import BadRequest, MailReport, SignatureRefused
from sandbox.faults import Fault
from sandbox.mail_reports import report_on, signed_headers
from sandbox.webhooks import Delivery
from tests.connectors.messaging_twin import new_box

KEY = "0123456789abcdef" * 2
RAW = (
    f"To: ana@quill.example\r\nMessage-ID: <{KEY}@pay.example>\r\nSubject: x\r\n\r\nHi\r\n".encode()
)

# As a relay writes it (RFC 3464 section 5, with the original's headers and a folded diagnostic).
POSTFIX = """From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: billing@practice.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="B4BC1D.1415/mx.example"
Message-Id: <20261122.B0@mx.example>

This is a MIME-encapsulated message.

--B4BC1D.1415/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B4BC1D.1415/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: B4BC1D
Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)

Final-Recipient: rfc822; forwarded@elsewhere.example
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; in.example
Diagnostic-Code: smtp; 550 5.1.1 <ana@quill.example>: Recipient address
    rejected: User unknown

--B4BC1D.1415/mx.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

To: {recipient}
Message-ID: <{key}@pay.example>
Subject: A statement is ready

Hello

--B4BC1D.1415/mx.example--
"""


def bounce(status: str = "5.1.1", action: str = "failed", key: str = KEY) -> bytes:
    text = POSTFIX.format(recipient="ana@quill.example", action=action, status=status, key=key)
    return text.replace("\n", "\r\n").encode()


def read(raw: bytes) -> MailReport:
    return MailReports("secret").read(raw)


def test_a_relays_bounce_names_message_recipient_and_reason() -> None:
    assert read(bounce()) == MailReport(
        state="failed",
        message_key=KEY,
        recipient="ana@quill.example",
        code="5.1.1",
        failure_kind="invalid_address",
    )


@pytest.mark.parametrize(
    ("status", "action", "state", "kind"),
    [
        ("5.1.10", "failed", "failed", "invalid_address"),
        ("5.1.0", "failed", "failed", "unreachable"),
        ("5.1.8", "failed", "failed", "filtered"),
        ("5.2.1 (disabled)", "failed", "failed", "invalid_address"),
        ("5.2.2", "failed", "failed", "retry_later"),
        ("4.4.7", "failed", "failed", "retry_later"),
        ("5.7.1", "failed", "failed", "filtered"),
        ("5.0.0", "FAILED", "failed", "unreachable"),
        ("nonsense", "failed", "failed", "unreachable"),
        ("4.4.1", "delayed", "accepted", None),
        ("2.0.0", "relayed", "accepted", None),
        ("2.1.5", "delivered", "delivered", None),
    ],
)
def test_the_status_says_what_it_means_to_us(
    status: str, action: str, state: str, kind: str | None
) -> None:
    report = read(bounce(status, action))
    assert (report.state, report.failure_kind) == (state, kind)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (550, "5.1.1 The email account does not exist", "invalid_address"),
        (550, "5.1.10 The domain takes no mail", "invalid_address"),
        (550, "5.2.1 Disabled", "invalid_address"),
        (550, "5.0.0 ana... User unknown", "invalid_address"),
        (550, "No such user here", "invalid_address"),
        (550, "Recipient address rejected: User unknown in table", "invalid_address"),
        (553, "sorry, no mailbox here by that name", "invalid_address"),
        (551, "The mailbox doesn't exist", "invalid_address"),
        (550, "Mailbox unavailable", "unreachable"),
        (550, "5.4.1 Recipient address rejected: Access denied", "unreachable"),
        (550, "Sender address does not exist", "unreachable"),
        (550, "Relaying denied, unknown user", "unreachable"),
        (550, "5.7.1 Refused by policy, user unknown", "filtered"),
        (550, "5.1.8 The sender's domain does not exist", "filtered"),
        (552, "5.3.4 Message too big", "filtered"),
        (552, "5.2.2 Mailbox full", "retry_later"),
        (554, "No such user", "unreachable"),
    ],
)
def test_only_what_names_the_mailbox_itself_gives_it_up(code: int, text: str, kind: str) -> None:
    assert kind_of_refusal(code, text) == kind


def test_a_message_that_is_not_ours_has_no_key() -> None:
    assert read(bounce(key="CAF=abc")).message_key is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"Subject: hi\r\n\r\nhello",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\n--x--",
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n",
        b"Content-Type: message/feedback-report\r\n\r\nVersion: 1\r\n",
    ],
)
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        read(raw)


def test_only_a_fresh_signature_of_the_relay_counts() -> None:
    reports, raw, now = MailReports("secret"), bounce(), datetime.now(UTC)
    good = signed_headers(b"secret", raw)
    event = reports.verify(raw, good, now)
    assert (event.source, event.event_type) == ("mail", "mail.report")
    assert reports.verify(raw, signed_headers(b"secret", raw, 30), now).event_id == event.event_id
    refused = (
        (raw + b" ", good),
        (raw, signed_headers(b"other", raw)),
        (raw, signed_headers(b"secret", raw, age_seconds=301)),
        (raw, signed_headers(b"secret", raw, age_seconds=-301)),
        (raw, {**good, "mail-timestamp": str(int(time.time()) - 1)}),
        (raw, {**good, "mail-timestamp": "now"}),
        (raw, {**good, "mail-signature": "é"}),
        (raw, {"mail-timestamp": good["mail-timestamp"]}),
        (raw, {}),
    )
    for body, headers in refused:
        with pytest.raises(SignatureRefused):
            reports.verify(body, headers, now)
    late = now + timedelta(minutes=6)
    with pytest.raises(SignatureRefused):
        reports.verify(raw, good, late)


@pytest.mark.parametrize(
    ("mailbox", "state", "kind"),
    [
        ("bounce-later", "failed", "invalid_address"),
        ("full-later", "failed", "retry_later"),
        ("slow-later", "accepted", None),
        ("spam-later", "complained", None),
    ],
)
def test_the_twin_reports_what_we_can_read(
    mailbox: str, state: str, kind: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, sent = new_box(), list[Delivery]()
    box.webhook_urls["mail"] = "http://here.example"
    monkeypatch.setattr(box.pump, "send", sent.append)
    assert report_on(box, f"{mailbox}@quill.example", RAW) is not None
    [delivery] = sent
    assert delivery.vendor == "mail"
    report = read(delivery.body)
    assert (report.state, report.failure_kind) == (state, kind)
    assert (report.message_key, report.recipient) == (KEY, f"{mailbox}@quill.example")
    MailReports("").verify(delivery.body, delivery.sign(delivery.body), datetime.now(UTC))
    assert delivery.sign_stale is not None
    with pytest.raises(SignatureRefused):
        MailReports("").verify(delivery.body, delivery.sign_stale(delivery.body), datetime.now(UTC))


def test_the_twin_says_nothing_of_a_good_mailbox() -> None:
    box = new_box()
    box.faults.add(Fault(vendor="mail", operation="*", kind="drop"))
    assert report_on(box, "ana@quill.example", RAW) is None
