"""A stateful Stripe: the API that a billing desk uses, its webhooks and its pay page."""

from sandbox.stripe.api import stripe_app
from sandbox.stripe.control import stripe_control

__all__ = ["stripe_app", "stripe_control"]
