"""What must be true of a visit after any crash: everything happened, and each thing once."""

import asyncio
from collections.abc import Sequence

from tests.e2e.play import Case, Play


async def all_paid_once(play: Play, cases: Sequence[Case], due_cents: int = 52_000) -> None:
    """The same for many visits at once; every failure is reported."""
    found = await asyncio.gather(
        *(paid_once_to_the_end(play, case, due_cents) for case in cases), return_exceptions=True
    )
    failed = [error for error in found if isinstance(error, BaseException)]
    if failed:
        raise BaseExceptionGroup(f"{len(failed)} of {len(cases)} visits went wrong", failed)


async def paid_once_to_the_end(play: Play, case: Case, due_cents: int = 52_000) -> None:
    """See the case to its end and count every effect that a crash could lose or double."""
    await play.until_out(case, "invoice", 2)
    await _until_asked(play, case, due_cents)
    if await play.stripe_asks(case):
        await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"

    assert await play.documents(case) == [("invoice", due_cents)]
    bills = await play.stripe_invoices(case)
    assert [(bill["status"], bill["amount_paid"]) for bill in bills] == [("paid", due_cents)]
    assert await play.processor_ids(case) == [bills[0]["id"]]
    lines = [
        item
        for item in await play.practice.docs("stripe.invoiceitem")
        if item["invoice"] == bills[0]["id"]
    ]
    assert [item["amount"] for item in lines] == [due_cents]
    assert len(await play.texts(case)) == 1
    assert len(await play.mails(case)) == 1
    assert await play.posted(case) == {"visit_issued": 1, "payment_received": 1}
    assert len(await play.notes(case)) == 1
    asked = await play.codes(case)
    assert asked == ["PMS_CONFIRM"]


async def _until_asked(play: Play, case: Case, due_cents: int) -> None:
    """The processor asks for the money, or has it already."""

    async def so() -> bool:
        return any(
            bill["status"] in ("open", "paid") and bill["amount_due"] == due_cents
            for bill in await play.stripe_invoices(case)
        )

    await play.until(so, "the processor's invoice")
