"""A lender's file is looked at before it is imported, and a feed's state is one table."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import lender_loans, lenders, plans
from tests.cli.desk import ROOT

EXPORT = ROOT / "examples" / "cc_5348120012345678_20261103_1.csv"
PLANS = ROOT / "examples" / "plans.csv"


async def test_a_dry_run_says_what_a_file_would_do_and_writes_nothing(world):
    at = ("--location", world.location_id)
    said = await world.run("import", "carecredit", str(EXPORT), *at)
    assert said.code == 0
    assert "CC-70001 accepted new" in said.words
    assert "2 rows, 2 plans, 0 bad rows. Nothing was written" in said.words
    assert await plans.list_plans(world.conn, world.location_id) == []
    given = (await world.run("import", "in-house", str(PLANS), *at, "--json")).json
    assert given["applied"] is False
    assert [(each["plan_id"], each["change"]) for each in given["plans"]] == [
        ("IH-1001", "new"),
        ("IH-1002", "new"),
    ]


async def test_bad_rows_are_named_and_the_command_says_that_not_all_is_well(world, tmp_path):
    file = tmp_path / EXPORT.name
    file.write_text(EXPORT.read_text().replace("purchase,requested", "gift,requested"))
    said = await world.run("import", "carecredit", str(file), "--location", world.location_id)
    assert said.code == 1
    assert "line 3: its transaction type is none of purchase, refund, adjustment" in said.words
    assert "CC-70001 accepted new" in said.words
    cut = tmp_path / EXPORT.name.replace("_1.csv", "_2.csv")
    cut.write_text(EXPORT.read_text().partition("TRAILER")[0])
    said = await world.run("import", "carecredit", str(cut), "--location", world.location_id)
    assert said.code == 1
    assert "The file is not whole: it ends without a trailer." in said.words


async def test_what_is_no_file_of_a_lender_is_a_usage_error(world, tmp_path):
    odd = tmp_path / "odd.csv"
    odd.write_text("a,b\n")
    for words in (
        ("carecredit", str(odd)),
        ("in-house", str(odd)),
        ("carecredit", str(tmp_path / "none.csv")),
    ):
        said = await world.run("import", *words, "--location", world.location_id)
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1


async def test_nothing_is_written_while_no_case_can_be_told(world):
    env = {**world.env, "TIEOUT_TEMPORAL_ADDRESS": "127.0.0.1:9"}
    world.env = env
    at = ("--location", world.location_id, "--apply", "--by", "dana")
    said = await world.run("import", "in-house", str(PLANS), *at)
    assert said.code == 1
    assert await plans.list_plans(world.conn, world.location_id) == []


async def test_a_feeds_state_is_one_row_and_open_hints_are_counted(world):
    keys = {"base_url": "http://127.0.0.1:9", "api_key": "k", "accounts": {world.location_id: "m"}}
    world.env["TIEOUT_LENDERS"] = json.dumps({"cherry": keys})
    hint = PlanFact(
        location_id=world.location_id,
        lender=Lender.CHERRY,
        plan_id=f"app-{uuid4().hex[:8]}",
        source=FactSource.WEBHOOK,
        key=uuid4().hex,
        as_of=datetime.now(UTC),
        observed_at=datetime.now(UTC),
        status=PlanStatus.APPROVED,
    )
    await plans.record(world.conn, hint)
    await lenders.note_call(world.conn, "cherry", world.location_id, "contract.list", "answered")
    said = await world.run("lender", "status", "--json")
    assert said.code == 0
    (row,) = said.json
    assert (row["lender"], row["unconfirmed"], row["calls_per_hour"]) == ("cherry", 1, 1_000)
    assert row["calls_this_hour"] >= 1
    assert (row["last_event"], row["questions"]) == (None, 0)
    shown = await world.run("lender", "status")
    assert "cherry" in shown.out
    assert "/1000" in shown.words
    assert "assumed" in (await world.run("lender", "contract", "carecredit")).out


async def test_terms_are_agreed_by_a_name_and_keep_their_versions(world, tmp_path):
    file = str(ROOT / "examples" / "lender-terms.json")
    assert (await world.run("lender", "terms", world.location_id, file)).code == 2
    for version in (1, 2):
        said = await world.run("lender", "terms", world.location_id, file, "--by", "dana", "--json")
        assert said.json["versions"]["cherry"] == version
    agreed = await lender_loans.terms_of(world.conn, world.location_id)
    assert agreed[Lender.CHERRY].fund_business_days == 3
    assert agreed[Lender.CARECREDIT].fees[1].programme == "12M"
    odd = tmp_path / "odd.json"
    odd.write_text('{"terms": [{"lender": "cherry", "rate": 1}]}')
    said = await world.run("lender", "terms", world.location_id, str(odd), "--by", "dana")
    assert (said.code, said.err.count("\n")) == (2, 1)
