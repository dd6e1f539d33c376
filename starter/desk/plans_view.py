"""Plans as a list and one plan as its story, as data and as a page."""

from typing import Any

from rich.console import Group, RenderableType

from activities.installments import overdue
from domain import calendar, ids
from domain.lender_contracts import CONTRACTS
from domain.money import dollars
from domain.plan_case import PlanStanding, PlanStatus
from domain.plan_course import OVER
from domain.reviews import topic_of
from starter.desk.books import SHORT, Books
from starter.desk.paper import LEFT, RIGHT, command, grid, heading, indented, pairs, plain, stack
from starter.desk.plan_entry import now_of
from starter.errors import Refusal
from store import ledger, plan_sessions, plans, reviews, touchpoints
from store.plans import PlanRow
from store.touchpoints import Touchpoint


def case_of(plan: PlanStanding) -> str:
    """The plan's case."""
    return ids.plan_workflow_id(plan.location_id, plan.lender, plan.plan_id)


def is_running(plan: PlanStanding) -> bool:
    """Whether a plan is not over."""
    return plan.status not in OVER | {PlanStatus.PAID_OFF, PlanStatus.DECLINED}


async def row_named(books: Books, name: str) -> PlanRow:
    """The one plan that a person means; `Refusal` when there is none or more than one."""
    found = [
        row
        for row in await plans.list_plans(books.conn)
        if name == case_of(row.standing) or row.standing.plan_id.startswith(name)
    ]
    exact = [row for row in found if name in (row.standing.plan_id, case_of(row.standing))]
    if not found:
        raise Refusal(f"There is no plan {name}: see `tieout plan list --all`.")
    if len(found) > 1 and not exact:
        raise Refusal(f"{len(found)} plans begin with {name}; give more of the id.")
    return (exact or found)[0]


async def row_data(books: Books, row: PlanRow) -> dict[str, Any]:
    """One plan of the list for a program: no names."""
    plan = row.standing
    done = await plan_sessions.of_plan(books.conn, plan.location_id, plan.lender, plan.plan_id)
    return {
        **plan.model_dump(mode="json"),
        "case_id": case_of(plan),
        "short_id": plan.plan_id[:SHORT],
        "mode": [str(mode) for mode in CONTRACTS[plan.lender].modes],
        "sessions_done": len(done),
        "visit_ref": row.visit_ref,
        "changed_at": row.changed_at.isoformat(),
    }


async def list_page(books: Books, found: list[PlanRow]) -> RenderableType:
    """The list for a person: two lines per plan."""
    rows = []
    for row in found:
        plan = row.standing
        done = await plan_sessions.of_plan(books.conn, plan.location_id, plan.lender, plan.plan_id)
        of = f" of {plan.sessions_planned}" if plan.sessions_planned else ""
        about = [await books.name(plan.client_id), f"{len(done)}{of} sessions"]
        if plan.first_payment_on:
            about.append(f"first payment {plan.first_payment_on}")
        cents = plan.financed_cents or plan.available_cents or plan.approved_cents
        rows.append(
            (
                plan.plan_id[:SHORT],
                CONTRACTS[plan.lender].name,
                dollars(cents) if cents else "-",
                stack(plain(status_words(plan), "bold"), plain(", ".join(about), "dim")),
            )
        )
    columns = [("plan", LEFT, False), ("lender", LEFT, False), ("amount", RIGHT, False)]
    return grid(*columns, ("standing", LEFT, True), rows=rows)


def status_words(plan: PlanStanding) -> str:
    """Where a plan stands, in a few plain words."""
    words = plan.status.replace("_", " ")
    return words if plan.is_confirmed else f"{words}, not confirmed yet"


async def plan_data(books: Books, row: PlanRow) -> dict[str, Any]:
    """One plan in full for a program: no names."""
    plan, case_id = row.standing, case_of(row.standing)
    found = await touchpoints.of_case(books.conn, case_id)
    done = await plan_sessions.of_plan(books.conn, plan.location_id, plan.lender, plan.plan_id)
    return {
        **await row_data(books, row),
        "facts": [
            fact.model_dump(mode="json", exclude_none=True)
            for fact in await plans.facts_of(
                books.conn, plan.location_id, plan.lender, plan.plan_id
            )
        ],
        "sessions": [one.model_dump(mode="json") for one in done],
        "messages": [one.model_dump(mode="json") for one in found],
        "questions": [
            one.model_dump(mode="json") for one in await reviews.of_case(books.conn, case_id)
        ],
        "history_url": books.history_url(case_id),
    }


async def plan_page(books: Books, row: PlanRow) -> RenderableType:
    """One plan in full for a person."""
    return Group(
        *await _head(books, row),
        *await _installments(books, row.standing),
        *await _questions(books, row.standing),
        *await _messages(books, row.standing),
        heading("History in Temporal"),
        plain(books.history_url(case_of(row.standing))),
    )


async def _head(books: Books, row: PlanRow) -> list[RenderableType]:
    plan = row.standing
    done = await plan_sessions.of_plan(books.conn, plan.location_id, plan.lender, plan.plan_id)
    known: list[tuple[str, object]] = [
        ("client", await books.name(plan.client_id)),
        ("plan", plan.plan_id),
        ("since", await books.local(plan.location_id, plan.status_as_of)),
    ]
    amounts = (
        ("approved", plan.approved_cents),
        ("financed", plan.financed_cents),
        ("a month", plan.monthly_cents),
    )
    known += [(name, dollars(cents)) for name, cents in amounts if cents]
    days = (
        ("approval ends", plan.approval_expires_on),
        ("first payment", plan.first_payment_on),
        ("final payment", plan.final_payment_on),
    )
    known += [(name, str(day)) for name, day in days if day]
    if plan.first_payment_on is None and plan.has_schedule and plan.accepted_at:
        known.append(("first payment", "not known: nobody is reminded of it"))
    of = f" of {plan.sessions_planned}" if plan.sessions_planned else ""
    known.append(("sessions", f"{len(done)}{of} done"))
    title = f"{CONTRACTS[plan.lender].name} plan: {status_words(plan)}"
    return [plain(title, "bold"), pairs(known)]


async def _installments(books: Books, plan: PlanStanding) -> list[RenderableType]:
    if not plan.installments:
        return []
    rows = []
    for part in plan.installments:
        case_id = ids.installment_workflow_id(plan.location_id, plan.plan_id, part.number)
        owed_cents = await ledger.balance_of_case(books.conn, case_id)
        rows.append((str(part.due_on), dollars(part.amount_cents), dollars(owed_cents)))
    place = await books.location(plan.location_id)
    today = calendar.local_date(await now_of(books, plan.location_id), place.zone)
    missed = await overdue(books.conn, plan, today)
    columns = [("due", LEFT, False), ("amount", RIGHT, False), ("owed now", RIGHT, False)]
    words = [plain(f"{missed} past due", "bold")] if missed else []
    return [heading("Instalments"), indented(grid(*columns, rows=rows)), *map(indented, words)]


async def _questions(books: Books, plan: PlanStanding) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for review in await reviews.of_case(books.conn, case_of(plan)):
        at = await books.local(plan.location_id, review.opened_at)
        asked = plain(f"{at}  {topic_of(review.code).title}: {review.state}")
        show = [indented(command(f"tieout review show {review.review_id[:SHORT]}"))]
        parts.append(stack(asked, *(show if review.state == "open" else [])))
    return [heading("Questions"), *map(indented, parts)] if parts else []


async def _messages(books: Books, plan: PlanStanding) -> list[RenderableType]:
    rows = [
        (
            await books.local(plan.location_id, one.at),
            one.step.partition("/")[0],
            one.channel.replace("sms", "SMS").replace("email", "e-mail"),
            _outcome(one),
        )
        for one in await touchpoints.of_case(books.conn, case_of(plan))
    ]
    columns = [("when", LEFT, False), ("step", LEFT, False), ("by", LEFT, False)]
    page = indented(grid(*columns, ("outcome", LEFT, True), rows=rows))
    return [heading("Messages"), page] if rows else []


def _outcome(one: Touchpoint) -> str:
    return f"{one.state}: {one.reason.lower().replace('_', ' ')}" if one.reason else one.state
