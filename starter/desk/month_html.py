"""The month-end page for a browser or paper: one file with everything in it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.money import dollars
from domain.month_end import MonthReport
from starter.desk import month_plots
from starter.desk.books import SHORT
from starter.desk.month_words import counted, event_in_words, headline, owners, said_of, signed

ITEMS_SHOWN = 25
_TEMPLATES = Path(__file__).parent.parent / "templates"


def month_html(report: MonthReport) -> str:
    """The whole page. It loads nothing and names no client."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "dollars": dollars,
        "signed": signed,
        "said": said_of,
        "event": event_in_words,
        "counted": counted,
        "owners": owners,
    }
    return templates.get_template("month_end.html").render(
        report=report,
        headline=headline(report),
        tiles=_tiles(report),
        plots={
            "debts": month_plots.by_age(report.debts),
            "owed": month_plots.opening_and_closing(report.rolls),
            "income": month_plots.rows(report.earned.income, "Income of the month by account."),
            "received": month_plots.rows(report.earned.received, "Money received, by way."),
            "questions": month_plots.questions(report.waiting),
        },
        style=(_TEMPLATES / "month_end.css").read_text(encoding="utf-8"),
        items_shown=ITEMS_SHOWN,
        short=SHORT,
    )


def _tiles(report: MonthReport) -> list[tuple[str, str, str]]:
    """What an owner looks at first: name, figure, and what it is made of."""
    owed = {debts.who: debts.cents for debts in report.debts}
    others = sum(cents for who, cents in owed.items() if who != "patients")
    clients = sum(roll.closing_cents for roll in report.rolls if roll.account < "2070")
    questions = sum(one.count for one in report.waiting)
    at_stake = sum(one.money_cents for one in report.waiting)
    return [
        ("Earned", dollars(sum(report.earned.income.values())), "after discounts and allowances"),
        ("Received", dollars(sum(report.earned.received.values())), "online and at the desk"),
        ("Patients owe", dollars(owed.get("patients", 0)), f"others {dollars(others)}"),
        ("Owed to clients", dollars(clients), "packages, credits, gift cards, deposits"),
        ("Open questions", str(questions), f"{dollars(at_stake)} wait with them"),
        ("Off", dollars(report.off_cents), "over all lines, without signs"),
    ]
