"""How the practice reaches a lender."""

from collections.abc import Mapping

import httpx

from connectors.rest import RestApi
from domain.model import Record

LIMITS = httpx.Timeout(15, connect=5)
"""Seconds; a lender is asked in the background, where nobody waits."""


class LenderAccess(Record):
    """The practice's key at one lender. `accounts` maps a location id to its account there."""

    base_url: str
    api_key: str
    webhook_secret: str = ""
    """Empty: its webhooks are refused."""
    accounts: Mapping[str, str]


def lender_api(name: str, access: LenderAccess, headers: Mapping[str, str]) -> RestApi:
    """The lender's interface, signed in by `headers`."""
    return RestApi(name, access.base_url, headers, LIMITS)
