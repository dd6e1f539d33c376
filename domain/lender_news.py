"""From a lender's objects to facts: one reading for webhooks, lists and single reads alike.

Cherry, PatientFi and Alphaeon are taken to speak of the same three objects (A.6): an application,
a contract that the patient accepts, and a funding. Words are the lender's own, by its contract.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from domain import calendar
from domain.lender_contracts import LenderContract
from domain.model import Record
from domain.plan_case import Lender
from domain.plan_facts import FactSource, PlanFact, content_key

ID_CHARACTERS_MAX = 80
_CENTS_MAX = 100_000_000
"""A million dollars: more than any of these lenders lends."""


class Thing(StrEnum):
    """What a lender's list holds."""

    APPLICATION = "application"
    CONTRACT = "contract"
    FUNDING = "funding"


class FundingState(StrEnum):
    """Where a deposit stands. Only `completed` and `reversed` move our ledger."""

    INITIATED = "initiated"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    REVERSED = "reversed"


class FundingFact(Record):
    """One telling of money that a lender sent, or took back. None is "not said"."""

    location_id: str
    lender: Lender
    funding_id: str
    loan_id: str
    """The contract that it pays."""
    source: FactSource
    key: str
    as_of: AwareDatetime
    observed_at: AwareDatetime
    state: FundingState
    gross_cents: int | None = None
    fee_cents: int | None = None
    net_cents: int
    """What arrived at the bank; of a reversal, what left it."""
    on: date | None = None
    """The day of the deposit."""
    is_debit: bool = False
    """Money that left by itself, as a refund does, and was no deposit before."""


class News(Record):
    """What one answer says. `to_read` are contracts that nobody can place before a read.

    `unread` is one sentence per thing that could not be understood: for a person.
    """

    facts: tuple[PlanFact, ...] = ()
    fundings: tuple[FundingFact, ...] = ()
    to_read: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __add__(self, other: "News") -> "News":
        return News(
            facts=self.facts + other.facts,
            fundings=self.fundings + other.fundings,
            to_read=self.to_read + other.to_read,
            unread=self.unread + other.unread,
        )


class Context(Record):
    """Who reads, for which location, when, and how it came."""

    contract: LenderContract
    location_id: str
    zone: str
    source: FactSource
    observed_at: AwareDatetime
    event_id: str | None = None
    """The vendor's id of this telling; without one its content names it."""


class Unreadable(Exception):
    """A field that its object cannot do without is missing or makes no sense; one sentence."""


def read(thing: Thing, body: Mapping[str, Any], context: Context) -> News:
    """The facts of one object; what cannot be understood becomes a sentence, never silence."""
    try:
        if thing is Thing.FUNDING:
            return News(fundings=(_funding(body, context),))
        if thing is Thing.APPLICATION:
            return News(facts=(_application(body, context),))
        if body.get("application_id") is None and context.source is FactSource.WEBHOOK:
            return News(to_read=(_id(body, "id"),))
        return News(facts=(_contract(body, context),))
    except Unreadable as problem:
        return News(unread=(f"{context.contract.name}: {thing} {_shown(body)}: {problem}",))


def _application(body: Mapping[str, Any], context: Context) -> PlanFact:
    return _named(
        context,
        plan_id=_id(body, "id"),
        **_common(body, context),
        approved_cents=_cents(body, "approved_amount"),
        available_cents=_cents(body, "available_amount"),
        monthly_cents=_cents(body, "monthly_payment"),
        approval_expires_on=_date(body, "expires_on"),
    )


def _contract(body: Mapping[str, Any], context: Context) -> PlanFact:
    contract_id = _id(body, "id")
    common = _common(body, context)
    first = _date(body, "first_payment_date")
    if first is None and body.get("accepted_at") and context.contract.first_payment_days:
        accepted_on = calendar.local_date(_instant(body, "accepted_at"), context.zone)
        first = accepted_on + timedelta(days=context.contract.first_payment_days)
    return _named(
        context,
        plan_id=_id(body, "application_id") if body.get("application_id") else contract_id,
        **common,
        contract_id=contract_id,
        visit_ref=_text(body, "visit_reference"),
        programme=_text(body, "programme"),
        financed_cents=_cents(body, "amount"),
        monthly_cents=_cents(body, "monthly_payment"),
        payments_planned=_count(body, "payments"),
        first_payment_on=first,
        final_payment_on=_date(body, "plan_end_date"),
        has_autopay=body["autopay"] if isinstance(body.get("autopay"), bool) else None,
        sessions_planned=_count(body, "sessions"),
        refunded_cents=_cents(body, "refunded_amount") or None,
    )


def _common(body: Mapping[str, Any], context: Context) -> dict[str, Any]:
    word = body.get("status")
    if not isinstance(word, str) or not word:
        raise Unreadable("it has no status")
    return {
        "as_of": _instant(body, "updated_at"),
        "status": context.contract.status_of(word),
        "status_word": _plain(word),
        "patient_ref": _text(body, "external_reference"),
    }


def _named(context: Context, **said: Any) -> PlanFact:
    fact = PlanFact(
        location_id=context.location_id,
        lender=context.contract.lender,
        source=context.source,
        observed_at=context.observed_at,
        key=context.event_id or "",
        **said,
    )
    return fact if fact.key else fact.model_copy(update={"key": content_key(fact)})


def _funding(body: Mapping[str, Any], context: Context) -> FundingFact:
    word = str(body.get("status", "")).lower()
    state = _FUNDING_WORDS.get(word)
    if state is None:
        raise Unreadable(f"its status {_plain(word) or 'is missing and'} is not known")
    net_cents = _cents(body, "net_amount")
    if net_cents is None:
        raise Unreadable("it has no net amount")
    funding_id, as_of = _id(body, "id"), _instant(body, "updated_at")
    return FundingFact(
        location_id=context.location_id,
        lender=context.contract.lender,
        funding_id=funding_id,
        loan_id=_id(body, "transaction_id"),
        source=context.source,
        key=context.event_id or f"{funding_id}/{state}/{as_of.isoformat()}",
        as_of=as_of,
        observed_at=context.observed_at,
        state=state,
        gross_cents=_cents(body, "gross_amount"),
        fee_cents=_cents(body, "fee_amount"),
        net_cents=net_cents,
        on=_date(body, "deposit_date"),
    )


_FUNDING_WORDS: Mapping[str, FundingState] = {
    "initiated": FundingState.INITIATED,
    "processing": FundingState.PROCESSING,
    "settling": FundingState.PROCESSING,
    "completed": FundingState.COMPLETED,
    "settled": FundingState.COMPLETED,
    "failed": FundingState.FAILED,
    "reversed": FundingState.REVERSED,
    "clawed_back": FundingState.REVERSED,
}


def is_opaque(text: str) -> bool:
    """Whether a text may be an id of ours: letters, digits and - _ . alone, and not too long."""
    plain = text.replace("-", "").replace("_", "").replace(".", "")
    return 0 < len(text) <= ID_CHARACTERS_MAX and plain.isascii() and plain.isalnum()


def _id(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not is_opaque(value):
        raise Unreadable(f"{name} is missing or no id")
    return value


def _text(body: Mapping[str, Any], name: str) -> str | None:
    """A reference of ours that the lender carries along; one that is no id is not ours."""
    value = body.get(name)
    return value if isinstance(value, str) and is_opaque(value) else None


def _cents(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _CENTS_MAX:
        raise Unreadable(f"{name} is no amount in cents")
    return value


def _count(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 600
    return value if is_count else None


def _date(body: Mapping[str, Any], name: str) -> date | None:
    """A civil date; None when it is missing or unreadable, which a person is asked about."""
    value = body.get(name)
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _instant(body: Mapping[str, Any], name: str) -> datetime:
    value = body.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Unreadable(f"{name} is no instant with its zone")
    return at


def _plain(word: str) -> str:
    """A vendor's word as far as it is one: it may be shown to a person, so it says no more."""
    return "".join(each for each in word.lower() if each.isalnum() or each in "_- ")[:40]


def _shown(body: Mapping[str, Any]) -> str:
    value = body.get("id")
    return value if isinstance(value, str) and is_opaque(value) else "without an id"
