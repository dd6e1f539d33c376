"""Cherry: webhooks and polls; an approval is one limit for all practices, so it can shrink."""

from connectors.lenders.access import LenderAccess
from connectors.lenders.platform import Dialect, PlatformLender, bearer
from domain.lender_contracts import CONTRACTS
from domain.lender_news import Thing
from domain.plan_case import Lender

DIALECT = Dialect(
    contract=CONTRACTS[Lender.CHERRY],
    paths={
        Thing.APPLICATION: "/v1/applications",
        Thing.CONTRACT: "/v1/transactions",
        Thing.FUNDING: "/v1/disbursements",
    },
    sign_in=bearer,
    signature_header="cherry-signature",
    is_signed=True,
    prefixes={
        "application": Thing.APPLICATION,
        "transaction": Thing.CONTRACT,
        "funding": Thing.FUNDING,
    },
)


def cherry(access: LenderAccess) -> PlatformLender:
    """Cherry as the practice's key reaches it; the key works once it is activated."""
    return PlatformLender(DIALECT, access)
