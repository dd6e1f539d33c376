"""What lenders, files and people say of a plan, folded into where it stands.

A fact is kept as it was told. The fold reads all facts of a plan by the time that they speak of,
so that any order and any repetition of the same facts ends in the same standing (A.6 rule 3).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import AwareDatetime, Field

from domain.lender_contracts import CONTRACTS
from domain.model import Record, input_hash
from domain.plan_case import Installment, Lender, PlanStanding, PlanStatus


class FactSource(StrEnum):
    """Who told us. A webhook is a hint until one of the others says the same."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FILE = "file"
    STAFF = "staff"


class PlanFact(Record):
    """One telling. None is "says nothing of it" and never takes anything back.

    Money in cents, dates civil. `as_of` is the lender's time of the change, `observed_at` ours.
    """

    location_id: str
    lender: Lender
    plan_id: str
    source: FactSource
    key: str
    """Names the telling within its lender and location: event id, row of a file, entry."""
    as_of: AwareDatetime
    observed_at: AwareDatetime
    status: PlanStatus | None = None
    status_word: str = Field(default="", max_length=40)
    """The lender's own word, for a person who has to read it."""
    contract_id: str | None = None
    patient_ref: str | None = None
    """The client as our practice system names them."""
    client_id: str | None = None
    """Said by a person alone."""
    visit_ref: str | None = None
    """The visit of the practice system that the money is for."""
    programme: str | None = None
    approved_cents: int | None = None
    available_cents: int | None = None
    financed_cents: int | None = None
    monthly_cents: int | None = None
    payments_planned: int | None = None
    approval_expires_on: date | None = None
    first_payment_on: date | None = None
    final_payment_on: date | None = None
    is_date_confirmed: bool = False
    """A person says that `first_payment_on` is right, however odd it looks."""
    has_autopay: bool | None = None
    sessions_planned: int | None = None
    installments: tuple[Installment, ...] | None = None
    refund_id: str | None = None
    refunded_cents: int | None = None
    """Of this refund, or of all so far when there is no `refund_id`."""


_APPLICATION: Mapping[PlanStatus, int] = MappingProxyType(
    {
        PlanStatus.SUBMITTED: 1,
        PlanStatus.IN_REVIEW: 2,
        PlanStatus.APPROVED: 3,
        PlanStatus.DECLINED: 3,
        PlanStatus.EXPIRED: 3,
        PlanStatus.WITHDRAWN: 3,
    }
)
_CONTRACT: Mapping[PlanStatus, int] = MappingProxyType(
    {
        PlanStatus.PENDING_PATIENT: 1,
        PlanStatus.REJECTED: 2,
        PlanStatus.ACCEPTED: 3,
        PlanStatus.FUNDING: 4,
        PlanStatus.FUNDED: 5,
        PlanStatus.PARTLY_REFUNDED: 6,
        PlanStatus.PAID_OFF: 6,
        PlanStatus.CANCELLED: 7,
        PlanStatus.REFUNDED: 7,
        PlanStatus.REVERSED: 7,
        PlanStatus.REFINANCED: 7,
        PlanStatus.CHARGED_OFF: 7,
        PlanStatus.TRANSFERRED: 7,
    }
)
"""A status moves to one of the same or a higher rank; among equals the newest holds."""

_BACK = frozenset(
    {
        (PlanStatus.REVERSED, PlanStatus.FUNDING),
        (PlanStatus.REVERSED, PlanStatus.FUNDED),
        (PlanStatus.EXPIRED, PlanStatus.SUBMITTED),
        (PlanStatus.EXPIRED, PlanStatus.IN_REVIEW),
        (PlanStatus.DECLINED, PlanStatus.SUBMITTED),
        (PlanStatus.DECLINED, PlanStatus.IN_REVIEW),
    }
)
"""Steps back that lenders do make: money sent again, a second application on the same file."""

MONEY_OWED = frozenset({PlanStatus.ACCEPTED, PlanStatus.FUNDING, PlanStatus.FUNDED})
"""The lender owes us the financed amount, or has paid it."""
ENDED = frozenset(status for status, rank in _CONTRACT.items() if rank >= 6) - {
    PlanStatus.PARTLY_REFUNDED
}

_TRUST = (FactSource.WEBHOOK, FactSource.POLL, FactSource.FILE, FactSource.STAFF)
_LATEST = (
    "contract_id",
    "patient_ref",
    "client_id",
    "visit_ref",
    "programme",
    "approved_cents",
    "available_cents",
    "financed_cents",
    "monthly_cents",
    "payments_planned",
    "approval_expires_on",
    "first_payment_on",
    "final_payment_on",
    "has_autopay",
    "sessions_planned",
    "installments",
)


class Track(Record):
    """One state machine read to its end: the status, since when, and who else says so."""

    status: PlanStatus | None = None
    since: AwareDatetime | None = None
    is_confirmed: bool = False


class Folded(Record):
    """A plan's facts folded. `latest` holds the newest word on each field."""

    status: PlanStatus
    status_as_of: AwareDatetime
    is_confirmed: bool
    approved_at: AwareDatetime | None
    declined_at: AwareDatetime | None
    accepted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    refunded_cents: int
    latest: Mapping[str, Any]

    def standing(
        self, location_id: str, lender: Lender, plan_id: str, client_id: str | None, revision: int
    ) -> PlanStanding:
        """The standing that a case reads; `client_id` is who the books say it is."""
        known = self.model_dump(exclude={"latest", "refunded_cents"})
        shown = {
            name: self.latest[name] for name in PlanStanding.model_fields if name in self.latest
        }
        return PlanStanding.model_validate(
            {
                **known,
                **shown,
                "location_id": location_id,
                "lender": lender,
                "plan_id": plan_id,
                "client_id": client_id,
                "revision": revision,
                "has_schedule": CONTRACTS[lender].has_schedule,
            }
        )


def fold(facts: Iterable[PlanFact]) -> Folded:
    """Where the plan stands. Raises ValueError without a fact."""
    told = sorted(facts, key=_order)
    if not told:
        raise ValueError("a plan without a fact has no standing")
    application = _track(told, _APPLICATION)
    contract = _track(told, _CONTRACT)
    latest = {name: value for fact in told for name, value in _said(fact).items()}
    first_on = latest.get("first_payment_on")
    told_of_it = [
        fact.observed_at for fact in told if first_on and fact.first_payment_on == first_on
    ]
    latest["first_payment_known_at"] = min(told_of_it, default=None)
    latest["is_date_confirmed"] = _is_date_confirmed(told, latest.get("first_payment_on"))
    refunded_cents = _refunded(told)
    contract = _with_refunds(contract, told, refunded_cents, latest.get("financed_cents"))
    leading = contract if contract.status else application
    unread = _unread(told)
    status = PlanStatus.UNKNOWN if unread or leading.status is None else leading.status
    accepted_at = _first_since(told, contract)
    return Folded(
        status=status,
        status_as_of=unread or leading.since or told[-1].as_of,
        is_confirmed=leading.is_confirmed and not unread,
        approved_at=(
            application.since if application.status is PlanStatus.APPROVED else accepted_at
        ),
        declined_at=application.since if application.status is PlanStatus.DECLINED else None,
        accepted_at=accepted_at,
        ended_at=contract.since if contract.status in ENDED else None,
        refunded_cents=refunded_cents,
        latest=latest,
    )


def fact_id(fact: PlanFact) -> str:
    """The same telling has the same id, however often and whenever it comes."""
    return input_hash([fact.location_id, fact.lender, fact.source, fact.key])[:32]


def content_key(fact: PlanFact) -> str:
    """A key for tellings that have no id of their own: the same content is the same telling."""
    return input_hash(fact.model_dump(mode="json", exclude={"key", "observed_at"}))[:32]


def _order(fact: PlanFact) -> tuple[Any, ...]:
    status = fact.status
    rank = _CONTRACT.get(status, 0) or _APPLICATION.get(status, 0) if status else 0
    # The id stands last, so that two tellings of one moment always have the same order.
    return (fact.as_of, rank, _TRUST.index(fact.source), fact_id(fact))


def _said(fact: PlanFact) -> dict[str, Any]:
    return {name: value for name in _LATEST if (value := getattr(fact, name)) is not None}


def _is_date_confirmed(told: Sequence[PlanFact], date_told: date | None) -> bool:
    """Whether a person has said that this very date is right; another one asks anew."""
    said = [fact for fact in told if fact.is_date_confirmed]
    return bool(said) and date_told is not None and said[-1].first_payment_on == date_told


def _track(told: Sequence[PlanFact], ranks: Mapping[PlanStatus, int]) -> Track:
    """Read one state machine; `since` is when the present status was first reached in this run."""
    status, since, confirmed = None, None, False
    for fact in told:
        if fact.status is None or fact.status not in ranks:
            continue
        if fact.status is status:
            confirmed = confirmed or fact.source is not FactSource.WEBHOOK
        elif status is None or _may_move(status, fact.status, ranks):
            status, since = fact.status, fact.as_of
            confirmed = fact.source is not FactSource.WEBHOOK
    return Track(status=status, since=since, is_confirmed=confirmed)


def _may_move(old: PlanStatus, new: PlanStatus, ranks: Mapping[PlanStatus, int]) -> bool:
    return ranks[new] >= ranks[old] or (old, new) in _BACK


def _unread(told: Sequence[PlanFact]) -> AwareDatetime | None:
    """When the newest word on the status is one that nobody has mapped."""
    words = [fact for fact in told if fact.status is not None]
    newest = words[-1] if words else None
    return newest.as_of if newest and newest.status is PlanStatus.UNKNOWN else None


def _first_since(told: Sequence[PlanFact], contract: Track) -> AwareDatetime | None:
    """When the patient accepted; the first of the steps that follow where none says so."""
    if contract.status is None or _CONTRACT[contract.status] < _CONTRACT[PlanStatus.ACCEPTED]:
        return None
    steps = [
        fact.as_of for fact in told if _CONTRACT.get(fact.status or PlanStatus.UNKNOWN, 0) >= 3
    ]
    return min(steps, default=None)


def _refunded(told: Sequence[PlanFact]) -> int:
    """What was refunded: the newest total, or the sum of the refunds that have an id each."""
    by_id = {f.refund_id: f.refunded_cents or 0 for f in told if f.refund_id is not None}
    totals = [f.refunded_cents for f in told if f.refund_id is None and f.refunded_cents]
    return max(sum(by_id.values()), *totals[-1:], 0)


def _with_refunds(
    contract: Track, told: Sequence[PlanFact], refunded_cents: int, financed_cents: int | None
) -> Track:
    """Refunds that come as rows of their own make the status, whole or in part."""
    rows = [fact for fact in told if fact.refund_id is not None and fact.refunded_cents]
    if not rows or contract.status in (None, *(ENDED - {PlanStatus.PAID_OFF})):
        return contract
    is_whole = financed_cents is not None and refunded_cents >= financed_cents
    return Track(
        status=PlanStatus.REFUNDED if is_whole else PlanStatus.PARTLY_REFUNDED,
        since=rows[-1].as_of,
        is_confirmed=any(row.source is not FactSource.WEBHOOK for row in rows),
    )
