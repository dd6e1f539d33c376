"""`tieout channel`: no agreement, no message; every setting has a name and a reason."""

import json

import asyncpg
import pytest

from store import channels
from tests.cli.desk import ROOT, one_sentence

PERSON = ("--by", "dana", "--reason", "BAA signed")


async def setting(world, channel="sms"):
    return (await channels.of_location(world.conn, world.location_id))[channel]


async def test_off_and_on_again_leave_a_trace(world):
    said = await world.run("channel", "off", world.location_id, "sms", *PERSON)
    assert said.code == 0, said
    assert not (await setting(world)).is_on
    assert (await setting(world, "email")).is_on
    assert (await world.run("channel", "on", world.location_id, "sms", *PERSON)).code == 0
    rows = await world.conn.fetch(
        "SELECT is_on, set_by, reason FROM channel_settings"
        " WHERE location_id = $1 AND channel = 'sms' ORDER BY setting_id",
        world.location_id,
    )
    assert [tuple(row) for row in rows][1:] == [
        (False, "dana", "BAA signed"),
        (True, "dana", "BAA signed"),
    ]


async def test_another_provider_starts_off_and_needs_its_own_word(world):
    words = ("channel", "agree", world.location_id, "sms", "podium", "--since", "2026-02-01")
    agreed = await world.run(*words, *PERSON)
    assert agreed.words.endswith(f"with `tieout channel on {world.location_id} sms`.")
    now = await setting(world)
    assert (now.provider, now.is_on, str(now.baa_on)) == ("podium", False, "2026-02-01")
    said = await world.run("channel", "on", world.location_id, "sms", *PERSON)
    assert "TIEOUT_PODIUM_CLIENT_ID" in one_sentence(said, 1)
    assert not (await setting(world)).is_on


async def test_the_same_provider_with_a_new_date_stays_on(world):
    words = ("channel", "agree", world.location_id, "email", "smtp", "--since", "2026-03-01")
    assert (await world.run(*words, *PERSON)).code == 0
    now = await setting(world, "email")
    assert (now.is_on, str(now.baa_on)) == (True, "2026-03-01")


async def test_an_agreement_of_tomorrow_switches_nothing_on(world):
    words = ("channel", "agree", world.location_id, "sms", "twilio", "--since", "2099-01-01")
    assert "off with it first" in one_sentence(await world.run(*words, *PERSON), 1)
    await world.run("channel", "off", world.location_id, "sms", *PERSON)
    assert (await world.run(*words, *PERSON)).code == 0
    said = await world.run("channel", "on", world.location_id, "sms", *PERSON)
    assert "2099-01-01" in one_sentence(said, 1)
    assert not (await setting(world)).is_on


async def test_a_system_that_cannot_send_texts_says_so(world):
    words = ("channel", "agree", world.location_id, "sms", "emr", "--since", "2026-02-01")
    assert (await world.run(*words, *PERSON)).code == 0
    said = await world.run("channel", "on", world.location_id, "sms", *PERSON)
    assert "boulevard cannot send texts" in one_sentence(said, 1)
    shown = await world.run("channel", "list", "--json")
    assert shown.json["providers"]["emr"]["sends"] is False
    assert "emr (sms): cannot send" in (await world.run("channel", "list")).words


async def test_the_books_refuse_a_channel_without_an_agreement(world):
    bare = (await setting(world)).model_copy(update={"baa_on": None})
    with pytest.raises(asyncpg.CheckViolationError):
        await channels.put(world.conn, bare)
    await channels.put(world.conn, bare.model_copy(update={"is_on": False}))
    said = await world.run("channel", "on", world.location_id, "sms", *PERSON)
    assert "no agreement" in one_sentence(said, 1)


async def test_what_was_never_set_is_off(world):
    await world.conn.execute(
        "INSERT INTO locations SELECT ($1 || '-new'), practice_name, pms, pms_location_ref || 'n',"
        " zone, currency, desk_email, reply_phone, chase, clock_shift_seconds, switches"
        " FROM locations WHERE location_id = $1",
        world.location_id,
    )
    place = f"{world.location_id}-new"
    shown = (await world.run("channel", "list", "--json")).json["channels"][place]
    assert shown == {
        name: {"is_on": False, "provider": None, "baa_on": None} for name in ("sms", "email")
    }
    said = await world.run("channel", "on", place, "sms", *PERSON)
    assert "agree" in one_sentence(said, 1)


async def test_a_practice_file_switches_on_what_nobody_has_set_before(world, tmp_path):
    file = tmp_path / "practice.json"
    given = json.loads((ROOT / "examples" / "lumin.json").read_text())
    place = f"{world.location_id}-file"
    given["location"] |= {"location_id": place, "pms_location_ref": f"urn:{place}"}
    given["catalog"]["location_id"] = place
    file.write_text(json.dumps(given))
    said = await world.run("catalog", "import", str(file), "--by", "dana")
    assert said.code == 0, said
    known = await channels.of_location(world.conn, place)
    assert {name: (one.is_on, one.provider, one.set_by) for name, one in known.items()} == {
        "sms": (True, "twilio", "dana"),
        "email": (True, "smtp", "dana"),
    }
    assert (await world.run("channel", "off", place, "sms", *PERSON)).code == 0
    assert (await world.run("catalog", "import", str(file), "--by", "dana")).code == 0
    known = await channels.of_location(world.conn, place)
    assert (known["sms"].is_on, known["email"].is_on) == (False, True)


async def test_a_practice_file_without_agreements_leaves_its_channels_off(world, tmp_path):
    file = tmp_path / "practice.json"
    given = json.loads((ROOT / "examples" / "lumin.json").read_text())
    place = f"{world.location_id}-bare"
    given["location"] |= {"location_id": place, "pms_location_ref": f"urn:{place}"}
    given["catalog"]["location_id"] = place
    del given["channels"]
    file.write_text(json.dumps(given))
    assert (await world.run("catalog", "import", str(file), "--by", "dana")).code == 0
    assert await channels.of_location(world.conn, place) == {}
    given["channels"] = {"sms": {"provider": "twilio"}}
    file.write_text(json.dumps(given))
    said = await world.run("catalog", "import", str(file), "--by", "dana")
    assert "baa_on" in one_sentence(said, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("off", "LOCATION", "sms", "--reason", "x"),
        ("off", "LOCATION", "sms", "--by", "dana"),
        ("agree", "LOCATION", "sms", "smtp", "--since", "2026-02-01", *PERSON),
        ("agree", "LOCATION", "sms", "twilio", "--since", "soon", *PERSON),
        ("agree", "LOCATION", "sms", "twilio", *PERSON),
        ("off", "LOCATION", "fax", *PERSON),
    ],
)
async def test_what_is_typed_wrong_changes_nothing(world, words):
    before = await setting(world)
    given = [world.location_id if word == "LOCATION" else word for word in words]
    assert (await world.run("channel", *given)).code == 2
    assert await setting(world) == before


async def test_an_unknown_location_is_refused(world):
    said = await world.run("channel", "off", "nowhere", "sms", *PERSON)
    assert "nowhere" in one_sentence(said, 1)
