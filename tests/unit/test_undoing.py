"""Which decisions can be taken back is said for every choice of every code, also on paper."""

import pytest

from domain import undoing
from domain.reviews import TOPICS
from tests.unit.reviews_page import BEGIN, PAGE, tables

CHOICES = [(code, choice.name) for code, topic in TOPICS.items() for choice in topic.choices]


@pytest.mark.parametrize(("code", "choice"), CHOICES)
def test_every_choice_is_undone_or_says_in_one_sentence_why_not(code: str, choice: str) -> None:
    why = undoing.why_not(code, choice)
    assert why != undoing.NO_RULE, f"nobody has said whether {choice} of {code} can be taken back"
    assert why is None or why.endswith(".")


def test_no_rule_is_about_a_question_or_an_answer_that_does_not_exist() -> None:
    codes, answers, choices = undoing.NAMED
    assert codes <= TOPICS.keys()
    assert answers <= set(CHOICES)
    assert choices <= {choice for _, choice in CHOICES}


def test_what_nobody_has_described_is_not_undone() -> None:
    assert undoing.why_not("NO_REFERENCE", "give_away") == undoing.NO_RULE
    assert undoing.why_not("STATE_UNKNOWN", "stop") is None
    assert undoing.why_not("STATE_UNKNOWN", "stop", "refund/lumin/1") == undoing.NO_RULE


def test_the_page_has_every_code_and_choice_as_the_code_does() -> None:
    page = PAGE.read_text()
    assert page.partition(BEGIN)[2].strip() == tables().strip(), (
        "python -m tests.unit.reviews_page writes the tables anew"
    )
    for code, choice in CHOICES:
        assert f"### {code}\n" in page
        assert f"| `{choice}`" in page
