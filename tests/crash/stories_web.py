"""What the web process writes of money: the pay page books what comes back from the processor, and
news of the vendors is kept. The processor's own news is late in them, so that the page is first."""

import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

from tests.crash.story import story
from tests.crash.town import DUE, Town
from tests.e2e.play import Case

PART = 30_000
CHERRY = "lenders/cherry"
PAID = ("checkouts", "payments", "payment_facts", "payment_allocations")


@contextlib.asynccontextmanager
async def _late_news(town: Town, case: Case) -> AsyncIterator[None]:
    """The processor tells of this customer when all is over."""
    [bill] = await town.stripe_invoices(case)
    about = {"subject": bill["customer"], "label": bill["customer"]}
    await town.fault("stripe", "*", "late", times=50, **about)
    yield
    (await town.practice.http.delete("/faults", params=about)).raise_for_status()
    await town.practice.control("release", {"subject": bill["customer"]})


async def _asked(town: Town) -> Case:
    """A visit for which the processor asks, and which says nothing for now."""
    case = await town.owed()
    await town.until_out(case, "invoice", channels=2)
    await _asks_for(town, case, DUE)
    return case


async def _asks_for(town: Town, case: Case, cents: int) -> None:
    """With that the worker is at rest: whatever a page brings then, the web process sees first."""

    async def asks() -> bool:
        return await town.stripe_asks(case) == cents

    await town.until(asks, f"a request for {cents}", case)


async def _takes(town: Town, case: Case, cents: int) -> None:
    """The desk takes money while the payer is at the page."""
    await town.pay_at_desk(case, cents)
    await town.hint(case)
    await town.until_balance(case, DUE - cents)
    await _asks_for(town, case, DUE - cents)


async def _part(town: Town, case: Case) -> str:
    """The payer is sent to a page made for a part; where it is."""
    return await town.press(case, amount=f"{PART / 100:.2f}")


@story("payment_received", web=("inbox", "payment_received", *PAID))
async def page_books_a_part(town: Town) -> None:
    case = await _asked(town)
    async with _late_news(town, case):
        await town.browse(await town.pay_there(await _part(town, case)))
        await town.until_balance(case, DUE - PART)


@story("payment_received", web=("payment_received", "lots"))
async def page_brings_too_much(town: Town) -> None:
    """Most of it was paid at the desk while the payer was there: what is over is credit."""
    case = await _asked(town)
    async with _late_news(town, case):
        there = await _part(town, case)
        await _takes(town, case, 40_000)
        await town.browse(await town.pay_there(there))
        await town.until_balance(case, 0)


@story("duplicate_received", "unapplied_kept_as_credit", web=("duplicate_received",))
async def page_brings_the_same_amount_again(town: Town) -> None:
    case = await _asked(town)
    async with _late_news(town, case):
        there = await _part(town, case)
        await _takes(town, case, PART)
        await town.browse(await town.pay_there(there))
        await town.booked("duplicate_received", case.client_id)
    await town.reply("DUPLICATE_SUSPECTED", case.client_id, "keep_as_credit")
    await town.booked("unapplied_kept_as_credit", case.client_id)


@story(web=("reviews",))
async def page_finds_a_debit_come_back(town: Town) -> None:
    """Before the payer does: nothing is booked, and a person is asked."""
    case = await _asked(town)
    async with _late_news(town, case):
        await _part(town, case)
        session = await town.session_of(case)
        await town.practice.control(f"stripe/sessions/{session}/processing", {})
        await town.practice.control(f"stripe/sessions/{session}/settle", {"succeeded": False})
        await town.browse(f"{town.stack.web_url}/p/{await town.link_of(case)}")
        await town.asked("SETTLEMENT_FAILED", case.case_id)
    await town.reply("SETTLEMENT_FAILED", case.case_id, "resume")
    await town.until_balance(case, DUE)


@story("lender_held", web=("inbox", "plan_facts", "plans", "lender_fundings"))
async def lender_tells(town: Town) -> None:
    """An application and money of a loan that nobody knows, by webhook; what a dead web process
    has kept is handed on by the worker, so that the next death needs the next application."""
    for _ in range(4):
        plan_id, loan_id = f"app_{uuid4().hex[:12]}", f"tx_{uuid4().hex[:12]}"
        await town.practice.control(f"{CHERRY}/apply", {"id": plan_id, "patient": uuid4().hex})
        await town.kept("plan_facts", plan_id)
        loan = {"id": loan_id, "amount": DUE, "quiet": True}
        await town.practice.control(f"{CHERRY}/transact", loan)
        [deposit] = await town.practice.control(f"{CHERRY}/fund", {"id": loan_id})
        await town.booked("lender_held", deposit["id"])
