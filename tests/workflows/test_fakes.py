"""The fakes answer to the real activities' names with the real models."""

from typing import Any

from temporalio import activity

import worker
from tests.workflows.control_fakes import FakeControl
from tests.workflows.dispute_fakes import FakeDisputes
from tests.workflows.fakes import World
from tests.workflows.lender_fakes import FakeLenders
from tests.workflows.loan_fakes import FakeLoans
from tests.workflows.lot_fakes import FakeLots
from tests.workflows.payout_fakes import FakePayouts
from tests.workflows.plan_fakes import FakePlans
from tests.workflows.refund_fakes import FakeRefunds
from tests.workflows.visit_fakes import activities

FAKES = (
    FakeControl,
    FakeDisputes,
    FakeLenders,
    FakeLoans,
    FakeLots,
    FakePayouts,
    FakePlans,
    FakeRefunds,
)
SWEEPS = {"redrive_inbox", "catch_up_processor", "find_missed_visits", "find_desk_payments"} | {
    "find_payouts",
    "find_text_reports",
    "find_expired_lots",
    "find_control_totals",
    "find_loans",
}
"""One-step workflows hand them on, and need no fake."""


def signatures(methods: list[Any]) -> dict[str, tuple[Any, Any]]:
    found = {}
    for method in methods:
        definition = activity._Definition.must_from_callable(method)
        found[str(definition.name)] = (definition.arg_types, definition.ret_type)
    return found


class Wires:
    """As much of the wiring as registering activities needs."""

    pool = vault = pms = processor = texts = email = intake = engine = lenders = plans = None
    payouts = reversals = object()

    class settings:
        public_base_url = ""


def test_fakes_have_the_real_names_arguments_and_answers() -> None:
    wires: Any = Wires()
    real = signatures([*worker.activities(wires), *worker.lender_activities(wires)])
    world = World()
    others = [method for fake in FAKES for method in fake(world).activities()]
    fake = signatures([*activities(world), *others, *FakeLenders(world).calls()])
    assert {name: real[name] for name in real if name not in SWEEPS - set(fake)} == fake
