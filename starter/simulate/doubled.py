"""Invariant 2: no message twice, one touch a day and three in seven days, in every zone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from starter.simulate.evidence import DOUBLED, Case, Violation, name_of
from starter.simulate.seen import Message

WEEK, WEEK_MAX = timedelta(days=7), 3


def doubled(case: Case) -> Iterator[Violation]:
    """One message a channel and one touch a day in every zone of the patient; three a week;
    never the same words more often than there are reasons for them."""
    of_client: dict[int, list[Message]] = defaultdict(list)
    for message in case.seen.messages:
        if message.received:
            of_client[message.client].append(message)
    for number, received in sorted(of_client.items()):
        case.checked[DOUBLED] += len(received)
        yield from _twice_a_day(case, number, received)
        yield from _too_many_a_week(number, received)
        yield from _same_words(case, number, received)


def _twice_a_day(case: Case, number: int, received: Sequence[Message]) -> Iterator[Violation]:
    for zone in case.person(number).zones:
        first: dict[date, Message] = {}
        channels: set[tuple[date, str]] = set()
        for message in received:
            day = message.at.astimezone(ZoneInfo(zone)).date()
            earlier = first.setdefault(day, message)
            is_same_touch = earlier.template == message.template
            if (day, message.channel) in channels or not is_same_touch:
                what = f"{name_of(message)} on the day of {name_of(earlier)}"
                yield Violation(DOUBLED, number, message.at, what)
            channels.add((day, message.channel))


def _too_many_a_week(number: int, received: Sequence[Message]) -> Iterator[Violation]:
    touches: list[Message] = []
    for message in received:
        is_other_channel = touches and (
            touches[-1].template == message.template
            and touches[-1].channel != message.channel
            and message.at - touches[-1].at < timedelta(hours=36)
        )
        if is_other_channel:
            continue
        touches.append(message)
        within = [one for one in touches if message.at - one.at < WEEK]
        if len(within) > WEEK_MAX:
            what = f"{name_of(message)} is touch {len(within)} in 7 days"
            yield Violation(DOUBLED, number, message.at, what)


def _same_words(case: Case, number: int, received: Sequence[Message]) -> Iterator[Violation]:
    visits = case.plan.client(number).visits
    parts = sum(1 for _ in case.truth.of(number, "paid"))
    failed = sum(1 for _ in case.truth.of(number, "bank_failed"))
    counts: Counter[tuple[str, str]] = Counter()
    for message in received:
        counts[message.template, message.channel] += 1
        allowed = len(visits)
        if message.template in ("reminder_friendly", "reminder_firm"):
            allowed += parts + failed
        elif message.template == "payment_failed":
            allowed = len(visits) + failed
        if counts[message.template, message.channel] > allowed:
            what = f"{name_of(message)} for the {counts[message.template, message.channel]}th time"
            yield Violation(DOUBLED, number, message.at, what)
