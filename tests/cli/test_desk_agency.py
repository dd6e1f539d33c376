"""`tieout agency`: the list, what the agency pays, and taking a debt back."""

import csv
from unittest import mock

import asyncpg
import pytest

from activities.agency import hand_over
from activities.contracts import ApplyIn, CaseRef
from domain import ids
from domain.agency import Part
from domain.case import Decision
from domain.entries_dispute import agency_remitted
from domain.month import month_of
from starter.desk.agency import file_of
from starter.desk.books import Books
from starter.desk.month_end import month_report
from store import agency, holds, ledger, review_acts, reviews
from tests.cli.desk import one_sentence

BY = ("--by", "dana")
SERUM_TAX_AND_LASER_WORDS = ("serum", "laser", "session")


@pytest.fixture
def woken():
    """Visits that were told to read their money again; no engine runs in these tests."""
    told = []

    async def wake(_, __, case_ids, what):
        told.extend(case_ids)

    with mock.patch("starter.desk.engine.wake", wake):
        yield told


async def _handed_over(world, paid_cents=0):
    """An invoice that was chased to the end and given to an agency, by two people."""
    document = await world.bill()
    if paid_cents:
        await world.pay(document, paid_cents)
    await world.message(document)
    await world.message(document, step="day-14", day=14)
    asked = await world.ask(case_id=document.case_id, cents=document.change_due_cents)
    decision = Decision(review_id=asked.review_id, choice="agency", by="dana", reason="no answer")
    given = decision.model_dump(mode="json")
    at = asked.opened_at
    await review_acts.propose(world.conn, asked.review_id, given, "dana", "no answer", at)
    case = CaseRef(
        case_id=document.case_id,
        location_id=world.location_id,
        pms="boulevard",
        visit_id=document.case_id.rpartition("/")[2],
        zone="America/Chicago",
    )
    async with world.conn.transaction():
        confirmed = {**given, "confirmed_by": "eve"}
        await reviews.decide(world.conn, asked.review_id, confirmed, "dana", "no answer", at)
        ask = ApplyIn(case=case, client_id=world.client_id, decision=decision, at=at)
        await hand_over(world.conn, ask, asked)
    return document


async def _export(world, path, *more):
    to = ("--to", "Blue Bay Recovery")
    place = ("--location", world.location_id)
    return await world.run("agency", "export", str(path), *to, *place, *BY, *more)


async def _state(world):
    said = await world.run("agency", "list", "--location", world.location_id, "--json")
    return [(each["state"], each["owed_cents"], each["remitted_cents"]) for each in said.json]


async def _off(world):
    """Lines of the month end that do not tie, in the month of its last entry."""
    on = await world.conn.fetchval(
        "SELECT max(effective_on) FROM ledger_entries WHERE location_id = $1", world.location_id
    )
    report = await month_report(world.conn, month_of(on), world.location_id)
    ours = ("BALANCE", "SOURCES", "RECEIVABLE")
    return {tie.code: tie.items for tie in report.ties if tie.code in ours and tie.items}, report


async def test_the_list_names_the_debtor_and_nothing_of_the_treatment(world, tmp_path):
    document = await _handed_over(world, paid_cents=5_000)
    path = tmp_path / "november.csv"
    said = await _export(world, path, "--dry-run", "--json")
    assert (said.json["file"], len(said.json["debts"])) == (None, 1)
    assert not path.exists()
    assert await _state(world) == [("to_export", document.change_due_cents - 5_000, 0)]
    said = await _export(world, path, "--json")
    assert said.code == 0, said
    assert "Fern" not in said.out
    text = path.read_text()
    [row] = csv.DictReader(text.splitlines())
    assert (row["invoice"], row["last_name"], row["first_name"]) == (
        document.number,
        "Abbott",
        "Fern",
    )
    assert (row["last_paid"], row["last_paid_on"]) == ("50.00", "2026-03-05")
    assert row["asked_on"] == "2026-03-05 2026-03-19"
    assert (row["billed_on"], row["due_on"]) == ("2026-03-05", "2026-03-19")
    owed = document.change_due_cents - 5_000
    assert row["owed"] == f"{owed // 100}.{owed % 100:02d}"
    assert not any(word in text.lower() for word in SERUM_TAX_AND_LASER_WORDS)
    assert path.stat().st_mode & 0o077 == 0
    assert await _state(world) == [("with_agency", owed, 0)]
    assert "is there already" in one_sentence(await _export(world, path, "--all", "--json"), 1)
    again = await _export(world, tmp_path / "again.csv", "--json")
    assert again.json["debts"] == []
    [hold] = await holds.now(world.conn, world.client_id, document.issued_at.date())
    assert (hold.kind, hold.case_id) == ("agency", document.case_id)
    lifted = await world.run(
        "client", "release", document.number, *BY, "--reason", "x", "--kind", "agency"
    )
    assert "agency is never lifted" in one_sentence(lifted, 1)


async def test_a_list_that_was_written_and_not_kept_is_taken_for_the_same(world, tmp_path):
    """The process died between the file and the commit; another file stays another file."""
    path = tmp_path / "november.csv"
    await _handed_over(world)
    books = Books(None, world.conn, world.vault)
    listed = await file_of(books, await agency.placements(world.conn, world.location_id))
    path.write_bytes(listed.encode() + b"\n")
    assert "is there already" in one_sentence(await _export(world, path, "--json"), 1)
    assert (await _state(world))[0][0] == "to_export"
    path.write_bytes(listed.encode())
    assert (await _export(world, path, "--json")).code == 0
    assert (await _state(world))[0][0] == "with_agency"


async def test_what_the_agency_pays_is_booked_net_of_its_fee(world, tmp_path, woken):
    document = await _handed_over(world)
    await _export(world, tmp_path / "list.csv", "--json")
    owed = document.change_due_cents
    part = (f"{document.number}=100", "--fee", "35", "--net", "65", "--on", "2026-04-02", *BY)
    shown = await world.run("agency", "remit", "R-1", *part, "--dry-run")
    assert "6030 Bad debt $35.00" in shown.words
    assert await _state(world) == [("with_agency", owed, 0)]
    for _ in range(2):  # a repeat books nothing
        said = await world.run("agency", "remit", "R-1", *part, "--json")
        assert said.code == 0, said
        found = await ledger.account_balances(world.conn, world.location_id)
        assert (found["1010"], found["6030"], found["1100"]) == (6_500, 3_500, owed - 10_000)
    assert said.json["is_new"] is False
    assert await _state(world) == [("with_agency", owed - 10_000, 10_000)]
    assert woken == []
    other = (f"{document.number}=90", "--fee", "35", "--net", "55", "--on", "2026-04-02", *BY)
    assert (await world.run("agency", "remit", "R-1", *other)).code == 1
    rest = owed - 10_000
    too_much = (f"{document.number}={(rest + 1) / 100:.2f}", "--fee", "0", "--net")
    last = (*too_much, f"{(rest + 1) / 100:.2f}", "--on", "2026-04-09", *BY)
    assert "is too much" in one_sentence(await world.run("agency", "remit", "R-2", *last), 1)
    whole = f"{rest / 100:.2f}"
    last = (f"{document.number}={whole}", "--fee", "0", "--net", whole, "--on", "2026-04-09", *BY)
    assert (await world.run("agency", "remit", "R-2", *last, "--json")).code == 0
    assert await _state(world) == [("settled", 0, owed)]
    assert woken == [document.case_id]
    off, report = await _off(world)
    assert off == {}
    fees = [one for one in report.adjustments if one.event == "agency_remitted"]
    assert {one.by for one in fees} == {"dana"}


async def test_month_end_shows_what_is_at_an_agency_and_finds_a_cent(world, tmp_path):
    document = await _handed_over(world)
    await _export(world, tmp_path / "list.csv", "--json")
    part = (f"{document.number}=100", "--fee", "35", "--net", "65", "--on", "2026-12-02", *BY)
    assert (await world.run("agency", "remit", "R-1", *part, "--json")).code == 0
    off, report = await _off(world)
    assert off == {}
    [owed] = [one for one in report.debts if "agency" in one.who]
    assert owed.cents == document.change_due_cents - 10_000
    assert "patients" not in [one.who for one in report.debts]
    remittance = ids.remittance_id(world.location_id, "Blue Bay Recovery", "R-1")
    async with world.conn.transaction():
        await world.conn.execute("SET LOCAL session_replication_role = replica")
        await world.conn.execute(
            "UPDATE agency_remittance_parts SET gross_cents = gross_cents + 1"
            " WHERE remittance_id = $1",
            remittance,
        )
    off, _ = await _off(world)
    [item] = off["RECEIVABLE"]
    assert (item.off_cents, item.name) == (1, f"the agency's R-1 on {document.case_id}")


async def _book(world, paid, part, entry):
    async with world.conn.transaction():
        await agency.remit(world.conn, paid, (part,))
        await ledger.post(world.conn, entry)


async def test_the_database_takes_no_cent_off_but_what_the_agency_paid(world, tmp_path):
    document = await _handed_over(world)
    await _export(world, tmp_path / "list.csv", "--json")
    placed = await agency.of_case(world.conn, document.case_id)
    part = Part(
        case_id=document.case_id,
        placement_id=placed.placement_id,
        client_id=world.client_id,
        gross_cents=10_000,
        fee_cents=3_500,
        recovered_cents=0,
    )
    paid = agency.Remittance(
        remittance_id="r",
        location_id=world.location_id,
        agency="Blue Bay Recovery",
        reference="R-1",
        received_on=document.issued_at.date(),
        gross_cents=10_000,
        fee_cents=3_500,
        booked_by="dana",
    )
    for gross_cents, fee_cents, name in (
        (10_001, 3_500, "r"),
        (10_000, 3_501, "r"),
        (10_000, 0, "of-nobody"),
        (10_000, 3_500, "of-nobody"),
    ):
        entry = agency_remitted(
            remittance_id=name,
            gross_cents=gross_cents,
            commission_cents=fee_cents,
            written_off_cents=0,
            client_id=world.client_id,
            case_id=document.case_id,
            location_id=world.location_id,
            effective_on=document.issued_at.date(),
        )
        with pytest.raises(asyncpg.RestrictViolationError):
            await _book(world, paid, part, entry)


async def test_a_debt_comes_back_and_the_desk_is_asked(world, tmp_path, woken):
    document = await _handed_over(world)
    back = ("agency", "recall", document.number, *BY, "--reason", "pays here")
    assert "No agency has it yet" in one_sentence(await world.run(*back), 1)
    await _export(world, tmp_path / "list.csv", "--json")
    for _ in range(2):
        assert (await world.run(*back, "--json")).json["state"] == "recalled"
    assert woken == [document.case_id] * 2
    assert await _state(world) == [("recalled", document.change_due_cents, 0)]
    assert await holds.now(world.conn, world.client_id, document.issued_at.date()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("R-1", "none=1", "--fee", "0", "--net", "1"), "There is no visit none"),
        (("R-1", "{}=10", "--fee", "1", "--net", "8"), "less the fee of $1.00 that is $9.00"),
        (("R-1", "{}", "--fee", "1", "--net", "8"), "is not an invoice with its amount"),
    ],
)
async def test_a_remittance_that_does_not_fit_is_refused(world, tmp_path, words, sentence):
    document = await _handed_over(world)
    await _export(world, tmp_path / "list.csv", "--json")
    said = await world.run(
        "agency",
        "remit",
        *(word.format(document.number) for word in words),
        "--on",
        "2026-04-02",
        *BY,
    )
    assert sentence in said.err
    assert said.code in (1, 2)
