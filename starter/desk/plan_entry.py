"""What a person at the desk says of a plan, as a fact among the others; and the way in for it."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from activities.desk_installments import DeskPayment, NotPayable, take_at_desk
from domain import calendar, ids
from domain.in_house import Terms, signed, terms_problem
from domain.model import input_hash
from domain.money import dollars
from domain.plan_case import Lender, PlanStanding
from domain.plan_facts import ENDED, FactSource, PlanFact
from starter.desk.books import Books
from starter.errors import Refusal
from starter.settings import load_settings
from starter.wiring import temporal_client, wired
from store import client_log, ledger, plans


async def signed_plan(
    books: Books, client: str, terms: Terms, visit: str | None, sessions: int | None
) -> PlanFact:
    """The fact of a plan of our own; `Refusal` when its terms cannot start or do not fit.

    Entered again, because the first try may have died before it said so, it is the same fact.
    """
    client_id = await books.client_named(client)
    location_id = await client_log.location_of(books.conn, client_id)
    place, now = await books.location(location_id), await now_of(books, location_id)
    today = calendar.local_date(now, place.zone)
    case_id = None if visit is None else await books.case_named(visit)
    visit_ref = case_id and case_id.rpartition("/")[2]
    plan_id, known = await _named(books, location_id, client_id, visit_ref or str(today), terms)
    if known is not None:
        return known
    problem = terms_problem(terms, today)
    if problem is not None:
        raise Refusal(problem)
    if case_id is not None:
        owed_cents = await ledger.balance_of_case(books.conn, case_id)
        if terms.total_cents > owed_cents:
            raise Refusal(
                f"The plan is over {dollars(terms.total_cents)}, and only {dollars(owed_cents)} of"
                " that visit are still owed."
            )
    return signed(
        terms,
        location_id=location_id,
        plan_id=plan_id,
        key=f"signed/{plan_id}",
        as_of=now,
        observed_at=now,
        source=FactSource.STAFF,
        client_id=client_id,
        visit_ref=visit_ref,
        sessions=sessions,
    )


async def _named(
    books: Books, location_id: str, client_id: str, of: str, terms: Terms
) -> tuple[str, PlanFact | None]:
    """The id of a plan, and how it was entered if it runs already; `of` is a visit, or a day.

    The same terms signed again after a plan has ended are another plan.
    """
    for number in itertools.count(1):
        what = [client_id, of, terms.model_dump(mode="json"), number]
        plan_id = ids.own_plan_id(location_id, input_hash(what))
        names = (location_id, Lender.IN_HOUSE, plan_id)
        known = await plans.standing(books.conn, *names)
        if known is None:
            return plan_id, None
        if known.status not in ENDED:
            return plan_id, (await plans.facts_of(books.conn, *names))[0]
    raise AssertionError("unreachable")


async def dates_of(
    books: Books, plan: PlanStanding, first: date | None, final: date | None
) -> PlanFact:
    """The dates of a plan as a person has them; what they say is right, however odd."""
    if first and final and final < first:
        raise Refusal("The final payment lies before the first one.")
    said: dict[str, object] = {}
    if first is not None:
        said |= {"first_payment_on": first, "is_date_confirmed": True}
    if final is not None:
        said["final_payment_on"] = final
    return staff_fact(plan, await now_of(books, plan.location_id), **said)


def staff_fact(plan: PlanStanding, at: datetime, **said: object) -> PlanFact:
    """A person's word on a plan."""
    return PlanFact.model_validate(
        {
            "location_id": plan.location_id,
            "lender": plan.lender,
            "plan_id": plan.plan_id,
            "source": FactSource.STAFF,
            "key": f"desk/{uuid4()}",
            "as_of": at,
            "observed_at": at,
            **said,
        }
    )


async def now_of(books: Books, location_id: str) -> datetime:
    """Now, on the location's clock."""
    shift_seconds = (await books.location(location_id)).clock_shift_seconds
    return datetime.now(UTC) + timedelta(seconds=shift_seconds)


async def take(fact: PlanFact, by: str) -> None:
    """Into the books, and the plan's case told; nothing is written while Temporal is away."""
    settings = load_settings()
    async with wired(settings, await temporal_client(settings)) as wiring:
        await wiring.plans.take([fact], f"desk by {by}")


async def take_payment(plan: PlanStanding, paid: DeskPayment, at: datetime) -> int:
    """An instalment that was paid at the desk, booked and told; cents, 0 for a known receipt.

    Nothing is written while Temporal is away: reminders of paid money would go on.
    """
    settings = load_settings()
    async with wired(settings, await temporal_client(settings)) as wiring:
        try:
            return await take_at_desk(wiring.pool, wiring.engine, plan, paid, at)
        except NotPayable as why:
            raise Refusal(str(why)) from None
