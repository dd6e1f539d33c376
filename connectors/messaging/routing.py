"""Each text goes by the provider that its location has agreed with, and is asked about there."""

from collections.abc import Mapping
from datetime import datetime

from connectors.ports import (
    Accepted,
    DeliveryReport,
    InboundText,
    Misconfigured,
    OutgoingText,
    Refused,
    TextPort,
    VendorEvent,
)


class RoutedTexts:
    """`TextPort` over several. A text that names no provider goes by the first one."""

    def __init__(self, first: TextPort, *others: TextPort) -> None:
        self._first = first
        self._ports = {port.name: port for port in (first, *others)}

    @property
    def name(self) -> str:
        """The first provider's: webhooks are routed by the endpoint that they came to."""
        return self._first.name

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """By the text's provider; Misconfigured when that one is not set up here."""
        return await self._port(text.provider).send(text)

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """At the provider that was asked to carry it, whoever the location uses by now."""
        return await self._port(text.provider).find(text, since)

    async def cancel(self, provider_id: str) -> bool:
        """At the provider that the id names before its colon, else at the first."""
        return await self._owner(provider_id).cancel(provider_id)

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """As `cancel`."""
        return await self._owner(provider_id).report(provider_id)

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """As the first provider."""
        return self._first.verify(raw, headers, url)

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """As the provider that the event came from."""
        return self._port(event.source).delivery_report(event)

    def inbound(self, event: VendorEvent) -> InboundText:
        """As the provider that the event came from."""
        return self._port(event.source).inbound(event)

    def _owner(self, provider_id: str) -> TextPort:
        name, colon, _ = provider_id.partition(":")
        return self._ports.get(name, self._first) if colon else self._first

    def _port(self, name: str) -> TextPort:
        if not name:
            return self._first
        if name not in self._ports:
            raise Misconfigured(f"the text provider {name} is not set up on this installation")
        return self._ports[name]
