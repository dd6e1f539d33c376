"""What happens to the money of visits, told so that every kind of entry is booked."""

from domain import ids
from store.reviews import Review
from tests.crash.story import story
from tests.crash.town import DUE, Town
from tests.e2e.play import TOXIN_20, TOXIN_40, Case

HALF = 26_000
"""20 units."""


# -- visits and what is paid for them


@story("visit_issued", "visit_amended")
async def amended_up(town: Town) -> None:
    case = await town.owed(TOXIN_20, HALF)
    await town.amend(case, TOXIN_40)
    await town.until_balance(case, DUE)


async def _twice(town: Town, choice: str) -> Case:
    case = await town.paid()
    await town.pay_at_desk(case, DUE)
    await town.hint(case)
    await town.booked("duplicate_received", case.client_id)
    await town.reply("DUPLICATE_SUSPECTED", case.client_id, choice)
    return case


@story("visit_issued", "payment_received", "duplicate_received", "unapplied_kept_as_credit")
async def paid_twice_and_kept(town: Town) -> None:
    case = await _twice(town, "keep_as_credit")
    await town.booked("unapplied_kept_as_credit", case.client_id)


@story("duplicate_received", "held_money_refund_owed", "given_back")
async def paid_twice_and_given_back(town: Town) -> None:
    case = await _twice(town, "refund")
    await town.booked("held_money_refund_owed", case.client_id)
    await town.reply("REFUND_BY_HAND", case.client_id, "given_back")
    await town.booked("given_back", case.client_id)


@story("duplicate_received", "unapplied_applied")
async def paid_twice_and_meant(town: Town) -> None:
    case = await _twice(town, "not_duplicate")
    await town.booked("unapplied_applied", case.client_id)


@story("payment_received", "visit_amended", "credit_balance_to_client")
async def amended_down_to_credit(town: Town) -> None:
    case = await town.paid()
    await town.amend(case, TOXIN_20)
    await town.reply("CHART_CHANGED", case.case_id, "credit")
    await town.booked("credit_balance_to_client", case.client_id)


@story("payment_received", "visit_amended", "refund_owed", "refund_paid")
async def amended_down_and_sent_back(town: Town) -> None:
    case = await town.paid()
    await town.amend(case, TOXIN_20)
    await town.reply("CHART_CHANGED", case.case_id, "refund")
    await town.booked("refund_owed", case.client_id)
    await town.booked("refund_paid", case.client_id)


@story(
    "unidentified_received",
    "unidentified_applied",
    "credit_applied",
    "refund_paid",
    "visit_refunded",
    "refund_expensed",
)
async def loose_money_spent_and_refunded(town: Town) -> None:
    """It pays one visit, its rest another one as credit; then all of it goes back."""
    case = await town.owed(TOXIN_20, HALF)
    await town.until_out(case, "invoice", channels=2)
    second = await town.owed(TOXIN_20, HALF, patient=case.patient, urn=case.urn)
    loose = {"amount_cents": 60_000, "currency": "usd"}
    intent = (await town.practice.control("stripe/loose_payment", loose))["id"]
    number = (await town.document(case)).number
    await town.reply("NO_REFERENCE", intent, "apply", invoice_id=number)
    await town.booked("unidentified_applied", case.client_id)
    # The day's one message was the first visit's.
    review = await town.asked_some_day("CREDIT_ON_ACCOUNT", second)
    await town.answer(review, "apply_credit")
    await town.booked("credit_applied", second.case_id)
    refund = (await town.practice.control("stripe/refund", {"payment_intent": intent}))["id"]
    review = await town.asked("REFUND_OUTSIDE", refund)
    await town.answer(review, "allow")
    await town.booked("refund_paid", refund)
    await town.booked("refund_expensed", ids.refund_id(review.review_id))


@story("unidentified_received", "held_money_refund_owed", "refund_paid")
async def loose_money_sent_back(town: Town) -> None:
    loose = {"amount_cents": 12_300, "currency": "usd"}
    intent = (await town.practice.control("stripe/loose_payment", loose))["id"]
    await town.reply("NO_REFERENCE", intent, "refund")
    await town.booked("held_money_refund_owed", ids.payment_id("stripe", intent))
    refund = await town.refund_of(intent)
    await town.booked("refund_paid", refund)


@story("unapplied_received")
async def loose_money_of_a_known_payer(town: Town) -> None:
    case = await town.owed()
    await town.until_out(case, "invoice")
    [bill] = await town.stripe_invoices(case)
    loose = {"amount_cents": 12_345, "currency": "usd", "customer": bill["customer"]}
    await town.practice.control("stripe/loose_payment", loose)
    await town.booked("unapplied_received", case.client_id)


@story("payment_received", "payment_taken_off", "unapplied_applied")
async def part_was_for_another_visit(town: Town) -> None:
    case = await town.owed()
    await town.until_out(case, "invoice", channels=2)
    await town.pay_online(case, HALF)
    await town.until_balance(case, DUE - HALF)
    second = await town.owed(TOXIN_20, HALF, patient=case.patient, urn=case.urn)
    await town.practice.skip(case.case_id, 16)
    number = (await town.document(second)).number
    await town.reply("UNDERPAID", case.case_id, "apply", invoice_id=number)
    await town.booked("payment_taken_off", case.case_id)
    await town.until_balance(case, DUE)
    await town.until_balance(second, 0)


@story("unapplied_received", "unapplied_let_go", "unidentified_applied")
async def paid_by_another_patient(town: Town) -> None:
    payer, case = await town.owed(), await town.owed(TOXIN_20, HALF)
    await town.until_out(payer, "invoice")
    [bill] = await town.stripe_invoices(payer)
    number = (await town.document(case)).number
    said = {"customer": bill["customer"], "description": number}
    loose = {"amount_cents": HALF, "currency": "usd", **said}
    intent = (await town.practice.control("stripe/loose_payment", loose))["id"]
    await town.reply("WRONG_CLIENT", intent, "apply", invoice_id=number)
    await town.booked("unapplied_let_go", payer.client_id)
    await town.until_balance(case, 0)


# -- what comes back


async def _closed(town: Town) -> Case:
    """A visit that is paid and has ended: what is owed again is the desk's to say."""
    case = await town.paid()
    await town.record_in_pms(case)
    await town.result(case)
    return case


async def _taken_back(town: Town, review: Review) -> None:
    undo = ("review", "undo", review.review_id, "--by", "robin", "--reason", "a mistake")
    await town.command(*undo)


@story("refund_paid", "payment_reversed", "refund_returned", undoes=("payment_reversed",))
async def refunded_elsewhere_and_returned(town: Town) -> None:
    case = await _closed(town)
    intent = await town.intent_of(case)
    ask = {"payment_intent": intent, "amount_cents": 10_000}
    refund = (await town.practice.control("stripe/refund", ask))["id"]
    outside = await town.asked("REFUND_OUTSIDE", case.client_id)
    await town.answer(outside, "owe_again")
    await town.booked("payment_reversed", case.client_id)
    await town.until_balance(case, 10_000)
    await _taken_back(town, outside)
    await town.booked("payment_reversed_reversed", case.client_id)
    await town.until_balance(case, 0)
    await town.reply("REFUND_OUTSIDE", case.client_id, "owe_again")
    await town.until_balance(case, 10_000)
    await town.booked("refund_paid", refund)
    await town.practice.control(f"stripe/refunds/{refund}/fail", {})
    await town.booked("refund_returned", refund)


@story(
    "visit_refunded", "refund_paid", "refund_returned", "refund_kept_as_credit",
    "credit_refunded", "given_back", undoes=("refund_kept_as_credit",),
)  # fmt: skip
async def refund_fails_and_is_given_by_hand(town: Town) -> None:
    case = await town.paid()
    by = ("--by", "dana", "--reason", "burnt")
    ask = await town.command("refund", "visit", case.case_id, "--amount", "90", *by)
    await town.answer(await town.review(ask["review_id"]), "pay_back")
    await town.booked("visit_refunded", case.client_id)
    refund = await town.refund_of(await town.intent_of(case))
    await town.booked("refund_paid", refund)
    await town.practice.control(f"stripe/refunds/{refund}/fail", {})
    await town.booked("refund_returned", refund)
    failed = await town.asked("REFUND_FAILED", case.client_id)
    await town.answer(failed, "refund_to_credit")
    await town.booked("refund_kept_as_credit", case.client_id)
    await _taken_back(town, failed)
    await town.booked("refund_kept_as_credit_reversed", case.client_id)
    await town.reply("REFUND_FAILED", case.client_id, "refund_to_credit")
    ask = await town.command("refund", "credit", case.client_id, "--amount", "90", *by)
    await town.answer(await town.review(ask["review_id"]), "pay_back")
    await town.booked("credit_refunded", case.client_id)
    await town.reply("REFUND_BY_HAND", case.client_id, "given_back")
    await town.booked("given_back", case.client_id)


async def _disputed(town: Town, outcome: str, case: Case) -> Case:
    ask = {"payment_intent": await town.intent_of(case)}
    dispute = (await town.practice.control("stripe/disputes", ask))["id"]
    await town.asked("DISPUTE_OPEN", dispute)
    await town.booked("dispute_withdrawn", case.client_id)
    await town.practice.control(f"stripe/disputes/{dispute}/decide", {"outcome": outcome})
    return case


@story("dispute_withdrawn", "dispute_fee", "dispute_lost", undoes=("dispute_lost",))
async def dispute_lost(town: Town) -> None:
    """Billed again, taken back when its case has ended, and given up."""
    case = await _disputed(town, "lost", await _closed(town))
    lost = await town.asked("DISPUTE_LOST", case.client_id)
    await town.answer(lost, "rebill")
    await town.booked("dispute_lost", case.client_id)
    await town.until_balance(case, DUE)
    await _taken_back(town, lost)
    await town.booked("dispute_lost_reversed", case.client_id)
    await town.until_balance(case, 0)
    await town.reply("DISPUTE_LOST", case.client_id, "write_off")


@story("dispute_withdrawn", "dispute_fee", "dispute_reinstated")
async def dispute_won(town: Town) -> None:
    case = await _disputed(town, "won", await town.paid())
    await town.booked("dispute_reinstated", case.client_id)


@story("written_off", undoes=("written_off",), desk=("review_undo_proposals",))
async def written_off_and_taken_back(town: Town) -> None:
    case = await town.chased_to_the_end()
    review = await town.asked("CHASE_EXHAUSTED", case.case_id)
    await town.answer(review, "write_off")
    await town.booked("written_off", case.case_id)
    undo = ("review", "undo", review.review_id, "--reason", "they called")
    await town.command_dying(*undo, "--by", "robin", ends=1)
    await town.command(*undo, "--by", "dana")
    await town.booked("written_off_reversed", case.case_id)


@story("written_off", "unapplied_received", "recovered", "unapplied_applied")
async def written_off_and_paid_after_all(town: Town) -> None:
    case = await town.chased_to_the_end()
    [bill] = await town.stripe_invoices(case)
    await town.reply("CHASE_EXHAUSTED", case.case_id, "write_off")
    await town.booked("written_off", case.case_id)
    said = {"customer": bill["customer"], "description": (await town.document(case)).number}
    loose = {"amount_cents": DUE, "currency": "usd", **said}
    intent = (await town.practice.control("stripe/loose_payment", loose))["id"]
    await town.reply("WRONG_INVOICE", intent, "as_named")
    await town.booked("recovered", case.case_id)


# -- payouts, which take whatever the others left


@story("payout_paid", undoes=("payout_paid",), desk=("bank_payouts",), is_last=True)
async def payout_comes_back(town: Town) -> None:
    await town.paid()
    done = await town.practice.control("stripe/payouts", {"amount_cents": 1_000, "paid": False})
    await town.practice.control(f"stripe/payouts/{done['id']}/fail", {})
    await town.booked("payout_paid_reversed", done["id"])
    day = town.practice.now().date().isoformat()
    name = done["id"]
    rows = f"date,amount,description,reference\n{day},10.00,IN,{name}\n{day},-10.00,BACK,{name}\n"
    file = town.state_file("bank.csv", rows)
    await town.command_dying("import", "bank", file, "--apply", "--by", "dana")


@story("processor_fee", "payout_paid", "payout_difference_accepted", is_last=True)
async def payout_is_off(town: Town) -> None:
    """All that moved at the processor is in it, and a cent that nobody can explain."""
    await town.paid()
    done = await town.practice.control("stripe/payouts", {"paid": False})
    payout = done["id"]
    await town.practice.control("stripe/wrong_cent", {"payout": payout, "cents": 7})
    await town.practice.control(f"stripe/payouts/{payout}/pay", {})
    await town.reply("PAYOUT_DIFF", payout, "accept")
    await town.booked("payout_difference_accepted", payout)
