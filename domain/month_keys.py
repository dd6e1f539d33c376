"""Which thing an entry is about, read from its business key: what the tie-out compares by.

A business key is `what|...`; its makers are the builders of `domain.entries*`.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

_NAMED_BY: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "issued": ("document", 1),
        "amended": ("document", 1),
        "received": ("payment", 2),
        "unidentified": ("payment", 2),
        "unapplied": ("payment", 2),
        "duplicate": ("payment", 2),
        "unidentified-applied": ("payment", 1),
        "unapplied-applied": ("payment", 1),
        "unapplied-let-go": ("payment", 1),
        "taken-off": ("payment", 1),
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
        "visit-refunded": ("given", 1),
        "payment-reversed": ("given", 1),
        "credit-refunded": ("given", 1),
        "refund-expensed": ("given", 1),
        "given-back": ("move", 1),
        "refund-kept": ("move", 1),
        "dispute-lost": ("dispute", 1),
        "lender-held": ("deposit", 3),
        "lender-funded": ("deposit", 3),
        "lender-taken-back": ("deposit", 3),
        "plan-signed": ("plan", 1),
        "plan-rest": ("plan", 1),
        "opening": ("lot", 1),
        "drawer-deposit": ("line", 1),
        "agency": ("agency", 1),
    }
)
"""First word of a business key -> the kind of thing, and the place of its id in the key."""


BILLED = frozenset({"visit_issued", "visit_amended"})
"""Events of a document."""
APPLIED = frozenset(
    {"payment_received", "payment_taken_off", "unidentified_applied", "unapplied_applied"}
)
"""Events that apply a payment to a case, or take it off."""


AGENCY_PAID = "agency_remitted"
"""Event of what a collection agency paid of a case."""
DECIDED = ("entry:", "given:", "move:", "dispute:")
"""Things that only a person's decision stands behind."""
TAKEN_BACK = frozenset({"payment_reversed", "dispute_lost"})
"""Events after which a payment counts for less on its cases."""


def base_event(event: str) -> str:
    """What an entry does, or what it undoes. `payment_reversed` undoes no entry: it is its own."""
    return event if event in TAKEN_BACK else event.removesuffix("_reversed")


IN_TRANSIT_DAYS = 7
"""How long what the processor moved may be in no payout yet before that needs an answer."""
NO_PAYOUT_YET = "In no payout yet."


def is_under_way(thing: str, on: date, until: date) -> bool:
    """Whether a movement of the balance is too young to be in a payout that was read."""
    is_movement = thing.startswith(("movement:", "refund:", "payment:"))
    return is_movement and until - on <= timedelta(days=IN_TRANSIT_DAYS)


def thing_of(business_key: str, entry_id: str) -> str:
    """`kind:id` of what an entry is about; of an entry that no rule describes, `entry:id`."""
    words = business_key.split("|")
    kind, place = _NAMED_BY.get(words[0], ("entry", 0))
    if kind == "entry" or len(words) <= place:
        return f"entry:{entry_id}"
    return f"{kind}:{words[place]}"
