"""Cases that were started by yesterday's code go on under today's."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from bench.actions import actions_in
from tests.replay.record import FOLDER, MANIFEST, PATHS
from worker import WORKFLOWS, sandboxed

IDS: dict[str, str] = json.loads(MANIFEST.read_text())
Events = list[dict[str, Any]]


def stored(name: str) -> dict[str, Any]:
    history: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return history


@pytest.fixture(scope="module")
def replayer() -> Replayer:
    return Replayer(
        workflows=list(WORKFLOWS),
        workflow_runner=sandboxed(),
        data_converter=pydantic_data_converter,
    )


async def replay(replayer: Replayer, name: str, history: dict[str, Any]) -> None:
    await replayer.replay_workflow(WorkflowHistory.from_json(IDS[name], history))


def test_every_path_has_its_history() -> None:
    names = {path.__name__ for path in PATHS}
    assert names == set(IDS) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", sorted(IDS))
async def test_stored_case_replays(replayer: Replayer, name: str) -> None:
    await replay(replayer, name, stored(name))


def test_histories_hold_nothing_of_the_recording_machine() -> None:
    for path in FOLDER.glob("*.json"):
        text = path.read_text()
        assert "stackTrace" not in text
        assert str(Path.home()) + "/" not in text
        assert str(Path(__file__).parents[2]) not in text
        assert '"identity":"recorder"' in text


def test_corpus_calls_every_activity() -> None:
    called = {
        event["activityTaskScheduledEventAttributes"]["activityType"]["name"]
        for name in IDS
        for event in stored(name)["events"]
        if "activityTaskScheduledEventAttributes" in event
    }
    assert called == {
        "build_invoice",
        "read_standing",
        "open_payment_door",
        "send_step",
        "resolve_sends",
        "open_review",
        "apply_decision",
        "withdraw_review",
        "ask_refund",
        "settle_refund",
        "follow_dispute",
        "remind_staff",
        "write_back",
        "read_plan",
        "touch_patient",
        "ask_about_plan",
        "apply_to_plan",
        "sign_plan",
        "open_installment",
        "place_payment",
        "apply_unmatched",
        "ask_reply",
        "settle_reply",
        "apply_reply",
        "tie_payout",
        "apply_payout",
        "ask_about_lot",
        "apply_to_lot",
        "ask_about_control",
        "apply_to_control",
        "close_case",
    }


def _scheduled(events: Events) -> list[dict[str, Any]]:
    return [
        event["activityTaskScheduledEventAttributes"]["activityType"]
        for event in events
        if "activityTaskScheduledEventAttributes" in event
    ]


def renamed(events: Events) -> None:
    _scheduled(events)[2]["name"] = "send_message"


def reordered(events: Events) -> None:
    first, second = _scheduled(events)[:2]
    first["name"], second["name"] = second["name"], first["name"]


def timer_became_activity(events: Events) -> None:
    event = next(event for event in events if "timerStartedEventAttributes" in event)
    donor = next(event for event in events if "activityTaskScheduledEventAttributes" in event)
    event["eventType"] = donor["eventType"]
    event["activityTaskScheduledEventAttributes"] = copy.deepcopy(
        donor["activityTaskScheduledEventAttributes"]
    )
    del event["timerStartedEventAttributes"]


def attribute_not_written(events: Events) -> None:
    name = "upsertWorkflowSearchAttributesEventAttributes"
    event = next(event for event in events if name in event)
    donor = next(event for event in events if "timerStartedEventAttributes" in event)
    event["eventType"] = donor["eventType"]
    event["timerStartedEventAttributes"] = donor["timerStartedEventAttributes"]
    del event[name]


@pytest.mark.parametrize(
    "change", [renamed, reordered, timer_became_activity, attribute_not_written]
)
async def test_replay_would_see_a_changed_command(
    replayer: Replayer, change: Callable[[Events], None]
) -> None:
    history = stored("chased_to_the_end")
    change(history["events"])
    with pytest.raises(NondeterminismError):
        await replay(replayer, "chased_to_the_end", history)


@pytest.mark.parametrize(
    ("name", "actions_max", "events_max"),
    [("nothing_due", 4, 20), ("paid_at_once", 14, 65), ("chased_to_the_end", 30, 120)],
)
def test_case_costs_no_more_than_promised(name: str, actions_max: int, events_max: int) -> None:
    history = WorkflowHistory.from_json(IDS[name], stored(name))
    assert actions_in(history.events) <= actions_max
    assert len(history.events) <= events_max
