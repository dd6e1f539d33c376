"""`tieout plan`: what the desk sees and enters of financing plans."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from domain import ids
from domain.case import Channel
from domain.in_house import Terms
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from starter.desk.books import Books
from starter.desk.plan_entry import signed_plan, staff_fact
from store import plan_sessions, plans, touchpoints
from tests.cli.conftest import World
from tests.cli.desk import one_sentence


async def told(world: World, plan_id: str, **said) -> str:
    """A poll of Cherry tells of a plan of the world's client; returns its case id."""
    at = datetime.now(UTC)
    fact = PlanFact(
        location_id=world.location_id,
        lender=Lender.CHERRY,
        plan_id=plan_id,
        source=FactSource.POLL,
        key=uuid4().hex,
        as_of=at,
        observed_at=at,
        client_id=world.client_id,
        **said,
    )
    async with world.conn.transaction():
        await plans.record(world.conn, fact)
    return ids.plan_workflow_id(world.location_id, Lender.CHERRY, plan_id)


@pytest.fixture
async def plan_id(world: World) -> str:
    """A signed plan without a first payment date."""
    plan_id = f"app-{uuid4().hex}"
    terms = {"financed_cents": 280_000, "monthly_cents": 11_667, "sessions_planned": 4}
    await told(world, plan_id, status=PlanStatus.ACCEPTED, **terms)
    return plan_id


async def test_the_list_tells_who_how_much_and_where_it_stands(world, plan_id):
    said = await world.run("plan", "list", "--location", world.location_id)
    assert said.code == 0
    for words in ("Cherry", "$2,800.00", "accepted", "FA, 0 of 4 sessions"):
        assert words in said.words
    assert max(map(len, said.out.splitlines())) <= 80
    (one,) = (await world.run("plan", "list", "--location", world.location_id, "--json")).json
    assert (one["plan_id"], one["lender"], one["sessions_done"]) == (plan_id, "cherry", 0)


async def test_a_plan_that_is_over_is_listed_with_all(world, plan_id):
    await told(world, plan_id, status=PlanStatus.CANCELLED)
    of = ("--location", world.location_id, "--json")
    assert (await world.run("plan", "list", *of)).json == []
    assert len((await world.run("plan", "list", "--all", *of)).json) == 1


async def test_one_plan_is_told_with_messages_sessions_and_questions(world, plan_id):
    case_id = ids.plan_workflow_id(world.location_id, Lender.CHERRY, plan_id)
    async with world.conn.transaction():
        at = datetime.now(UTC)
        key = (world.location_id, Lender.CHERRY, plan_id)
        await plan_sessions.add(world.conn, *key, world.case(), at)
    await touchpoints.open_intent(
        world.conn,
        touchpoints.Touchpoint(
            message_key=uuid4().hex,
            case_id=case_id,
            client_id=world.client_id,
            location_id=world.location_id,
            document_id=case_id,
            step="approval/2026-03-05",
            channel=Channel.SMS,
            template_version=2,
            state="skipped",
            reason="TOO_LATE",
            local_date=date(2026, 3, 5),
            at=at,
        ),
    )
    asked = await world.ask("NULL_DATE", case_id)
    said = await world.run("plan", "show", plan_id[:12])
    assert said.code == 0
    for words in (
        "Cherry plan: accepted",
        "not known: nobody is reminded of it",
        "1 of 4 done",
        "skipped: too late",
        "A payment date is missing",
        asked.review_id[:8],
    ):
        assert words in said.words
    found = (await world.run("plan", "show", plan_id, "--json")).json
    assert [one["step"] for one in found["messages"]] == ["approval/2026-03-05"]
    assert "Fern" not in said.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "nowhere"), "There is no plan nowhere"),
        (("dates", "x", "--by", "dana"), "Give a date"),
        (("pause", "x", "--by", "dana"), "Say why"),
        (("cancel", "x", "--reason", "moved"), "Say who does it"),
    ],
)
async def test_what_is_missing_is_said_in_one_sentence(world, words, sentence):
    said = await world.run("plan", *words)
    assert sentence in one_sentence(said, 1 if words[0] == "show" else 2)


def _terms(world: World, **changes: str) -> list[str]:
    due = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    known = {"client": world.client_id, "total": "600", "installments": "3", "first-due": due}
    named = [[f"--{name}", value] for name, value in (known | changes).items()]
    return [word for pair in named for word in pair]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"installments": "5"}, "need the id of the signed disclosure"),
        ({"finance-charge": "10"}, "need the id of the signed disclosure"),
        ({"first-due": "2020-01-01"}, "before the plan is signed"),
        ({"every": "day"}, "Instalments fall due every"),
        ({"installments": "0"}, "1 to 60 instalments"),
    ],
)
async def test_terms_that_cannot_start_are_refused(world, changes, sentence):
    said = await world.run("plan", "add", *_terms(world, **changes), "--by", "dana")
    assert sentence in one_sentence(said, 1)
    of = ("--location", world.location_id, "--json")
    assert (await world.run("plan", "list", "--all", *of)).json == []


async def test_a_plan_over_more_than_the_visit_owes_is_refused(world):
    document = await world.bill()
    words = _terms(world, total="9000", visit=document.number)
    said = await world.run("plan", "add", *words, "--by", "dana")
    assert "are still owed" in one_sentence(said, 1)


async def test_nothing_is_written_while_temporal_is_away(world):
    said = await world.run("plan", "add", *_terms(world), "--by", "dana")
    assert said.code == 1
    of = ("--location", world.location_id, "--json")
    assert (await world.run("plan", "list", "--all", *of)).json == []


async def test_terms_that_are_entered_twice_are_one_plan_until_it_ends(world):
    """The first try may have died after it was kept and before it said so."""
    books = Books(None, world.conn, world.vault)
    due = date(2099, 1, 15)
    terms = Terms(total_cents=60_000, installments=3, first_due_on=due, every="month")

    async def enter(given: Terms = terms) -> PlanFact:
        return await signed_plan(books, world.client_id, given, None, None)

    first = await enter()
    async with world.conn.transaction():
        await plans.record(world.conn, first)
    assert await enter() == first
    other = await enter(terms.model_copy(update={"installments": 2}))
    assert other.plan_id != first.plan_id
    standing = await plans.standing(world.conn, world.location_id, Lender.IN_HOUSE, first.plan_id)
    ended = staff_fact(standing, datetime.now(UTC), status=PlanStatus.CANCELLED)
    async with world.conn.transaction():
        await plans.record(world.conn, ended)
    assert (await enter()).plan_id != first.plan_id
