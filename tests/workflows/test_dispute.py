"""A dispute: silent while the bank has the money, and ended by the bank or by a person."""

from tests.workflows.clinic import Clinic
from tests.workflows.fakes import World


async def test_a_dispute_is_followed_until_a_person_has_ended_it(
    clinic: Clinic, world: World
) -> None:
    clinic.disputes.answers = [
        *("missing", "DISPUTE_OPEN", "DISPUTE_OPEN", "waits", "waits", "DISPUTE_LOST", "rebill")
    ]
    case = await clinic.dispute()
    await case.pass_(hours=1)
    assert world.open_codes == ["DISPUTE_OPEN"]
    await case.dispute_moved("needs_response")
    assert world.codes == ["DISPUTE_OPEN"]
    await case.decide("contest")
    assert world.times("follow_dispute") == 4
    await case.pass_(days=1)
    await case.dispute_moved("lost")
    assert world.open_codes == ["DISPUTE_LOST"]
    await case.decide("rebill", reason="chart is signed")
    assert (await case.ended()).status == "rebill"
    assert [ask.tell for ask in world.of("follow_dispute")] == [
        *[False] * 3,
        True,
        False,
        False,
        True,
    ]
    # What the bank decides for us takes the open question back.
    clinic.disputes.answers = ["DISPUTE_OPEN", "won"]
    other = await clinic.dispute()
    await other.dispute_moved("won")
    assert (await other.ended()).status == "won"
    assert world.open_codes == []
