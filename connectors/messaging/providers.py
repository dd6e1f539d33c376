"""Who can carry a channel, and what each of them can and cannot do. Data, for people and doctor."""

from collections.abc import Mapping
from typing import Literal

from domain.model import Record


class Provider(Record):
    """One carrier of messages, with what the house may expect of it."""

    name: str
    channel: Literal["sms", "email"]
    sends: bool = True
    finds: bool
    """True when a message of unknown outcome can be looked up."""
    reports: bool
    """True when the arrival of a message is reported, not its failure alone."""
    cancels: bool = False
    """True when a message that waits in the provider's queue can be stopped."""
    note: str
    """What a person should know before choosing it; one sentence."""


PROVIDERS: Mapping[str, Provider] = {
    one.name: one
    for one in (
        Provider(
            name="twilio",
            channel="sms",
            finds=True,
            reports=True,
            note="Cancels scheduled texts only, so a text that it has taken goes out.",
        ),
        Provider(
            name="podium",
            channel="sms",
            finds=False,
            reports=False,
            note="Lists no messages: a text of unknown outcome is proved by a webhook or asked of"
            " the desk, and only failures are reported.",
        ),
        Provider(
            name="emr",
            channel="sms",
            sends=False,
            finds=False,
            reports=False,
            note="No system that is connected here lets a program send a text.",
        ),
        Provider(
            name="smtp",
            channel="email",
            finds=False,
            reports=False,
            note="Has no look-up: a repeat is safe only where the relay drops a second copy.",
        ),
    )
}
