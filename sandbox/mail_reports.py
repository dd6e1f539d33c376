"""What a relay posts about a message later: a bounce (RFC 3464) or a complaint (RFC 5965)."""

import hmac
import secrets
import time
from email.utils import formatdate, make_msgid

from sandbox.box import Box
from sandbox.webhooks import Delivery

BOUNCES = {
    "bounce-later": ("failed", "5.1.1", "550 5.1.1 The mailbox does not exist"),
    "full-later": ("failed", "4.2.2", "452 4.2.2 The mailbox is full"),
    "slow-later": ("delayed", "4.4.1", "451 4.4.1 No answer from the host, still trying"),
}
"""Mailbox -> Action, Status and diagnostic of the report that follows."""
COMPLAINTS = {"spam-later": "abuse"}


def report_on(box: Box, recipient: str, raw: bytes) -> str | None:
    """Post what becomes of a kept message; the kind of report, None for a good mailbox."""
    mailbox, url = recipient.partition("@")[0], box.webhook_urls.get("mail")
    if mailbox in BOUNCES:
        kind, body = "bounce", _bounce(recipient, raw, *BOUNCES[mailbox])
    elif mailbox in COMPLAINTS:
        kind, body = "complaint", _complaint(recipient, raw, COMPLAINTS[mailbox])
    else:
        return None
    if url is not None:
        secret = box.credentials.get("mail_webhook_secret", "").encode()
        number = box.state.next_number("mail_report")
        box.pump.send(
            Delivery(
                vendor="mail",
                event_type=kind,
                event_id=f"report-{number}",
                url=url,
                body=body,
                sign=lambda sent: signed_headers(secret, sent),
                sign_stale=lambda sent: signed_headers(secret, sent, age_seconds=3600),
            )
        )
    return kind


def signed_headers(secret: bytes, body: bytes, age_seconds: int = 0) -> dict[str, str]:
    """Timestamp and HMAC-SHA256 over it and the raw body."""
    stamp = str(int(time.time()) - age_seconds)
    signature = hmac.digest(secret, stamp.encode() + b"." + body, "sha256").hex()
    return {
        "content-type": "message/rfc822",
        "mail-timestamp": stamp,
        "mail-signature": signature,
    }


def _bounce(recipient: str, raw: bytes, action: str, status: str, said: str) -> bytes:
    lines = (
        "Reporting-MTA: dns; relay.sandbox.example",
        f"Arrival-Date: {formatdate()}",
        "",
        f"Original-Recipient: rfc822;{recipient}",
        f"Final-Recipient: rfc822;{recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {said}",
    )
    return _report("delivery-status", lines, raw)


def _complaint(recipient: str, raw: bytes, feedback: str) -> bytes:
    lines = (
        f"Feedback-Type: {feedback}",
        "User-Agent: sandbox/1",
        "Version: 1",
        f"Original-Rcpt-To: <{recipient}>",
        f"Arrival-Date: {formatdate()}",
    )
    return _report("feedback-report", lines, raw)


def _report(kind: str, lines: tuple[str, ...], raw: bytes) -> bytes:
    """A multipart/report: words for people, fields for programs, the headers of the original."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n")
    mark = secrets.token_hex(16)
    parts = {
        "text/plain": "A report on a message that you sent; the details are attached.",
        f"message/{kind}": "\n".join(lines),
        "text/rfc822-headers": head,
    }
    text = "\n".join(
        (
            "From: Mail Delivery System <mailer-daemon@relay.sandbox.example>",
            "To: billing@practice.example",
            "Subject: Report on your message",
            f"Date: {formatdate()}",
            f"Message-ID: {make_msgid(domain='relay.sandbox.example')}",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/report; report-type={kind}; boundary="{mark}"',
            "",
            *(f"--{mark}\nContent-Type: {name}\n\n{body}\n" for name, body in parts.items()),
            f"--{mark}--",
            "",
        )
    )
    return text.replace("\n", "\r\n").encode()
