"""Each text by the provider that was agreed with; a system that cannot send says so."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.messaging.handoff import EmrTexts
from connectors.messaging.providers import PROVIDERS
from connectors.messaging.routing import RoutedTexts
from connectors.ports import (
    Accepted,
    DeliveryReport,
    Misconfigured,
    OutgoingText,
    PmsCapabilities,
    Refused,
    SignatureRefused,
)
from tests.fakes import FakePms, FakeText

AT = datetime(2026, 3, 5, tzinfo=UTC)


class Podium(FakeText):
    def __init__(self) -> None:
        super().__init__(name="podium")
        self.cancelled: list[str] = []

    async def cancel(self, provider_id: str) -> bool:
        self.cancelled.append(provider_id)
        return True

    async def report(self, provider_id: str) -> DeliveryReport | None:
        return DeliveryReport(message_key="", provider_id=provider_id, state="sent")


class TextingPms(FakePms):
    """A system that texts patients for a program."""

    def __init__(self) -> None:
        super().__init__(name="chatty")
        self.texts: list[OutgoingText] = []

    @property
    def capabilities(self) -> PmsCapabilities:
        return super().capabilities.model_copy(update={"sends_texts": True})

    async def send_text(self, text: OutgoingText) -> Accepted | Refused:
        self.texts.append(text)
        return Accepted(provider_id="emr:1")

    async def find_text(self, text: OutgoingText, since: datetime) -> Accepted | Refused | None:
        return None


def text(provider: str = "", location_id: str = "lumin") -> OutgoingText:
    return OutgoingText(
        message_key="k",
        to_e164="+15125550142",
        body="x",
        validity_seconds=60,
        provider=provider,
        location_id=location_id,
    )


def emr(pms: Mapping[str, Any]) -> EmrTexts:
    return EmrTexts(pms)


async def test_a_text_goes_by_its_provider_and_is_asked_about_there() -> None:
    first, second = FakeText(), Podium()
    texts = RoutedTexts(first, second)
    await texts.send(text("podium"))
    assert (len(first.sent), len(second.sent)) == (0, 1)
    assert await texts.find(text("podium"), AT) is not None
    assert await texts.find(text("twilio"), AT) is None
    await texts.send(text())
    await texts.send(text("twilio"))
    assert (len(first.sent), len(second.sent)) == (2, 1)
    assert texts.name == "twilio"


async def test_an_id_says_who_can_take_its_text_back() -> None:
    second = Podium()
    texts = RoutedTexts(FakeText(), second)
    assert await texts.cancel("podium:1") is True
    assert await texts.cancel("SM1") is False
    assert await texts.cancel("nobody:1") is False
    assert second.cancelled == ["podium:1"]
    assert [await texts.report(name) is None for name in ("podium:1", "SM1", "nobody:1")] == [
        *(False, True, True)
    ]


async def test_a_provider_that_is_not_set_up_sends_nothing() -> None:
    first = FakeText()
    texts = RoutedTexts(first)
    with pytest.raises(Misconfigured, match="podium is not set up"):
        await texts.send(text("podium"))
    with pytest.raises(Misconfigured):
        await texts.find(text("podium"), AT)
    assert first.sent == []


async def test_a_system_that_cannot_send_says_so_before_anything_is_sent() -> None:
    texts = emr({"lumin": FakePms()})
    for call in (texts.send(text()), texts.find(text(), AT)):
        with pytest.raises(Misconfigured, match="boulevard cannot send texts"):
            await call
    assert await texts.cancel("emr:1") is False
    assert await texts.report("emr:1") is None
    with pytest.raises(SignatureRefused):
        texts.verify(b"", {}, "")


async def test_a_system_that_can_is_handed_the_text() -> None:
    pms = TextingPms()
    texts = RoutedTexts(FakeText(), emr({"lumin": pms, "other": FakePms()}))
    assert await texts.send(text("emr")) == Accepted(provider_id="emr:1")
    assert [one.body for one in pms.texts] == ["x"]
    assert await texts.find(text("emr"), AT) is None
    with pytest.raises(Misconfigured):
        await texts.send(text("emr", "other"))


def test_every_provider_has_one_sentence_about_it() -> None:
    assert {name for name, one in PROVIDERS.items() if not one.sends} == {"emr"}
    for name, one in PROVIDERS.items():
        assert one.name == name
        assert one.note.endswith(".")
        assert len(one.note) > 20
