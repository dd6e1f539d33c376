"""An answer about a lender's money taken back, where nothing came of it since."""

from collections.abc import Sequence

from activities.answering import CannotCarryOut
from domain.ledger import Entry
from store import ledger, lender_loans
from store.db import Conn
from store.reviews import Review

_FAMILY = "loan/"
_AR = "1100"


async def must_stand(conn: Conn, review: Review, written: Sequence[Entry]) -> None:
    """Raise CannotCarryOut where the lender, or the patient who owes instead, has moved since."""
    if not review.case_id.startswith(_FAMILY):
        return
    if await lender_loans.moved_since(conn, [entry.business_key for entry in written]):
        raise CannotCarryOut("Since then more was booked of the lender's part.")
    for line in (line for entry in written for line in entry.postings):
        if line.account != _AR or line.case_id is None:
            continue
        if await ledger.balance_of_case(conn, line.case_id) < line.debit_cents:
            raise CannotCarryOut("Since then a part of what the patient owes instead was settled.")
