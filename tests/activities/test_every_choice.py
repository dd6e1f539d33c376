"""Every code of a question, decided in each of its ways: what was shown is what is booked.

The matrix is made from the catalogue and the code itself: every mismatch comes by the event that
brings it, or is asked by a case whose own tests play that event on the engine.
"""

import ast
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from connectors.payments.stripe import StripeProcessor
from domain import topics_lender, topics_people
from domain.case import Decision
from domain.reviews import TOPICS
from store import ledger, seen
from tests.activities.at_twin import OF_TWIN, at_twin
from tests.activities.desk import Open, Scene, asked, booked_by, booked_since
from tests.activities.mismatches import EVENTS
from tests.activities.practice import Practice
from tests.connectors.stripe_world import World as Twin

ROOT = Path(__file__).resolve().parents[2]


ASKS = ("workflows", "domain/plan_desk.py")
"""Where a case decides by itself to ask."""
NO_EVENT = frozenset({"LOCATION_MISMATCH", "PROMOTION_INVALID", "SANITY_BOUND"})
"""No system that we read can bring it about: the price engine's own defence, as in test_pricing."""
WANTED = (
    frozenset(TOPICS)
    - NO_EVENT
    # What a patient wrote, and what a lender's feed lacks: tests of their own, by the intake.
    - {topic.code for topic in (*topics_people.TOPICS, *topics_lender.TOPICS)}
)
TOPIC_FILES = ("reviews.py", "undoing.py")


def codes_in(*parts: str) -> set[str]:
    """The codes that sources name as words of their own; what describes them is left out."""
    files = (path for part in parts for path in [ROOT / part, *(ROOT / part).rglob("*.py")])
    sources = (
        path.read_text()
        for path in files
        if path.is_file() and not path.name.startswith("topics") and path.name not in TOPIC_FILES
    )
    words = (node for source in sources for node in ast.walk(ast.parse(source)))
    return {node.value for node in words if isinstance(node, ast.Constant) and node.value in TOPICS}


def test_every_code_has_its_event_or_a_case_that_asks_it_on_the_engine() -> None:
    """A new code without an event here fails, unless a workflow asks it and its tests say so."""
    by_cases = codes_in(*ASKS) & codes_in("tests/workflows")
    assert WANTED - set(EVENTS) - set(OF_TWIN) - by_cases == set()


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def stripe(twin: Twin) -> AsyncIterator[StripeProcessor]:
    twin.reset()
    processor = twin.processor()
    yield processor
    await processor.close()


@pytest.mark.parametrize("code", sorted(set(TOPICS) - set(OF_TWIN)))
async def test_what_is_shown_is_what_is_booked(practice: Practice, code: str) -> None:
    await every_choice(practice, code, {code: asked(code), **EVENTS})


@pytest.mark.parametrize("code", OF_TWIN)
async def test_the_same_of_money_at_the_processor(
    practice: Practice, twin: Twin, stripe: StripeProcessor, code: str
) -> None:
    await every_choice(practice, code, at_twin(twin, stripe))


async def every_choice(practice: Practice, code: str, scenes: Mapping[str, Open]) -> None:
    """Each choice on a question of its own, which the event has brought."""
    for choice in TOPICS[code].choices:
        opened = await scenes.get(f"{code} {choice.name}", scenes[code])(practice)
        assert opened.review.code == code
        given = await opened.fill([str(need) for need in choice.needs], choice.name)
        await one_choice(
            opened,
            Decision(review_id=opened.review.review_id, choice=choice.name, by="dana", **given),
            by_event=code in EVENTS or code in OF_TWIN,
        )


async def one_choice(scene: Scene, decision: Decision, *, by_event: bool) -> None:
    practice, what = scene.practice, (scene.review.code, decision.choice)
    async with practice.world.pool.acquire() as conn:
        since = await seen.start(conn)
    shown = await scene.shows(decision)
    assert await booked_since(practice, since) == booked_by(
        shown.model_copy(update={"entries": (), "lots": (), "money": ()})
    ), "a preview leaves nothing behind"
    effect = await scene.does(decision)
    assert (effect == "failed") == (shown.problem is not None), (*what, shown)
    assert not (by_event and shown.problem), (*what, shown.problem)
    assert await booked_since(practice, since) == booked_by(shown), what
    assert shown.follows or shown.problem
    async with practice.world.pool.acquire() as conn:
        totals = await ledger.totals(conn)
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)
