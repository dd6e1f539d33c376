"""Money arithmetic: integer cents, exact decimal rates, one rounding rule.

Cents are `int`; rates and quantities are `Decimal`; nothing here accepts a float.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal(1)
_AMOUNT = re.compile(r"([-+]?)\$?(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,2})?")


def round_half_up(amount: Decimal) -> int:
    """Round an exact amount of cents to whole cents, halves away from zero."""
    return int(amount.quantize(_CENT, rounding=ROUND_HALF_UP))


def extend(quantity: Decimal, unit_cents: int) -> int:
    """Line extension in cents: quantity times unit price, rounded once."""
    return round_half_up(quantity * unit_cents)


def share(total_cents: int, rate: Decimal) -> int:
    """A rate (0.0825 is 8.25 %) of an amount, in whole cents."""
    return round_half_up(total_cents * rate)


def split(total_cents: int, weights: Sequence[int | Decimal]) -> list[int]:
    """Split an amount over parts by largest remainder, ties to the earlier part.

    The parts always sum to `total_cents`. All-zero weights share equally.
    Raises ValueError on no parts or a negative weight.
    """
    if not weights:
        raise ValueError("cannot split an amount over no parts")
    exact = [Decimal(weight) for weight in weights]
    if min(exact) < 0:
        raise ValueError("cannot split an amount by a negative weight")
    whole = sum(exact)
    if whole == 0:
        exact, whole = [Decimal(1)] * len(exact), Decimal(len(exact))
    sign = -1 if total_cents < 0 else 1
    ideal = [abs(total_cents) * weight / whole for weight in exact]
    parts = [int(amount) for amount in ideal]
    missing = abs(total_cents) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - ideal[i], i))
    for i in by_remainder[:missing]:
        parts[i] += 1
    return [sign * part for part in parts]


def dollars(cents: int) -> str:
    """`-$1,234.05` for people; never parsed back."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def cents_of(text: str) -> int | None:
    """Cents of `1,234.50`, `-20.00`, `$5` or `(20.00)`, which is negative; None for other texts."""
    in_brackets = text.startswith("(") and text.endswith(")")
    match = _AMOUNT.fullmatch(text[1:-1] if in_brackets else text)
    if match is None or (in_brackets and match[1]):
        return None
    cents = int(Decimal(match[2].replace(",", "") + (match[3] or "")) * 100)
    return -cents if in_brackets or match[1] == "-" else cents
