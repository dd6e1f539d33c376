"""What happens to the five plans, by the day on which it happens."""

from collections.abc import Mapping, Sequence

from domain.plan_case import Lender
from starter.demo.financing import Act, Year
from starter.demo.financing_cast import AMOUNT_CENTS, SESSIONS

CHERRY, PATIENTFI, ALPHAEON = Lender.CHERRY, Lender.PATIENTFI, Lender.ALPHAEON
CARECREDIT, OURS = Lender.CARECREDIT, Lender.IN_HOUSE


def _application(year: Year, lender: Lender) -> str:
    return f"app-{lender}-{year.told[lender].borrower.client_id[:8]}"


def _contract(year: Year, lender: Lender) -> str:
    return f"tx-{lender}-{year.told[lender].borrower.client_id[:8]}"


async def _approve(year: Year, lender: Lender) -> None:
    who, application = year.told[lender].borrower.client_id, _application(year, lender)
    await year.lender(lender, "apply", patient=who, id=application, quiet=True)
    await year.lender(
        lender,
        "decide",
        id=application,
        status="approved",
        approved_amount=AMOUNT_CENTS,
        available_amount=AMOUNT_CENTS,
        expires_on=year.day(30),
    )
    await year.opened(lender)
    year.say(lender, "approved")


async def _begin(year: Year) -> None:
    await _approve(year, CHERRY)
    await _approve(year, ALPHAEON)
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


async def _sign(year: Year, lender: Lender, first: str | None, final: str) -> None:
    await year.lender(
        lender,
        "transact",
        id=_contract(year, lender),
        application=_application(year, lender),
        external_reference=year.told[lender].borrower.client_id,
        amount=AMOUNT_CENTS,
        monthly_payment=46_667,
        first_payment_date=first,
        plan_end_date=final,
        sessions=SESSIONS,
        status="accepted",
    )
    await year.status(lender, "accepted")


async def _moved(year: Year) -> None:
    await year.lender(CHERRY, "answer", id=_contract(year, CHERRY), first_payment_date=year.day(44))
    await year.first_payment(CHERRY, year.on(44))
    year.say(CHERRY, "the lender moved the first payment by a week")


async def _paid_off(year: Year) -> None:
    await year.lender(CHERRY, "answer", id=_contract(year, CHERRY), status="paid_off")
    await year.status(CHERRY, "paid_off")
    year.say(CHERRY, "paid off")


def _session(lender: Lender) -> Act:
    return lambda year: year.session(lender)


def _book(lender: Lender, in_days: int) -> Act:
    return lambda year: year.book(lender, in_days)


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
    8: (_session(CARECREDIT), _session(PATIENTFI), _pay(1)),
    14: (_session(ALPHAEON),),
    20: (_moved,),
    35: (_session(CHERRY), _session(PATIENTFI)),
    42: (_session(ALPHAEON), _book(ALPHAEON, 20)),
    45: (_missed,),
    50: (_session(CHERRY),),
    95: (_dropped,),
    190: (_paid_off,),
}
"""By day: the practice's morning on which it happens."""
