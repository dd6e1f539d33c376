"""What happens to lenders' money and to lots, told so that every kind of entry is booked."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from domain import ids
from domain.chart import UnitLot
from domain.lender_news import FundingFact, FundingState
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from tests.crash.story import story
from tests.crash.town import DUE, Town
from tests.e2e.play import Case, new_patient

FEE = 5_148
"""9.9 % of 40 units, as the terms have it."""


async def _signed(town: Town, case: Case, status: PlanStatus = PlanStatus.ACCEPTED) -> str:
    """Cherry pays all of a visit; its contract."""
    now = town.practice.now()
    fact = PlanFact(
        location_id=town.practice.location_id,
        lender=Lender.CHERRY,
        plan_id=f"app-{case.visit_id}",
        source=FactSource.POLL,
        key=uuid4().hex,
        as_of=now,
        observed_at=now,
        status=status,
        contract_id=f"tx-{case.visit_id}",
        visit_ref=case.visit_id,
        financed_cents=DUE,
    )
    async with town.wiring() as wiring:
        await wiring.plans.take([fact], "told")
    return fact.contract_id or ""


async def _deposit(town: Town, loan_id: str, state: FundingState = FundingState.COMPLETED) -> str:
    """Cherry's money for a loan arrives, or is taken back."""
    now = town.practice.now()
    fact = FundingFact(
        location_id=town.practice.location_id,
        lender=Lender.CHERRY,
        funding_id=f"dep-{loan_id}",
        loan_id=loan_id,
        source=FactSource.POLL,
        key=uuid4().hex,
        as_of=now,
        observed_at=now,
        state=state,
        gross_cents=DUE,
        fee_cents=FEE,
        net_cents=DUE - FEE,
    )
    async with town.wiring() as wiring:
        await wiring.plans.keep_fundings([fact])
    return fact.funding_id


@story("payment_received", "lender_funded", "lender_taken_back", "lender_billed_instead")
async def lender_pays_and_takes_back(town: Town) -> None:
    case = await town.owed()
    loan_id = await _signed(town, case)
    await town.until_balance(case, 0)
    deposit = await _deposit(town, loan_id)
    await town.booked("lender_funded", deposit)
    await _deposit(town, loan_id, FundingState.REVERSED)
    await town.booked("lender_taken_back", deposit)
    await town.reply("LENDER_REVERSED", case.client_id, "re_bill")
    await town.until_balance(case, DUE)


@story("payment_received", "lender_plan_cancelled")
async def lender_ends_the_plan(town: Town) -> None:
    case = await town.owed()
    await _signed(town, case)
    await town.until_balance(case, 0)
    await _signed(town, case, PlanStatus.CANCELLED)
    await town.reply("LENDER_REVERSED", case.client_id, "cancel_plan")
    await town.booked("lender_plan_cancelled", case.client_id)


@story("lender_held", "lender_placed")
async def lender_pays_a_strange_loan(town: Town) -> None:
    case = await town.owed()
    loan_id = f"strange-{case.visit_id}"
    deposit = await _deposit(town, loan_id)
    await town.booked("lender_held", deposit)
    number = (await town.document(case)).number
    await town.reply("WRONG_INVOICE", loan_id, "apply", invoice_id=number)
    await town.booked("lender_placed", case.client_id)


async def opened(town: Town, **owns: Any) -> str:
    """A client who owns something at go-live, imported from a file; who."""
    patient = new_patient()
    urn = await town.practice.admit(patient)
    client = {
        "pms_client_ref": urn,
        "contact": {"first_name": patient.first_name, "last_name": patient.last_name},
        "opening": owns,
    }
    place, opened_at = town.practice.location_id, town.practice.now().isoformat()
    words = {"location_id": place, "opened_at": opened_at, "clients": [client]}
    file = town.state_file("openings.json", json.dumps(words))
    await town.command_dying("client", "import", file)
    return ids.client_id(place, "boulevard", urn)


async def _expired(town: Town, choice: str) -> str:
    """A syringe that nobody used in time; its owner."""
    then = town.practice.now() - timedelta(days=900)
    lot = UnitLot(
        lot_id=str(uuid4()),
        skus=("FILLER-SYRINGE",),
        remaining=Decimal(1),
        value_cents=60_000,
        purchased_at=then,
        expires_on=(then + timedelta(days=365)).date().isoformat(),
    )
    await opened(town, unit_lots=[lot.model_dump(mode="json")])
    await town.sweep("ExpiredLots", location_id=town.practice.location_id)
    await town.reply("BREAKAGE", lot.lot_id, choice)
    return lot.lot_id


@story("opening_lot", "breakage")
async def lot_is_kept(town: Town) -> None:
    await _expired(town, "to_income")


@story("opening_lot", "escheated")
async def lot_goes_to_the_state(town: Town) -> None:
    await _expired(town, "to_state")
