"""Which faults a visit meets, as data: the twin's rule, and who it is for.

Each rule is for one subject (a phone, a mailbox, an order), so that it strikes the same call in
every run of a seed. `label` is the kind by which hits are counted.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

Rule = Mapping[str, Any]


def _rule(
    label: str, chance: float, vendor: str, operation: str, kind: str, subject: str, **more: Any
) -> tuple[float, Rule]:
    known = {"label": label, "vendor": vendor, "operation": operation, "kind": kind}
    return chance, {**known, "subject": subject, **more}


CREATE, STATUS = "messages.create", "webhook:status.*"
PHONE, MAILBOX, ORDER = "phone", "mailbox", "order"

TABLE = (
    _rule("sms_error_before", 0.10, "twilio", CREATE, "error_before", PHONE, times=2),
    _rule("sms_lost_answer", 0.16, "twilio", CREATE, "reset_after", PHONE),
    _rule("sms_lost_call", 0.22, "twilio", CREATE, "reset_before", PHONE),
    _rule("sms_rate_limit", 0.22, "twilio", CREATE, "rate_limit", PHONE, times=2),
    _rule("mail_error_before", 0.18, "smtp", "smtp.data", "error_before", MAILBOX, times=2),
    _rule("mail_lost_answer", 0.18, "smtp", "smtp.data", "reset_after", MAILBOX),
    _rule("mail_lost_call", 0.25, "smtp", "smtp.data", "reset_before", MAILBOX),
    _rule("report_late", 0.06, "twilio", STATUS, "late", PHONE, times=4),
    _rule("report_lost", 0.09, "twilio", STATUS, "drop", PHONE, times=4),
    _rule("report_doubled", 0.14, "twilio", STATUS, "duplicate", PHONE, times=2),
    _rule("pms_error", 0.09, "boulevard", "order", "error_before", ORDER, times=2),
    _rule("pms_lost_answer", 0.17, "boulevard", "order", "reset_after", ORDER),
)
"""(chance for each visit, rule). `subject` names what of the visit is put in its place."""

STRIKES_LATER = ("sms_lost_answer", "sms_lost_call", "sms_error_before")
"""Labels that may skip the first message and strike a reminder."""


def draw(rng: Random) -> list[dict[str, Any]]:
    """The rules that one visit meets; at most one of them on each operation."""
    drawn: dict[tuple[str, str], dict[str, Any]] = {}
    for chance, rule in TABLE:
        is_drawn, skip = rng.random() < chance, rng.choice((0, 0, 1, 2))
        place = (rule["vendor"], rule["operation"])
        if is_drawn and place not in drawn:
            later = {"skip": skip} if rule["label"] in STRIKES_LATER else {}
            drawn[place] = {**rule, **later}
    return list(drawn.values())
