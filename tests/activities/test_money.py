"""Money that does not fit: what the desk decides is done, and no cent is booked twice."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from activities.contracts import (
    ApplyUnmatchedIn,
    CaseRef,
    PaymentDoorIn,
    PlaceIn,
    PlaceOut,
    UnmatchedRef,
    WriteBackIn,
)
from connectors.ports import BadRequest, LoosePayment, OutcomeUnknown, PmsPayment, Refused
from domain import ids
from domain.case import Decision
from store import entitlements, inbox, ledger, reviews
from store.db import transaction
from tests.activities import refs
from tests.activities.practice import AT, ZONE, Practice
from tests.fakes import open_invoice, paid

VISIT = (("TOXIN-UNIT", "50"),)
DUE_CENTS = 65_000


async def _billed(practice: Practice) -> tuple[str, CaseRef, str]:
    who = practice.client()
    case = practice.chart(who, *VISIT)
    await practice.bill(case)
    return who, case, await practice.ask_online(case, DUE_CENTS)


def _cash(cents: int, refunded_cents: int = 0, payment_id: str = "") -> PmsPayment:
    return PmsPayment(
        payment_id=payment_id or uuid4().hex,
        kind="cash",
        amount_cents=cents,
        refunded_cents=refunded_cents,
    )


async def test_a_mismatch_is_told_again_when_the_first_answer_was_lost(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    practice.tenders(case, _cash(DUE_CENTS))
    first = await practice.read(case, who)
    assert [one.code for one in first.mismatches] == ["DUPLICATE_SUSPECTED"]
    again = await practice.read(case, who)
    assert again.mismatches == first.mismatches
    await practice.decide(case, who, first.mismatches[0].review_id, "keep_as_credit")
    assert (await practice.read(case, who)).mismatches == ()


async def test_money_over_what_is_owed_becomes_credit_when_the_desk_says_so(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    practice.tenders(case, _cash(10_000))
    (over,) = (await practice.read(case, who)).mismatches
    assert over.code == "OVERPAID"
    await practice.decide(case, who, over.review_id, "credit")
    held = await practice.accounts(who)
    assert (held.get("2090"), held["2060"]) == (None, -10_000)
    async with practice.world.pool.acquire() as conn:
        rows = await entitlements.lot_statement(conn, practice.client_id(who))
    assert [row.remaining_cents for row in rows] == [10_000]


async def test_a_tender_that_the_desk_partly_refunded_is_asked_about(practice: Practice) -> None:
    who, case, _ = await _billed(practice)
    till = uuid4().hex
    practice.tenders(case, _cash(DUE_CENTS, payment_id=till))
    assert (await practice.read(case, who)).balance_cents == 0
    for refunded_cents in (5_000, DUE_CENTS):
        practice.tenders(case, _cash(DUE_CENTS, refunded_cents, till))
        for _ in range(2):
            read = await practice.read(case, who)
            assert [one.code for one in read.mismatches] == ["PMS_DISAGREES"]
            assert (read.status, read.balance_cents) == ("verified", 0)
        await practice.decide(case, who, read.mismatches[0].review_id, "take_ours")
        assert (await practice.read(case, who)).mismatches == ()


async def test_the_desk_records_what_the_visit_got_not_what_was_held(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS, DUE_CENTS)
    (twice,) = (await practice.read(case, who)).mismatches
    await practice.decide(case, who, twice.review_id, "refund")
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    assert (await practice.back.write_back(ask)).status == "task"
    (note,) = practice.world.pms.notes.values()
    assert note.startswith("Paid online $650.00,")


async def test_a_task_that_was_taken_back_is_given_again(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    first = await practice.back.write_back(ask)
    assert (await practice.back.write_back(ask)).review_id == first.review_id
    async with transaction(practice.world.pool) as conn:
        await reviews.withdraw(conn, first.review_id or "", "the case ended")
    second = await practice.back.write_back(ask)
    assert second.status == "task"
    assert ("PMS_CONFIRM", "open") in await practice.questions(case.case_id)
    assert (await practice.back.write_back(ask)).review_id == second.review_id


async def test_a_package_paid_by_money_that_was_held_is_paid(practice: Practice) -> None:
    who = practice.client()
    case = practice.chart(who, ("FILLER-6", "1"))
    await practice.bill(case)
    invoice = await practice.ask_online(case, 360_000)
    practice.pay_online(invoice, 200_000, 200_000)
    (twice,) = (await practice.read(case, who)).mismatches
    await practice.decide(case, who, twice.review_id, "not_duplicate")
    async with practice.world.pool.acquire() as conn:
        assert await ledger.balance_of_case(conn, case.case_id) == 0
        brought = await entitlements.read(
            conn, practice.client_id(who), AT + timedelta(days=9), ZONE, None
        )
    assert [lot.paid_value_cents for lot in brought.unit_lots] == [None]


def _door(practice: Practice, who: str, case: CaseRef) -> PaymentDoorIn:
    return PaymentDoorIn(case=case, client_id=practice.client_id(who), due_days=14, at=AT)


async def test_desk_money_that_came_before_the_invoice_is_not_taken_off_it(
    practice: Practice,
) -> None:
    who = practice.client()
    case = practice.chart(who, *VISIT)
    await practice.bill(case)
    practice.tenders(case, _cash(15_000))
    assert (await practice.read(case, who)).balance_cents == 50_000
    for _ in range(2):
        await practice.standing.open_payment_door(_door(practice, who, case))
    (asked,) = practice.world.processor.invoices.values()
    assert asked.remaining_cents == 50_000
    calls = [call for call, _ in practice.world.processor.asked]
    assert "record_outside_payment" not in calls


async def test_what_was_marked_paid_by_hand_is_not_asked_for_on_a_supplement(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    practice.world.processor.invoices[invoice] = open_invoice(invoice, DUE_CENTS, DUE_CENTS)
    practice.chart(who, ("TOXIN-UNIT", "60"), case=case)
    await practice.bill(case, AT + timedelta(hours=1))
    await practice.standing.open_payment_door(_door(practice, who, case))
    assert sum(one.remaining_cents for one in practice.world.processor.invoices.values()) == 0


@pytest.mark.parametrize("state", ["void", "uncollectible"])
async def test_an_invoice_that_somebody_took_off_the_processor_stops_the_messages(
    practice: Practice, state: str
) -> None:
    who, case, invoice = await _billed(practice)
    shown = practice.world.processor.invoices
    shown[invoice] = shown[invoice].model_copy(update={"state": state})
    assert (await practice.read(case, who)).status == "unverified"
    practice.tenders(case, _cash(DUE_CENTS))
    assert (await practice.read(case, who)).status == "verified"


async def test_a_lost_answer_of_the_pms_is_looked_up_again(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)

    async def lost(*_: object, **__: object) -> str:
        raise OutcomeUnknown("no answer")

    practice.world.pms.write_note = lost  # type: ignore[method-assign]
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await practice.back.write_back(ask)
    assert caught.value.non_retryable is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "refused", [Refused(code="404", kind="not_found"), BadRequest("no such field")]
)
async def test_a_note_that_the_pms_refuses_leaves_the_payment_to_the_desk(
    practice: Practice, refused: Refused | BadRequest
) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)

    async def no(*_: object, **__: object) -> Refused:
        if isinstance(refused, Exception):
            raise refused
        return refused

    practice.world.pms.write_note = no  # type: ignore[method-assign]
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    written = await practice.back.write_back(ask)
    assert (written.status, written.code) == ("task", "PMS_WRITE_FAILED")
    async with practice.world.pool.acquire() as conn:
        asked = await reviews.get(conn, written.review_id or "")
    assert asked.shown["facts"][0] == "The PMS did not take our note on this client."


async def test_a_late_event_of_money_kept_as_credit_opens_no_second_booking(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    practice.tenders(case, _cash(10_000))
    await practice.read(case, who)
    (inpay,) = practice.pay_online(invoice, DUE_CENTS)
    assert (await practice.read(case, who)).balance_cents == 0
    world = practice.world
    thing = {"id": inpay, "invoice": invoice}
    body = {"id": uuid4().hex, "type": "invoice_payment.paid", "data": {"object": thing}}
    async with transaction(world.pool) as conn:
        inbox_id, _ = await inbox.receive(
            conn,
            world.vault,
            "stripe",
            None,
            body["id"],
            body["type"],
            AT,
            {},
            json.dumps(body).encode(),
        )
    told = await world.intake.dispatch(inbox_id)
    assert told == "ignored: the money is already in the books"


async def test_what_a_supplement_collected_is_recorded_too(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    practice.pay_online(invoice, DUE_CENTS)
    await practice.read(case, who)
    ask = WriteBackIn(case=case, client_id=practice.client_id(who), at=AT)
    first = await practice.back.write_back(ask)
    await practice.decide(case, who, first.review_id or "", "done")
    assert (await practice.back.write_back(ask)).status == "agreed"
    practice.chart(who, ("TOXIN-UNIT", "60"), case=case)
    await practice.bill(case, AT + timedelta(hours=1))
    practice.pay_online(invoice, DUE_CENTS, 13_000)
    await practice.read(case, who)
    second = await practice.back.write_back(ask)
    assert second.status == "task"
    async with practice.world.pool.acquire() as conn:
        assert (await reviews.get(conn, second.review_id or "")).money_cents == 13_000


# -- money without a reference


def _loose(practice: Practice, cents: int = 10_000, invoices: tuple[str, ...] = ()) -> UnmatchedRef:
    payment_id = f"pi_{uuid4().hex}"
    practice.world.processor.payments[payment_id] = LoosePayment(
        payment_id=payment_id,
        amount_cents=cents,
        currency="usd",
        state="succeeded",
        invoice_ids=invoices,
        customer_id=None,
        paid_at=AT,
    )
    return refs.loose(practice.world.location_id, payment_id)


async def _place(practice: Practice, loose: UnmatchedRef, number: int, days: int = 0) -> PlaceOut:
    at = AT + timedelta(days=days)
    return await practice.unmatched.place_payment(
        PlaceIn(payment=loose, at=at, review_no=f"run/{number}")
    )


async def _apply(
    practice: Practice, loose: UnmatchedRef, placed: PlaceOut, choice: str, **more: str
) -> str:
    decision = Decision(review_id=placed.review_id or "", choice=choice, by="dana", **more)  # type: ignore[arg-type]
    ask = ApplyUnmatchedIn(payment=loose, decision=decision, at=AT)
    return (await practice.unmatched.apply_unmatched(ask)).effect


async def test_held_money_is_asked_about_again_after_thirty_days(practice: Practice) -> None:
    loose = _loose(practice)
    first = await _place(practice, loose, 1)
    assert await _apply(practice, loose, first, "hold_30_days") == "rest"
    second = await _place(practice, loose, 2, days=30)
    assert (second.status, second.review_id != first.review_id) == ("held", True)
    async with practice.world.pool.acquire() as conn:
        booked = await ledger.account_balances(conn, practice.world.location_id)
    assert booked["2095"] == -10_000


async def test_money_that_has_a_home_is_not_placed_again(practice: Practice) -> None:
    loose = _loose(practice)
    assert await _apply(practice, loose, await _place(practice, loose, 1), "refund") == "done"
    assert (await _place(practice, loose, 2, days=3)).status != "held"


async def test_a_package_paid_by_unmatched_money_is_paid(practice: Practice) -> None:
    who = practice.client()
    case = practice.chart(who, ("FILLER-6", "1"))
    await practice.bill(case)
    loose = _loose(practice, 360_000)
    placed = await _place(practice, loose, 1)
    named = {"invoice_id": ids.document_id(case.case_id, 1)}
    assert await _apply(practice, loose, placed, "apply", **named) == "done"
    async with practice.world.pool.acquire() as conn:
        brought = await entitlements.read(
            conn, practice.client_id(who), AT + timedelta(days=9), ZONE, None
        )
    assert [lot.paid_value_cents for lot in brought.unit_lots] == [None]


async def test_unmatched_money_on_an_invoice_is_not_booked_a_second_time_by_its_visit(
    practice: Practice,
) -> None:
    who, case, invoice = await _billed(practice)
    loose = _loose(practice, DUE_CENTS, (invoice,))
    placed = await _place(practice, loose, 1)
    row = paid("inpay_1" + loose.payment_id, loose.payment_id, DUE_CENTS)
    practice.world.processor.invoices[invoice] = open_invoice(
        invoice, DUE_CENTS, DUE_CENTS, payments=(row,)
    )
    waiting = await practice.read(case, who)
    assert (waiting.status, waiting.balance_cents) == ("unverified", DUE_CENTS)
    named = {"invoice_id": ids.document_id(case.case_id, 1)}
    await _apply(practice, loose, placed, "apply", **named)
    done = await practice.read(case, who)
    assert (done.status, done.balance_cents, done.mismatches) == ("verified", 0, ())
    async with practice.world.pool.acquire() as conn:
        assert (await ledger.account_balances(conn, practice.world.location_id))["1020"] == 65_000
    practice.chart(who, ("TOXIN-UNIT", "60"), case=case)
    await practice.bill(case, AT + timedelta(hours=1))
    await practice.standing.open_payment_door(_door(practice, who, case))
    assert sum(one.remaining_cents for one in practice.world.processor.invoices.values()) == 13_000


async def test_a_bank_debit_that_came_back_is_asked_about_once(practice: Practice) -> None:
    who, case, invoice = await _billed(practice)
    row = paid("inpay_back", "pi_back", DUE_CENTS).model_copy(
        update={"state": "open", "failure_code": "R01"}
    )
    practice.world.processor.invoices[invoice] = open_invoice(invoice, DUE_CENTS, payments=(row,))
    for _ in range(2):
        read = await practice.read(case, who)
        assert [one.code for one in read.mismatches] == ["SETTLEMENT_FAILED"]
        assert read.balance_cents == DUE_CENTS
    done = await practice.decide(case, who, read.mismatches[0].review_id, "new_method")
    assert done.effect == "resend"
    assert (await practice.read(case, who)).mismatches == ()
