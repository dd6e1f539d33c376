"""Which thing an entry is about, read from its business key: what the tie-out compares by.

A business key is `what|...`; its makers are the builders of `domain.entries*`.
"""

from collections.abc import Mapping
from types import MappingProxyType

_NAMED_BY: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "issued": ("document", 1),
        "amended": ("document", 1),
        "received": ("payment", 2),
        "unidentified": ("payment", 2),
        "unapplied": ("payment", 2),
        "duplicate": ("payment", 2),
        "recovered": ("payment", 2),
        "unidentified-applied": ("payment", 1),
        "unapplied-applied": ("payment", 1),
        "kept-as-credit": ("payment", 1),
        "held-refund": ("payment", 1),
        "charge-fee": ("movement", 2),
        "dispute-fee": ("movement", 2),
        "processor-fee": ("movement", 2),
        "dispute-moved": ("movement", 2),
        "refund-paid": ("refund", 2),
        "refund-returned": ("refund", 2),
        "payout-paid": ("payout", 2),
        "payout-failed": ("payout", 2),
        "payout-difference": ("difference", 2),
        "plan-signed": ("plan", 1),
        "opening": ("lot", 1),
        "drawer-deposit": ("line", 1),
    }
)
"""First word of a business key -> the kind of thing, and the place of its id in the key."""


BILLED = frozenset({"visit_issued", "visit_amended"})
"""Events of a document."""
APPLIED = frozenset({"payment_received", "unidentified_applied", "unapplied_applied"})
"""Events that apply a payment to a case."""


def base_event(event: str) -> str:
    """What an entry does, or what it undoes."""
    return event.removesuffix("_reversed")


def thing_of(business_key: str, entry_id: str) -> str:
    """`kind:id` of what an entry is about; of an entry that no rule describes, `entry:id`."""
    words = business_key.split("|")
    kind, place = _NAMED_BY.get(words[0], ("entry", 0))
    if kind == "entry" or len(words) <= place:
        return f"entry:{entry_id}"
    return f"{kind}:{words[place]}"
