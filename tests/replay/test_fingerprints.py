"""Commands, waits and handlers change only when somebody says so."""

import ast
import json

from tests.replay import fingerprints

WHY = """
The workflow code asks something else of Temporal than the committed baseline says.
If no case can be at the changed place, or the change is behind workflow.patched(), accept it:
    python -m tests.replay.fingerprints write
and say in the commit message why running cases are safe. Otherwise gate it first:
docs/changing-workflows.md.
"""


def test_commands_are_those_of_the_baseline() -> None:
    changed = fingerprints.differences()
    assert not changed, f"{WHY}\n{changed}"


def test_baseline_names_every_handler() -> None:
    baseline = json.loads(fingerprints.BASELINE.read_text())
    assert baseline["TreatmentVisit handlers"] == [
        "run as TreatmentVisit",
        "query standing",
        "signal chart_amended",
        "signal client_released",
        "signal decision_undone",
        "signal delivery_failed",
        "signal hold",
        "signal payment_posted",
        "signal review_decided",
        "update close",
        "update hold",
        "update release",
        "update review_decided",
    ]
    assert baseline["UnmatchedPayment handlers"] == [
        "run as UnmatchedPayment",
        "signal decision_undone",
        "signal payment_posted",
        "signal review_decided",
        "update review_decided",
    ]


def lines(source: str) -> list[str]:
    return list(fingerprints._commands(ast.parse(source).body))


def test_order_options_and_timeouts_are_part_of_a_fingerprint() -> None:
    read = "await workflow.execute_activity_method(A.read, ReadIn(at=1), **BOOKS)"
    send = "await workflow.execute_activity_method(A.send, SendIn(at=1), **SEND)"
    assert lines(f"{read}\n{send}") == [
        "activity A.read (ReadIn) under BOOKS",
        "activity A.send (SendIn) under SEND",
    ]
    assert lines(f"{send}\n{read}") != lines(f"{read}\n{send}")
    assert lines(read.replace("BOOKS", "MONEY")) != lines(read)
    wait = "await workflow.wait_condition(news)"
    assert lines(wait) != lines(wait.replace(")", ", timeout=left)"))
    assert lines(f"if a:\n {wait}") != lines(f"if b:\n {wait}")
