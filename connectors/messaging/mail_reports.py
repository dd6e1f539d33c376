"""What a mail relay says of a message later: it bounced (RFC 3464) or was called spam (RFC 5965).

The relay posts the report as it received it, `message/rfc822`, signed like this:

    mail-timestamp: seconds since 1970
    mail-signature: hex HMAC-SHA256 of "{timestamp}." and the raw body, under a shared secret
"""

import email
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage, Message
from email.policy import SMTP

from connectors.messaging.mail_codes import kind_of_status
from connectors.ports import BadRequest, MailReport, SignatureRefused, VendorEvent

TIMESTAMP, SIGNATURE = "mail-timestamp", "mail-signature"
TOLERANCE = timedelta(minutes=5)
REPORT = "mail.report"

DSN, ARF = "message/delivery-status", "message/feedback-report"
COMPLAINTS = frozenset({"abuse", "fraud", "other"})

_OUR_ID = re.compile(r"<([0-9a-f]{32})@[^<>\s]+>")


class MailReports:
    """Implements `MailReportPort`."""

    name = "mail"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """A report that carries our relay's signature and is at most five minutes old."""
        lowered = {name.lower(): value for name, value in headers.items()}
        stamp, given = lowered.get(TIMESTAMP, ""), lowered.get(SIGNATURE, "")
        if not re.fullmatch(r"\d{1,12}", stamp):
            raise SignatureRefused("mail report without a timestamp")
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(stamp))
        if abs(now - at) > TOLERANCE:
            raise SignatureRefused("mail report is too old")
        expected = hmac.digest(self._secret, stamp.encode() + b"." + raw, "sha256").hex()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise SignatureRefused("mail report signature does not match")
        # A relay that posts twice signs anew, so the body is what a repeat is known by.
        event_id = hashlib.sha256(raw).hexdigest()
        return VendorEvent(
            source=self.name, event_id=event_id, event_type=REPORT, occurred_at=at, body={}
        )

    def read(self, raw: bytes) -> MailReport:
        """What the report says; `BadRequest` when it is none that anybody can read."""
        message = email.message_from_bytes(raw, _class=EmailMessage, policy=SMTP)
        parts = {part.get_content_type(): part for part in message.walk()}
        key = _message_key(parts)
        if DSN in parts:
            return _bounce(parts[DSN], key)
        if ARF in parts:
            return _complaint(parts[ARF], key)
        raise BadRequest("no delivery status and no feedback report in the mail")


def _bounce(part: Message, key: str | None) -> MailReport:
    for block in _blocks(part):
        action, status = _text(block, "action").lower(), _status(block)
        if not action:
            continue
        return MailReport(
            state={"failed": "failed", "delivered": "delivered"}.get(action, "accepted"),
            message_key=key,
            recipient=_recipient(block, "original-recipient", "final-recipient"),
            code=status or None,
            failure_kind=kind_of_status(status) if action == "failed" else None,
        )
    raise BadRequest("a delivery status about no recipient")


def _complaint(part: Message, key: str | None) -> MailReport:
    for block in _blocks(part):
        kind = _text(block, "feedback-type").lower()
        if kind:
            return MailReport(
                state="complained" if kind in COMPLAINTS else "accepted",
                message_key=key,
                recipient=_recipient(block, "original-rcpt-to"),
                code=kind if re.fullmatch(r"[a-z-]{1,40}", kind) else None,
            )
    raise BadRequest("a feedback report without a type")


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields in a status part; the parser makes a message of each."""
    payload = part.get_payload()
    if isinstance(payload, list):
        for block in payload:
            if isinstance(block, Message):
                yield block
    elif isinstance(payload, str):
        yield email.message_from_string(payload)


def _message_key(parts: Mapping[str, Message]) -> str | None:
    """Ours, from the Message-ID of the mail that the report returns."""
    found = ""
    if "message/rfc822" in parts:
        found = next((_text(block, "message-id") for block in _blocks(parts["message/rfc822"])), "")
    elif "text/rfc822-headers" in parts:
        payload = parts["text/rfc822-headers"].get_payload(decode=True)
        if isinstance(payload, bytes):
            found = _text(email.message_from_bytes(payload), "message-id")
    match = _OUR_ID.fullmatch(found)
    return match.group(1) if match else None


def _status(block: Message) -> str:
    found = re.match(r"\d\.\d{1,3}\.\d{1,3}", _text(block, "status"))
    return found.group(0) if found else ""


def _recipient(block: Message, *fields: str) -> str | None:
    for field in fields:
        address = _text(block, field).rpartition(";")[2].strip().strip("<>")
        if "@" in address:
            return address
    return None


def _text(block: Message, field: str) -> str:
    return str(block.get(field) or "").strip()
