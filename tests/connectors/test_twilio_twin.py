"""The Messages twin itself: its journeys, its opt-outs, and Twilio's published contract."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from connectors.messaging.twilio import TwilioTexts
from connectors.messaging.twilio_codes import MEANINGS, REPORT_STATES
from connectors.ports import Accepted, OutgoingText, Refused
from sandbox import twilio_contract
from tests.connectors.messaging_twin import CREDENTIALS, Twin, closing, served_twin

ANA = "+15125550142"
ACCOUNT = CREDENTIALS["twilio_account_sid"]
SERVICE = CREDENTIALS["twilio_messaging_service_sid"]
PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
OPENAPI = Path(__file__).parents[3] / "shared" / "data" / "twilio_messages_openapi.json"


@pytest.fixture
def twin() -> Iterator[Twin]:
    with served_twin() as twin:
        yield twin


@pytest.fixture
async def texts(twin: Twin) -> AsyncIterator[TwilioTexts]:
    async with closing(twin.texts()) as texts:
        yield texts


@pytest.fixture
async def api(twin: Twin) -> AsyncIterator[httpx.AsyncClient]:
    """Twilio's API as any HTTP client sees it."""
    async with httpx.AsyncClient(
        base_url=f"{twin.url}/twilio/2010-04-01/Accounts/{ACCOUNT}",
        auth=(ACCOUNT, CREDENTIALS["twilio_auth_token"]),
    ) as client:
        yield client


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    if not OPENAPI.exists():
        pytest.skip("Twilio's OpenAPI file is not beside this checkout")
    loaded: dict[str, Any] = json.loads(OPENAPI.read_text())
    return loaded


def text(validity: int = 600) -> OutgoingText:
    return OutgoingText(
        message_key="k1", to_e164=ANA, body="A new statement", validity_seconds=validity
    )


class TestJourney:
    async def test_walks_to_delivered_and_signs_each_step(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        await texts.send(text())
        await twin.until(lambda: len(twin.callbacks) == 2)
        steps = [dict(parse_qsl(raw.decode()))["MessageStatus"] for raw, _, _ in twin.callbacks]
        assert steps == ["sent", "delivered"]
        assert twin.sms()[0]["status"] == "delivered"

    async def test_a_text_that_outlives_its_validity_does_not_go_out(
        self, twin: Twin, texts: TwilioTexts
    ) -> None:
        twin.box.state.put("setting", "twilio_pace", {"sent_seconds": 60})
        await texts.send(text(validity=1))
        (doc,) = await twin.until(lambda: [d for d in twin.sms() if d["status"] == "failed"])
        assert doc["error_code"] == 30036
        assert doc["sent_at"] is None

    async def test_stop_blocks_and_start_opens_again(self, twin: Twin, texts: TwilioTexts) -> None:
        async with httpx.AsyncClient(base_url=f"{twin.url}/_control/twilio") as phone:
            await phone.post("/inbound", json={"from": ANA, "body": " stop "})
            assert await texts.send(text()) == Refused(code="21610", kind="opted_out")
            await phone.post("/inbound", json={"from": ANA, "body": "START"})
        assert isinstance(await texts.send(text()), Accepted)
        replies = twin.box.state.list("sms", lambda doc: doc["direction"] == "outbound-reply")
        assert [reply["to"] for reply in replies] == [ANA, ANA]

    async def test_every_magic_number_has_a_meaning(self) -> None:
        codes = {code for code, _ in twilio_contract.REFUSED_RECIPIENTS.values()}
        codes |= {code for _, code in twilio_contract.FAILING_RECIPIENTS.values()}
        assert codes <= set(MEANINGS)


class TestApi:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"To": ""}, 21604),
            ({"To": "5550142"}, 21211),
            ({"Body": ""}, 21602),
            ({"Body": "x" * 1601}, 21617),
            ({"MessagingServiceSid": ""}, 21701),
            ({"ValidityPeriod": "0"}, 20001),
            ({"ValidityPeriod": "36001"}, 20001),
            ({"ValidityPeriod": "soon"}, 20001),
            ({"StatusCallback": "nowhere"}, 21609),
            ({"SendAt": "2026-12-01T00:00:00+00:00"}, 20001),
            ({"MessageKey": "k1"}, 20001),
        ],
    )
    async def test_refuses_as_twilio_does(
        self, twin: Twin, api: httpx.AsyncClient, changes: dict[str, str], code: int
    ) -> None:
        good = {"To": ANA, "Body": "x", "MessagingServiceSid": SERVICE}
        answer = await api.post("/Messages.json", data={**good, **changes})
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert set(answer.json()) == {"code", "message", "more_info", "status"}
        assert twin.sms() == []

    async def test_needs_a_sender(self, api: httpx.AsyncClient) -> None:
        answer = await api.post("/Messages.json", data={"To": ANA, "Body": "x"})
        assert answer.json()["code"] == 21603

    async def test_pages_newest_first_by_recipient(self, api: httpx.AsyncClient) -> None:
        for number in range(5):
            to = ANA if number != 2 else "+15125550143"
            await api.post("/Messages.json", data={"To": to, "Body": f"{number}", "From": "+1"})
        first = (await api.get("/Messages.json", params={"To": ANA, "PageSize": 3})).json()
        assert [row["body"] for row in first["messages"]] == ["4", "3", "1"]
        host = f"{api.base_url.scheme}://{api.base_url.netloc.decode()}/twilio"
        second = (await api.get(host + first["next_page_uri"])).json()
        assert [row["body"] for row in second["messages"]] == ["0"]
        assert second["next_page_uri"] is None

    async def test_reads_one_and_knows_no_other(
        self, texts: TwilioTexts, api: httpx.AsyncClient
    ) -> None:
        sent = await texts.send(text())
        assert isinstance(sent, Accepted)
        assert (await api.get(f"/Messages/{sent.provider_id}.json")).json()["to"] == ANA
        missing = await api.get("/Messages/SM0.json")
        assert (missing.status_code, missing.json()["code"]) == (404, 20404)


class TestContract:
    def test_parameters_are_the_published_ones(self, openapi: dict[str, Any]) -> None:
        operation = openapi["paths"][PATH]
        form = operation["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
        assert set(form["schema"]["properties"]) == twilio_contract.CREATE_PARAMETERS
        query = {item["name"] for item in operation["get"]["parameters"] if item["in"] == "query"}
        assert query == twilio_contract.LIST_PARAMETERS

    def test_statuses_are_the_published_ones(self, openapi: dict[str, Any]) -> None:
        statuses = set(openapi["components"]["schemas"]["message_enum_status"]["enum"])
        assert statuses == twilio_contract.STATUSES
        assert statuses - {"receiving", "received"} == set(REPORT_STATES)

    async def test_a_message_has_the_published_shape(
        self, openapi: dict[str, Any], texts: TwilioTexts, api: httpx.AsyncClient
    ) -> None:
        sent = await texts.send(text())
        assert isinstance(sent, Accepted)
        message = (await api.get(f"/Messages/{sent.provider_id}.json")).json()
        fields = openapi["components"]["schemas"]["api.v2010.account.message"]["properties"]
        assert set(message) == set(fields)
        kinds = {"string": str, "integer": int, "object": dict}
        for name, schema in fields.items():
            value = message[name]
            if value is None:
                assert schema.get("nullable"), name
                continue
            assert isinstance(value, kinds[schema.get("type", "string")]), name
            assert re.search(schema.get("pattern", ""), str(value)), name
        created = parsedate_to_datetime(message["date_created"])
        assert abs((datetime.now(UTC) - created).total_seconds()) < 5

    async def test_what_we_send_is_published(self, openapi: dict[str, Any], twin: Twin) -> None:
        async with closing(twin.texts()) as texts:
            await texts.send(text())
        (call,) = twin.box.state.list("call")
        form = openapi["paths"][PATH]["post"]["requestBody"]["content"]
        fields = form["application/x-www-form-urlencoded"]["schema"]["properties"]
        assert set(call["request"]) <= set(fields)
        pattern = fields["MessagingServiceSid"]["pattern"]
        assert re.fullmatch(pattern, call["request"]["MessagingServiceSid"])
