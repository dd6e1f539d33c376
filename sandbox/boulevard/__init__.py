"""The Boulevard twin: the Admin API, its webhooks, and the front desk as control verbs."""

from sandbox.boulevard.api import boulevard_app
from sandbox.boulevard.control import boulevard_control

__all__ = ["boulevard_app", "boulevard_control"]
