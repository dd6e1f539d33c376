"""What the desk's own commands book and keep of money; whoever types one types it again when its
process has died."""

from datetime import timedelta
from uuid import uuid4

from domain import ids
from domain.chart import MoneyLot
from domain.plan_case import Lender
from tests.crash.stories_desk import opened
from tests.crash.story import story
from tests.crash.town import TERMS, Town

BY = ("--by", "dana")
PAID = ("payments", "payment_facts", "payment_allocations")


@story("plan_signed", "payment_received", desk=("plan_facts", "plans", "payment_received", *PAID))
async def pays_by_instalments(town: Town) -> None:
    case = await town.owed()
    number = (await town.document(case)).number
    today = town.practice.now().date().isoformat()
    terms = ("--total", "520", "--installments", "2", "--first-due", today)
    await town.command_dying("plan", "add", "--client", number, "--visit", number, *terms, *BY)
    await town.booked("plan_signed", case.case_id)
    [plan] = await town.fetch(
        "SELECT plan_id FROM plans WHERE visit_ref = $1 AND lender = $2",
        case.visit_id,
        Lender.IN_HOUSE,
    )
    first = ids.installment_workflow_id(town.practice.location_id, plan["plan_id"], 1)
    await town.kept("documents", first)
    paid = ("--kind", "cash", "--receipt", uuid4().hex)
    await town.command_dying("plan", "paid", plan["plan_id"], "1", *paid, *BY)
    await town.booked("payment_received", first)


@story("plan_signed", "plan_rest_written_off", desk=("plan_facts",))
async def gives_up_a_plan(town: Town) -> None:
    case = await town.owed()
    number = (await town.document(case)).number
    first_due = (town.practice.now() + timedelta(days=20)).date().isoformat()
    terms = ("--total", "520", "--installments", "2", "--first-due", first_due)
    await town.command_dying("plan", "add", "--client", number, "--visit", number, *terms, *BY)
    await town.booked("plan_signed", case.case_id)
    [plan] = await town.fetch(
        "SELECT plan_id FROM plans WHERE visit_ref = $1 AND lender = $2",
        case.visit_id,
        Lender.IN_HOUSE,
    )
    await town.command_dying("plan", "cancel", plan["plan_id"], "--yes", *BY, "--reason", "moved")
    await town.reply("PLAN_REST", case.client_id, "write_off")
    await town.booked("plan_rest_written_off", case.client_id)


@story("opening_lot", desk=("opening_lot", "lots", "clients", "memberships"))
async def books_are_opened(town: Town) -> None:
    now = town.practice.now()
    lot = MoneyLot(lot_id=str(uuid4()), kind="gift_card", remaining_cents=10_000, purchased_at=now)
    tier = {"tier": "glow", "since": now.isoformat()}
    owns = {"money_lots": [lot.model_dump(mode="json")], "memberships": [tier]}
    await town.booked("opening_lot", await opened(town, **owns))


@story("drawer_deposited", desk=("bank_lines", "bank_claims", "drawer_deposited"))
async def drawer_goes_to_the_bank(town: Town) -> None:
    reference = uuid4().hex
    day = town.practice.now().date().isoformat()
    rows = f"date,amount,description,reference\n{day},123.45,CASH DEPOSIT,{reference}\n"
    file = town.state_file("bank.csv", rows)
    known = {line["line_id"] for line in await town.command("bank", "list")}
    await town.command_dying("import", "bank", file, "--apply", *BY, ends=1)
    loose = await town.command("bank", "list")
    [line] = [one["line_id"] for one in loose if one["line_id"] not in known]
    await town.command_dying("bank", "claim", line, "drawer", *BY, "--reason", "slip")
    await town.booked("drawer_deposited", line)


@story(
    "agency_remitted",
    desk=(
        "agency_exports", "agency_remitted", "agency_remittances", "agency_remittance_parts",
        "agency_recalls", "client_hold_releases",
    ),
)  # fmt: skip
async def agency_pays_a_part(town: Town) -> None:
    """And the rest comes back from it."""
    case = await town.chased_to_the_end()
    review = await town.asked("CHASE_EXHAUSTED", case.case_id)
    await town.answer(review, "agency")
    number, name = (await town.document(case)).number, uuid4().hex
    listed = str(town.stack.state / f"{name}.csv")
    await town.command_dying("agency", "export", listed, "--to", "Blue Bay", *BY, "--yes")
    day = town.practice.now().date().isoformat()
    money = (f"{number}=200", "--fee", "70", "--net", "130", "--on", day)
    await town.command_dying("agency", "remit", name, *money, *BY, "--yes")
    await town.booked("agency_remitted", case.client_id)
    await town.command_dying("agency", "recall", number, *BY, "--reason", "a mistake")


@story(desk=("period_closes",))
async def month_is_closed(town: Town) -> None:
    """One long before anything was booked."""
    closed = await town.command("period", "list")
    month = f"2019-{len(closed) + 1:02}"
    signed = ("--month", month, *BY, "--reason", "as agreed", "--yes")
    await town.command_dying("period", "close", *signed, ends=1)
    await town.kept("period_closes", f"{month}-01")


@story("lender_held", desk=("lender_files", "lender_fundings", "plan_facts", "plans"))
async def lenders_file_is_imported(town: Town) -> None:
    """A loan of nobody that we know, and its money."""
    ref, merchant, day = f"CC-{uuid4().hex[:8]}", "5348120012345678", town.practice.now().date()
    head = (
        "ref_id,merchant_number,transaction_type,status,practice_memo,ehr_patient_id,patient_last,"
        "patient_first_initial,transaction_date,posted_date,promo_code,gross_amount,fee_amount,"
        "net_amount,funding_date,funding_batch_id,original_ref_id"
    )
    row = f"{ref},{merchant},purchase,completed,,{uuid4()},,,{day},{day},12M,600.00,59.40,540.60"
    end = f"TRAILER,{merchant},,,1,,,,,,,600.00,59.40,540.60,,,"
    text = f"{head}\n{row},{day},B-{ref},\n{end}\n"
    name = f"cc_{merchant}_{day + timedelta(days=1):%Y%m%d}_1.csv"
    file = town.state_file(name, text)
    await town.command_dying("import", "carecredit", file, "--apply", *BY)
    # What was kept and not told of; its schedule does so within the hour.
    await town.sweep("LenderLoans", location_id=town.practice.location_id)
    await town.booked("lender_held", ref)


@story(desk=("lender_terms",))
async def terms_are_agreed(town: Town) -> None:
    await town.command_dying("lender", "terms", town.practice.location_id, str(TERMS), *BY)
