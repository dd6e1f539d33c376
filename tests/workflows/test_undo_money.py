"""Refunds and disputes whose answers are taken back: also a case that has ended hears it (F6)."""

from domain.case import Undo
from domain.dispute_case import DisputeInput
from domain.refund_case import RefundInput
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World
from tests.workflows.undoing import first_input, reopened, undo_of


async def test_a_refund_that_ended_as_credit_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = ["REFUND_BY_HAND", "undone"]
    refund = await clinic.refund(refund_id="refund-1")
    start = await first_input(refund, RefundInput)
    await refund.decide("refund_to_credit", reason="by phone")
    assert (await refund.ended()).status == "undone"
    await reopened(refund, "Refund", start)
    assert world.open_codes == ["REFUND_BY_HAND"]
    assert world.times("settle_refund") == 2
    clinic.refunds.answers = ["paid"]
    await refund.decide("given_back")
    assert (await refund.ended()).status == "paid"
    assert world.of("settle_refund")[-1].refund.refund_id == "refund-1"


async def test_a_refund_that_the_books_do_not_undo_ends_again(clinic: Clinic, world: World) -> None:
    clinic.refunds.answers = ["REFUND_BY_HAND", "paid"]
    refund = await clinic.refund(refund_id="refund-1")
    start = await first_input(refund, RefundInput)
    await refund.refund_moved("paid")  # the facts have answered, and nobody else
    assert (await refund.ended()).status == "paid"
    undo = Undo(review_id=world.questions[-1].review_id, by="desk-1", reason="x")
    await reopened(refund, "Refund", start, undo)
    assert (await refund.ended()).status == "paid"
    assert world.open_codes == []


async def test_a_refund_taken_back_during_its_last_look_does_not_end(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = ["REFUND_FAILED", "undone"]
    refund = await clinic.refund(refund_id="refund-1")
    world.during_look.append(lambda: refund.handle.signal("decision_undone", undo_of(world)))
    await refund.decide("refund_to_credit", reason="by phone")
    assert world.open_codes == ["REFUND_FAILED"]
    assert await refund.runs()


async def test_what_is_on_its_way_is_followed_while_another_part_is_asked_about_again(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = ["REFUND_FAILED", "waits"]
    refund = await clinic.refund(refund_id="refund-1")
    await refund.decide("refund_to_credit", reason="by phone")
    assert world.open_codes == []
    await refund.signal("decision_undone", undo_of(world))
    assert world.open_codes == ["REFUND_FAILED"]
    looks = world.times("settle_refund")
    await refund.pass_(hours=25)
    assert world.times("settle_refund") == looks + 1


async def test_a_refund_made_elsewhere_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = ["REFUND_OUTSIDE", "paid"]
    refund = await clinic.refund(source="stripe", object_id="re_again")
    start = await first_input(refund, RefundInput)
    await refund.decide("allow", reason="by phone")
    assert (await refund.ended()).status == "paid"
    await reopened(refund, "Refund", start)
    assert world.open_codes == ["REFUND_OUTSIDE"]
    clinic.refunds.answers = ["REFUND_OUTSIDE"]
    await refund.refund_moved("succeeded")
    assert world.open_codes == ["REFUND_OUTSIDE"]
    assert world.of("settle_refund")[-1].patient is False
    clinic.refunds.answers = ["paid"]
    await refund.decide("owe_again", reason="made by mistake")
    assert (await refund.ended()).status == "paid"


async def test_a_lost_dispute_is_asked_about_again_in_a_new_run(
    clinic: Clinic, world: World
) -> None:
    clinic.disputes.answers = ["DISPUTE_LOST", "rebill"]
    dispute = await clinic.dispute()
    start = await first_input(dispute, DisputeInput)
    await dispute.decide("rebill", reason="chart is signed")
    assert (await dispute.ended()).status == "rebill"
    clinic.disputes.answers = ["DISPUTE_LOST"]
    await reopened(dispute, "Dispute", start)
    assert world.open_codes == ["DISPUTE_LOST"]
    clinic.disputes.answers = ["write_off"]
    await dispute.decide("write_off", reason="moved away")
    assert (await dispute.ended()).status == "write_off"


async def test_a_dispute_that_was_won_meanwhile_ends_so(clinic: Clinic, world: World) -> None:
    clinic.disputes.answers = ["DISPUTE_LOST", "rebill"]
    dispute = await clinic.dispute()
    start = await first_input(dispute, DisputeInput)
    await dispute.decide("rebill", reason="chart is signed")
    await dispute.ended()
    clinic.disputes.answers = ["won"]
    await reopened(dispute, "Dispute", start)
    assert (await dispute.ended()).status == "won"
    assert world.open_codes == []


async def test_a_dispute_taken_back_during_its_last_look_does_not_end(
    clinic: Clinic, world: World
) -> None:
    clinic.disputes.answers = ["DISPUTE_LOST", "rebill", "DISPUTE_LOST"]
    dispute = await clinic.dispute()
    world.during_look.append(lambda: dispute.handle.signal("decision_undone", undo_of(world)))
    await dispute.decide("rebill", reason="chart is signed")
    assert world.open_codes == ["DISPUTE_LOST"]
    assert await dispute.runs()
