"""`tieout visit` and `tieout client`: what they read from the books, and how they refuse."""

import json

import pytest

from domain.case import Channel
from store import consents, ledger, reviews, visits
from store.lots import known_lots
from tests.cli.desk import ROOT, one_sentence
from tests.cli.test_desk_reviews import fits


async def listed(world, *words):
    said = await world.run("visit", "list", "--location", world.location_id, "--json", *words)
    assert said.code == 0, said
    return {each["case_id"]: each for each in said.json}


async def test_the_list_shows_what_is_open_and_all_shows_the_rest(world):
    owing, settled = await world.bill(), await world.bill()
    await world.pay(settled, settled.priced.due_cents)
    await world.message(owing, "day-3", day=3)
    asked = await world.ask("CATALOG_UNMAPPED")
    said = await world.run("visit", "list", "--location", world.location_id)
    for words in ("$393.61", "waits for the patient", "last: day-3", "asks: Unknown code"):
        assert words in said.words
    assert settled.number not in said.out
    assert fits(said)
    assert (await listed(world)).keys() == {owing.case_id, asked.case_id}
    everything = await listed(world, "--all")
    assert everything[settled.case_id]["standing"] == "settled"
    assert everything[settled.case_id]["balance_cents"] == 0


@pytest.mark.parametrize(
    ("rest_cents", "is_said", "standing"),
    [
        (499, True, "small rest, carried to the next visit"),
        (500, True, "waits for the patient"),
        (499, False, "waits for the patient"),
        (0, True, "settled"),
        (-1, True, "overpaid"),
    ],
)
async def test_d4_a_small_rest_is_carried_once_the_bill_was_said(
    world, rest_cents, is_said, standing
):
    document = await world.bill()
    if is_said:
        await world.message(document)
    await world.pay(document, document.priced.due_cents - rest_cents)
    known = (await listed(world, "--all"))[document.case_id]
    assert known["standing"] == standing
    assert known["is_carried"] is standing.startswith("small rest")
    assert known["open"] is (rest_cents != 0)


async def test_no_open_visit_says_so(world):
    said = await world.run("visit", "list", "--location", world.location_id)
    assert (said.code, said.words) == (0, "No visit is open.")


async def test_held_is_seen_by_hand_and_by_a_reply_and_gone_after_release(world):
    by_hand, by_reply, other = [await world.bill() for _ in range(3)]
    await visits.record_action(world.conn, by_hand.case_id, "hold", "dana", "called")
    known = await listed(world)
    assert known[by_hand.case_id]["held"] is True
    assert known[other.case_id]["held"] is False
    await world.reply(by_reply.case_id)
    known = await listed(world)
    assert known[by_reply.case_id]["held"] is True
    assert known[other.case_id]["held"] is True  # a reply pauses all that its sender owes
    for document in (by_hand, by_reply):
        await visits.record_action(world.conn, document.case_id, "release", "dana", "")
    known = await listed(world)
    assert [known[each.case_id]["held"] for each in (by_hand, by_reply, other)] == [
        False,
        False,
        True,
    ]


async def test_a_visit_that_a_person_ended_is_not_open_although_money_is_owed(world):
    closed, stopped = await world.bill(), await world.bill()
    await visits.record_action(world.conn, closed.case_id, "close", "dana", "court")
    asked = await world.ask("CHASE_EXHAUSTED", case_id=stopped.case_id)
    await reviews.decide(
        world.conn, asked.review_id, {"choice": "stop"}, "robin", "moved", asked.opened_at
    )
    assert await listed(world) == {}
    known = await listed(world, "--all")
    assert known[closed.case_id]["standing"] == "ended by dana"
    assert known[stopped.case_id]["standing"] == "ended by robin"
    assert known[stopped.case_id]["balance_cents"] == 39_361


async def test_a_visit_tells_its_story_by_any_of_its_names(world):
    document = await world.bill()
    await world.pay(document, 15_000)
    await world.message(document)
    await world.message(document, "day-3", Channel.SMS, 3, skipped="SKIPPED_LATE")
    order = document.case_id.rpartition("/")[2]
    said = await world.run("visit", "show", document.number.lower())
    for words in (
        f"{document.number}: waits for the patient",
        "$393.61 due, $243.61 still owed",
        "LASER-SESSION 1 $320.00",
        "Tax 8.25 % of $68.00 = $5.61",
        "card through stripe paid $150.00 $150.00",
        "day-3 SMS skipped: skipped late",
        "1100 AR patients $393.61",
        "1020 Processor clearing $150.00",
        f"workflows/visit%2F{world.location_id}%2Fboulevard%2F{order}",
    ):
        assert words in said.words, words
    assert fits(said)
    for name in (document.case_id, order, order[:8]):
        again = await world.run("visit", "show", name, "--json")
        assert again.json["case_id"] == document.case_id
    assert again.json["payments"][0]["applied_cents"] == 15_000
    assert [each["step"] for each in again.json["messages"]] == ["invoice", "day-3"]


@pytest.mark.parametrize("verb", ["show", "hold", "release", "close"])
async def test_an_unknown_visit_is_one_sentence(world, verb):
    rest = () if verb == "show" else ("--by", "dana", "--reason", "why")
    said = await world.run("visit", verb, "LUM-999999", *rest)
    assert "There is no visit LUM-999999" in one_sentence(said, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["hold", "--reason", "why"], "--by NAME"),
        (["hold", "--by", "dana"], "--reason WHY"),
        (["close", "--by", "dana"], "--reason WHY"),
        (["release"], "--by NAME"),
    ],
)
async def test_a_deed_needs_a_name_and_a_reason(world, words, sentence):
    said = await world.run("visit", words[0], "LUM-000001", *words[1:])
    assert sentence in one_sentence(said, 2)


async def test_a_deed_that_temporal_did_not_take_leaves_no_trace(world):
    document = await world.bill()
    said = await world.run("visit", "hold", document.case_id, "--by", "dana", "--reason", "called")
    assert "Temporal does not answer" in one_sentence(said, 1)
    assert await visits.actions_of(world.conn, document.case_id) == []


async def test_what_is_not_held_cannot_be_released(world):
    document = await world.bill()
    said = await world.run("visit", "release", document.case_id, "--by", "dana")
    assert one_sentence(said, 1) == f"{document.number} is not held: waits for the patient."


async def test_the_log_holds_every_fact_in_the_order_in_which_it_was_written(world):
    document = await world.bill()
    await world.message(document)
    await world.message(document, "day-3", Channel.SMS, 3, skipped="SKIPPED_LATE")
    await world.reply(document.case_id)
    await world.pay(document, 15_000)
    asked = await world.ask("UNDERPAID", case_id=document.case_id, cents=24_361)
    await reviews.note_reminder(world.conn, asked.review_id, 1, asked.opened_at)
    await reviews.decide(
        world.conn,
        asked.review_id,
        {"choice": "leave_open"},
        "dana",
        "pays on Friday",
        asked.opened_at,
    )
    await consents.opt_out(world.conn, world.client_id, "sms", "all", "sms-reply", "stop")
    await visits.record_action(world.conn, document.case_id, "close", "dana", "court")
    said = await world.run("client", "log", document.number, "--json")
    events = said.json["events"]
    assert [each["at"] for each in events] == sorted(each["at"] for each in events)
    told = [(each["source"], each["what"]) for each in events]
    expected = [
        ("draft", "draft priced"),
        ("ledger", "booked: visit issued, owes $393.61 more"),
        ("document", f"invoice {document.number} issued, $393.61 due"),
        ("message", "SMS invoice: will be sent"),
        ("message", "SMS invoice: handed to the provider"),
        ("message", "SMS invoice: taken by the provider"),
        ("message", "SMS day-3: will be sent"),
        ("message", "SMS day-3: not sent"),
        ("received", "twilio told us: message.received"),
        ("payment", "card payment paid, $150.00"),
        ("ledger", "booked: payment received, owes $150.00 less"),
        ("applied", "card payment applied, $150.00"),
        ("question", "desk asked: Paid less than owed, $243.61"),
        ("reminder", "desk reminded, business day 1"),
        ("decision", "desk decided: leave_open"),
        ("consent", "SMS refused for all"),
        ("action", "closed by hand"),
    ]
    assert told == expected
    by_what = {each["what"]: each for each in events}
    assert by_what["SMS day-3: not sent"]["why"] == "skipped late"
    assert by_what["SMS day-3: not sent"]["rule"] == "day-3, template 1"
    assert by_what["desk decided: leave_open"]["why"] == "by dana: pays on Friday"
    page = await world.run("client", "log", world.client_id[:13])
    assert fits(page)
    assert "by dana: pays on Friday" in page.words


async def test_the_log_holds_what_was_decided_about_loose_money(world):
    document = await world.bill()
    object_id = await world.pay(document, 15_000)
    asked = await world.ask("NO_REFERENCE", case_id=f"payment/stripe/{object_id}", nobody=True)
    await reviews.decide(
        world.conn, asked.review_id, {"choice": "apply"}, "dana", "", asked.opened_at
    )
    events = (await world.run("client", "log", document.number, "--json")).json["events"]
    assert "desk decided: apply" in [each["what"] for each in events]


async def test_the_log_holds_nothing_of_another_client(world):
    document = await world.bill()
    stranger = world.client_id
    await world.conn.execute(
        "INSERT INTO clients (client_id, location_id, pms, pms_client_ref)"
        " VALUES ('other-' || $1, $2, 'boulevard', 'other')",
        stranger,
        world.location_id,
    )
    said = await world.run("client", "log", f"other-{stranger}", "--json")
    assert said.json["events"] == []
    assert document.number not in said.out


async def test_an_unknown_client_is_one_sentence(world):
    said = await world.run("client", "log", "nobody")
    assert "There is no client nobody" in one_sentence(said, 1)


async def test_openings_are_booked_once_however_often_they_are_imported(world, tmp_path):
    openings = json.loads((ROOT / "examples" / "openings.json").read_text())
    openings["location_id"] = world.location_id
    for number, lot in enumerate(
        lot
        for client in openings["clients"]
        for kind in ("unit_lots", "money_lots")
        for lot in client["opening"].get(kind, [])
    ):
        lot["lot_id"] = f"{world.location_id}-{number}"
    file = tmp_path / "openings.json"
    file.write_text(json.dumps(openings))
    first = await world.run("client", "import", str(file), "--json")
    assert first.code == 0, first
    booked = await ledger.account_balances(world.conn, world.location_id)
    assert booked == {"2010": -360_000, "2030": -19_000, "2040": -10_000, "3000": 389_000}
    again = await world.run("client", "import", str(file), "--json")
    assert again.json == first.json
    assert await ledger.account_balances(world.conn, world.location_id) == booked
    assert len(await known_lots(world.conn, first.json["client_ids"][0])) == 2


async def test_a_bad_openings_file_is_one_sentence_and_books_nothing(world, tmp_path):
    file = tmp_path / "openings.json"
    file.write_text('{"location_id": "x", "opened_at": "2026-01-01T00:00:00Z", "clients": [{}]}')
    said = await world.run("client", "import", str(file))
    assert "clients.0.pms_client_ref is wrong" in one_sentence(said, 1)
    said = await world.run("client", "import", str(tmp_path / "none.json"))
    assert "cannot be read" in one_sentence(said, 1)


async def test_one_number_at_two_locations_is_never_guessed(world, second_world):
    document, twin = await world.bill(), await second_world.bill()
    assert twin.number == document.number
    sentence = one_sentence(await world.run("visit", "show", document.number), 1)
    assert f"2 visits answer to {document.number}; give an order id: " in sentence
    assert twin.case_id.rpartition("/")[2] in sentence
