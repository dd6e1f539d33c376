"""What answers a dispute: which records the practice holds, by kind, day and id.

Never what they say: a bank and a processor learn no treatment, no name and no words of a message.
A person sends more by hand, when the patient's record may be shown at all.
"""

from collections.abc import Sequence
from datetime import date

from domain.model import Record

TEXT_MAX = 20_000
"""What the processor takes in one field."""

WORDS = {
    "chart": "chart of the visit, signed in the practice's system",
    "invoice": "invoice",
    "consent": "consent to messages",
    "message": "message sent",
    "payment": "payment",
}
"""What a person reads in the list."""


class Held(Record):
    """One record that the practice holds. `reference` is an id or a code."""

    kind: str
    """chart | invoice | consent | message | payment"""
    on: date
    reference: str

    @property
    def words(self) -> str:
        """`2026-11-05 invoice LUM-000001`."""
        return f"{self.on.isoformat()} {self.kind} {self.reference}"


def listed(held: Sequence[Held]) -> list[Held]:
    """By day, then kind; each once."""
    return sorted(set(held), key=lambda one: (one.on, one.kind, one.reference))


def evidence(service_on: date | None, held: Sequence[Held]) -> dict[str, str]:
    """The processor's fields -> what is said in them."""
    lines = ["Records held by the practice:", *(one.words for one in listed(held))]
    text = "\n".join(lines)
    said = {"uncategorized_text": text[: TEXT_MAX + 1].rpartition("\n")[0]}
    if len(text) <= TEXT_MAX:
        said["uncategorized_text"] = text
    if service_on is not None:
        said["service_date"] = service_on.isoformat()
    return said
