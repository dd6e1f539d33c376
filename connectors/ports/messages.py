"""What the house asks of those who carry texts and e-mails."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from connectors.ports.outcomes import Refused, VendorEvent
from domain.model import Record


class OutgoingText(Record):
    """One SMS. `validity_seconds` is bounded by the quiet-hours window."""

    message_key: str
    to_e164: str
    body: str
    validity_seconds: int
    provider: str = ""
    """Who carries it, as the location's channel names them; empty for the house's first."""
    location_id: str = ""
    """For providers that hold one account for each location."""


class OutgoingEmail(Record):
    """One e-mail with both parts; the Message-ID is derived from `message_key`."""

    message_key: str
    to_address: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None


class Accepted(Record):
    """The provider has taken the message over."""

    provider_id: str


class DeliveryReport(Record):
    """A provider's later word on a message, possibly late or out of order.

    `state`: accepted | sent | delivered | undelivered | failed. `message_key` is empty when the
    provider does not carry it along: the message is then named by `provider_id`, or by the pay
    link in its `words`.
    """

    message_key: str
    provider_id: str
    words: str = ""
    state: str
    error_code: str | None = None
    failure_kind: str | None = None
    """`Refused.kind` of the error, when there is one."""


class InboundText(Record):
    """A patient's reply. `opt_out` is stop | start | help | None."""

    provider_id: str
    from_e164: str
    body: str
    opt_out: str | None


class TextPort(Protocol):
    """An SMS provider."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """Hand one text over, once."""
        ...

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Look a message up after an unknown outcome; None means not there (yet)."""
        ...

    async def cancel(self, provider_id: str) -> bool:
        """Try to stop a message that is still queued; True when it will not go out."""
        ...

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """What has become of a message that was taken; None where that cannot be asked."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """A signed callback: type `message.status`, or `message.received` for a reply."""
        ...

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """The provider's word on one message."""
        ...

    def inbound(self, event: VendorEvent) -> InboundText:
        """A patient's reply, with what it asks for."""
        ...


@runtime_checkable
class EmrTextPort(Protocol):
    """What a practice management system that sends texts offers beside `PmsPort`."""

    async def send_text(self, text: OutgoingText) -> Accepted | Refused:
        """Hand one text over, once."""
        ...

    async def find_text(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Look a text up after an unknown outcome; None means not there (yet)."""
        ...


class MailReport(Record):
    """What a relay says about one message, later.

    `state`: failed | delivered | complained | accepted (nothing has ended yet).
    `failure_kind`: retry_later | invalid_address | filtered | unreachable.
    """

    state: str
    message_key: str | None
    recipient: str | None
    code: str | None = None
    failure_kind: str | None = None


class MailReportPort(Protocol):
    """A relay's later word on messages: bounces and complaints."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    def verify(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> VendorEvent:
        """A signed report, unread."""
        ...

    def read(self, raw: bytes) -> MailReport:
        """What the report says."""
        ...


class EmailPort(Protocol):
    """An e-mail relay."""

    @property
    def name(self) -> str:
        """The short name used in logs and sources."""
        ...

    @property
    def resends_safely(self) -> bool:
        """True when the relay drops a second copy of the same message key by itself."""
        ...

    async def send(self, email: OutgoingEmail) -> Accepted | Refused:
        """Hand one e-mail over, once."""
        ...
