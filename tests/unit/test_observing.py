"""Logs are one JSON line without anything personal; readiness never takes unknown for zero."""

import json
import logging
import subprocess
import sys

import pytest

from starter.logging import REDACTED, is_personal
from starter.metrics import metrics_runtime, pollers_in

PROGRAM = """
import logging, structlog
from starter.logging import configure
from domain.case import PaymentPosted
configure("INFO")
ours, theirs = structlog.get_logger("tieout.x"), logging.getLogger("vendor")
ours.info("kept", case_id="visit/lumin/boulevard/1", phone="marker-1", body="marker-2",
          model=PaymentPosted(payment_id="marker-3"), below={"first_name": "marker-4"})
theirs.warning("foreign %s", "words", extra={"email": "marker-5", "ids": [1]})
ours.debug("below the level")
try:
    raise RuntimeError("the reason")
except RuntimeError:
    theirs.exception("failed")
"""


def test_lines_are_json_on_stderr_without_markers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert "marker" not in done.stderr
    first, second, third = (json.loads(line) for line in done.stderr.splitlines())
    assert first["event"] == "kept"
    assert first["case_id"] == "visit/lumin/boulevard/1"
    assert first["phone"] == first["below"]["first_name"] == REDACTED
    assert (second["event"], second["level"], second["ids"]) == ("foreign words", "warning", [1])
    assert "RuntimeError: the reason" in third["exception"]
    assert all(line["timestamp"].endswith("Z") for line in (first, second, third))


@pytest.mark.parametrize(
    "key", ["name", "first_name", "phone_e164", "to_e164", "email", "Email", "body", "api_key"]
)
def test_personal_keys(key: str) -> None:
    assert is_personal(key)


@pytest.mark.parametrize(
    "key", ["case_id", "template_version", "workflow_name", "namespace", "route", "total_cents"]
)
def test_harmless_keys(key: str) -> None:
    assert not is_personal(key)


PAGE = """\
# TYPE temporal_num_pollers gauge
temporal_num_pollers{namespace="default",poller_type="workflow_task",task_queue="tieout"} 2
temporal_num_pollers{namespace="default",poller_type="activity_task",task_queue="tieout"} 5
temporal_num_pollers{namespace="default",poller_type="activity_task",task_queue="other"} 9
"""


def test_pollers_are_counted_on_our_queue() -> None:
    assert pollers_in(PAGE, "tieout") == 7


def test_unknown_is_not_zero() -> None:
    assert pollers_in("", "tieout") is None
    assert pollers_in(PAGE, "absent") is None
    assert pollers_in(PAGE.replace("} 2", "} 0").replace("} 5", "} 0"), "tieout") == 0


def test_metrics_are_off_without_a_port() -> None:
    assert metrics_runtime(0) is None
    assert logging.getLogger("vendor").handlers == []
