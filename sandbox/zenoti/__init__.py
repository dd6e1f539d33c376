"""A Zenoti organisation: its REST interface, its signed events, and a desk to play with."""

from sandbox.zenoti.api import zenoti_app
from sandbox.zenoti.control import zenoti_control

__all__ = ["zenoti_app", "zenoti_control"]
