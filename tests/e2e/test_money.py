"""Money: what is asked for, what is taken, what comes back, and when nobody may be asked."""

import asyncio
from decimal import Decimal

import httpx
import pytest

from starter.demo.cast import FILLER, TOXIN, line
from starter.opening import Opening
from tests.e2e.play import (
    BOTH,
    LASER_AND_SERUM,
    TOXIN_20,
    TOXIN_40,
    Case,
    Play,
    filler_lot,
    new_patient,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TO_DAY_3 = 2.95  # a Sunday, when Texas is left alone until noon
"""From Thursday 14:00 to Sunday noon: the reminder of day 3 was due at 10:00."""


async def pay_page(play: Play, case: Case) -> str:
    """What the patient sees behind the link in the message."""
    rows = await play.fetch("SELECT token FROM pay_links WHERE case_id = $1", case.case_id)
    async with httpx.AsyncClient(timeout=30) as http:
        return (await http.get(f"{play.stack.web_url}/p/{rows[0]['token']}")).text


async def test_paid_at_the_desk_before_the_reminder(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await play.pay_at_desk(case, 52_000)
    assert await play.stripe_asks(case) == 52_000  # the PMS announces no payment

    await play.practice.skip(case.case_id, TO_DAY_3)

    assert await play.result(case) == "paid"
    assert [one.step for one in await play.messages(case)] == ["invoice", "invoice"]
    assert len(await play.texts(case)) == 1
    assert await play.balance(case) == 0
    # Nobody may pay it a second time online.
    assert [bill["status"] for bill in await play.stripe_invoices(case)] == ["paid"]
    assert await play.stripe_asks(case) == 0
    assert "PMS_CONFIRM" not in await play.codes(case)


async def test_part_paid_at_the_desk_lowers_what_is_asked_online(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await play.pay_at_desk(case, 20_000)
    await play.practice.skip(case.case_id, TO_DAY_3)
    await play.until_out(case, "day-3")

    async def lowered() -> bool:
        return await play.stripe_asks(case) == 32_000

    await play.until(lowered, "a lower request for money")
    assert await play.balance(case) == 32_000
    assert "320.00" in await pay_page(play, case)
    await play.pay_to_the_end(case)


async def test_part_payment_then_one_reminder_of_the_rest(play: Play) -> None:
    case = await play.billed(LASER_AND_SERUM)
    await play.pay_online(case, 15_000)
    await play.until_balance(case, 31_722)
    await play.practice.skip(case.case_id, TO_DAY_3)
    await play.until_out(case, "day-3")

    assert len(await play.texts(case)) == 2
    assert await play.stripe_asks(case) == 31_722
    page = await pay_page(play, case)
    assert "317.22" in page
    assert "467.22" not in page
    await play.pay_to_the_end(case)
    assert (await play.posted(case))["payment_received"] == 2
    assert "nothing" in (await pay_page(play, case)).lower()


async def test_chart_amended_upwards_bills_the_difference(play: Play) -> None:
    case = await play.billed(TOXIN_20)
    await play.amend(case, TOXIN_40)
    await play.until_balance(case, 52_000)

    async def asked() -> bool:
        return await play.stripe_asks(case) == 52_000

    await play.until(asked, "both parts being asked for")
    assert await play.documents(case) == [("invoice", 26_000), ("supplementary", 26_000)]
    assert [bill["amount_due"] for bill in await play.stripe_invoices(case)] == [26_000, 26_000]
    await play.pay_online(case)
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"


async def test_chart_amended_downwards_credits_and_returns_units_to_their_lot(play: Play) -> None:
    owns = Opening(unit_lots=(filler_lot(play.practice.now(), 6),))
    two = [line(FILLER, "Filler", 2, 75_000), *TOXIN_20]
    one = [line(FILLER, "Filler", 1, 75_000), line(TOXIN, "Wrinkle relaxer", 10, 1_300)]
    case = await play.billed(two, opening=owns)
    assert await play.syringes(case) == Decimal(4)

    await play.amend(case, one)
    await play.until_balance(case, 13_000)

    async def lowered() -> bool:
        return await play.stripe_asks(case) == 13_000

    await play.until(lowered, "a lower request for money")
    (lot,) = await play.lots(case)
    assert lot.lot_id == owns.unit_lots[0].lot_id
    assert (lot.drawn_quantity, lot.returned_quantity, lot.remaining_quantity) == (2, 1, 5)
    assert (lot.drawn_cents, lot.returned_cents) == (120_000, 60_000)
    assert await play.documents(case) == [("invoice", 26_000), ("credit_note", -13_000)]
    assert len(await play.texts(case)) == 1  # a credit is no reason to write
    await play.pay_to_the_end(case)


@pytest.mark.parametrize("choice", ["credit", "refund"])
async def test_chart_amended_downwards_after_payment_is_a_persons_question(
    play: Play, choice: str
) -> None:
    case = await play.billed(TOXIN_40)
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.question(case, "PMS_CONFIRM")

    await play.amend(case, TOXIN_20)
    asked = await play.question(case, "CHART_CHANGED")
    assert asked.money_cents == 26_000
    assert await play.balance(case) == -26_000
    await play.decide(asked, choice, reason="amended")
    await play.confirm(asked)

    await play.until_balance(case, 0)
    credit = [lot for lot in await play.lots(case) if lot.kind == "account_credit"]
    assert [lot.remaining_cents for lot in credit] == ([26_000] if choice == "credit" else [])
    assert await play.stripe_asks(case) == 0
    assert len(await play.texts(case)) == 1
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"


async def test_chart_amended_upwards_after_payment_asks_for_the_rest_alone(play: Play) -> None:
    case = await play.billed(TOXIN_20)
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.question(case, "PMS_CONFIRM")

    await play.amend(case, TOXIN_40)
    await play.until_balance(case, 26_000)

    async def asked() -> bool:
        return await play.stripe_asks(case) == 26_000

    await play.until(asked, "the rest being asked for")
    assert await play.documents(case) == [("invoice", 26_000), ("supplementary", 26_000)]
    await play.pay_online(case)
    await play.until_balance(case, 0)
    await play.record_in_pms(case)
    assert await play.result(case) == "paid"


async def test_late_amendment_of_a_closed_case_is_billed_and_not_lost(play: Play) -> None:
    case = await play.billed(TOXIN_20)
    await play.pay_to_the_end(case)

    await play.amend(case, TOXIN_40)

    await play.until_balance(case, 26_000)
    assert await play.documents(case) == [("invoice", 26_000), ("supplementary", 26_000)]

    async def asked() -> bool:
        return await play.stripe_asks(case) == 26_000

    await play.until(asked, "the rest being asked for")


async def test_two_visits_race_for_the_last_syringe(play: Play) -> None:
    owns = Opening(unit_lots=(filler_lot(play.practice.now(), 1),))
    patient = new_patient()
    urn = await play.practice.admit(patient, owns)
    lines = [line(FILLER, "Filler", 1, 75_000)]
    visits = [await play.case(lines, patient=patient, urn=urn, events=None) for _ in range(2)]
    await asyncio.gather(*(play.practice.check_out(one.visit_id, BOTH) for one in visits))

    async def both_treated() -> bool:
        rows = await play.fetch(
            "SELECT DISTINCT case_id FROM drafts WHERE case_id = ANY($1)",
            [one.case_id for one in visits],
        )
        return len(rows) == 2

    await play.until(both_treated, "both drafts")
    (lot,) = await play.lots(visits[0])
    assert (lot.drawn_quantity + lot.reserved_quantity, lot.remaining_quantity) == (1, 0)
    due = sorted([(await play.document(one)).priced.due_cents for one in visits])
    assert due == [0, 75_000]


async def test_paid_twice_online_and_at_the_desk_keeps_every_cent(play: Play) -> None:
    case = await play.billed(TOXIN_40)
    await play.pay_at_desk(case, 52_000)
    await play.pay_online(case)  # a moment later, at home

    async def both_known() -> bool:
        rows = await play.fetch("SELECT 1 FROM payments WHERE case_id = $1", case.case_id)
        return len(rows) == 2

    await play.until(both_known, "both payments in the books")
    assert await play.balance(case) == 0
    rows = await play.fetch(
        "SELECT account, sum(credit_cents - debit_cents)::bigint AS cents FROM ledger_postings"
        " WHERE client_id = $1 AND account IN ('2060', '2090', '2095', '1150')"
        " GROUP BY account",
        case.client_id,
    )
    open_money = await play.fetch(
        "SELECT sum(amount_cents)::bigint FROM payments WHERE case_id = $1", case.case_id
    )
    assert open_money[0][0] == 104_000
    assert sum(row["cents"] for row in rows) == 52_000
    codes = await play.codes(case)
    assert codes.count("DUPLICATE_SUSPECTED") + codes.count("OVERPAID") == 1


async def test_loose_payment_is_applied_from_the_command_line(play: Play) -> None:
    case = await play.billed([line(TOXIN, "Wrinkle relaxer", 24, 1_300)])
    await play.practice.control("stripe/loose_payment", {"amount_cents": 31_200, "currency": "usd"})

    async def asked() -> str | None:
        rows = await play.fetch(
            "SELECT review_id FROM reviews WHERE code = 'NO_REFERENCE' AND state = 'open'"
            " AND money_cents = 31200"
        )
        return rows[0]["review_id"] if rows else None

    review_id = await play.until(asked, "a question about loose money")
    assert await play.balance(case) == 31_200
    number = (await play.document(case)).number
    words = ["review", "decide", review_id, "apply", "--invoice", number, "--by", "biller", "--yes"]
    said = await play.run(*words, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["carried_out"] is True

    await play.until_balance(case, 0)
    assert (await play.run(*words)).code == 1
    assert await play.balance(case) == 0


@pytest.mark.parametrize(
    ("vendor", "operation"), [("stripe", "invoices.retrieve"), ("boulevard", "order")]
)
@pytest.mark.parametrize("kind", ["error_before", "reset_before"])
async def test_nothing_is_sent_while_the_balance_cannot_be_read(
    play: Play, vendor: str, operation: str, kind: str
) -> None:
    case = await play.billed(TOXIN_40)
    await play.fault(vendor, operation, kind, times=100)
    await play.practice.skip(case.case_id, TO_DAY_3)
    assert (await play.hits())[operation] >= 2
    assert await play.messages(case, "day-3") == []

    await play.clear_faults()
    await play.practice.skip(case.case_id, 0.2)
    await play.until_out(case, "day-3")
    assert len(await play.texts(case)) == 2
    assert len(await play.mails(case)) == 1
    assert "STATE_UNKNOWN" not in await play.codes(case)


@pytest.mark.parametrize(
    ("vendor", "operation"), [("stripe", "invoices.retrieve"), ("boulevard", "order")]
)
async def test_balance_unknown_for_a_day_reaches_the_desk(
    play: Play, vendor: str, operation: str
) -> None:
    case = await play.billed(TOXIN_40)
    await play.fault(vendor, operation, "error_before", times=1000)
    await play.practice.skip(case.case_id, 4.1)
    asked = await play.question(case, "STATE_UNKNOWN")
    assert len(await play.texts(case)) == 1
    assert await play.messages(case, "day-3") == []

    await play.clear_faults()
    await play.decide(asked, "try_again")
    await play.until_out(case, "day-3")
    assert len(await play.texts(case)) == 2
