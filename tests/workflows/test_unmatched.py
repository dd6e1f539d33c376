"""Money without a reference: placed by a person, told to its visit, never guessed."""

from domain.case import Decision, PaymentPosted, VisitStatus
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World


async def test_applied_money_tells_its_visit(clinic: Clinic, world: World) -> None:
    visit = await clinic.visit()
    money = await clinic.money()
    assert world.open_codes == ["NO_REFERENCE"]
    await money.decide("apply", invoice_id="document-1")
    result = await money.ended()
    assert (result.status, result.invoice_id) == ("apply", "document-1")
    assert (await visit.ended()).status == VisitStatus.PAID


async def test_money_of_a_known_payer_tells_its_visits_and_asks_nobody(
    clinic: Clinic, world: World
) -> None:
    visit = await clinic.visit()
    world.unmatched = "settled"
    money = await clinic.money()
    assert (await money.ended()).status == "settled"
    assert world.codes == []
    assert (await visit.ended()).status == VisitStatus.PAID


async def test_applied_to_a_closed_visit_ends_without_telling(clinic: Clinic, world: World) -> None:
    visit = await clinic.visit()
    await visit.pay()
    await visit.ended()
    money = await clinic.money()
    await money.decide("apply", invoice_id="document-1")
    assert (await money.ended()).status == "apply"


async def test_held_money_is_asked_about_again_after_thirty_days(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    await money.decide("hold_30_days")
    await money.day(29)
    assert world.codes == ["NO_REFERENCE"]
    await money.day(31)
    assert world.open_codes == ["NO_REFERENCE"]
    assert world.codes == ["NO_REFERENCE"] * 2
    await money.decide("refund")
    assert (await money.ended()).status == "refund"


async def test_while_the_desk_asks_the_payer_the_question_rests_a_week(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    await money.decide("ask_payer")
    await money.day(6)
    assert world.open_codes == []
    await money.day(8)
    assert world.open_codes == ["NO_REFERENCE"]


async def test_an_invoice_that_does_not_exist_is_replaced_by_another_answer(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    await money.signal("review_decided", money.answer("apply", invoice_id="nowhere"))
    assert world.codes == world.open_codes == ["NO_REFERENCE"]
    assert "an answer could not be carried out: apply" in await money.details()
    await money.decide("refund")
    assert (await money.ended()).status == "refund"


async def test_money_that_went_back_needs_nobody(clinic: Clinic, world: World) -> None:
    world.unmatched = "gone"
    money = await clinic.money()
    assert (await money.ended()).status == "gone"
    assert world.codes == []


async def test_repeated_events_change_nothing(clinic: Clinic, world: World) -> None:
    money = await clinic.money(payment_id="pi_1")
    for _ in range(3):
        await money.announced()
    assert world.times("place_payment") == 1
    assert "announced again: pi_1" in await money.details()
    # Another name is a refund's: the money is looked at, and may be gone.
    await money.signal("payment_posted", PaymentPosted(payment_id="re_1"))
    assert world.open_codes == ["NO_REFERENCE"]
    world.unmatched = "gone"
    await money.signal("payment_posted", PaymentPosted(payment_id="re_1"))
    assert (await money.ended()).status == "gone"
    assert world.open_codes == []


async def test_decision_without_an_invoice_is_refused(clinic: Clinic, world: World) -> None:
    money = await clinic.money()
    refused = await money.refused(money.answer("apply"))
    assert refused.message == "The choice apply needs the invoice that the money belongs to."


async def test_decision_by_signal_places_the_money(clinic: Clinic, world: World) -> None:
    money = await clinic.money()
    await money.signal("review_decided", {"rubbish": True})
    assert "could not be read" in await money.details()
    review_id = world.question("NO_REFERENCE").review_id
    await money.signal(
        "review_decided", Decision(review_id=review_id, choice="refund", by="desk-1")
    )
    assert (await money.ended()).status == "refund"


async def test_desk_is_reminded_of_unplaced_money(clinic: Clinic, world: World) -> None:
    money = await clinic.money()
    await money.day(12)
    assert [day for _, day, _ in world.reminders] == [1, 3, 7]


async def test_failing_step_never_drops_the_money(clinic: Clinic, world: World) -> None:
    world.failing["place_payment"] = "Misconfigured"
    money = await clinic.money()
    await money.pass_(hours=3)
    assert await money.runs()
    assert "a step failed: Misconfigured" in await money.details()
    world.failing.clear()
    await money.pass_(hours=2)
    assert world.open_codes == ["NO_REFERENCE"]


async def test_decision_that_could_not_be_carried_out_is_tried_again(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    world.failing["apply_unmatched"] = "Misconfigured"
    await money.decide("refund")
    await money.pass_(hours=3)
    assert await money.runs()
    world.failing.clear()
    await money.pass_(hours=2)
    assert (await money.ended()).status == "refund"
