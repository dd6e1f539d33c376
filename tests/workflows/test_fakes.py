"""The fakes answer to the real activities' names with the real models."""

from typing import Any

from temporalio import activity

import worker
from tests.workflows.fakes import World, activities
from tests.workflows.payout_fakes import FakePayouts


def signatures(methods: list[Any]) -> dict[str, tuple[Any, Any]]:
    found = {}
    for method in methods:
        definition = activity._Definition.must_from_callable(method)
        found[str(definition.name)] = (definition.arg_types, definition.ret_type)
    return found


class Wires:
    """As much of the wiring as registering activities needs."""

    pool = vault = pms = processor = texts = email = intake = engine = None
    payouts = object()

    class settings:
        public_base_url = ""


def test_fakes_have_the_real_names_arguments_and_answers() -> None:
    real = signatures(worker.activities(Wires()))  # type: ignore[arg-type]
    world = World()
    fake = signatures([*activities(world), *FakePayouts(world).activities()])
    sweeps = {"redrive_inbox", "catch_up_processor"}
    sweeps |= {"find_missed_visits", "find_desk_payments", "find_payouts"}
    assert {name: real[name] for name in real if name not in sweeps} == fake
