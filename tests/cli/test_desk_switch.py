"""`tieout switch`: what the send step reads, changed at once, with a name and a reason."""

from store import locations
from tests.cli.desk import one_sentence


async def test_a_switch_acts_at_once_and_names_who_and_why(world):
    words = ("switch", "set", world.location_id, "chase", "off")
    said = await world.run(*words, "--by", "dana", "--reason", "wrong template")
    assert said.code == 0, said
    assert (await locations.get_location(world.conn, world.location_id)).switch("chase") == "off"
    shown = await world.run("switch", "list", "--json")
    assert shown.json[world.location_id] == {"send": "live", "chase": "off"}
    trace = await world.conn.fetchrow(
        "SELECT name, state, changed_by, reason FROM switch_changes WHERE location_id = $1",
        world.location_id,
    )
    assert tuple(trace) == ("chase", "off", "dana", "wrong template")


async def test_nobody_switches_without_a_name_and_a_reason(world):
    words = ("switch", "set", world.location_id, "send", "off")
    for missing in (("--reason", "checked"), ("--by", "dana")):
        assert (await world.run(*words, *missing)).code == 2
    assert (await locations.get_location(world.conn, world.location_id)).switch("send") == "live"


async def test_an_unknown_location_or_switch_is_refused(world):
    person = ("--by", "dana", "--reason", "checked")
    said = await world.run("switch", "set", "nowhere", "send", "off", *person)
    assert "nowhere" in one_sentence(said, 1)
    assert (await world.run("switch", "set", world.location_id, "build", "off", *person)).code == 2
