"""The worker: settings, then clients, then activity instances, then polling until told to stop.

The only place where activities meet vendors. `python worker.py` and `tieout worker` are the
same process.
"""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.build import BuildActivities
from activities.closing import ClosingActivities
from activities.control import ControlActivities
from activities.disputes import DisputeActivities
from activities.expired_lots import ExpiredLotActivities
from activities.feed import FeedActivities
from activities.lender_money import LenderMoneyActivities
from activities.lending import LenderActivities
from activities.payouts import PayoutActivities
from activities.plans import PlanActivities
from activities.refunds import RefundActivities
from activities.replies import ReplyActivities
from activities.reviews import ReviewActivities
from activities.send import SendActivities
from activities.standing import StandingActivities
from activities.sweeps import SweepActivities
from activities.tools import Tools
from activities.undoing import UndoActivities
from activities.unmatched import UnmatchedActivities
from activities.write_back import WriteBackActivities
from connectors.engine.client import connect
from connectors.engine.runner import ContextFreeRunner
from domain.lender_pace import pace_of
from domain.messages import load_templates
from starter import cli, logging, loops, schedules
from starter.exit import end
from starter.metrics import metrics_runtime
from starter.settings import Settings, load_settings
from starter.wiring import Wiring, engine_address, wired
from workflows.control_total import ControlTotal
from workflows.dispute import Dispute
from workflows.expired_lot import ExpiredLot
from workflows.financing_plan import FinancingPlan
from workflows.lender_feed import LenderFeed
from workflows.lender_loan import LenderLoan
from workflows.lender_sweeps import LenderImport, LenderLook, LenderPoll, queue_of
from workflows.patient_reply import PatientReply
from workflows.payout import PayoutTieOut
from workflows.refund import Refund
from workflows.sweeps import (
    ControlTotals,
    DeskPayments,
    ExpiredLots,
    InboxRedrive,
    LenderLoans,
    MissedVisits,
    Payouts,
    ProcessorCatchUp,
    TextReports,
)
from workflows.treatment_visit import TreatmentVisit
from workflows.unmatched_payment import UnmatchedPayment

WORKFLOWS: Sequence[type] = (
    TreatmentVisit,
    UnmatchedPayment,
    PatientReply,
    PayoutTieOut,
    ExpiredLot,
    ControlTotal,
    Refund,
    Dispute,
    FinancingPlan,
    InboxRedrive,
    ProcessorCatchUp,
    MissedVisits,
    DeskPayments,
    TextReports,
    Payouts,
    ExpiredLots,
    ControlTotals,
    LenderLook,
    LenderPoll,
    LenderImport,
    LenderFeed,
    LenderLoan,
    LenderLoans,
)

OWN_MODULES = ("domain", "activities", "workflows", "store", "connectors", "structlog", "asyncpg")
"""Passed through the workflow sandbox: pure, or never called from a workflow. 1.2x the rate."""

# Above the longest start_to_close of any activity, below the supervisor's kill.
GRACE = timedelta(seconds=42)

# After a SIGKILL the next signal to a cached case waits this long for the dead worker.
STICKY = timedelta(seconds=2)

CASES_CACHED_MAX = 2_000

# A lender's calls are paced by the engine: a few at a time are plenty.
LENDER_CALLS_MAX = 5
LENDER_POLLERS = 2

log = structlog.get_logger("tieout.worker")


def activities(wiring: Wiring) -> list[Any]:
    """Every activity of the house as a bound method of an instance with its tools."""
    tools = Tools(
        pool=wiring.pool,
        vault=wiring.vault,
        pms=wiring.pms,
        processor=wiring.processor,
        texts=wiring.texts,
        emails=wiring.email,
        public_base_url=wiring.settings.public_base_url,
    )
    build, standing, send = BuildActivities(tools), StandingActivities(tools), SendActivities(tools)
    reviews, back, unmatched = (
        ReviewActivities(tools, wiring.engine),
        WriteBackActivities(tools),
        UnmatchedActivities(tools),
    )
    closing = ClosingActivities(tools, wiring.engine)
    sweeps = SweepActivities(wiring.intake)
    undone = UndoActivities(wiring.pool, wiring.engine)
    replies, plans = ReplyActivities(tools), PlanActivities(tools, wiring.engine)
    paid_out = (
        PayoutActivities(wiring.pool, wiring.payouts, wiring.engine) if wiring.payouts else None
    )
    expired = ExpiredLotActivities(wiring.pool, wiring.engine)
    control = ControlActivities(wiring.pool, wiring.engine)
    payouts = [paid_out.tie_payout, paid_out.apply_payout] if paid_out else []
    reversals: list[Any] = []
    if wiring.reversals:
        tools_back = (wiring.pool, wiring.reversals, wiring.engine)
        refunds, disputes = RefundActivities(*tools_back), DisputeActivities(*tools_back)
        reversals = [refunds.ask_refund, refunds.settle_refund, disputes.follow_dispute]
    loans = LenderMoneyActivities(wiring.pool, wiring.engine)
    feeds = FeedActivities(wiring.pool, wiring.engine, wiring.lenders, wiring.plans)
    return [
        build.build_invoice,
        standing.read_standing,
        standing.open_payment_door,
        send.send_step,
        send.resolve_sends,
        reviews.open_review,
        reviews.apply_decision,
        reviews.withdraw_review,
        reviews.remind_staff,
        undone.take_back,
        back.write_back,
        closing.close_case,
        unmatched.place_payment,
        unmatched.apply_unmatched,
        replies.ask_reply,
        replies.settle_reply,
        replies.apply_reply,
        plans.read_plan,
        plans.touch_patient,
        plans.look_up_touch,
        plans.sign_plan,
        plans.open_installment,
        plans.ask_about_plan,
        plans.apply_to_plan,
        sweeps.redrive_inbox,
        sweeps.catch_up_processor,
        sweeps.find_missed_visits,
        sweeps.find_desk_payments,
        sweeps.find_payouts,
        sweeps.find_text_reports,
        expired.find_expired_lots,
        expired.ask_about_lot,
        expired.apply_to_lot,
        control.find_control_totals,
        control.ask_about_control,
        control.apply_to_control,
        feeds.check_feed,
        feeds.ask_feed,
        feeds.apply_feed,
        loans.find_loans,
        loans.settle_loan,
        loans.apply_to_loan,
        *payouts,
        *reversals,
    ]


def lender_activities(wiring: Wiring) -> list[Any]:
    """Calls to lenders, which wait for their turn on queues of their own."""
    calls = LenderActivities(wiring.pool, wiring.lenders, wiring.plans)
    return [
        calls.read_lender_thing,
        calls.read_lender_page,
        calls.list_lender_files,
        calls.import_lender_file,
    ]


def sandboxed(*also: str) -> ContextFreeRunner:
    """The runner of worker, tests and replayer alike; `also` names modules of a test."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*OWN_MODULES, *also)
    return ContextFreeRunner(restrictions=restrictions)


def make_worker(client: Client, task_queue: str, found: list[Any]) -> Worker:
    """A worker for all cases on one task queue."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=list(WORKFLOWS),
        activities=found,
        workflow_runner=sandboxed(),
        activity_executor=ThreadPoolExecutor(1),
        graceful_shutdown_timeout=GRACE,
        sticky_queue_schedule_to_start_timeout=STICKY,
        max_cached_workflows=CASES_CACHED_MAX,
    )


def make_lender_worker(
    client: Client, task_queue: str, found: list[Any], calls_per_second: Decimal
) -> Worker:
    """A worker for one lender's calls; the engine gives out no more of them, to all workers."""
    return Worker(
        client,
        task_queue=task_queue,
        activities=found,
        max_concurrent_activities=LENDER_CALLS_MAX,
        max_concurrent_activity_task_polls=LENDER_POLLERS,
        max_task_queue_activities_per_second=float(calls_per_second),
        graceful_shutdown_timeout=GRACE,
    )


async def run(settings: Settings) -> None:
    """Poll until SIGTERM or SIGINT, then finish what is running and leave."""
    load_templates()
    runtime = metrics_runtime(settings.metrics_port)
    client = await connect(engine_address(settings), runtime)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with wired(settings, client) as wiring:
        await schedules.ensure(client, wiring.pool, settings.temporal_task_queue)
        await schedules.ensure_lenders(client, wiring.lenders, settings.temporal_task_queue)
        queue = settings.temporal_task_queue
        async with contextlib.AsyncExitStack() as working:
            await working.enter_async_context(make_worker(client, queue, activities(wiring)))
            for name, port in wiring.lenders.items():
                if rate := pace_of(port.contract):
                    calls = lender_activities(wiring)
                    own = make_lender_worker(client, queue_of(queue, name), calls, rate)
                    await working.enter_async_context(own)
            log.info("worker.polling", task_queue=queue, lenders=sorted(wiring.lenders))
            await stopping.wait()
            log.info("worker.draining")
    log.info("worker.stopped")


def main() -> None:
    """Read the settings and run; the caller ends the process through `starter.exit`."""
    settings = load_settings()
    logging.configure(settings.log_level)
    loops.run(run(settings))


if __name__ == "__main__":
    end(cli.run(["worker"]))
