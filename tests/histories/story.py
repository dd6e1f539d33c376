"""What happens to one patient's money, drawn from a seed, and the orders in which it is heard of.

A history is a set of pieces of news. News of one object comes in its own order (a refund is made
before it fails, a chart is written before it is amended); any other two may change places, and
each may come again. A refund before its payment, a payout before what it pays out, a chart
amended after the money came: all of them are legal.
"""

import random
from dataclasses import dataclass, field, replace

TOXIN_CENTS = 1_300
"""A unit of the example price book on the day of the visits."""
NEWS_MAX = 9
MONEY = ("pay", "desk", "loose")


@dataclass(frozen=True)
class News:
    """`what` became true of an object; `about` names the payment behind it or the visit."""

    what: str
    """chart | pay | desk | desk_refund | loose | refund | refund_failed | dispute | won | lost |
    payout"""
    name: str
    about: str = ""
    cents: int = 0
    lines: tuple[tuple[str, str], ...] = ()
    kind: str = "card"
    number: int = 0
    """Its place in the history."""


@dataclass(frozen=True)
class History:
    """The news, and how the desk answers what is asked about them once all is known."""

    seed: int
    news: tuple[News, ...]
    answers: dict[str, str] = field(default_factory=dict)
    """Code of a question -> choice."""

    def orders(self, count: int) -> list[tuple[News, ...]]:
        """As it happened, then `count` - 1 drawn orders in which a part comes twice."""
        drawn = random.Random(f"orders {self.seed}")
        return [self.news, *(self._order(drawn) for _ in range(count - 1))]

    def _order(self, drawn: random.Random) -> tuple[News, ...]:
        mixed = list(self.news)
        drawn.shuffle(mixed)
        # News of one object keep their own order in the places that they were dealt.
        waiting = {name: [n for n in self.news if n.name == name] for name in _names(self.news)}
        mixed = [waiting[news.name].pop(0) for news in mixed]
        for _ in range(drawn.randrange(0, 4)):
            place = drawn.randrange(1, len(mixed) + 1)
            mixed.insert(place, drawn.choice(mixed[:place]))
        return tuple(mixed)


def _names(news: tuple[News, ...]) -> set[str]:
    return {one.name for one in news}


class _Teller:
    """Draws one history."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.drawn = random.Random(f"history {seed}")
        self.news: list[News] = []
        self.paid: list[News] = []
        self.least_cents = 0
        """The lowest that the visit ever costs, with what the package covers left out."""

    def tell(self) -> History:
        draw = self.drawn
        due_cents = self._charts()
        self._payments(due_cents)
        self._loose()
        self._reversals()
        if any(one.what in ("pay", "loose") for one in self.news):
            self.news.append(News("payout", "po"))
        # What a person gives up comes from where the money lies just then, unused credit first.
        # Where there may be credit it is owed again instead, and the credit pays it.
        gives_up = sum(n.cents for n in self.news if n.what in MONEY) <= self.least_cents
        allowed = ("allow", "owe_again") if gives_up else ("owe_again",)
        lost = ("rebill", "write_off") if gives_up else ("rebill",)
        answers = {
            "DUPLICATE_SUSPECTED": draw.choice(("keep_as_credit", "not_duplicate")),
            "REFUND_OUTSIDE": draw.choice(allowed),
            "DISPUTE_LOST": draw.choice(lost),
        }
        news = [replace(one, number=number) for number, one in enumerate(self.news)]
        return History(self.seed, tuple(news), answers)

    def _charts(self) -> int:
        """One visit, sometimes with units of a package, amended up to twice; what it costs."""
        draw, units = self.drawn, self.drawn.randrange(20, 60)
        syringes = draw.choice((0, 0, 1, 2))
        due_cents = self.least_cents = units * TOXIN_CENTS
        for number in range(draw.choice((1, 1, 2, 3))):
            if number:
                units = max(10, units + draw.choice((-10, -5, 5, 10)))
                syringes = max(0, min(3, syringes + draw.choice((-1, 0, 1))))
            self.least_cents = min(self.least_cents, units * TOXIN_CENTS)
            lines = [("TOXIN-UNIT", str(units))]
            lines += [("FILLER-SYRINGE", str(syringes))] if syringes else []
            self.news.append(News("chart", "A", "A", lines=tuple(lines)))
        return due_cents

    def _payments(self, due_cents: int) -> None:
        """Whole, in parts, too much or twice, online or at the desk."""
        draw = self.drawn
        way = draw.choice(("whole", "parts", "over", "twice", "little"))
        sums = {
            "whole": [due_cents],
            "parts": [due_cents // 3, due_cents - due_cents // 3],
            "over": [due_cents // 2, due_cents],
            "twice": [due_cents, due_cents],
            "little": [due_cents // 4],
        }[way]
        same = draw.choice(("pay", "desk"))
        for number, cents in enumerate(sums, 1):
            what = same if way == "twice" and draw.random() < 0.5 else draw.choice(("pay", "desk"))
            kind = "card" if what == "pay" else draw.choice(("cash", "card"))
            one = News(what, f"p{number}", "A", cents, kind=kind)
            self.paid.append(one)
            self.news.append(one)

    def _loose(self) -> None:
        """Money that names no invoice; a person says that it was for the visit."""
        if self.drawn.random() < 0.2:
            self.news.append(News("loose", "l1", "A", self.drawn.randrange(1_000, 90_000)))

    def _reversals(self) -> None:
        draw = self.drawn
        for paid in self.paid:
            if len(self.news) >= NEWS_MAX or draw.random() < 0.35:
                continue
            if paid.what == "desk":
                part = draw.choice((paid.cents, paid.cents // 4))
                self.news.append(replace(paid, what="desk_refund", cents=part))
                continue
            name = f"r{paid.name}"
            # While the bank looks at held money nobody can place it: only what cannot be held.
            may_be_held = sum(n.what in MONEY for n in self.news) > 1
            ends = ("won", "lost") if may_be_held else ("won", "lost", "open")
            match draw.choice(("refund", "refund", "fails", *ends)):
                case "refund":
                    part = draw.choice((paid.cents, paid.cents // 4))
                    self.news.append(News("refund", name, paid.name, part))
                case "fails":
                    self.news.append(News("refund", name, paid.name, paid.cents // 4))
                    self.news.append(News("refund_failed", name, paid.name, paid.cents // 4))
                case "open":
                    self.news.append(News("dispute", name, paid.name, paid.cents))
                case outcome:
                    self.news.append(News("dispute", name, paid.name, paid.cents))
                    self.news.append(News(outcome, name, paid.name, paid.cents))


def history(seed: int) -> History:
    """The history of a seed: the same ever after."""
    return _Teller(seed).tell()
