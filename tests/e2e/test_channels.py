"""Who carries the messages, and how fast all of them stop: real processes, real commands."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.play import TOXIN_20, TOXIN_40, Case, Play, new_patient
from tests.e2e.test_messages import reply, states, until_states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PERSON = ("--by", "dana", "--reason", "test")
BOUND = timedelta(seconds=5)
DAY_3 = 2.918
"""From Thursday at 14:00 to two minutes after Sunday noon: each minute is a dozen retries."""


async def said(play: Play, *words: str) -> str:
    done = await play.run(*words, *PERSON)
    assert done.code == 0, done.err
    return done.out


async def by_podium(play: Play) -> None:
    await said(play, "channel", "agree", "lumin", "sms", "podium", "--since", "2026-02-01")
    await said(play, "channel", "on", "lumin", "sms")


async def by_twilio(play: Play) -> None:
    await said(play, "channel", "agree", "lumin", "sms", "twilio", "--since", "2026-02-01")
    await said(play, "channel", "on", "lumin", "sms")


async def podium_texts(play: Play, case: Case) -> list[dict[str, Any]]:
    docs = await play.practice.docs("podium_message")
    return [doc for doc in docs if doc["to"] == case.patient.phone_e164]


class TestProviders:
    async def test_texts_go_by_the_provider_that_was_agreed_with(self, play: Play) -> None:
        await by_podium(play)
        try:
            case = await play.billed(TOXIN_40)
            await play.flush()
            [text] = await podium_texts(play, case)
            assert "/p/" in text["body"]
            assert await play.texts(case) == []
            [row] = [one for one in await play.messages(case, "invoice") if one.channel == "sms"]
            assert (row.provider, row.provider_id) == ("podium", f"podium:{text['uid']}")
            said_no = {"from": case.patient.phone_e164, "body": "STOP"}
            await play.practice.control("podium/inbound", said_no)

            async def recorded() -> bool:
                return bool(
                    await play.fetch(
                        "SELECT 1 FROM consent_events WHERE client_id = $1 AND NOT allowed",
                        case.client_id,
                    )
                )

            await play.until(recorded, "the opt-out", case)
        finally:
            await by_twilio(play)

    @pytest.mark.parametrize("kind", ["reset_after", "error_after"])
    async def test_a_webhook_proves_the_text_whose_answer_was_lost(
        self, play: Play, kind: str
    ) -> None:
        await by_podium(play)
        try:
            await play.fault("podium", "messages.send", kind)
            case = await play.billed(TOXIN_40)
            assert len(await podium_texts(play, case)) == 1
            assert "MESSAGE_UNKNOWN" not in await play.codes(case)
        finally:
            await by_twilio(play)

    async def test_a_text_that_nobody_can_look_up_is_a_persons_question(self, play: Play) -> None:
        await by_podium(play)
        try:
            await play.fault("podium", "messages.send", "reset_before")
            case = await play.case(TOXIN_40)
            await play.question(case, "MESSAGE_UNKNOWN")
            assert await podium_texts(play, case) == []
            assert await play.texts(case) == []
            assert len(await play.mails(case)) == 1
        finally:
            await by_twilio(play)

    async def test_a_landline_at_podium_gets_an_email(self, play: Play) -> None:
        await by_podium(play)
        try:
            case = await play.case(TOXIN_40, patient=new_patient(phone_end="0003"))
            await until_states(play, case, "invoice", {"sms": "failed", "email": "accepted"})
        finally:
            await by_twilio(play)

    async def test_a_channel_that_is_off_leaves_the_other_one(self, play: Play) -> None:
        await said(play, "channel", "off", "lumin", "sms")
        try:
            case = await play.case(TOXIN_20)
            await play.until_out(case, "invoice")
            assert (await states(play, case, "invoice"))["email"] in ("accepted", "delivered")
            assert await play.texts(case) == []
        finally:
            await said(play, "channel", "on", "lumin", "sms")
        case = await play.billed(TOXIN_20)
        assert len(await play.texts(case)) == 1

    async def test_a_reply_by_twilio_is_still_heard(self, play: Play) -> None:
        case = await play.billed(TOXIN_40)
        await reply(play, case, "STOP")

        async def recorded() -> bool:
            return bool(
                await play.fetch(
                    "SELECT 1 FROM consent_events WHERE client_id = $1 AND NOT allowed",
                    case.client_id,
                )
            )

        await play.until(recorded, "the opt-out", case)


async def taken(play: Play, cases: list[Case]) -> list[datetime]:
    """When the twins took each message to one of the patients."""
    found = [doc for case in cases for doc in await play.texts(case)]
    found += [doc for case in cases for doc in await play.mails(case)]
    return [datetime.fromisoformat(doc["at"]) for doc in found]


async def attempts(play: Play, case: Case) -> int:
    """How often the case has tried the activity that it waits for."""
    described = await play.practice.case(case.case_id).describe()
    return max((one.attempt for one in described.raw_description.pending_activities), default=0)


async def thrown_at(play: Play) -> datetime:
    [row] = await play.fetch("SELECT max(recorded_at) AS at FROM switch_changes")
    return row["at"].astimezone(UTC)


class TestKillSwitch:
    async def test_nothing_is_taken_five_seconds_after_it(self, play: Play) -> None:
        """Sends under way at a slow twin, sends that wait for their turn, visits still to come."""
        await play.fault("twilio", "messages.create", "slow", times=1000, seconds=2.5)
        await play.fault("smtp", "smtp.data", "rate_limit", times=1000)
        cases = [await play.case(TOXIN_20) for _ in range(6)]

        async def under_way() -> bool:
            rows = await play.fetch(
                "SELECT 1 FROM touchpoints WHERE case_id = ANY($1) AND state = 'sending'",
                [case.case_id for case in cases],
            )
            return bool(rows)

        await play.until(under_way, "a send that is under way")
        await said(play, "switch", "set", "lumin", "send", "off")
        try:
            late = await play.case(TOXIN_20)
            await play.clear_faults()
            switched_off = await thrown_at(play)

            async def settled() -> bool:
                rows = await play.fetch(
                    "SELECT state FROM touchpoints WHERE case_id = ANY($1)"
                    " AND state IN ('intent', 'sending', 'unknown')",
                    [case.case_id for case in cases],
                )
                return not rows and datetime.now(UTC) > switched_off + BOUND

            await play.until(settled, "the end of every attempt", cases[0])
            when = await taken(play, [*cases, late])
            assert [at for at in when if at > switched_off + BOUND] == []
            assert await taken(play, [late]) == []
            skipped = await play.fetch(
                "SELECT 1 FROM touchpoints WHERE case_id = ANY($1) AND reason = 'SWITCHED_OFF'",
                [case.case_id for case in [*cases, late]],
            )
            assert skipped
        finally:
            await play.clear_faults()
            await said(play, "switch", "set", "lumin", "send", "live")

    async def test_a_reminder_that_is_being_retried_stops(self, play: Play) -> None:
        cases = [await play.billed(TOXIN_20) for _ in range(3)]
        await play.fault("twilio", "messages.create", "rate_limit", times=1000)
        await play.fault("smtp", "smtp.data", "rate_limit", times=1000)
        before = len(await taken(play, cases))
        await asyncio.gather(*(play.practice.skip(case.case_id, DAY_3) for case in cases))
        assert min([await attempts(play, case) for case in cases]) >= 1
        await said(play, "switch", "set", "lumin", "chase", "off")
        try:
            await play.clear_faults()
            await asyncio.sleep(8)
            switched_off = await thrown_at(play)
            when = await taken(play, cases)
            assert [at for at in when if at > switched_off + BOUND] == []
            assert len(when) - before <= 2 * len(cases)
        finally:
            await said(play, "switch", "set", "lumin", "chase", "live")
