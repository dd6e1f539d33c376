"""`tieout client log`: what was not sent and why, what was received, and the file of it all."""

import json
from datetime import UTC, date, datetime
from uuid import uuid4

from domain.case import Channel
from store import clients, consents, holds, send_answers, touchpoints
from tests.cli.conftest import AT, EMAIL, PHONE
from tests.cli.desk import one_sentence


async def test_the_log_says_why_nothing_was_sent_until_when_and_by_which_rule(world):
    document = await world.bill()
    until = datetime(2026, 3, 9, 15, tzinfo=UTC)
    answer = send_answers.SendAnswer(
        case_id=document.case_id,
        client_id=world.client_id,
        location_id=world.location_id,
        document_id=document.document_id,
        step="day-3",
        priority=1,
        answer="moved",
        reason="ONE_A_DAY",
        rule="D12",
        policy_version=4,
        until=until,
        at=until,
    )
    await send_answers.note(world.conn, answer)
    held = answer.model_copy(update={"answer": "held", "reason": "dispute", "until": None})
    await send_answers.note(world.conn, held.model_copy(update={"rule": "D6"}))
    page = (await world.run("client", "log", world.client_id)).words
    assert "looked at again at 2026-03-09 10:00" in page, "as the location's clock shows it"
    by_what = await _log_by_what(world)
    moved = by_what["day-3 not sent: moved to a later day, looked at again at 2026-03-09T15:00:00Z"]
    assert (moved["why"], moved["rule"]) == ("one a day", "rule D12, policy 4")
    stopped = by_what["day-3 not sent: held until a person lets it go"]
    assert (stopped["why"], stopped["rule"]) == ("dispute", "rule D6, policy 4")


async def test_the_log_holds_holds_consent_and_dead_addresses(world):
    hold = holds.ClientHold(
        hold_id=uuid4().hex,
        client_id=world.client_id,
        kind="exclusion",
        placed_by="dana",
        reason="moved away",
        placed_at=AT,
        until=date(2026, 5, 1),
    )
    await holds.place(world.conn, hold)
    await holds.release(world.conn, hold.hold_id, "lee", "came back", AT)
    contact = clients.Contact(first_name="Fern", last_name="A", phone_e164="+15125550188")
    place = (world.client_id, world.location_id, "boulevard", world.client_id)
    await clients.upsert_client(world.conn, world.vault, *place, contact)
    phone = clients.phone_digest(world.vault, "+15125550188")
    await consents.suppress_address(world.conn, phone, "sms", "wrong_person")
    await consents.suppress_address(world.conn, phone, "email", "not theirs")
    by_what = await _log_by_what(world)
    assert by_what["hold placed: exclusion, silent to 2026-05-01"]["why"] == "by dana: moved away"
    assert by_what["hold released: exclusion"]["why"] == "by lee: came back"
    assert by_what["SMS address suppressed"]["why"] == "wrong_person"
    assert len(by_what) == 3


async def test_the_log_names_the_words_of_a_message_and_replies_without_their_text(world):
    document = await world.bill()
    key = uuid4().hex
    intent = touchpoints.Touchpoint(
        message_key=key,
        case_id=document.case_id,
        client_id=world.client_id,
        location_id=world.location_id,
        document_id=document.document_id,
        step="invoice",
        channel=Channel.SMS,
        template_version=2,
        local_date=AT.date(),
        at=AT,
    )
    await touchpoints.open_intent(world.conn, intent)
    await touchpoints.begin(world.conn, {key: "invoice.es.neutral"}, ["send"], AT)
    await world.reply(f"reply/{world.location_id}/{world.client_id}")
    by_what = await _log_by_what(world)
    said = by_what["SMS invoice: handed to the provider"]
    assert said["rule"] == "invoice, template 2 (invoice.es.neutral)"
    assert "twilio told us: message.received" in by_what


async def _log_by_what(world):
    events = (await world.run("client", "log", world.client_id, "--json")).json["events"]
    return {each["what"]: each for each in events}


async def test_the_log_is_exported_as_one_private_file_that_is_never_replaced(world, tmp_path):
    document = await world.bill()
    await world.message(document)
    file = tmp_path / "log.json"
    said = await world.run("client", "log", document.number, "--export", str(file), "--json")
    assert said.json == {"client_id": world.client_id, "file": str(file), "event_count": 6}
    assert file.stat().st_mode & 0o777 == 0o600
    whole = json.loads(file.read_text())
    shown = (await world.run("client", "log", document.number, "--json")).json
    assert whole["events"] == shown["events"]
    assert {name: whole[name] for name in ("schema", "client_id", "location_id")} == {
        "schema": 1,
        "client_id": world.client_id,
        "location_id": world.location_id,
    }
    for personal in ("Fern", "Abbott", PHONE, EMAIL):
        assert personal not in file.read_text()
    again = await world.run("client", "log", document.number, "--export", str(file))
    assert "is there already" in one_sentence(again, 1)
    lost = await world.run("client", "log", document.number, "--export", str(tmp_path / "no" / "x"))
    assert "cannot be written" in one_sentence(lost, 1)
