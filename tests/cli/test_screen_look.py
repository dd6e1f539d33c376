"""What the full-screen queue looks like: everything fits 80 columns and 24 lines.

With TIEOUT_PICTURES=docs/images it draws the pictures of docs/desk.md.
"""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from rich.console import Console

from activities.questions import question
from domain import reviews as taxonomy
from starter.screen.choosing import answers_of
from starter.screen.dialogs import Form
from starter.screen.queue_screen import FEW
from starter.screen.widgets import answers_table
from store import clients
from tests.cli.conftest import open_world
from tests.cli.sitting import sitting

WIDE = 78
PANEL_LINES = 9
"""What is left for answers on 24 lines when both sides are to be seen above them."""
CAST = (("Ana", "Reyes"), ("Bea", "Okafor"), ("Cleo", "Marsh"), ("Dana", "Whitfield"))
WAITING = (
    ("LOT_EXPIRED", 75_000, 6),
    ("OVERPAID", 4_000, 5),
    ("UNREACHABLE", 52_000, 5),
    ("MESSAGE_UNKNOWN", 46_722, 4),
    ("REPLY_CALL", 31_200, 4),
    ("MESSAGE_UNKNOWN", 32_000, 1),
    ("PMS_CONFIRM", 53_361, 1),
    ("STATE_UNKNOWN", 31_200, 1),
    ("MESSAGE_UNKNOWN", 12_800, 0),
    ("PAYOUT_DIFF", 100, 0),
)


async def evening(world):
    """A queue as a biller finds it at 18:40."""
    cast = []
    for first_name, last_name in CAST:
        client_id = str(uuid4())
        contact = clients.Contact(first_name=first_name, last_name=last_name)
        place = (client_id, world.location_id, "boulevard", client_id)
        await clients.upsert_client(world.conn, world.vault, *place, contact)
        cast.append(client_id)
    world.client_id = cast[-1]
    document = await world.bill()
    owed = document.priced.due_cents
    about = {"case_id": document.case_id, "document_id": document.document_id}
    facts = (
        "Invoice sent by SMS and e-mail, both delivered.",
        "Reminded on day 3, day 7 and day 14.",
        "The pay page was opened twice and nothing was paid.",
    )
    sides = {"ours": {"still owed": "$393.61"}, "theirs": {"boulevard": "$393.61 unpaid"}}
    await world.ask("CHASE_EXHAUSTED", cents=owed, days_ago=12, facts=facts, **about, **sides)
    for number, (code, cents, days_ago) in enumerate(WAITING):
        world.client_id = cast[number % len(cast)]
        case_id = f"payout/stripe/po_{number}" if code == "PAYOUT_DIFF" else None
        await world.ask(code, case_id=case_id, cents=cents, days_ago=days_ago)


async def test_the_evening_of_a_biller_can_be_read_on_a_small_terminal(pool, conn, pg_url):
    world = await open_world(conn, pg_url, "lumin-desk")
    await evening(world)
    async with sitting(world, pool) as it:
        await it.press("j", "j", "t")
        await it.sees("dana looks after")
        await it.sees("$40.00 dana Paid more")
        await it.press("k", "k")
        await it.sees("11 open")
        assert it.seen.count("Unclear whether a") == 3
        it.picture("desk-list")
        await it.opens()
        await it.sees("2 Write off")
        it.picture("desk-question")
        await it.press("2")
        await it.dialog(Form)
        await it.type("moved away, no address")
        await it.press("enter")
        await it.previews()
        await it.sees("6030 Bad debt")
        await it.sees("y propose it, as dana")
        assert "First, a second person has to confirm it." in it.seen
        it.picture("desk-preview")
    assert max(len(line.rstrip()) for line in it.drawn) <= 80


def drawn(code) -> list[str]:
    """The lines of a question's answers as a small terminal shows them."""
    asked = question("visit/lumin/boulevard/1", "lumin", code, 39_361, 1, datetime.now(UTC))
    answers = answers_of(asked)
    console = Console(width=WIDE)
    with console.capture() as told:
        console.print(answers_table(answers, roomy=len(answers) <= FEW))
    return told.get().splitlines()


@pytest.mark.parametrize("code", taxonomy.TOPICS)
def test_every_answer_shows_its_key_and_its_whole_label_in_few_lines(code):
    lines = drawn(code)
    assert len(lines) <= PANEL_LINES
    for number, choice in enumerate(taxonomy.TOPICS[code].choices, 1):
        label = f" {number}  {choice.label}"
        assert sum(line.startswith(label) for line in lines) == 1, label


async def test_the_question_with_most_answers_shows_them_all_below_both_sides(world, pool):
    code = max(taxonomy.TOPICS, key=lambda each: len(drawn(each)))
    await world.ask(code, facts=("a fact " * 20,), theirs={"paid": "$10.00"})
    async with sitting(world, pool) as it:
        await it.opens()
        await it.sees("paid: $10.00")
        for number, choice in enumerate(taxonomy.TOPICS[code].choices, 1):
            await it.sees(f"{number} {choice.label}")
