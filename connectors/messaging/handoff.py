"""Texts through the practice management system itself, where it lets a program send one.

None that is connected here does. The port exists so that one that can needs no change anywhere
else, and so that the others say "cannot" before a patient goes without a message.
"""

from collections.abc import Mapping
from datetime import datetime

from connectors.ports import (
    Accepted,
    DeliveryReport,
    EmrTextPort,
    InboundText,
    Misconfigured,
    OutgoingText,
    PmsPort,
    Refused,
    SignatureRefused,
    VendorEvent,
)


class EmrTexts:
    """`TextPort` over the locations' systems; `pms` maps a location id to its system."""

    name = "emr"

    def __init__(self, pms: Mapping[str, PmsPort]) -> None:
        self._pms = pms

    async def send(self, text: OutgoingText) -> Accepted | Refused:
        """Hand the text to the system; Misconfigured where it cannot send one."""
        return await self._sender(text).send_text(text)

    async def find(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        """Look the text up there; Misconfigured where it cannot send one."""
        return await self._sender(text).find_text(text, since)

    async def cancel(self, provider_id: str) -> bool:
        """No system takes a text back."""
        del provider_id
        return False

    async def report(self, provider_id: str) -> DeliveryReport | None:
        """No system tells what became of a text."""
        del provider_id
        return None

    def verify(self, raw: bytes, headers: Mapping[str, str], url: str) -> VendorEvent:
        """A system's webhooks come to its own endpoint."""
        del raw, headers, url
        raise SignatureRefused("no text webhooks come from a practice management system")

    def delivery_report(self, event: VendorEvent) -> DeliveryReport:
        """Never called: `verify` lets nothing through."""
        raise NotImplementedError(event.event_type)

    def inbound(self, event: VendorEvent) -> InboundText:
        """Never called: `verify` lets nothing through."""
        raise NotImplementedError(event.event_type)

    def _sender(self, text: OutgoingText) -> EmrTextPort:
        pms = self._pms[text.location_id]
        if not (pms.capabilities.sends_texts and isinstance(pms, EmrTextPort)):
            raise Misconfigured(f"{pms.name} cannot send texts: agree with another provider")
        return pms
