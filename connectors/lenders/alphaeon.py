"""Alphaeon Credit: events for prequalification and receipt alone, all else by polling."""

from connectors.lenders.access import LenderAccess
from connectors.lenders.platform import Dialect, PlatformLender, basic
from domain.lender_contracts import CONTRACTS
from domain.lender_news import Thing
from domain.plan_case import Lender

DIALECT = Dialect(
    contract=CONTRACTS[Lender.ALPHAEON],
    paths={
        Thing.APPLICATION: "/prequalifications",
        Thing.CONTRACT: "/receipts",
        Thing.FUNDING: "/settlements",
    },
    sign_in=basic,
    signature_header="x-alphaeon-token",
    is_signed=False,
    prefixes={"prequalification": Thing.APPLICATION, "receipt": Thing.CONTRACT},
)


def alphaeon(access: LenderAccess) -> PlatformLender:
    """Alphaeon as the practice's key reaches it."""
    return PlatformLender(DIALECT, access)
