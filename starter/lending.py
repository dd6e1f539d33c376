"""Builds the lenders' ports from the settings; their vendor files are imported here alone."""

from collections.abc import Callable, Mapping

from connectors.lenders.access import LenderAccess
from connectors.lenders.alphaeon import alphaeon
from connectors.lenders.carecredit import CareCredit
from connectors.lenders.cherry import cherry
from connectors.lenders.patientfi import patientfi
from connectors.lenders.platform import PlatformLender
from connectors.ports import LenderPort
from domain.plan_case import Lender
from starter.settings import LenderKeys, Settings

Made = PlatformLender | CareCredit

_MAKE: Mapping[str, Callable[[LenderAccess], Made]] = {
    Lender.CHERRY: cherry,
    Lender.CARECREDIT: CareCredit,
    Lender.ALPHAEON: alphaeon,
    Lender.PATIENTFI: patientfi,
}


def lender_ports(settings: Settings) -> dict[str, Made]:
    """Lender -> its port, of those that the settings name; each is to be closed."""
    return {name: _MAKE[name](_access(keys)) for name, keys in settings.lenders.items()}


def as_ports(made: Mapping[str, Made]) -> Mapping[str, LenderPort]:
    """The same as what the activities see."""
    return dict(made)


def _access(keys: LenderKeys) -> LenderAccess:
    secret = keys.webhook_secret
    return LenderAccess(
        base_url=keys.base_url,
        api_key=keys.api_key.get_secret_value(),
        webhook_secret=secret.get_secret_value() if secret else "",
        accounts=keys.accounts,
    )
