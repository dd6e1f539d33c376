"""Lenders against their twins over real HTTP: reads, faults, limits, signed webhooks, files."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.lenders.alphaeon import alphaeon
from connectors.lenders.carecredit import CareCredit
from connectors.lenders.cherry import cherry
from connectors.lenders.patientfi import patientfi
from connectors.lenders.platform import PlatformLender
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    ProviderUnavailable,
    RateLimited,
    Refused,
    SignatureRefused,
)
from domain.lender_news import Context, FundingState, News, Thing
from domain.plan_case import PlanStatus
from domain.plan_facts import FactSource
from sandbox.faults import Fault
from sandbox.lenders import PLATFORMS
from tests.connectors.lender_world import Twins, serving

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MAKE = {"cherry": cherry, "patientfi": patientfi, "alphaeon": alphaeon}


@pytest.fixture(scope="module")
def served() -> Iterator[Twins]:
    with serving() as made:
        yield made


@pytest.fixture
def twins(served: Twins) -> Twins:
    served.forget()
    return served


@pytest.fixture
async def lenders(twins: Twins) -> AsyncIterator[dict[str, PlatformLender]]:
    made = {name: make(twins.access(name)) for name, make in MAKE.items()}
    yield made
    for each in made.values():
        await each.aclose()


def context(lender: Any, source: FactSource = FactSource.POLL) -> Context:
    return Context(
        contract=lender.contract,
        location_id="lumin",
        zone="America/Chicago",
        source=source,
        observed_at=datetime.now(UTC),
    )


async def everything(lender: PlatformLender, thing: Thing, since: datetime = LONG_AGO) -> News:
    news, following = News(), None
    while True:
        page = await lender.read_page(thing, since, following, context(lender))
        news, following = news + page.news, page.following
        if following is None:
            return news


@pytest.mark.parametrize("name", MAKE)
async def test_a_plan_is_read_from_application_to_money(twins, lenders, name):
    lender = lenders[name]
    app = twins.act(name, "apply", patient="pat-7")
    twins.act(name, "decide", id=app["id"], status="approved", approved_amount=300_000)
    signed = twins.act(name, "transact", application=app["id"], amount=280_000, visit="visit-7")
    twins.act(name, "answer", id=signed["id"], status="accepted")
    twins.act(name, "fund", id=signed["id"], parts=2)
    (applied,) = (await everything(lender, Thing.APPLICATION)).facts
    assert (applied.status, applied.approved_cents) == (PlanStatus.APPROVED, 300_000)
    (contract,) = (await everything(lender, Thing.CONTRACT)).facts
    assert (contract.plan_id, contract.status) == (app["id"], PlanStatus.FUNDED)
    money = (await everything(lender, Thing.FUNDING)).fundings
    assert sum(each.gross_cents or 0 for each in money) == 280_000
    assert {(each.state, each.loan_id) for each in money} == {
        (FundingState.COMPLETED, signed["id"])
    }
    one = await lender.read_one(Thing.CONTRACT, signed["id"], context(lender))
    assert isinstance(one, News)
    assert one.facts[0].financed_cents == 280_000


async def test_each_account_of_a_group_lists_its_own(twins):
    accounts = {"lumin": "m-1", "lake": "m-1-lake"}
    lender = cherry(twins.access("cherry", accounts=accounts))
    ours = twins.act("cherry", "transact", amount=5_000)
    theirs = twins.act("cherry", "transact", amount=7_000, merchant_id="m-1-lake")
    twins.act("cherry", "fund", id=theirs["id"])
    at_lake = context(lender).model_copy(update={"location_id": "lake"})
    for where, contract in ((context(lender), ours), (at_lake, theirs)):
        page = await lender.read_page(Thing.CONTRACT, LONG_AGO, None, where)
        assert [fact.contract_id for fact in page.news.facts] == [contract["id"]]
    money = await lender.read_page(Thing.FUNDING, LONG_AGO, None, at_lake)
    assert [each.loan_id for each in money.news.fundings] == [theirs["id"]]
    await lender.aclose()


async def test_a_rejected_transaction_that_is_accepted_after_all(twins, lenders):
    lender = lenders["patientfi"]
    asked = twins.act("patientfi", "transact", application="app_1", amount=5_000)
    for word, status in (("rejected", PlanStatus.REJECTED), ("accepted", PlanStatus.ACCEPTED)):
        twins.act("patientfi", "answer", id=asked["id"], status=word)
        one = await lender.read_one(Thing.CONTRACT, asked["id"], context(lender))
        assert isinstance(one, News)
        assert one.facts[0].status is status
    assert one.facts[0].first_payment_on is not None


async def test_pages_follow_each_other_and_windows_begin_where_they_are_told(twins, lenders):
    for _ in range(205):
        twins.box.state.append(
            "cherry_application",
            {
                "id": f"app_{len(twins.box.state.list('cherry_application'))}",
                "status": "submitted",
                "updated_at": "2026-11-02T10:00:00+00:00",
            },
        )
    assert len((await everything(lenders["cherry"], Thing.APPLICATION)).facts) == 205
    assert twins.box.meters["lenders"].count("cherry")["calls"] == 3
    late = datetime(2026, 11, 2, 10, 0, 1, tzinfo=UTC)
    assert (await everything(lenders["cherry"], Thing.APPLICATION, late)).facts == ()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "error_before"}, ProviderUnavailable),
        ({"kind": "error_before", "status": 400}, BadRequest),
        ({"kind": "reset_before"}, ProviderUnavailable),
        ({"kind": "rate_limit"}, RateLimited),
    ],
)
async def test_a_call_without_an_answer_may_be_repeated(twins, lenders, fault, error):
    twins.box.faults.add(Fault("cherry", "contract.list", **fault))
    with pytest.raises(error):
        await everything(lenders["cherry"], Thing.CONTRACT)
    assert (await everything(lenders["cherry"], Thing.CONTRACT)).facts == ()


async def test_a_key_that_nobody_activated_is_said_in_words_that_help(twins, lenders):
    twins.set("cherry", key={"activated": False})
    with pytest.raises(Misconfigured, match="activated in the practice's portal"):
        await everything(lenders["cherry"], Thing.CONTRACT)
    wrong = cherry(twins.access("cherry", api_key="other"))
    with pytest.raises(Misconfigured, match="refused the key"):
        await everything(wrong, Thing.CONTRACT)
    await wrong.aclose()


async def test_a_list_that_is_empty_although_its_total_is_not_is_no_answer(twins, lenders):
    twins.act("cherry", "apply", patient="pat-7")
    twins.set("cherry", empty={"times": 1})
    with pytest.raises(ProviderUnavailable, match="says 1 and lists none"):
        await everything(lenders["cherry"], Thing.APPLICATION)
    assert len((await everything(lenders["cherry"], Thing.APPLICATION)).facts) == 1


async def test_what_is_not_there_is_refused_and_a_foreign_location_has_no_account(lenders):
    cherry_ = lenders["cherry"]
    found = await cherry_.read_one(Thing.CONTRACT, "tx_none", context(cherry_))
    assert found == Refused(code="404", kind="not_found")
    elsewhere = context(cherry_).model_copy(update={"location_id": "elsewhere"})
    with pytest.raises(Misconfigured, match="no account"):
        await cherry_.read_one(Thing.CONTRACT, "tx_none", elsewhere)


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("form", ["seconds", "date", "none"])
async def test_a_full_window_names_its_pause_in_any_form(twins, lenders, kind, form):
    limits = {"calls": 2, "window_seconds": 600, "kind": kind, "retry_after": form}
    twins.set("alphaeon", limits=limits)
    for _ in range(2):
        await everything(lenders["alphaeon"], Thing.CONTRACT)
    with pytest.raises(RateLimited) as refused:
        await everything(lenders["alphaeon"], Thing.CONTRACT)
    pause = refused.value.retry_after_seconds
    assert (pause is None) if form == "none" else (pause is not None and 0 < pause <= Decimal(602))


WEBHOOKS = [("cherry", "application.approved"), ("patientfi", "application.approved")]
WEBHOOKS += [("alphaeon", "prequalification.prequalified")]


@pytest.mark.parametrize(("name", "kind"), WEBHOOKS)
async def test_a_webhook_is_proven_and_says_what_a_read_says(twins, lenders, name, kind):
    lender = lenders[name]
    app = twins.act(name, "apply", patient="pat-7", quiet=True)
    twins.act(name, "decide", id=app["id"], status="approved", approved_amount=300_000)
    ((_, raw, headers),) = await twins.heard(1)
    event = lender.verify(raw, headers, "lumin", datetime.now(UTC))
    assert (event.source, event.event_type) == (name, kind)
    (fact,) = lender.hear(raw, context(lender, FactSource.WEBHOOK)).facts
    assert (fact.plan_id, fact.status) == (app["id"], PlanStatus.APPROVED)
    assert fact.source is FactSource.WEBHOOK
    assert lender.hear(b'{"type": "report.ready", "data": {}}', context(lender)) == News()


@pytest.mark.parametrize("name", MAKE)
async def test_what_is_not_proven_is_refused(twins, lenders, name):
    lender, now = lenders[name], datetime.now(UTC)
    twins.act(name, "apply", patient="pat-7")
    ((_, raw, headers),) = await twins.heard(1)
    lender.verify(raw, headers, "lumin", now)
    header = PLATFORMS[name].signature.lower()
    for bad in ({}, headers | {header: headers[header][:-1] + "x"}):
        with pytest.raises(SignatureRefused):
            lender.verify(raw, bad, "lumin", now)
    with pytest.raises(SignatureRefused, match="another account"):
        lender.verify(raw, headers, "elsewhere", now)
    mute = MAKE[name](twins.access(name, webhook_secret=""))
    with pytest.raises(SignatureRefused):
        mute.verify(raw, headers, "lumin", now)
    if PLATFORMS[name].is_signed:
        with pytest.raises(SignatureRefused, match="does not match"):
            lender.verify(raw + b" ", headers, "lumin", now)
        with pytest.raises(SignatureRefused, match="too long ago"):
            lender.verify(raw, headers, "lumin", now + timedelta(days=4))


async def test_alphaeon_tells_of_prequalification_and_receipt_alone(twins, lenders):
    app = twins.act("alphaeon", "apply", patient="pat-7", quiet=True)
    twins.act("alphaeon", "decide", id=app["id"], status="in_review")
    twins.act("alphaeon", "decide", id=app["id"], status="approved")
    signed = twins.act("alphaeon", "transact", application=app["id"], amount=5_000, quiet=True)
    twins.act("alphaeon", "answer", id=signed["id"], status="accepted")
    twins.act("alphaeon", "fund", id=signed["id"])
    kinds = [json.loads(raw)["type"] for _, raw, _ in await twins.heard(2)]
    await asyncio.sleep(0.1)
    assert sorted(kinds) == ["prequalification.prequalified", "receipt.receipt"]
    assert len(twins.hooks) == 2


class TestCareCredit:
    @pytest.fixture
    async def bank(self, twins: Twins) -> AsyncIterator[SimpleNamespace]:
        lender = CareCredit(twins.access("carecredit"))
        yield SimpleNamespace(lender=lender, act=lambda *a, **k: twins.act("carecredit", *a, **k))
        await lender.aclose()

    @staticmethod
    def buy(bank: Any, ref: str, **cells: str) -> None:
        base = {"transaction_type": "purchase", "status": "completed"}
        base |= {"transaction_date": "2026-11-02", "patient_last": "Abbott"}
        base |= {"gross_amount": "2,800.00", "fee_amount": "277.20", "net_amount": "2,522.80"}
        bank.act("transaction", ref_id=ref, **base | cells)

    async def take(self, bank: Any) -> list[Any]:
        return [
            bank.lender.read_file(
                file.name,
                await bank.lender.fetch_file("lumin", file.name),
                context(bank.lender, FactSource.FILE),
            )
            for file in await bank.lender.list_files("lumin")
        ]

    async def test_files_are_listed_fetched_and_read_with_every_fault(self, bank):
        self.buy(bank, "T1")
        bank.act("cut", day="2026-11-03", no=1, faults=["missing"])
        bank.act("cut", day="2026-11-03", no=2, faults=["bom", "crlf"])
        self.buy(bank, "T2")
        bank.act("cut", day="2026-11-04", no=1, faults=["repeat"])
        self.buy(bank, "T3")
        bank.act("cut", day="2026-11-04", no=2, faults=["truncate"])
        self.buy(bank, "T4")
        bank.act("cut", day="2026-11-05", no=1, faults=["trailer", "late"])
        first, second, third = await self.take(bank)
        assert [fact.plan_id for fact in first.facts] == ["T1"]
        assert first.fault is None
        assert [fact.plan_id for fact in second.facts] == ["T1", "T2"]
        assert third.rows == 1
        assert "without a trailer" in (third.fault or "")
        bank.act("release")
        assert "counts other" in ((await self.take(bank))[-1].fault or "")

    async def test_a_file_of_another_merchant_and_a_wrong_key_are_refused(self, bank, twins):
        other = CareCredit(twins.access("carecredit", accounts={"lumin": "1" * 16}))
        self.buy(bank, "T1")
        bank.act("cut", day="2026-11-03", no=1)
        (file,) = await bank.lender.list_files("lumin")
        raw = await bank.lender.fetch_file("lumin", file.name)
        with pytest.raises(ValueError, match="another merchant number"):
            other.read_file(file.name, raw, context(other, FactSource.FILE))
        with pytest.raises(Misconfigured):
            await other.list_files("lumin")
        with pytest.raises(ConnectorError):
            await bank.lender.fetch_file("lumin", "cc_none.csv")
        await other.aclose()
