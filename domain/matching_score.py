"""Tier 6: points of 100 that rank what a person is shown. No payment is ever matched by them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from domain.matching_policy import MatchPolicy
from domain.matching_types import (
    Asked,
    Candidate,
    HeldPayment,
    Hints,
    OpenItem,
    PaymentToMatch,
    is_payer,
)

SHOWN_MAX = 3
_AMOUNT, _DATE, _MEMO = 45, 15, 10
_PAYER_BY_ID, _PAYER_BY_HASH, _PAYER_BY_NAME = 30, 24, 18
_NEAR_DAYS, _FAR_DAYS = 2, 30
_ALIKE_PERCENT = 92


def candidate(asked: Asked, group: Sequence[OpenItem]) -> Candidate:
    """Points of cases taken together, with their reasons (rules 3.2)."""
    payment = asked.payment
    days = max(abs((payment.paid_on - item.issued_on).days) for item in group)
    grades = (
        _amount_grade(payment, group, asked.policy),
        min(_payer_grade(payment, item) for item in group),
        (date_points(days), f"{days} days from its issue"),
        (_MEMO * _is_named(payment.memo, group), "the memo names it"),
    )
    return Candidate(
        case_ids=tuple(item.case_id for item in group),
        points=sum(points for points, _ in grades),
        reasons=tuple(why for points, why in grades if points),
    )


def ranking(
    asked: Asked, items: Sequence[OpenItem], *, but: frozenset[str] = frozenset()
) -> tuple[Candidate, ...]:
    """The best open items for a person, at most three; `but` leaves out what is proposed."""
    ranked = [
        candidate(asked, (item,))
        for item in items
        if item.is_open and _is_owed(item) and item.case_id not in but
    ]
    ranked.sort(key=lambda each: -each.points)
    return tuple(each for each in ranked[:SHOWN_MAX] if each.points)


def held(asked: Asked, code: str, why: str, items: Sequence[OpenItem] = ()) -> HeldPayment:
    """A question for a person, with the best of `items`."""
    client_id = asked.payment.client_id
    return HeldPayment(
        code=code,
        account="2095" if client_id is None else "2090",
        candidates=ranking(asked, items),
        trace=(why,),
        client_id=client_id,
    )


def _is_owed(item: OpenItem) -> bool:
    return item.balance_cents > 0 or any(not each.is_paid for each in item.instalments)


def _amount_grade(
    payment: PaymentToMatch, group: Sequence[OpenItem], policy: MatchPolicy
) -> tuple[int, str]:
    balance_cents = sum(item.balance_cents for item in group)
    short_cents = balance_cents - payment.amount_cents
    if short_cents == 0:
        return _AMOUNT, "the balance is exactly this amount"
    parts = group[0].instalments if len(group) == 1 else ()
    if any(not each.is_paid and each.cents == payment.amount_cents for each in parts):
        return _AMOUNT, "an instalment of it is exactly this amount"
    allowed = policy.short_allowed(payment.kind, balance_cents)
    if 0 < short_cents <= allowed:
        points = _AMOUNT * (allowed + 1 - short_cents) // (allowed + 1)
        return points, "the cheque is short of it within the tolerance"
    return 0, ""


def _payer_grade(payment: PaymentToMatch, item: OpenItem) -> tuple[int, str]:
    if is_payer(payment, item):
        return _PAYER_BY_ID, "the payer belongs to it"
    if payment.payer is None or item.client is None:
        return 0, ""
    if _share_a_hash(payment.payer, item.client):
        return _PAYER_BY_HASH, "the payer's phone or e-mail is its client's"
    if are_alike(payment.payer.name, item.client.name):
        return _PAYER_BY_NAME, "the payer's name is like its client's"
    return 0, ""


def _share_a_hash(one: Hints, other: Hints) -> bool:
    pairs = ((one.phone_hash, other.phone_hash), (one.email_hash, other.email_hash))
    return any(mine is not None and mine == theirs for mine, theirs in pairs)


def date_points(days: int) -> int:
    """All within two days, falling to none at thirty."""
    return max(0, _DATE * (_FAR_DAYS - max(days, _NEAR_DAYS)) // (_FAR_DAYS - _NEAR_DAYS))


def _is_named(memo: str, group: Sequence[OpenItem]) -> bool:
    words = memo.casefold()
    return any(_stands_alone(item.number.casefold(), words) for item in group)


def _stands_alone(number: str, words: str) -> bool:
    """Whether a number is one whole word: LUM-1 is not named by LUM-12 or X-LUM-1."""
    if not number or number not in words:
        return False
    return re.search(rf"(?<![\w-]){re.escape(number)}(?![\w-])", words) is not None


def are_alike(one: str, other: str) -> bool:
    """Whether two names share 92 % of their letters in order; word order and accents aside."""
    a, b = _plain(one), _plain(other)
    wanted = _ALIKE_PERCENT * (len(a) + len(b))
    if not a or not b or 200 * (Counter(a) & Counter(b)).total() < wanted:
        return False
    return 200 * _common(a, b) >= wanted


def _plain(name: str) -> str:
    """Letters and digits in sorted words: "Ruíz, Ann" and "ann ruiz" are the same."""
    split = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(each for each in split if not unicodedata.combining(each))
    return " ".join(sorted(re.findall(r"[^\W_]+", bare)))


def _common(a: str, b: str) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for letter in a:
        above_left = 0
        for at, other in enumerate(b, start=1):
            above = row[at]
            row[at] = above_left + 1 if letter == other else max(above, row[at - 1])
            above_left = above
    return row[-1]
