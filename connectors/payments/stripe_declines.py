"""Which of Stripe's declines end a card for good, as classes of reasons. No calls in here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connectors.ports import Decline, DeclineClass

_CODES: Mapping[DeclineClass, str] = {
    "expired": "expired_card",
    "lost or stolen": "lost_card stolen_card pickup_card",
    "not permitted": (
        "card_not_supported do_not_try_again not_permitted restricted_card"
        " revocation_of_all_authorizations revocation_of_authorization service_not_allowed"
        " stop_payment_order transaction_not_allowed"
    ),
    "account closed": "invalid_account new_account_information_available",
}
CLASSES: Mapping[str, DeclineClass] = MappingProxyType(
    {code: reason for reason, codes in _CODES.items() for code in codes.split()}
)
"""Every other code is soft: the card may pay later, or was mistyped, or nobody knows why not."""


def for_good(intent: Any) -> Decline | None:
    """The last attempt of an intent, when it failed on a card that will not pay later either.

    Stripe names no `decline_code` where the error's own code says it all, e.g. `expired_card`.
    """
    if not isinstance(intent, Mapping) or intent["status"] != "requires_payment_method":
        return None
    error = intent.get("last_payment_error")
    if not isinstance(error, Mapping) or (error.get("payment_method") or {}).get("type") != "card":
        return None
    reason = CLASSES.get(str(error.get("decline_code") or error.get("code")))
    if reason is None:
        return None
    return Decline(attempt_id=str(error.get("charge") or intent["id"]), reason=reason)
