"""A lender's objects become facts in our words; what makes no sense becomes a sentence."""

from datetime import UTC, date, datetime

import pytest

from domain.lender_contracts import CONTRACTS
from domain.lender_news import Context, FundingState, Thing, read
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource

AT = datetime(2026, 11, 5, 15, 0, tzinfo=UTC)
APPLICATION = {
    "id": "app-1",
    "status": "approved",
    "updated_at": "2026-11-02T15:00:00Z",
    "approved_amount": 300_000,
    "available_amount": 250_000,
    "expires_on": "2026-12-02",
    "external_reference": "pat-7",
}
CONTRACT = {
    "id": "tx-1",
    "application_id": "app-1",
    "status": "accepted",
    "updated_at": "2026-11-03T02:00:00Z",
    "accepted_at": "2026-11-03T02:00:00Z",
    "amount": 280_000,
    "visit_reference": "visit-7",
}
FUNDING = {
    "id": "dep-1",
    "transaction_id": "tx-1",
    "status": "completed",
    "updated_at": "2026-11-05T09:00:00Z",
    "gross_amount": 280_000,
    "fee_amount": 27_720,
    "net_amount": 252_280,
    "deposit_date": "2026-11-05",
}


def context(lender: Lender = Lender.CHERRY, source=FactSource.POLL, event_id=None) -> Context:
    return Context(
        contract=CONTRACTS[lender],
        location_id="lumin",
        zone="America/Chicago",
        source=source,
        observed_at=AT,
        event_id=event_id,
    )


def test_an_application_and_its_contract_are_one_plan():
    (applied,) = read(Thing.APPLICATION, APPLICATION, context()).facts
    (signed,) = read(Thing.CONTRACT, CONTRACT, context()).facts
    assert (applied.plan_id, signed.plan_id, signed.contract_id) == ("app-1", "app-1", "tx-1")
    assert (applied.status, applied.available_cents) == (PlanStatus.APPROVED, 250_000)
    assert (signed.status, signed.financed_cents) == (PlanStatus.ACCEPTED, 280_000)
    assert (applied.patient_ref, signed.visit_ref) == ("pat-7", "visit-7")


def test_a_contract_of_which_a_webhook_names_no_application_is_read_first():
    alone = CONTRACT | {"application_id": None}
    hint = read(Thing.CONTRACT, alone, context(source=FactSource.WEBHOOK))
    assert (hint.facts, hint.to_read) == ((), ("tx-1",))
    (told,) = read(Thing.CONTRACT, alone, context()).facts
    assert told.plan_id == "tx-1"


def test_a_first_payment_is_reckoned_where_the_lender_promises_its_day_and_nowhere_else():
    # 02:00 in London is still the evening before in Chicago.
    (fact,) = read(Thing.CONTRACT, CONTRACT, context(Lender.PATIENTFI)).facts
    assert fact.first_payment_on == date(2026, 12, 2)
    (told,) = read(
        Thing.CONTRACT, CONTRACT | {"first_payment_date": "2026-12-09"}, context(Lender.PATIENTFI)
    ).facts
    assert told.first_payment_on == date(2026, 12, 9)
    assert read(Thing.CONTRACT, CONTRACT, context()).facts[0].first_payment_on is None


@pytest.mark.parametrize("told", [None, "", "13/45/2026", 20261202])
def test_a_date_that_is_none_is_not_known(told):
    (fact,) = read(Thing.CONTRACT, CONTRACT | {"first_payment_date": told}, context()).facts
    assert fact.first_payment_on is None


def test_an_unmapped_word_is_kept_for_a_person():
    (fact,) = read(Thing.CONTRACT, CONTRACT | {"status": "On-Hold!<b>"}, context()).facts
    assert (fact.status, fact.status_word) == (PlanStatus.UNKNOWN, "on-holdb")


def test_the_same_poll_is_the_same_telling_and_an_event_is_named_by_its_id():
    first, again = (read(Thing.APPLICATION, APPLICATION, context()).facts[0] for _ in range(2))
    assert first.key == again.key
    moved = read(Thing.APPLICATION, APPLICATION | {"available_amount": 1}, context()).facts[0]
    assert moved.key != first.key
    event = context(source=FactSource.WEBHOOK, event_id="evt-1")
    assert read(Thing.APPLICATION, APPLICATION, event).facts[0].key == "evt-1"


def test_a_deposit_is_gross_less_fee_and_names_its_loan():
    (money,) = read(Thing.FUNDING, FUNDING, context()).fundings
    assert (money.loan_id, money.state) == ("tx-1", FundingState.COMPLETED)
    assert (money.gross_cents, money.fee_cents, money.net_cents) == (280_000, 27_720, 252_280)
    assert money.on == date(2026, 11, 5)


@pytest.mark.parametrize(
    ("thing", "body", "why"),
    [
        (Thing.APPLICATION, APPLICATION | {"id": "Fern Abbott"}, "id is missing or no id"),
        (Thing.APPLICATION, APPLICATION | {"status": None}, "has no status"),
        (Thing.APPLICATION, APPLICATION | {"updated_at": "yesterday"}, "no instant"),
        (Thing.APPLICATION, APPLICATION | {"updated_at": "2026-11-02T15:00:00"}, "no instant"),
        (Thing.CONTRACT, CONTRACT | {"amount": "2800.00"}, "amount is no amount in cents"),
        (Thing.CONTRACT, CONTRACT | {"amount": True}, "amount is no amount in cents"),
        (Thing.CONTRACT, CONTRACT | {"amount": -1}, "amount is no amount in cents"),
        (Thing.FUNDING, FUNDING | {"status": "lost"}, "its status lost is not known"),
        (Thing.FUNDING, FUNDING | {"net_amount": None}, "no net amount"),
        (Thing.FUNDING, FUNDING | {"transaction_id": ""}, "transaction_id is missing"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence_that_quotes_no_person(thing, body, why):
    news = read(thing, body, context())
    assert (news.facts, news.fundings) == ((), ())
    assert why in news.unread[0]
    assert "Abbott" not in news.unread[0]
