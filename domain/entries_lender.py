"""What a lender's money does to the books (rules 2.12 rows 17 to 19).

The lender's part of a visit is a payment of kind `lender`, which stands in 1030 until it is
funded. A deposit is kept in 2090 or 2095 while it does not fit.
"""

from datetime import date

from domain.ledger import Entry, Tally, entry

BANK, LENDER, FEE = "1010", "1030", "6020"
_AR, _CREDIT, _PACKAGES, _ALLOWANCE = "1100", "2060", "2010", "4920"
KNOWN, UNKNOWN = "2090", "2095"


def held_key(location_id: str, lender: str, funding_id: str) -> str:
    """Business key of a deposit that does not fit and waits."""
    return f"lender-held|{location_id}|{lender}|{funding_id}"


def funded_key(location_id: str, lender: str, funding_id: str) -> str:
    """Business key of a deposit that pays its loan."""
    return f"lender-funded|{location_id}|{lender}|{funding_id}"


def taken_back_key(location_id: str, lender: str, funding_id: str) -> str:
    """Business key of a deposit that the lender took back."""
    return f"lender-taken-back|{location_id}|{lender}|{funding_id}"


def held(
    *,
    lender: str,
    funding_id: str,
    net_cents: int,
    client_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A deposit at the bank whose loan, sum or fee does not fit."""
    account = UNKNOWN if client_id is None else KNOWN
    tally = Tally(client_id).move(BANK, account, net_cents)
    return entry(
        "lender_held", held_key(location_id, lender, funding_id), location_id, effective_on, tally
    )


def funded(
    *,
    lender: str,
    funding_id: str,
    net_cents: int,
    fee_cents: int,
    came_from: str,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A loan is funded: net and fee against 1030. `came_from`: 1010, or where it was held."""
    tally = Tally(client_id, case_id).add(FEE, fee_cents).add(LENDER, -net_cents - fee_cents)
    source = Tally() if came_from == UNKNOWN else Tally(client_id)
    tally = tally.plus(source.add(came_from, net_cents))
    return entry(
        "lender_funded",
        funded_key(location_id, lender, funding_id),
        location_id,
        effective_on,
        tally,
    )


def taken_back(
    *,
    lender: str,
    funding_id: str,
    net_cents: int,
    went_to: str,
    client_id: str | None,
    case_id: str | None,
    location_id: str,
    effective_on: date,
) -> Entry:
    """The lender took a deposit back: it owes it again (1030), or it leaves where it was held."""
    owner = Tally() if went_to == UNKNOWN else Tally(client_id, case_id)
    bank = Tally() if went_to == UNKNOWN else Tally(client_id)
    tally = owner.add(went_to, net_cents).plus(bank.add(BANK, -net_cents))
    key = taken_back_key(location_id, lender, funding_id)
    return entry("lender_taken_back", key, location_id, effective_on, tally)


def given_up_key(review_id: str) -> str:
    """Business key of a decision that the lender is not asked for its part any more."""
    return f"lender-given-up|{review_id}"


def billed_instead(
    *,
    review_id: str,
    patient_cents: int,
    lender_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """The patient owes what the lender does not pay; a fee that was kept of it is no cost now."""
    tally = Tally(client_id, case_id).add(_AR, patient_cents).add(LENDER, -lender_cents)
    tally.add(FEE, lender_cents - patient_cents)
    key = given_up_key(review_id)
    return entry("lender_billed_instead", key, location_id, effective_on, tally)


def plan_cancelled(
    *,
    review_id: str,
    part_cents: int,
    lender_cents: int,
    unused_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """The plan ends: what the patient has not received leaves 2010, the rest is an allowance.

    `part_cents` is what the lender had financed, `lender_cents` what stands in 1030 of it.
    """
    liability_cents = min(unused_cents, part_cents)
    tally = Tally(client_id, case_id).add(_PACKAGES, liability_cents)
    tally.add(_ALLOWANCE, part_cents - liability_cents).add(LENDER, -lender_cents)
    tally.add(FEE, lender_cents - part_cents)
    key = given_up_key(review_id)
    return entry("lender_plan_cancelled", key, location_id, effective_on, tally)


def placed(
    *,
    review_id: str,
    came_from: str,
    net_cents: int,
    fee_cents: int,
    to_lender_cents: int,
    to_patient_cents: int,
    credit_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    effective_on: date,
) -> Entry:
    """A person says which invoice a held deposit pays: gross, with its fee a cost."""
    tally = Tally(client_id, case_id).add(FEE, fee_cents).add(LENDER, -to_lender_cents)
    tally.add(_AR, -to_patient_cents).add(_CREDIT, -credit_cents)
    source = Tally() if came_from == UNKNOWN else Tally(client_id)
    tally = tally.plus(source.add(came_from, net_cents))
    return entry("lender_placed", f"lender-placed|{review_id}", location_id, effective_on, tally)
