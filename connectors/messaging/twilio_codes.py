"""Twilio's error codes and opt-out verdicts, as data; words are read by `domain.replies`.

The codes come from Twilio's public error list. A code before acceptance is the `code` of a 4xx
answer, one after acceptance is the `ErrorCode` of a status callback.
"""

from collections.abc import Mapping

from domain import replies

OPTED_OUT = "opted_out"
INVALID_ADDRESS = "invalid_address"
UNREACHABLE = "unreachable"
FILTERED = "filtered"
RETRY_LATER = "retry_later"
"""Did not arrive, and may once more on the same channel, some hours later."""
RETRY_TOMORROW = "retry_tomorrow"
"""The same, but the carrier's count of the day is used up."""
MISCONFIGURED = "misconfigured"
RATE_LIMITED = "rate_limited"
DEFECT = "defect"
AMBIGUOUS = "ambiguous"

MEANINGS: Mapping[int, str] = {
    21610: OPTED_OUT,
    21211: INVALID_ADDRESS,
    21265: INVALID_ADDRESS,
    21266: INVALID_ADDRESS,
    21268: INVALID_ADDRESS,
    21604: INVALID_ADDRESS,
    21612: INVALID_ADDRESS,
    21614: INVALID_ADDRESS,
    21635: INVALID_ADDRESS,
    30005: INVALID_ADDRESS,
    30006: INVALID_ADDRESS,
    30003: RETRY_LATER,
    30008: RETRY_LATER,
    30017: RETRY_LATER,
    30022: RETRY_LATER,
    30410: RETRY_LATER,
    30500: RETRY_LATER,
    30023: RETRY_TOMORROW,
    30036: UNREACHABLE,
    30004: FILTERED,
    30007: FILTERED,
    20003: MISCONFIGURED,
    21212: MISCONFIGURED,
    21408: MISCONFIGURED,
    21601: MISCONFIGURED,
    21603: MISCONFIGURED,
    21606: MISCONFIGURED,
    21609: MISCONFIGURED,
    21701: MISCONFIGURED,
    21703: MISCONFIGURED,
    21704: MISCONFIGURED,
    21705: MISCONFIGURED,
    30002: MISCONFIGURED,
    30024: MISCONFIGURED,
    30032: MISCONFIGURED,
    30034: MISCONFIGURED,
    30035: MISCONFIGURED,
    429: RATE_LIMITED,
    14107: RATE_LIMITED,
    20429: RATE_LIMITED,
    21611: RATE_LIMITED,
    30001: RATE_LIMITED,
    20404: DEFECT,
    21602: DEFECT,
    21617: DEFECT,
    20500: AMBIGUOUS,
    20503: AMBIGUOUS,
}

REFUSED_KINDS = frozenset(
    {OPTED_OUT, INVALID_ADDRESS, UNREACHABLE, FILTERED, RETRY_LATER, RETRY_TOMORROW}
)
"""Meanings that are a business no; the others raise an error."""

_REPORTED: Mapping[str, str] = {
    DEFECT: MISCONFIGURED,
    MISCONFIGURED: MISCONFIGURED,
    RATE_LIMITED: RETRY_LATER,
    AMBIGUOUS: RETRY_LATER,
    **{kind: kind for kind in REFUSED_KINDS},
}
"""Meaning -> what it says about a text that was taken and then failed."""

REPORT_STATES: Mapping[str, str] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "partially_delivered": "undelivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}
"""Twilio's MessageStatus -> `DeliveryReport.state`."""

OPT_OUT_TYPES: Mapping[str, str] = {"STOP": "stop", "START": "start", "HELP": "help"}
"""The `OptOutType` that Advanced Opt-Out puts on the webhook -> `InboundText.opt_out`."""


def meaning(code: int | str | None) -> str | None:
    """What a code stands for, None when the table does not know it."""
    return MEANINGS.get(int(code)) if code is not None and str(code).isdecimal() else None


def failure_kind(state: str, code: str | None) -> str | None:
    """`DeliveryReport.failure_kind` of a reported state: None unless the message failed."""
    if state not in ("failed", "undelivered"):
        return None
    return _REPORTED.get(meaning(code) or UNREACHABLE, UNREACHABLE)


def classify_reply(body: str, opt_out_type: str | None = None) -> str | None:
    """`stop`, `start`, `help` or None for a person; Twilio's own verdict wins."""
    if opt_out_type and opt_out_type.upper() in OPT_OUT_TYPES:
        return OPT_OUT_TYPES[opt_out_type.upper()]
    reading = replies.classify(body)
    if reading.stop_scope is not None:
        return "stop"
    return reading.kind if reading.kind in OPT_OUT_TYPES.values() else None
