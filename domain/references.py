"""The number of an invoice of ours in what somebody wrote on a payment."""

import re

_NUMBER = re.compile(r"(?<![\w-])[A-Z]{1,3}-\d{6,12}(?![\w-])")


def number_in(text: str) -> str | None:
    """The one number in the form of ours that the text names; None for none, or for several."""
    found = set(_NUMBER.findall(text.upper()))
    return found.pop() if len(found) == 1 else None
