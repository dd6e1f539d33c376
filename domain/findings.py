"""The reasons that pricing collects while it goes through a draft, and who let which pass."""

from decimal import Decimal

from domain.catalog import Unit
from domain.invoice import HoldReason

_WORDS = {
    Unit.TOXIN_UNIT: "toxin unit",
    Unit.SYRINGE: "syringe",
    Unit.SESSION: "session",
    Unit.ITEM: "item",
}


class Findings:
    """Hold reasons and trace notes of one draft.

    `approved` holds `CODE` or `CODE:chart_line_id`; approving a reason lets the draft pass
    exactly as its preview shows it. Only reasons called approvable can be approved.
    `MEMBERSHIP_SUSPENDED:allow` is the one other word: use the credit after all.
    """

    def __init__(self, approved: frozenset[str]) -> None:
        self._approved = approved
        self.reasons: list[HoldReason] = []
        self.notes: list[str] = []
        self.computable = True

    def hold(
        self,
        code: str,
        detail: str,
        action: str,
        *,
        line_id: str | None = None,
        computable: bool = False,
        approvable: bool = False,
        subject: str | None = None,
    ) -> None:
        """Add a reason, unless a named person has approved it: then note the approval.

        `computable` says that the invoice can still be shown as it would be.
        """
        if approvable and (self.was_told(code) or self.was_told(f"{code}:{line_id}")):
            where = f" on line {line_id}" if line_id else ""
            self.notes.append(f"{code}{where} was approved by a named person: {detail}")
            return
        self.computable = self.computable and computable
        self.reasons.append(
            HoldReason(
                code=code,
                chart_line_id=line_id,
                detail=detail,
                action=action,
                approvable=approvable,
                subject=subject,
            )
        )

    def was_told(self, word: str) -> bool:
        """Whether exactly this word is among what a named person approved."""
        return word in self._approved


def plain(quantity: Decimal) -> Decimal:
    """The same quantity in its shortest plain form, so that 50, 50.0 and 5E+1 are the same bytes.

    The text of every quantity that was checked against its bound has no exponent.
    """
    short = quantity.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def counted(quantity: Decimal, unit: Unit) -> str:
    """`50 toxin units`, `0.5 syringe`, for people."""
    plural = "" if quantity <= 1 else "s"
    return f"{plain(quantity)} {_WORDS[unit]}{plural}"


def percent(rate: Decimal) -> str:
    """`8.25 %` for a rate of 0.0825."""
    return f"{plain(rate * 100)} %"
