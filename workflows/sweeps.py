"""The sweeps as one-step workflows, each run by a Schedule.

They promise that no received event, no processor event, no completed visit, no payment at the
desk, no lost text, no payout, no expired lot and no difference between two sources stays unseen for
longer than their interval. Each ends after one pass.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.control import ControlActivities
    from activities.expired_lots import ExpiredLotActivities
    from activities.lender_money import LenderMoneyActivities
    from activities.sweeps import SweepActivities, SweepIn, SweepOut
    from domain.model import Record
    from workflows.options import BOOKS


class SweepStart(Record):
    """Which location (None for all) and how far back to look."""

    location_id: str | None = None
    back_seconds: int


@workflow.defn(name="InboxRedrive")
class InboxRedrive:
    """Hands on what the web process received and could not dispatch."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass."""
        return await workflow.execute_activity_method(
            SweepActivities.redrive_inbox, _ask(start), summary="redrive the inbox", **BOOKS
        )


@workflow.defn(name="ProcessorCatchUp")
class ProcessorCatchUp:
    """Reads the processor's event list with an overlapping window."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass."""
        return await workflow.execute_activity_method(
            SweepActivities.catch_up_processor, _ask(start), summary="catch up", **BOOKS
        )


@workflow.defn(name="MissedVisits")
class MissedVisits:
    """Finds completed visits that no webhook announced."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass."""
        return await workflow.execute_activity_method(
            SweepActivities.find_missed_visits, _ask(start), summary="find visits", **BOOKS
        )


@workflow.defn(name="DeskPayments")
class DeskPayments:
    """Finds money that was taken at the desk, so that nobody is reminded who has just paid."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over every location."""
        return await workflow.execute_activity_method(
            SweepActivities.find_desk_payments, _ask(start), summary="find desk money", **BOOKS
        )


@workflow.defn(name="TextReports")
class TextReports:
    """Asks what became of texts whose report was lost, so that another channel can make up."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over every location."""
        return await workflow.execute_activity_method(
            SweepActivities.find_text_reports, _ask(start), summary="find text reports", **BOOKS
        )


@workflow.defn(name="LenderLoans")
class LenderLoans:
    """Finds what lenders owe and have sent, so that neither is forgotten."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over a location."""
        return await workflow.execute_activity_method(
            LenderMoneyActivities.find_loans, _ask(start), summary="find loans", **BOOKS
        )


@workflow.defn(name="Payouts")
class Payouts:
    """Finds payouts that moved on without a webhook, also those that came back days later."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over the processor's account."""
        return await workflow.execute_activity_method(
            SweepActivities.find_payouts, _ask(start), summary="find payouts", **BOOKS
        )


@workflow.defn(name="ExpiredLots")
class ExpiredLots:
    """Finds packages and credits that were not used up by their last day."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over a location."""
        return await workflow.execute_activity_method(
            ExpiredLotActivities.find_expired_lots, _ask(start), summary="find lots", **BOOKS
        )


@workflow.defn(name="ControlTotals")
class ControlTotals:
    """Ties out every line up to the end of the last day, so that no difference grows old."""

    @workflow.run
    async def run(self, start: SweepStart) -> SweepOut:
        """One pass over a location."""
        return await workflow.execute_activity_method(
            ControlActivities.find_control_totals, _ask(start), summary="tie out", **BOOKS
        )


def _ask(start: SweepStart) -> SweepIn:
    return SweepIn(
        location_id=start.location_id, back_seconds=start.back_seconds, at=workflow.now()
    )
