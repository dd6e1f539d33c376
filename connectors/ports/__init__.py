"""What the house asks of the outside world, in its own words. Vendors stay behind these files.

Three answers to every outside call:
- done: the method returns its value;
- refused: the method returns `Refused` (a business no) or raises a non-retryable error;
- unknown: the method raises `OutcomeUnknown`; the caller looks up before it tries again.
"""

from connectors.ports.engine import (
    CaseEngine,
)
from connectors.ports.lenders import (
    LenderFiles,
    LenderPage,
    LenderPort,
    LenderReads,
    LenderWebhooks,
    RemoteFile,
)
from connectors.ports.messages import (
    Accepted,
    DeliveryReport,
    EmailPort,
    EmrTextPort,
    InboundText,
    MailReport,
    MailReportPort,
    OutgoingEmail,
    OutgoingText,
    TextPort,
)
from connectors.ports.outcomes import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    Refused,
    SignatureRefused,
    VendorEvent,
)
from connectors.ports.payouts import (
    Movement,
    Payout,
    PayoutPort,
)
from connectors.ports.pms import (
    PmsCapabilities,
    PmsClient,
    PmsHint,
    PmsLine,
    PmsOrganisation,
    PmsPayment,
    PmsPort,
    PmsTenders,
    PmsVisit,
)
from connectors.ports.processor import (
    CheckoutOrder,
    Decline,
    DeclineClass,
    LoosePayment,
    ProcessorCheckout,
    ProcessorInvoice,
    ProcessorPayment,
    ProcessorPort,
)
from connectors.ports.reversals import (
    ProcessorDispute,
    ProcessorRefund,
    ReversalPort,
)

__all__ = [
    "Accepted",
    "BadRequest",
    "CaseEngine",
    "CheckoutOrder",
    "ConnectorError",
    "Decline",
    "DeclineClass",
    "DeliveryReport",
    "EmailPort",
    "EmrTextPort",
    "InboundText",
    "LenderFiles",
    "LenderPage",
    "LenderPort",
    "LenderReads",
    "LenderWebhooks",
    "LoosePayment",
    "MailReport",
    "MailReportPort",
    "Misconfigured",
    "Movement",
    "OutcomeUnknown",
    "OutgoingEmail",
    "OutgoingText",
    "Payout",
    "PayoutPort",
    "PmsCapabilities",
    "PmsClient",
    "PmsHint",
    "PmsLine",
    "PmsOrganisation",
    "PmsPayment",
    "PmsPort",
    "PmsTenders",
    "PmsVisit",
    "ProcessorCheckout",
    "ProcessorDispute",
    "ProcessorInvoice",
    "ProcessorPayment",
    "ProcessorPort",
    "ProcessorRefund",
    "ProviderUnavailable",
    "RateLimited",
    "Refused",
    "RemoteFile",
    "ReversalPort",
    "SignatureRefused",
    "TextPort",
    "VendorEvent",
]
