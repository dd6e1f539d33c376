"""Facts of a plan fold to one standing, whatever their order, their number and their way in."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.lender_contracts import CONTRACTS, Mode
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact, content_key, fold

AT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
S = PlanStatus


def fact(minutes: int = 0, status: PlanStatus | None = None, **said) -> PlanFact:
    base = {
        "location_id": "lumin",
        "lender": Lender.PATIENTFI,
        "plan_id": "app-1",
        "source": FactSource.POLL,
        "as_of": AT + timedelta(minutes=minutes),
        "observed_at": AT,
        "status": status,
        "key": "",
    }
    made = PlanFact.model_validate({**base, **said})
    return made if made.key else made.model_copy(update={"key": content_key(made)})


def status_of(*facts: PlanFact) -> PlanStatus:
    return fold(facts).status


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([S.SUBMITTED, S.IN_REVIEW, S.APPROVED], S.APPROVED),
        ([S.APPROVED, S.APPROVED], S.APPROVED),
        ([S.APPROVED, S.DECLINED], S.DECLINED),
        ([S.DECLINED, S.APPROVED], S.APPROVED),
        ([S.APPROVED, S.EXPIRED, S.APPROVED], S.APPROVED),
        ([S.APPROVED, S.SUBMITTED], S.APPROVED),
        ([S.DECLINED, S.SUBMITTED], S.SUBMITTED),
        ([S.APPROVED, S.PENDING_PATIENT, S.APPROVED], S.PENDING_PATIENT),
        ([S.APPROVED, S.PENDING_PATIENT, S.REJECTED, S.ACCEPTED], S.ACCEPTED),
        ([S.ACCEPTED, S.REJECTED], S.ACCEPTED),
        ([S.ACCEPTED, S.FUNDED, S.ACCEPTED], S.FUNDED),
        ([S.ACCEPTED, S.FUNDED, S.EXPIRED], S.FUNDED),
        ([S.FUNDED, S.REVERSED], S.REVERSED),
        ([S.FUNDED, S.REVERSED, S.FUNDED], S.FUNDED),
        ([S.FUNDED, S.CANCELLED, S.ACCEPTED], S.CANCELLED),
        ([S.FUNDED, S.PAID_OFF], S.PAID_OFF),
        ([S.APPROVED, S.UNKNOWN], S.UNKNOWN),
        ([S.UNKNOWN, S.APPROVED], S.APPROVED),
    ],
)
def test_the_status_that_a_history_ends_in(told, status):
    history = [fact(minute, each) for minute, each in enumerate(told)]
    assert status_of(*history) is status
    assert status_of(*reversed(history)) is status


def test_older_news_that_comes_late_changes_nothing():
    assert status_of(fact(5, S.FUNDED), fact(0, S.APPROVED), fact(1, S.ACCEPTED)) is S.FUNDED


def test_of_two_words_of_one_moment_the_further_one_counts():
    for order in permutations([fact(0, S.ACCEPTED), fact(0, S.FUNDED), fact(0, S.APPROVED)]):
        assert status_of(*order) is S.FUNDED


def test_a_webhook_alone_confirms_nothing():
    hint = fact(0, S.ACCEPTED, source=FactSource.WEBHOOK)
    assert not fold([hint]).is_confirmed
    assert fold([hint, fact(0, S.ACCEPTED)]).is_confirmed
    assert fold([fact(-5, S.APPROVED), hint]).is_confirmed is False


def test_the_first_moment_of_this_run_of_a_status_counts():
    again = [fact(0, S.APPROVED), fact(60, S.APPROVED)]
    assert fold(again).approved_at == AT
    renewed = [*again, fact(90, S.EXPIRED), fact(120, S.APPROVED)]
    assert fold(renewed).approved_at == AT + timedelta(minutes=120)
    back = [fact(0, S.DECLINED), fact(9, S.APPROVED)]
    assert (fold(back).declined_at, fold(back).approved_at) == (None, AT + timedelta(minutes=9))


def test_a_purchase_without_an_application_was_approved_when_it_was_accepted():
    assert fold([fact(0, S.ACCEPTED), fact(9, S.FUNDED)]).approved_at == AT
    assert fold([fact(9, S.FUNDED)]).accepted_at == AT + timedelta(minutes=9)


def test_silence_on_a_field_takes_nothing_back_and_the_newest_word_counts():
    day = date(2026, 12, 2)
    told = [fact(0, first_payment_on=day), fact(1, S.ACCEPTED), fact(2, monthly_cents=100)]
    assert fold(told).latest["first_payment_on"] == day
    moved = [*told, fact(3, first_payment_on=date(2026, 12, 9))]
    assert fold(moved).latest["first_payment_on"] == date(2026, 12, 9)


def test_a_person_confirms_one_date_and_not_the_next():
    odd, other = date(2027, 9, 1), date(2027, 10, 1)
    said = fact(1, source=FactSource.STAFF, first_payment_on=odd, is_date_confirmed=True)
    told = [fact(0, first_payment_on=odd), said]
    assert fold(told).latest["is_date_confirmed"] is True
    assert fold([*told, fact(2, first_payment_on=other)]).latest["is_date_confirmed"] is False


def test_refunds_add_up_by_their_ids_and_may_come_before_their_purchase():
    purchase = fact(0, S.ACCEPTED, financed_cents=10_000)
    half = fact(9, refund_id="r1", refunded_cents=5_000)
    twin = fact(9, refund_id="r1", refunded_cents=5_000, source=FactSource.FILE)
    rest = fact(10, refund_id="r2", refunded_cents=5_000)
    assert status_of(half) is S.UNKNOWN
    assert status_of(half, twin, purchase) is S.PARTLY_REFUNDED
    assert status_of(rest, half, twin, purchase) is S.REFUNDED
    corrected = fact(11, refund_id="r2", refunded_cents=0)
    assert fold([purchase, half, rest, corrected]).refunded_cents == 5_000


STATUSES = [None, *S]


@st.composite
def histories(draw) -> list[PlanFact]:
    return [
        fact(
            draw(st.integers(0, 4)),
            draw(st.sampled_from(STATUSES)),
            source=draw(st.sampled_from(list(FactSource))),
            financed_cents=draw(st.sampled_from([None, 5_000, 10_000])),
            contract_id=draw(st.sampled_from([None, "c-1", "c-2"])),
            first_payment_on=draw(st.sampled_from([None, date(2026, 12, 1), date(2027, 1, 1)])),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_the_same_facts_ends_in_the_same_standing(told, random):
    again = [*told, *random.sample(told, k=random.randint(0, len(told)))]
    random.shuffle(again)
    assert fold(again) == fold(told)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))
def test_no_lender_is_reached_by_webhooks_alone(contract):
    assert set(contract.modes) - {Mode.WEBHOOK}
    assert contract.claims
    assert contract.status_of("  APPROVED_BY_MAGIC ") is S.UNKNOWN
