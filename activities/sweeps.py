"""The sweeps: what no webhook announced is found, and what was received is never left lying."""

from datetime import datetime, timedelta

from pydantic import AwareDatetime
from temporalio import activity

from activities.errors import vendor_errors
from activities.intake import Intake
from domain.model import Record

REPORTED_WITHIN = timedelta(hours=12)
"""No text is valid for longer than ten hours, so that its end is known by then."""


class SweepIn(Record):
    """One run of a sweep. `back_seconds` is how far it looks; windows overlap on purpose."""

    location_id: str | None = None
    back_seconds: int
    at: AwareDatetime


class SweepOut(Record):
    """Counts by outcome; no ids, no personal data."""

    counts: dict[str, int]


class SweepActivities:
    """Thin shells around the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    @activity.defn
    @vendor_errors
    async def redrive_inbox(self, ask: SweepIn) -> SweepOut:
        """Dispatch events that were received and never handed on."""
        return SweepOut(counts=await self._intake.redrive(ask.back_seconds))

    @activity.defn
    @vendor_errors
    async def catch_up_processor(self, ask: SweepIn) -> SweepOut:
        """Read the processor's own event list; its webhooks may be late or lost."""
        return SweepOut(counts=await self._intake.catch_up(_since(ask)))

    @activity.defn
    @vendor_errors
    async def find_missed_visits(self, ask: SweepIn) -> SweepOut:
        """Open a case for each completed visit that no event announced."""
        counts = await self._intake.sweep_missed(ask.location_id or "", _since(ask), ask.at)
        return SweepOut(counts=counts)

    @activity.defn
    @vendor_errors
    async def find_desk_payments(self, ask: SweepIn) -> SweepOut:
        """Tell each case of money that was taken at the desk; no webhook announces it."""
        return SweepOut(counts=await self._intake.find_desk_money(_since(ask), ask.at))

    @activity.defn
    @vendor_errors
    async def find_text_reports(self, ask: SweepIn) -> SweepOut:
        """Ask what became of texts whose report never came."""
        until = ask.at - REPORTED_WITHIN
        return SweepOut(counts=await self._intake.find_text_reports(_since(ask), until))

    @activity.defn
    @vendor_errors
    async def find_payouts(self, ask: SweepIn) -> SweepOut:
        """Open or tell the case of each payout whose news no webhook brought."""
        return SweepOut(counts=await self._intake.find_payouts(_since(ask)))


def _since(ask: SweepIn) -> datetime:
    return ask.at - timedelta(seconds=ask.back_seconds)
