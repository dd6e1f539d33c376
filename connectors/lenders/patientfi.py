"""PatientFi: an application gives a limit, only an accepted transaction is a loan."""

from connectors.lenders.access import LenderAccess
from connectors.lenders.platform import Dialect, PlatformLender
from domain.lender_contracts import CONTRACTS
from domain.lender_news import Thing
from domain.plan_case import Lender

DIALECT = Dialect(
    contract=CONTRACTS[Lender.PATIENTFI],
    paths={
        Thing.APPLICATION: "/applications",
        Thing.CONTRACT: "/transactions",
        Thing.FUNDING: "/fundings",
    },
    sign_in=lambda api_key: {"X-Api-Key": api_key},
    signature_header="patientfi-signature",
    is_signed=True,
    prefixes={
        "application": Thing.APPLICATION,
        "transaction": Thing.CONTRACT,
        "funding": Thing.FUNDING,
    },
)


def patientfi(access: LenderAccess) -> PlatformLender:
    """PatientFi as the practice's key reaches it."""
    return PlatformLender(DIALECT, access)
