"""What the month-end pages say of a line, the same on a terminal and on paper."""

from domain.money import dollars
from domain.month_end import MonthReport, Waiting
from domain.tie import Tie, Verdict

EVENTS = {
    "visit_issued": "Visit billed",
    "visit_amended": "Chart amended",
    "payment_received": "Payment received",
    "written_off": "Written off",
    "recovered": "Paid after it was given up",
    "agency_remitted": "Paid by the agency",
    "breakage": "Unused value kept",
    "escheated": "Unused value owed to the state",
    "credit_applied": "Client's credit used",
    "visit_refunded": "Visit refunded",
    "drawer_deposited": "Cash taken to the bank",
    "payout_difference_accepted": "Difference of a payout accepted",
}


def event_in_words(event: str) -> str:
    """An entry's event for a person."""
    base = event.removesuffix("_reversed")
    said = EVENTS.get(base, base.replace("_", " ").capitalize())
    return f"{said}, taken back" if base != event else said


def headline(report: MonthReport) -> str:
    """One sentence on the whole month."""
    if report.off_cents:
        return f"Does not tie out: {dollars(report.off_cents)} off."
    if report.unchecked:
        return f"Nothing is off, but {counted(report.unchecked, 'line')} could not be checked."
    if any(tie.items for tie in report.ties):
        return "Ties out: every cent of difference has a name."
    return "Ties out to 0.00."


def said_of(tie: Tie) -> str:
    """What the last column says of a line."""
    if tie.verdict is Verdict.OFF:
        signed_cents = sum(item.off_cents for item in tie.items if item.kind == "off")
        net = f", {signed(signed_cents)} net" if abs(signed_cents) != tie.off_cents else ""
        if not net and signed_cents < 0:
            return f"off by {signed(signed_cents)}"
        return f"off by {dollars(tie.off_cents)}{net}"
    if tie.verdict is Verdict.UNCHECKED:
        return "not checked"
    if tie.verdict is Verdict.EXPLAINED:
        return f"explained, {counted(len(tie.items), 'item')}"
    return "ties"


def owners(waiting: Waiting) -> str:
    """Who has taken the questions of a code; how many each, where there are several."""
    if len(waiting.owners) == 1:
        return next(iter(waiting.owners))
    return ", ".join(f"{owner} {count}" for owner, count in waiting.owners.items())


def signed(cents: int) -> str:
    """Dollars with their sign, also when it is a plus."""
    return f"+{dollars(cents)}" if cents > 0 else dollars(cents)


def counted(count: int, word: str) -> str:
    """`1 item`, `2 items`."""
    return f"{count} {word}{'' if count == 1 else 's'}"
