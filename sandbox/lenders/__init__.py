"""Lenders' twins: Cherry, PatientFi and Alphaeon as web services, CareCredit as a drop of files."""

from sandbox.lenders.carecredit import carecredit_app
from sandbox.lenders.control import lenders_control
from sandbox.lenders.platform import PLATFORMS, platform_app

__all__ = ["PLATFORMS", "carecredit_app", "lenders_control", "platform_app"]
