"""What was said about consent adds up in the order in which it was said."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from domain import consent
from domain.case import Channel
from domain.consent import AddressWord, ConsentWord, Permission, StopRule, stop_rule
from domain.unsubscribe import client_of, token_for, unsubscribe_url

T0 = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


def said(hour: int, scope: str, allowed: bool, how: str = "desk", **more: object) -> ConsentWord:
    values = {"channel": "sms", "scope": scope, "allowed": allowed, "how": how, "number": hour}
    at = T0 + timedelta(hours=hour)
    return ConsentWord.model_validate({"at": at, **values, **more})


def stop(hour: int) -> ConsentWord:
    return said(hour, "all", False, "sms-reply")


def start(hour: int) -> ConsentWord:
    return said(hour, "all", True, consent.RESTORED)


def may(*words: ConsentWord, of: str = "billing", channel: Channel = Channel.SMS) -> Permission:
    return consent.permission(words, (), channel, of, True)


def reason(*words: ConsentWord, of: str = "billing") -> str | None:
    return may(*words, of=of).reason


def test_without_a_word_only_billing_is_allowed() -> None:
    assert may().ok
    assert reason(of="care") == "no_consent"
    assert reason(of="marketing") == "no_consent"


def test_marketing_needs_writing_and_care_does_not() -> None:
    assert reason(said(1, "marketing", True, "verbal"), of="marketing") == "no_consent"
    assert may(said(1, "marketing", True, "written"), of="marketing").ok
    assert may(said(1, "care", True, "verbal"), of="care").ok
    assert reason(said(1, "care", True, "verbal"), of="marketing") == "no_consent"


def test_a_word_about_one_channel_says_nothing_about_the_other() -> None:
    assert may(stop(1), channel=Channel.EMAIL).ok
    assert reason(stop(1)) == "opted_out"


def test_one_class_can_be_ended_alone() -> None:
    words = (said(1, "marketing", True, "written"), said(2, "marketing", False))
    assert reason(*words, of="marketing") == "opted_out"
    assert may(*words).ok


def test_start_gives_back_only_what_stop_took() -> None:
    written = said(0, "marketing", True, "written")
    assert may(stop(1), start(2)).ok
    assert reason(stop(1), start(2), of="marketing") == "no_consent"
    assert may(written, stop(1), start(2), of="marketing").ok
    assert reason(said(0, "billing", False), stop(1), start(2)) == "opted_out"
    assert reason(stop(1), said(2, "billing", False), start(3)) == "opted_out"
    assert may(stop(1), stop(2), start(3)).ok


def test_start_alone_grants_nothing() -> None:
    assert reason(start(1), of="care") == "no_consent"
    assert reason(said(1, "billing", False), start(2)) == "opted_out"


LATE = {"number": 99}
"""Written down after everything else, whenever it was said."""


@pytest.mark.parametrize("order", list(permutations((start(1).model_copy(update=LATE), stop(2)))))
def test_an_old_start_that_comes_late_restores_nothing(order: tuple[ConsentWord, ...]) -> None:
    assert reason(*order) == "opted_out"


def test_said_at_the_same_instant_the_later_row_counts() -> None:
    at = T0
    assert reason(start(1).model_copy(update={"at": at}), stop(2).model_copy(update={"at": at}))
    assert may(stop(1).model_copy(update={"at": at}), start(2).model_copy(update={"at": at})).ok


def test_detail_is_what_was_agreed_to_last() -> None:
    detailed = said(1, "billing", True, "written", detail="detailed")
    assert may().detail == "neutral"
    assert may(detailed).detail == "detailed"
    assert may(detailed, said(2, "billing", True, "verbal")).detail == "neutral"
    assert may(detailed, stop(2), start(3)).detail == "detailed"


def address(hour: int, suppressed: bool, reason: str) -> AddressWord:
    at = T0 + timedelta(hours=hour)
    return AddressWord(
        channel=Channel.SMS, suppressed=suppressed, reason=reason, at=at, number=hour
    )


def barred(*words: AddressWord, channel: Channel = Channel.SMS) -> bool:
    found = consent.permission((), words, channel, "billing", True)
    return found.reason == "address_suppressed"


def test_start_lifts_the_stop_of_a_number_and_no_other_reason() -> None:
    lifted = address(3, False, consent.RESTORED)
    assert barred(address(1, True, consent.STOPPED))
    assert not barred(address(1, True, consent.STOPPED), lifted)
    assert barred(address(1, True, "wrong_person"), lifted)
    assert barred(address(1, True, "wrong_person"), address(2, True, consent.STOPPED), lifted)
    assert barred(lifted.model_copy(update=LATE), address(4, True, consent.STOPPED))
    assert not barred(address(1, True, "wrong_person"), address(2, False, "corrected"))
    assert not barred(address(1, True, "bounced"), channel=Channel.EMAIL)


def test_no_address_is_said_first() -> None:
    assert consent.permission((), (), Channel.SMS, "billing", False).reason == "no_address"


def test_the_scope_of_a_stop_is_dated_data() -> None:
    rules = (
        StopRule(since=date.min, scope="billing", channels=(Channel.SMS,)),
        StopRule(since=date(2027, 1, 31), scope="all", channels=(Channel.SMS, Channel.EMAIL)),
    )
    assert stop_rule(date(2027, 1, 30), rules).scope == "billing"
    assert stop_rule(date(2027, 1, 31), rules).scope == "all"
    assert stop_rule(date(2026, 11, 22)).scope == "all"


def sign(text: str) -> bytes:
    return b"".join(bytes([ord(char) % 251]) for char in (text * 4)[-32:])


def test_a_token_names_its_client_and_nobody_else() -> None:
    token = token_for("client-1", sign)
    assert client_of(token, sign) == "client-1"
    assert unsubscribe_url("https://x.example", "client-1", sign) == f"https://x.example/u/{token}"
    other = token_for("client-2", sign)
    forged = f"{other.partition('.')[0]}.{token.partition('.')[2]}"
    for bad in (forged, token[:-2], token + "A", "", ".", "a.b", "é.é", token.replace(".", "")):
        assert client_of(bad, sign) is None, bad
