"""How every outside call ends, whoever is asked, and what a vendor tells by itself."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime

from domain.model import Record


class ConnectorError(Exception):
    """A call that gave no usable answer. Texts carry no personal data and no payload."""

    retryable = False


class ProviderUnavailable(ConnectorError):
    """Connection refused, 5xx before any effect: the same call is safe to repeat."""

    retryable = True


class RateLimited(ConnectorError):
    """The vendor processed nothing and names a pause, when it does, in `retry_after_seconds`."""

    retryable = True

    def __init__(self, message: str, retry_after_seconds: Decimal | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(ConnectorError):
    """The effect may or may not have happened: look up, never repeat blindly."""


class BadRequest(ConnectorError):
    """The vendor calls our request wrong: a defect of ours, a developer acts."""


class Misconfigured(ConnectorError):
    """Credentials, permission or sender: an operator acts."""


class SignatureRefused(Exception):
    """A webhook that the named vendor did not sign, or signed too long ago."""


class Refused(Record):
    """A definite business no. `code` is the vendor's, `kind` ours."""

    code: str
    kind: str
    """opted_out | invalid_address | unreachable | filtered | retry_later | retry_tomorrow |
    misconfigured | declined | not_found | closed"""


class VendorEvent(Record):
    """A verified webhook or a caught-up event, before translation."""

    source: str
    event_id: str
    event_type: str
    occurred_at: AwareDatetime
    body: Mapping[str, Any]
