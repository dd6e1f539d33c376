"""What the PMS shows otherwise than the books: nothing changes until a person says what it was."""

from uuid import uuid4

from connectors.ports import PmsPayment
from tests.activities.practice import Practice

DUE_CENTS = 65_000
WHY = {"reason": "unhappy"}


def _cash(name: str, cents: int = DUE_CENTS, refunded_cents: int = 0) -> PmsPayment:
    return PmsPayment(
        payment_id=name, kind="cash", amount_cents=cents, refunded_cents=refunded_cents
    )


async def _paid(practice: Practice):
    who, name = practice.client(), uuid4().hex
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    practice.tenders(case, _cash(name))
    assert (await practice.read(case, who)).balance_cents == 0
    return who, case, name


async def test_a_payment_that_was_voided_at_the_desk_is_owed_again(practice: Practice) -> None:
    who, case, _ = await _paid(practice)
    practice.tenders(case)
    [asked] = (await practice.read(case, who)).mismatches
    assert (await practice.read(case, who)).balance_cents == 0
    done = await practice.decide(case, who, asked.review_id, "take_pms")
    assert done.effect == "reread"
    for _ in range(2):
        read = await practice.read(case, who)
        assert (read.balance_cents, read.mismatches) == (DUE_CENTS, ())
    assert await practice.accounts(who) == {"1100": DUE_CENTS, "4010": -DUE_CENTS}
    # Paid again, and more exactly than before.
    practice.tenders(case, _cash(uuid4().hex))
    assert (await practice.read(case, who)).balance_cents == 0


async def test_what_the_desk_refunded_comes_off_the_invoice(practice: Practice) -> None:
    who, case, name = await _paid(practice)
    practice.tenders(case, _cash(name, refunded_cents=20_000))
    [asked] = (await practice.read(case, who)).mismatches
    await practice.decide(case, who, asked.review_id, "was_refunded", **WHY)
    read = await practice.read(case, who)
    assert (read.balance_cents, read.mismatches) == (0, ())
    books = await practice.accounts(who)
    assert (books["1040"], books["4920"]) == (DUE_CENTS - 20_000, 20_000)
    assert "2100" not in books


async def test_of_two_changes_in_a_row_each_answer_moves_what_is_left_to_move(
    practice: Practice,
) -> None:
    who, case, name = await _paid(practice)
    practice.tenders(case, _cash(name, refunded_cents=20_000))
    [part] = (await practice.read(case, who)).mismatches
    practice.tenders(case, _cash(name, refunded_cents=DUE_CENTS))
    mismatches = (await practice.read(case, who)).mismatches
    [whole] = [one for one in mismatches if one.review_id != part.review_id]
    await practice.decide(case, who, whole.review_id, "take_pms")
    late = await practice.decide(case, who, part.review_id, "take_pms")
    assert late.effect == "failed"
    assert (await practice.read(case, who)).balance_cents == DUE_CENTS
