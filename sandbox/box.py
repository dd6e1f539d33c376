"""What every twin shares: state, faults, webhooks, credentials, a record of calls, a clock."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Faults
from sandbox.state import State
from sandbox.webhooks import WebhookPump


@dataclass
class Box:
    """One sandboxed practice. `base_url` is where the twins themselves are reached.

    `credentials` are the vendors' keys as the practice would hold them, by name:
    boulevard_business_id, boulevard_api_key, boulevard_api_secret (base64),
    boulevard_app_id; stripe_secret_key, stripe_webhook_secret;
    twilio_account_sid, twilio_auth_token, twilio_messaging_service_sid;
    podium_client_id, podium_client_secret, podium_refresh_token, podium_webhook_secret,
    podium_location_uid; mail_webhook_secret; zenoti_api_key,
    zenoti_webhook_secret; and of each lender <lender>_api_key,
    <lender>_webhook_secret and <lender>_account.
    """

    state: State
    faults: Faults
    pump: WebhookPump
    credentials: Mapping[str, str]
    base_url: str
    webhook_urls: dict[str, str] = field(default_factory=dict)
    """Vendor -> where its webhooks go; set through the control API."""
    urls: deque[str] = field(default_factory=lambda: deque(maxlen=20_000))
    """Path and query of the latest calls to the twins, since a URL is what leaks first."""

    meters: dict[str, Any] = field(default_factory=dict)
    """What twins count in memory, by name."""

    def record_call(self, vendor: str, operation: str, request: Mapping[str, Any]) -> None:
        """Keep what a caller sent, so that contract and privacy tests can read it."""
        self.state.append(
            "call",
            {
                "vendor": vendor,
                "operation": operation,
                "at": self.now().isoformat(),
                "request": dict(request),
            },
        )

    def now(self) -> datetime:
        """Wall clock, UTC."""
        return datetime.now(UTC)
