"""The command of the README, on a stack of its own: the day's figures and their proof."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_thursday_ties_out(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "starter", "demo", "--json", "--state", str(tmp_path / "demo")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    day = json.loads(run.stdout)
    assert day["ok"] is True
    assert (day["money_messages_after_settlement"], day["duplicate_messages"]) == (0, 0)
    assert day["ledger"]["debits_cents"] == day["ledger"]["credits_cents"] > 0
    assert day["ledger"]["unbalanced_entries"] == 0
    first, nothing, late, parts, loose, unmapped = day["visits"]
    assert (first["due_cents"], first["tax_cents"]) == (53_361, 561)
    assert first["drawn"] == {"FILLER-SYRINGE": 1}
    assert first["tenders"]["membership_credit"] == 19_000
    assert (nothing["due_cents"], nothing["status"]) == (0, "nothing_due")
    assert {message["day"] for message in late["messages"]} == {0, 3, 7}
    assert [one["status"] for one in (first, late, parts, loose, unmapped)] == ["paid"] * 5
