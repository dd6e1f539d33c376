"""What a line of the bank's statement does to the books (2.12 row 10)."""

from datetime import date

from domain.ledger import Entry, Tally, entry


def drawer_deposited(
    *, line_id: str, amount_cents: int, location_id: str, effective_on: date
) -> Entry:
    """Cash from the drawer has reached the bank: 1010 from 1040."""
    tally = Tally().move("1010", "1040", amount_cents)
    return entry("drawer_deposited", f"drawer-deposit|{line_id}", location_id, effective_on, tally)
