"""What a processor says of money that is older than what the books have (LATE_EVENT).

States only move forward (1E): the books stay as they are, and a person says whether to look again.
"""

from activities.contracts import StandingIn
from activities.questions import question
from connectors.ports import ProcessorInvoice
from domain import ids
from domain.money import dollars
from store import payments, reviews
from store.db import Conn

LATE = "LATE_EVENT"


async def ask_about_late(
    conn: Conn, ask: StandingIn, source: str, invoice: ProcessorInvoice
) -> None:
    """A payment that is paid in the books and shown as not paid yet, with no word of a return."""
    for payment in invoice.payments:
        if payment.state == "paid" or payment.failure_code is not None or payment.outside:
            continue
        known = await payments.get(conn, ids.payment_id(source, payment.payment_id))
        if known is None or known.state != "paid":
            continue
        looked = await reviews.of_case(conn, ask.case.case_id)
        again = sum((one.decision or {}).get("choice") == "read_again" for one in looked)
        asked = question(
            ask.case.case_id,
            ask.case.location_id,
            LATE,
            known.amount_cents,
            f"{known.payment_id}/{payment.state}/{again}",
            ask.at,
            client_id=ask.client_id,
            facts=("Our books have it as paid, which does not go back by itself.",),
            ours={"payment": known.payment_id, "paid": dollars(known.amount_cents)},
            theirs={"system": source, "state": payment.state},
        )
        await reviews.open_review(conn, asked)
