"""A refund: decided, sent, followed, and never left lying when it does not arrive."""

from domain import ids
from domain.refund_case import RefundResult
from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World


async def test_a_refund_is_asked_paid_and_followed_until_it_arrives(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = ["waits", "waits", "REFUND_FAILED", "REFUND_BY_HAND", "paid"]
    case = await clinic.refund()
    assert world.times("settle_refund") == 0
    await case.decide("pay_back")
    assert world.times("settle_refund") == 1
    await case.day(2)
    assert world.times("settle_refund") == 2
    await case.refund_moved("failed")
    assert world.open_codes == ["REFUND_FAILED"]
    await case.decide("by_hand", reason="the card is gone")
    assert world.open_codes == ["REFUND_BY_HAND"]
    await case.decide("given_back")
    assert (await case.ended()).status == "paid"
    assert [ask.tell for ask in world.of("settle_refund")] == [True, False, False, True, True]
    # What cannot be, or is not wanted, ends at once and moves nothing.
    clinic.refunds.refuses = "Nothing of this is left to give back."
    refused = await clinic.refund()
    assert await refused.ended() == RefundResult(status="refused", why=clinic.refunds.refuses)
    clinic.refunds.refuses = ""
    dropped = await clinic.refund()
    await dropped.decide("drop")
    assert (await dropped.ended()).status == "dropped"
    assert world.times("settle_refund") == 5


async def test_a_refund_made_elsewhere_is_waited_for_then_asked_about(
    clinic: Clinic, world: World
) -> None:
    clinic.refunds.answers = [*["missing"] * 6, "REFUND_UNLINKED", "REFUND_OUTSIDE", "paid"]
    case = await clinic.refund(source="stripe", object_id="re_1")
    await case.pass_(hours=5.5)
    assert world.codes == []
    await case.pass_(hours=1)
    assert world.open_codes == ["REFUND_UNLINKED"]
    assert [ask.patient for ask in world.of("settle_refund")] == [True] * 6 + [False]
    # Its payment turns up: another question takes the place of the first.
    await case.refund_moved("succeeded")
    assert world.open_codes == ["REFUND_OUTSIDE"]
    await case.decide("allow", reason="by phone")
    assert (await case.ended()).status == "paid"


async def test_what_a_visit_or_loose_money_owes_back_is_a_case_of_its_own(
    clinic: Clinic, world: World
) -> None:
    money = await clinic.money()
    loose = world.question("NO_REFERENCE").review_id
    await money.decide("refund")
    assert (await money.ended()).status == "refund"
    visit = await clinic.visit()
    world.announced.append((5_000, "twice"))
    await visit.announced()
    twice = world.question("DUPLICATE_SUSPECTED").review_id
    await visit.decide("refund", "DUPLICATE_SUSPECTED")
    for review_id in (loose, twice):
        name = ids.refund_workflow_id("lumin", ids.refund_id(review_id))
        assert (await clinic.client.get_workflow_handle(name).result())["status"] == "paid"
    assert [ask.tell for ask in world.of("settle_refund")] == [True, True]
