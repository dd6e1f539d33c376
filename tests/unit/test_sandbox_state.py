"""The sandbox's documents: found again after a restart, whatever the kill left behind."""

from pathlib import Path

import pytest

from sandbox.state import State


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.jsonl"


def test_a_restart_forgets_nothing(log: Path) -> None:
    state = State(log)
    state.put("sms", "b", {"n": 1})
    state.put("sms", "a", {"n": 2, "words": "naïve\n"})
    state.put("sms", "b", {"n": 3})
    state.put("email", "x", {"n": 4})
    state.delete("email", "x")
    assert [state.next_number("order") for _ in range(3)] == [1, 2, 3]
    again = State(log)
    assert again.list("sms") == [{"n": 3}, {"n": 2, "words": "naïve\n"}]
    assert (again.get("sms", "b"), again.get("email", "x")) == ({"n": 3}, None)
    assert again.next_number("order") == 4


def test_documents_without_a_name_stay_in_order(log: Path) -> None:
    for number in range(3):
        State(log).append("call", {"n": number})
    assert [doc["n"] for doc in State(log).list("call")] == [0, 1, 2]


def test_a_listing_by_text_or_by_what_is_read() -> None:
    state = State(None)
    for number, to in enumerate(("+15550100", "+15550101", "+15550100")):
        state.append("sms", {"n": number, "to": to})
    assert [doc["n"] for doc in state.list("sms", has="+15550100")] == [0, 2]
    assert state.list("sms", has="+15550102") == []
    later = state.list("sms", lambda doc: doc["n"] > 0, has="+15550100")
    assert [doc["n"] for doc in later] == [2]


def test_half_a_line_was_never_answered(log: Path) -> None:
    State(log).put("sms", "a", {"n": 1})
    with log.open("ab") as half:
        half.write(b'["sms", "b", {"n"')
    state = State(log)
    assert state.list("sms") == [{"n": 1}]
    state.put("sms", "c", {"n": 2})
    assert State(log).list("sms") == [{"n": 1}, {"n": 2}]


def test_cleared_is_cleared_after_a_restart_too(log: Path) -> None:
    state = State(log)
    state.put("sms", "a", {"n": 1})
    state.clear()
    assert State(log).list("sms") == state.list("sms") == []


def test_what_is_handed_out_is_nobody_elses() -> None:
    state = State(None)
    kept = state.put("sms", "a", {"parts": [1]})
    kept["parts"].append(2)
    found = state.get("sms", "a")
    assert found == {"parts": [1]}
