"""What mismatches lead to, in figures: payers, references, the PMS's side, notes and late news."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from activities.contracts import PlaceIn, PlaceOut, UndoIn, WriteBackIn
from activities.undoing import UndoActivities
from connectors.ports import PmsPayment
from domain import ids
from domain.case import Decision, Undo
from domain.references import number_in
from store import entitlements, ledger, payments, reviews
from tests.activities.desk import DUE_CENTS, Scene, arrived, billed, comes
from tests.activities.mismatches import (
    EVENTS,
    ambiguous,
    customer,
    number_of,
    wrong_client,
    wrong_invoice,
)
from tests.activities.practice import AT, Practice


async def decided(scene: Scene, choice: str, **more: Any) -> str:
    given = {**scene.given.get(choice, {}), "reason": "as agreed", **more}
    review_id = scene.review.review_id
    return await scene.does(Decision(review_id=review_id, choice=choice, by="dana", **given))


async def owed(practice: Practice, case_id: str) -> int:
    async with practice.world.pool.acquire() as conn:
        return await ledger.balance_of_case(conn, case_id)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("LUM-000101", "LUM-000101"),
        ("for lum-000101, thanks", "LUM-000101"),
        ("LUM-000101 LUM-000101", "LUM-000101"),
        ("LUM-000101 and LUM-000102", None),
        ("XLUM-000101-2", None),
        ("LUM-101", None),
        ("", None),
    ],
)
def test_one_number_in_the_form_of_ours_is_a_reference(text: str, number: str | None) -> None:
    assert number_in(text) == number


async def test_the_clients_own_payment_of_the_invoice_that_it_names_needs_nobody(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    number, payer = await number_of(practice, case.case_id), await customer(practice, who)
    payment, came = await comes(practice, payer, f"paid by phone, {number}")
    assert came == PlaceOut(status="settled", case_ids=(case.case_id,))
    again = PlaceIn(payment=payment, at=AT, review_no="2")
    assert (await practice.unmatched.place_payment(again)).status == "placed"
    assert await practice.accounts(who) == {"1020": DUE_CENTS, "4010": -DUE_CENTS}
    async with practice.world.pool.acquire() as conn:
        fact = await payments.get(conn, ids.payment_id("stripe", payment.payment_id))
        assert await payments.cases_of(conn, fact.payment_id) == (case.case_id,)


async def test_a_linked_payer_is_asked_about_once_until_the_link_is_taken_back(
    practice: Practice,
) -> None:
    scene = await wrong_client(practice)
    assert await practice.accounts(scene.who) == {"1100": DUE_CENTS, "4010": -DUE_CENTS}
    assert await decided(scene, "link_payer") == "done"
    assert "1100" not in await practice.accounts(scene.who)
    payer = practice.world.processor.payments[scene.payment.payment_id].customer_id
    case = practice.chart(scene.who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    second = await number_of(practice, case.case_id)
    _, came = await comes(practice, payer, second)
    assert (came.status, await owed(practice, case.case_id)) == ("settled", 0)
    undoing = UndoActivities(practice.world.pool, practice.world.engine)
    undo = Undo(review_id=scene.review.review_id, by="dana", reason="not theirs")
    assert (await undoing.take_back(UndoIn(undo=undo, at=AT))).effect == "undone"
    third = practice.chart(scene.who, ("TOXIN-UNIT", "40"))
    await practice.bill(third)
    number = await number_of(practice, third.case_id)
    assert (await arrived(practice, scene.who, payer, number)).review.code == "WRONG_CLIENT"


async def test_money_of_one_client_pays_another_ones_invoice_by_2095(practice: Practice) -> None:
    scene = await wrong_client(practice)
    async with practice.world.pool.acquire() as conn:
        fact = await payments.get(conn, ids.payment_id("stripe", scene.payment.payment_id))
    assert await decided(scene, "apply") == "done"
    async with practice.world.pool.acquire() as conn:
        books = await ledger.account_balances(conn, practice.world.location_id)
        assert await payments.cases_of(conn, fact.payment_id)
    held = {account: books.get(account, 0) for account in ("2090", "2095", "1020", "1100")}
    # What the payer owes on their own visit stays.
    assert held == {"2090": 0, "2095": 0, "1020": DUE_CENTS, "1100": DUE_CENTS}


async def test_a_payment_for_what_was_given_up_is_a_recovery(practice: Practice) -> None:
    scene = await wrong_invoice(practice)
    assert (await practice.accounts(scene.who))["6030"] == DUE_CENTS
    assert await decided(scene, "as_named") == "done"
    assert await practice.accounts(scene.who) == {"1020": DUE_CENTS, "4010": -DUE_CENTS}
    undoing = UndoActivities(practice.world.pool, practice.world.engine)
    undo = Undo(review_id=scene.review.review_id, by="dana", reason="another visit's")
    assert (await undoing.take_back(UndoIn(undo=undo, at=AT))).effect == "undone"
    back = await practice.accounts(scene.who)
    assert (back["6030"], back["2090"], back.get("1100", 0)) == (DUE_CENTS, -DUE_CENTS, 0)


async def test_what_comes_on_top_of_what_was_given_up_is_the_clients_credit(
    practice: Practice,
) -> None:
    scene = await wrong_invoice(practice, DUE_CENTS - 10_000)
    assert (await practice.accounts(scene.who))["6030"] == DUE_CENTS - 10_000
    assert await decided(scene, "as_named") == "done"
    books = await practice.accounts(scene.who)
    assert (books.get("6030", 0), books["2060"], books.get("1100", 0)) == (0, -10_000, 0)


async def test_cash_for_a_visit_that_was_given_up_is_a_recovery_when_a_person_says_so(
    practice: Practice,
) -> None:
    who, case, _ = await billed(practice)
    asked = await practice.ask_desk(case, who, "CHASE_EXHAUSTED", DUE_CENTS)
    await practice.decide(case, who, asked, "write_off", reason="moved away")
    practice.tenders(case, PmsPayment(payment_id=uuid4().hex, kind="cash", amount_cents=DUE_CENTS))
    read = await practice.read(case, who)
    [held] = read.mismatches
    number = await number_of(practice, case.case_id)
    await practice.decide(case, who, held.review_id, "apply", invoice_id=number)
    assert await practice.accounts(who) == {"1040": DUE_CENTS, "4010": -DUE_CENTS}


async def test_a_set_is_chosen_whole_or_not_at_all(practice: Practice) -> None:
    scene = await ambiguous(practice)
    assert scene.review.shown["ours"].keys() == {"set 1", "set 2"}
    first, second = (way.split(",") for way in scene.review.shown["ours"].values())
    stranger = practice.chart(practice.client(), ("TOXIN-UNIT", "50"))
    await practice.bill(stranger)
    as_much = await number_of(practice, stranger.case_id)
    assert await decided(scene, "choose", invoice_id=as_much) == "failed"
    assert await decided(scene, "choose", invoice_id=first[0]) == "failed"
    assert await decided(scene, "choose", invoice_id=",".join([first[0], second[0]])) == "failed"
    assert await decided(scene, "choose", invoice_id=",".join(reversed(second))) == "done"
    assert (await practice.accounts(scene.who))["1100"] == DUE_CENTS


async def test_our_tax_stands_against_the_figure_that_was_shown_alone(practice: Practice) -> None:
    scene = await EVENTS["TAX_DIFF"](practice)
    assert scene.review.shown["facts"] == ["Our tax is $5.61 on 1 lines; the PMS shows $9.00."]
    assert await decided(scene, "take_ours") == "rebuild"
    assert (await practice.accounts(scene.who))["2070"] == -561
    changed = {"tax_cents": 700}
    practice.chart(scene.who, ("SERUM", "2"), case=scene.case, **changed)
    again = await practice.bill(scene.case, AT, "run/9")
    assert (again.status, again.review_code) == ("held", "TAX_DIFF")


@pytest.mark.parametrize("tax_cents", [0, 560, 562])
async def test_a_cent_a_line_and_a_pms_without_taxes_are_no_difference(
    practice: Practice, tax_cents: int
) -> None:
    case = practice.chart(practice.client(), ("SERUM", "1"), tax_cents=tax_cents)
    assert (await practice.bill(case)).status == "issued"


async def test_units_that_the_pms_drew_are_opened_and_drawn(practice: Practice) -> None:
    scene = await EVENTS["LOT_MISMATCH"](practice)
    assert await decided(scene, "correct_ours") == "rebuild"
    # Sold before our time: what is drawn of it is income today, and nothing is asked for.
    assert await practice.accounts(scene.who) == {"3000": 60_000, "4010": -60_000}
    async with practice.world.pool.acquire() as conn:
        [lot] = await entitlements.lot_statement(conn, practice.client_id(scene.who))
    assert (lot.opening_quantity, lot.remaining_quantity) == (Decimal(50), Decimal(0))
    other = await EVENTS["LOT_MISMATCH"](practice)
    assert await decided(other, "correct_ours", sku="SERUM") == "failed"


async def test_a_payment_for_another_invoice_moves_there_whole(practice: Practice) -> None:
    scene = await EVENTS["UNDERPAID"](practice)
    given = await scene.fill(["invoice_id"], "apply")
    assert await decided(scene, "apply", **given) == "reread"
    assert await owed(practice, scene.case.case_id) == DUE_CENTS
    books = await practice.accounts(scene.who)
    # 24 units are $312.00: what is over of the $450.00 is credit.
    assert (books["1100"], books["2060"]) == (DUE_CENTS, -(DUE_CENTS - 20_000 - 31_200))
    assert "2090" not in books


async def test_a_note_that_cannot_be_read_back_is_asked_about_and_retried(
    practice: Practice,
) -> None:
    who, case, invoice = await billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    practice.world.pms.forgets_notes = True
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    asked = await practice.back.write_back(ask)
    assert asked.code == "PMS_WRITE_FAILED"
    assert await practice.back.write_back(ask) == asked
    await practice.decide(case, who, asked.review_id or "", "retry")
    again = await practice.back.write_back(ask)
    assert (again.code, again.review_id != asked.review_id) == ("PMS_WRITE_FAILED", True)
    practice.world.pms.forgets_notes = False
    await practice.decide(case, who, again.review_id or "", "retry")
    assert (await practice.back.write_back(ask)).code == "PMS_CONFIRM"


async def test_late_news_is_asked_about_once_unless_somebody_looks_again(
    practice: Practice,
) -> None:
    scene = await EVENTS["LATE_EVENT"](practice)
    assert (await practice.read(scene.case, scene.who)).balance_cents == 0
    assert await practice.questions(scene.case.case_id) == [("LATE_EVENT", "open")]
    assert await decided(scene, "read_again") == "reread"
    [again] = (await practice.read(scene.case, scene.who)).mismatches
    await practice.decide(scene.case, scene.who, again.review_id, "ignore")
    assert (await practice.read(scene.case, scene.who)).mismatches == ()
    async with practice.world.pool.acquire() as conn:
        assert (await reviews.get(conn, again.review_id)).state == "decided"
