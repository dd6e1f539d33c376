"""`tieout switch`: what the send step reads, changed at once, with a name and a reason."""

import pytest

from activities.plan_voice import SWITCH
from store import locations
from tests.cli.desk import one_sentence


@pytest.mark.parametrize("name", ["send", "chase", SWITCH, locations.WRITE_BACK])
async def test_a_switch_acts_at_once_and_names_who_and_why(world, name):
    words = ("switch", "set", world.location_id, name, "off")
    said = await world.run(*words, "--by", "dana", "--reason", "wrong template")
    assert said.code == 0, said
    assert (await locations.get_location(world.conn, world.location_id)).switch(name) == "off"
    shown = (await world.run("switch", "list", "--json")).json[world.location_id]
    why = shown.pop("not_live")
    assert shown == {
        **{"send": "live", "chase": "live", "plans": "live", "write-back": "live"},
        name: "off",
    }
    assert (why.keys(), why[name]["changed_by"], why[name]["reason"]) == (
        {name},
        "dana",
        "wrong template",
    )
    said = await world.run("switch", "list")
    assert f"{name} is off at {world.location_id} since 20" in said.words
    assert "by dana: wrong template" in said.words
    trace = await world.conn.fetchrow(
        "SELECT name, state, changed_by, reason FROM switch_changes WHERE location_id = $1",
        world.location_id,
    )
    assert tuple(trace) == (name, "off", "dana", "wrong template")


async def test_a_switch_that_is_live_again_needs_no_word_of_who_had_set_it(world):
    person = ("--by", "dana", "--reason", "checked")
    for state in ("off", "live"):
        said = await world.run("switch", "set", world.location_id, "write-back", state, *person)
        assert said.code == 0, said
    assert "Visits with a note that waited: 0; each writes it now." in said.words
    shown = (await world.run("switch", "list", "--json")).json[world.location_id]
    assert (shown["write-back"], shown["not_live"]) == ("live", {})


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
