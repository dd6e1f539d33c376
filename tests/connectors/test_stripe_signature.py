"""Signed webhooks, key modes and the translation of errors: no server needed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from connectors.payments.stripe_shapes import (
    KeyReused,
    Missing,
    SavedFailure,
    check_key_mode,
    is_live,
    translate,
    verified_event,
)
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    SignatureRefused,
    VendorEvent,
)

SECRET = "whsec_one"
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "invoice.paid",
        "created": int(NOW.timestamp()) - 60,
        "livemode": False,
        "data": {"object": {"id": "in_1"}},
    }
)


def sign(secret: str = SECRET, age_seconds: int = 0, body: str = BODY) -> str:
    at = int(NOW.timestamp()) - age_seconds
    return str(stripe.WebhookSignature.generate_signature_header(body, secret, at))


def verify(header: str, body: str = BODY, live: bool = False) -> VendorEvent:
    return verified_event(body.encode(), {"Stripe-Signature": header}, NOW, SECRET, live)


def test_a_good_signature_of_the_official_library_passes() -> None:
    event = verify(sign())
    assert (event.source, event.event_id, event.event_type) == ("stripe", "evt_1", "invoice.paid")
    assert event.occurred_at == NOW - timedelta(seconds=60)
    assert event.body["data"]["object"]["id"] == "in_1"


@pytest.mark.parametrize("age_seconds", [-300, -1, 299, 300])
def test_within_the_tolerance(age_seconds: int) -> None:
    assert verify(sign(age_seconds=age_seconds)).event_id == "evt_1"


@pytest.mark.parametrize("age_seconds", [-3600, -301, 301, 86400])
def test_outside_the_tolerance(age_seconds: int) -> None:
    with pytest.raises(SignatureRefused):
        verify(sign(age_seconds=age_seconds))


def test_while_the_secret_rotates_either_signature_is_enough() -> None:
    new, old = sign("whsec_two"), sign(SECRET)
    assert verify(f"{new},v1={old.split('v1=')[1]}").event_id == "evt_1"
    assert verify(f"{old},v1={new.split('v1=')[1]}").event_id == "evt_1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=abc,v1=00",
        "v1=00",
        f"t={int(NOW.timestamp())}",
        sign("whsec_other"),
        sign().replace("v1=", "v0="),
        sign() + f",t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v1=é",
        f"t=\u0661{int(NOW.timestamp())},v1=00",
    ],
)
def test_a_forged_or_broken_header(header: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(header)


def test_a_changed_body() -> None:
    with pytest.raises(SignatureRefused):
        verify(sign(), BODY.replace("in_1", "in_2"))


def test_a_missing_header() -> None:
    with pytest.raises(SignatureRefused):
        verified_event(BODY.encode(), {}, NOW, SECRET, live=False)


def test_the_other_mode() -> None:
    with pytest.raises(SignatureRefused):
        verify(sign(), live=True)


@pytest.mark.parametrize("body", ["[]", "{}", "not json", '{"id": "evt_1", "object": "v2"}', "1"])
def test_signed_but_no_event(body: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(sign(body=body), body)


def test_key_modes() -> None:
    assert is_live("sk_live_1")
    assert not is_live("rk_test_1")
    check_key_mode("sk_live_1", live=True)
    check_key_mode("sk_test_1", live=False)
    for key, live in (("sk_test_1", True), ("sk_live_1", False), ("pk_test_1", False)):
        with pytest.raises(Misconfigured) as caught:
            check_key_mode(key, live)
        assert key not in str(caught.value)


PRIVATE = "Botox for jane@example.com"


def made(
    kind: Callable[..., stripe.StripeError], status: int | None, **headers: str
) -> stripe.StripeError:
    error = kind.__new__(kind)
    stripe.StripeError.__init__(
        error,
        PRIVATE,
        http_body=PRIVATE,
        http_status=status,
        headers={"request-id": "req_9", **headers},
        code="some_code",
    )
    return error


CASES = [
    (made(stripe.APIConnectionError, None), ProviderUnavailable, True),
    (made(stripe.APIError, 500), ProviderUnavailable, True),
    (made(stripe.APIError, 503), ProviderUnavailable, True),
    (made(stripe.APIError, 409), ProviderUnavailable, True),
    (made(stripe.APIError, 500, **{"Idempotent-Replayed": "true"}), SavedFailure, True),
    (made(stripe.RateLimitError, 429, **{"Retry-After": "2"}), RateLimited, True),
    (made(stripe.IdempotencyError, 400), KeyReused, False),
    (made(stripe.AuthenticationError, 401), Misconfigured, False),
    (made(stripe.PermissionError, 403), Misconfigured, False),
    (made(stripe.InvalidRequestError, 400), BadRequest, False),
    (made(stripe.InvalidRequestError, 404), Missing, False),
    (made(stripe.CardError, 402), BadRequest, False),
]


@pytest.mark.parametrize(("error", "expected", "retryable"), CASES)
def test_errors_are_translated_once(
    error: stripe.StripeError, expected: type[ConnectorError], retryable: bool
) -> None:
    translated = translate(error)
    assert type(translated) is expected
    assert translated.retryable is retryable
    assert "req_9" in str(translated)
    assert PRIVATE not in str(translated)


def test_a_reused_key_is_an_unknown_outcome() -> None:
    assert isinstance(translate(made(stripe.IdempotencyError, 400)), OutcomeUnknown)


def test_the_pause_that_stripe_names_is_kept() -> None:
    limited = translate(made(stripe.RateLimitError, 429, **{"Retry-After": "2"}))
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_seconds == 2
