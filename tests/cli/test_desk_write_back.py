"""Write-back suspended and resumed at a running stack: the note waits, and is written once."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_a_note_waits_while_write_back_is_off_and_is_caught_up(play):
    words = ("switch", "set", play.practice.location_id, "write-back")
    person = ("--by", "dana", "--reason", "the PMS is being moved")
    assert (await play.run(*words, "off", *person)).code == 0
    try:
        case = await play.billed()
        await play.pay_online(case)
        asked = await play.question(case, "PMS_CONFIRM")
        assert asked.shown["ours"]["our note"] == "waits: write-back is suspended"
        assert await play.notes(case) == []
    finally:
        said = await play.run(*words, "live", *person, "--json")
    assert (said.code, said.json["visits_told"]) == (0, 1)

    async def written():
        return await play.notes(case)

    [note] = await play.until(written, "our note", case)
    assert note.startswith("Paid online $")
    again = await play.run(*words, "live", *person, "--json")
    assert (again.code, len(await play.notes(case))) == (0, 1)
    said = await play.run("review", "decide", asked.review_id, "not_possible", *person)
    assert said.code == 0, said
