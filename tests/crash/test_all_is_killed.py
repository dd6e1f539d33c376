"""What a process outside of a worker can write of money has a story in which it is killed there."""

from typing import get_args

import pytest

from domain.ledger import Event
from tests.crash import reach
from tests.crash.doomed import DESK, WEB
from tests.crash.told import STORIES

ROOTS = {WEB: reach.WEB, DESK: reach.DESK}
NO_MONEY = {
    "address_events": "where a client may be reached",
    "catalogs": "a price book, put whole under its version",
    "channel_settings": "which provider carries a location's messages",
    "client_holds": "a silence",
    "consent_events": "what a client agreed to",
    "desk_actions": "who held or closed a case",
    "desk_policies": "who may decide what",
    "factor_attempts": "guesses at a second factor",
    "handovers": "messages handed on",
    "inbox_refusals": "counts of what was refused",
    "lender_loans": "a name that whoever comes next keeps",
    "ledger_entries": "told by their events",
    "ledger_postings": "told by their events",
    "locations": "a practice's settings",
    "processor_customers": "a name that whoever comes next keeps",
    "processor_intents": "a name that whoever comes next keeps",
    "review_acts": "who has taken a question",
    "switch_changes": "who switched",
    "template_replacements": "the words of messages",
    "touchpoints": "messages",
    "unknown_senders": "texts of nobody that we know",
}
"""Tables at which nobody has to die, and why."""


def _events(part: str) -> set[str]:
    """What its entries are, of the makers of entries that it comes to."""
    events, found = set(get_args(Event)), set()
    for file, name in reach.builders(ROOTS[part]):
        found |= reach.words(file, name) & events
    return found


@pytest.mark.parametrize("part", [WEB, DESK])
def test_what_a_process_can_write_of_money_has_its_death(part: str) -> None:
    told = {one for story in STORIES.values() for one in story.deaths}
    written = (set(reach.tables(ROOTS[part])) - NO_MONEY.keys()) | _events(part)
    assert {f"{part}.{one}" for one in written} == {
        one for one in told if one.startswith(f"{part}.")
    }


def test_what_needs_no_death_is_written() -> None:
    written = set().union(*(reach.tables(roots) for roots in ROOTS.values()))
    assert NO_MONEY.keys() <= written


def test_a_write_is_found_from_the_pay_page_and_from_a_webhook() -> None:
    """Through a module, a method of what it is wired with, and a name handed on."""
    found = reach.reached(reach.WEB)
    for at in (
        ("activities/statements.py", "book"),
        ("store/lots.py", "grant_money_lot"),
        ("store/lender_money.py", "record"),
    ):
        assert at in found
    assert ("activities/billing.py", "issue") not in found
