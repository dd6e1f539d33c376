"""The tables of docs/reviews.md, made from the questions as the code has them.

python -m tests.unit.reviews_page        writes them into the page
"""

from collections.abc import Iterator
from pathlib import Path

from domain import undoing
from domain.reviews import TOPICS
from domain.topics import Choice, Topic
from starter.desk.answers import OPTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reviews.md"
BEGIN = "<!-- made by tests/unit/reviews_page.py -->"


def reasons() -> list[str]:
    """Why a decision cannot be taken back, each once, in the order of the tables."""
    found = [
        undoing.why_not(topic.code, choice.name)
        for topic in TOPICS.values()
        for choice in topic.choices
    ]
    return list(dict.fromkeys(each for each in found if each is not None))


def tables() -> str:
    """Everything below the marker."""
    parts = ["## Why not", ""]
    parts += [f"{number}. {reason}" for number, reason in enumerate(reasons(), start=1)]
    parts += ["", "## Every question", ""]
    for topic in sorted(TOPICS.values(), key=lambda each: each.code):
        parts += [*_section(topic), ""]
    return "\n".join(parts)


def _section(topic: Topic) -> Iterator[str]:
    yield f"### {topic.code}"
    yield ""
    yield f"**{topic.title}.** {topic.meaning} If nobody decides: {topic.if_ignored}"
    yield ""
    yield "| choice | what it does | give | two people | taken back |"
    yield "|---|---|---|---|---|"
    for choice in topic.choices:
        star = " *" if choice.name == topic.suggested else ""
        needs = ", ".join(f"`{OPTIONS[need]}`" for need in choice.needs)
        two = "above the limit" if choice.two_person else ""
        yield (
            f"| `{choice.name}`{star} | {choice.label}. {choice.effect} | {needs} | {two} |"
            f" {_undo(topic, choice)} |"
        )


def _undo(topic: Topic, choice: Choice) -> str:
    why = undoing.why_not(topic.code, choice.name)
    return "yes" if why is None else f"no ({reasons().index(why) + 1})"


if __name__ == "__main__":
    above = PAGE.read_text().partition(BEGIN)[0]
    PAGE.write_text(f"{above}{BEGIN}\n\n{tables()}")
