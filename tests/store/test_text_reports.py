"""Which message a report means that carries no reference of ours."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from domain.case import Channel
from store import channels, invoices, text_reports, touchpoints
from store.touchpoints import Touchpoint
from tests.agreed import channels_on

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


@pytest.fixture
async def podium(conn, practice):
    await channels_on(conn, practice.location_id, sms="podium")
    return practice


async def handed_over(conn, practice, case_id, step="invoice", channel=Channel.SMS):
    message = Touchpoint(
        message_key=uuid4().hex,
        case_id=case_id,
        client_id=practice.client_id,
        location_id=practice.location_id,
        step=step,
        channel=channel,
        template_version=1,
        local_date=date(2026, 3, 5),
        at=AT,
    )
    await touchpoints.open_intent(conn, message)
    return await touchpoints.mark_sending(conn, message.message_key, 1)


async def link(conn, practice, case_id):
    token = await invoices.pay_link(conn, case_id, practice.client_id, practice.location_id)
    return f"Hi, Lumin has a new statement: https://pay.test/p/{token} STOP to opt out"


async def test_the_carrier_of_each_attempt_is_noted(conn, podium):
    row = await handed_over(conn, podium, podium.case())
    assert row.provider == "podium"
    mail = await handed_over(conn, podium, podium.case(), channel=Channel.EMAIL)
    assert mail.provider == "smtp"
    await channels_on(conn, podium.location_id)
    await touchpoints.mark(conn, row.message_key, "accepted", provider_id=f"podium:{uuid4()}")
    assert (await touchpoints.get(conn, row.message_key)).provider == "podium"
    assert (await channels.of_location(conn, podium.location_id))["sms"].provider == "twilio"


async def test_the_providers_own_id_wins(conn, podium):
    row = await handed_over(conn, podium, podium.case())
    provider_id = f"podium:{uuid4()}"
    await touchpoints.mark(conn, row.message_key, "accepted", provider_id=provider_id)
    found = await text_reports.key_of(conn, "podium", provider_id, "")
    assert found == row.message_key


@pytest.mark.parametrize("state", ["sending", "unknown"])
async def test_a_pay_link_names_the_text_whose_answer_was_lost(conn, podium, state):
    case_id = podium.case()
    row = await handed_over(conn, podium, case_id)
    words = await link(conn, podium, case_id)
    if state == "unknown":
        await touchpoints.mark(conn, row.message_key, "unknown")
    assert await text_reports.key_of(conn, "podium", "podium:new", words) == row.message_key
    for wrong in (words.replace("/p/", "/q/"), words[:-40], words.replace("/p/", "/p/x"), ""):
        assert await text_reports.key_of(conn, "podium", "podium:new", wrong) is None
    assert await text_reports.key_of(conn, "twilio", "podium:new", words) is None


async def test_what_could_be_two_messages_or_an_answered_one_is_none(conn, podium):
    case_id = podium.case()
    first = await handed_over(conn, podium, case_id)
    words = await link(conn, podium, case_id)
    second = await handed_over(conn, podium, case_id, step="day-3")
    assert await text_reports.key_of(conn, "podium", "podium:new", words) is None
    await touchpoints.mark(conn, first.message_key, "accepted", provider_id=f"podium:{uuid4()}")
    assert await text_reports.key_of(conn, "podium", "podium:new", words) == second.message_key
    await touchpoints.mark(conn, second.message_key, "failed")
    assert await text_reports.key_of(conn, "podium", "podium:new", words) is None
