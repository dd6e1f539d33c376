"""What an answer of Boulevard's Admin API means, in the vocabulary of the ports.

The API answers GraphQL failures with status 200 and `errors[]`. Its texts may quote what we
sent, so ours carry nothing of them but the name of an unknown field.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import httpx

from connectors.http import NOT_SENT, pause_seconds
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
)

T = TypeVar("T")

_WAIT_MS = re.compile(r"wait\D{0,20}(\d+)\s*ms", re.IGNORECASE)
_UNKNOWN_FIELD = re.compile(r"Cannot query field ['\"](\w+)['\"]")
_NOT_FOUND = re.compile(r"not found|does not exist", re.IGNORECASE)
_FORBIDDEN = re.compile(r"unauthori[sz]ed|forbidden|permission|need access", re.IGNORECASE)
_PASSING = re.compile(
    r"internal|time[d ]*out|try again|went wrong|temporar|unavailable", re.IGNORECASE
)


class NotFound(BadRequest):
    """The object that the call names is not there (or not ours to see)."""


def unanswered(operation: str, error: httpx.TransportError, write: bool) -> ConnectorError:
    """No answer came: safe to repeat unless a write may have been processed."""
    if isinstance(error, NOT_SENT):
        return ProviderUnavailable(f"Boulevard cannot be reached ({operation}).")
    return _broken(operation, "gave no answer", write)


def data_of(answer: httpx.Response, operation: str, write: bool) -> Mapping[str, Any]:
    """The `data` of a whole answer; an answer with any error is no answer, partial data or not."""
    status = answer.status_code
    if status in (401, 403):
        raise Misconfigured(f"Boulevard refuses our credentials or permissions ({operation}).")
    if status == 429:
        raise RateLimited(f"Boulevard is limiting us ({operation}).", pause_seconds(answer))
    if status >= 500:
        raise _broken(operation, f"answered {status}", write)
    if status != 200:
        raise BadRequest(f"Boulevard answered {status} ({operation}).")
    try:
        # Quantities come as JSON numbers and must never pass through a float.
        body = json.loads(answer.content, parse_float=Decimal)
    except ValueError:
        raise _broken(operation, "answered without JSON", write) from None
    if not isinstance(body, dict):
        raise _broken(operation, "answered without an object", write)
    if body.get("errors"):
        raise _graphql_error(operation, json.dumps(body["errors"], default=str), write)
    if not isinstance(body.get("data"), dict):
        raise _broken(operation, "answered without data", write)
    data: Mapping[str, Any] = body["data"]
    return data


def readable(operation: str, build: Callable[[], T], write: bool = False) -> T:
    """Run a mapping of an answer; one that lacks what we asked for is a defect to look at."""
    try:
        return build()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = f"Boulevard's answer has an unexpected form ({operation}, {type(error).__name__})."
        raise (OutcomeUnknown(text) if write else BadRequest(text)) from None


def _graphql_error(operation: str, text: str, write: bool) -> ConnectorError:
    text = text.replace('\\"', '"')
    if "API limit" in text:
        wait = _WAIT_MS.search(text)
        pause_seconds = Decimal(wait[1]) / 1000 if wait else None
        return RateLimited(f"Boulevard is limiting us ({operation}).", pause_seconds)
    field = _UNKNOWN_FIELD.search(text)
    if field:
        return BadRequest(f"Boulevard does not know the field {field[1]} ({operation}).")
    if _NOT_FOUND.search(text):
        return NotFound(f"Boulevard has no such object ({operation}).")
    if _FORBIDDEN.search(text):
        return Misconfigured(f"Boulevard denies the application this access ({operation}).")
    if _PASSING.search(text):
        return _broken(operation, "failed inside", write)
    return BadRequest(f"Boulevard refuses the request ({operation}).")


def _broken(operation: str, what: str, write: bool) -> ConnectorError:
    text = f"Boulevard {what} ({operation})."
    return OutcomeUnknown(text) if write else ProviderUnavailable(text)
