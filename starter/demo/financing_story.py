"""What happens to the seven plans, by the day on which it happens."""

from collections.abc import Mapping, Sequence

from starter.demo.financing import Act, Year
from starter.demo.financing_cast import (
    ALPHAEON,
    AMOUNT_CENTS,
    CARECREDIT,
    CHERRY,
    CHERRY_2,
    CHERRY_3,
    OURS,
    PATIENTFI,
    SESSIONS,
)


def _application(year: Year, name: str) -> str:
    return f"app-{year.told[name].borrower.client_id[:8]}"


def _contract(year: Year, name: str) -> str:
    return f"tx-{year.told[name].borrower.client_id[:8]}"


async def _approve(year: Year, name: str) -> None:
    who, application = year.told[name].borrower.client_id, _application(year, name)
    await year.lender(name, "apply", patient=who, id=application, quiet=True)
    await year.lender(
        name,
        "decide",
        id=application,
        status="approved",
        approved_amount=AMOUNT_CENTS,
        available_amount=AMOUNT_CENTS,
        expires_on=year.day(30),
    )
    await year.opened(name)
    year.say(name, "approved")


async def _begin(year: Year) -> None:
    for name in (CHERRY, CHERRY_2, CHERRY_3, ALPHAEON):
        await _approve(year, name)
    await year.lender(
        PATIENTFI,
        "transact",
        id=_contract(year, PATIENTFI),
        amount=AMOUNT_CENTS,
        external_reference=year.told[PATIENTFI].borrower.client_id,
        sessions=SESSIONS,
    )
    await year.opened(PATIENTFI)
    year.say(PATIENTFI, "a contract waits for the patient")
    await year.sign_own()
    await year.opened(OURS)
    year.say(OURS, "signed at the desk: three instalments, two weeks apart")


async def _patientfi_refused(year: Year) -> None:
    await year.lender(PATIENTFI, "answer", id=_contract(year, PATIENTFI), status="rejected")
    await year.status(PATIENTFI, "rejected")
    year.say(PATIENTFI, "the patient said no; nothing is said about it")


async def _patientfi_accepted(year: Year) -> None:
    await year.lender(
        PATIENTFI, "answer", id=_contract(year, PATIENTFI), status="accepted", plan_end_date=None
    )
    await year.status(PATIENTFI, "accepted")
    year.say(PATIENTFI, "the patient said yes after all; first payment 30 days later")
    await year.decide(PATIENTFI, "NULL_DATE", "enter_date", until=year.on(180))


async def _carecredit(year: Year) -> None:
    told = year.told[CARECREDIT]
    await year.practice.control(
        "lenders/carecredit/transaction",
        {
            "ref_id": f"cc{told.borrower.client_id[:8]}",
            "transaction_type": "purchase",
            "status": "completed",
            "ehr_patient_id": told.borrower.client_id,
            "transaction_date": year.day(1),
            "posted_date": year.day(1),
            "promo_code": "12",
            "gross_amount": "2800.00",
            "fee_amount": "277.20",
            "net_amount": "2522.80",
        },
    )
    await year.practice.control("lenders/carecredit/cut", {"day": year.day(1), "no": 1})
    await year.import_files()
    await year.opened(CARECREDIT)
    year.say(CARECREDIT, "a purchase came with the morning's file, half a day late")


async def _alphaeon_signs(year: Year) -> None:
    await _sign(year, ALPHAEON, first=None, final=year.day(185))
    year.say(ALPHAEON, "signed; the lender tells no first payment date")
    await year.decide(ALPHAEON, "NULL_DATE", "enter_date", until=year.on(34))


async def _cherry_signs(year: Year) -> None:
    await _sign(year, CHERRY, first=year.day(37), final=year.day(187))
    year.say(CHERRY, "signed; first payment in 30 days")
    await year.session(CHERRY)


async def _lakeside_signs(year: Year) -> None:
    """Signed, booked for the last session, and refinanced before the end."""
    await _sign(year, CHERRY_2, first=year.day(39), final=year.day(189))
    year.say(CHERRY_2, "signed; first payment in 30 days")
    await year.session(CHERRY_2)


async def _refinanced(year: Year) -> None:
    await year.lender(CHERRY_2, "answer", id=_contract(year, CHERRY_2), status="refinanced")
    await year.status(CHERRY_2, "refinanced")
    year.say(CHERRY_2, "refinanced: nothing more is said")


async def _nobody_came(year: Year) -> None:
    """Approved and never used: two nudges, then a person, then the approval ends."""
    await year.decide(CHERRY_3, "NOT_BOOKED", "called")


async def _ran_out(year: Year) -> None:
    await year.lender(CHERRY_3, "decide", id=_application(year, CHERRY_3), status="expired")
    await year.status(CHERRY_3, "expired")
    year.say(CHERRY_3, "the approval ran out")
    await year.decide(CHERRY_3, "APPROVAL_EXPIRED", "called")


async def _sign(year: Year, name: str, first: str | None, final: str) -> None:
    await year.lender(
        name,
        "transact",
        id=_contract(year, name),
        application=_application(year, name),
        external_reference=year.told[name].borrower.client_id,
        amount=AMOUNT_CENTS,
        monthly_payment=46_667,
        first_payment_date=first,
        plan_end_date=final,
        sessions=SESSIONS,
        status="accepted",
    )
    await year.status(name, "accepted")


async def _moved(year: Year) -> None:
    await year.lender(CHERRY, "answer", id=_contract(year, CHERRY), first_payment_date=year.day(44))
    await year.first_payment(CHERRY, year.on(44))
    year.say(CHERRY, "the lender moved the first payment by a week")


async def _paid_off(year: Year) -> None:
    await year.lender(CHERRY, "answer", id=_contract(year, CHERRY), status="paid_off")
    await year.status(CHERRY, "paid_off")
    year.say(CHERRY, "paid off")


def _session(name: str) -> Act:
    return lambda year: year.session(name)


def _book(name: str, in_days: int) -> Act:
    return lambda year: year.book(name, in_days)


def _pay(number: int) -> Act:
    return lambda year: year.pay_installment(number)


async def _missed(year: Year) -> None:
    await year.decide(OURS, "INSTALLMENTS_MISSED", "called")
    await year.pay_installment(2)


async def _dropped(year: Year) -> None:
    await year.decide(PATIENTFI, "PLAN_DROPPED", "called")


STORY: Mapping[int, Sequence[Act]] = {
    0: (_begin,),
    1: (_patientfi_refused,),
    2: (_carecredit,),
    3: (_patientfi_accepted, _book(CHERRY, 4)),
    4: (_alphaeon_signs,),
    7: (_cherry_signs,),
    9: (_lakeside_signs,),
    10: (_nobody_came,),
    8: (_session(CARECREDIT), _session(PATIENTFI), _pay(1)),
    14: (_session(ALPHAEON),),
    20: (_moved,),
    31: (_ran_out,),
    35: (_session(CHERRY), _session(PATIENTFI)),
    42: (_session(ALPHAEON), _book(ALPHAEON, 20)),
    45: (_missed,),
    50: (_session(CHERRY), _session(CHERRY_2)),
    85: (_refinanced,),
    95: (_dropped,),
    190: (_paid_off,),
}
"""By day: the practice's morning on which it happens."""
