"""A second payment matching, naive on purpose: every subset of items, plain data, fractions.

It is written from the rules alone and shares no code with the product: it lists every way in
which a payment could be explained and then counts ways, instead of asking tier after tier.
Inputs are the plain dicts of a match file; `Said` is what both sides are compared by.
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

Row = dict[str, Any]
Ranked = tuple[tuple[tuple[str, ...], int], ...]


@dataclass(frozen=True)
class Said:
    """An answer without its words. `ways` are candidates, or rivals of a proposal."""

    status: str
    name: str
    """The code of a held payment, the tier of any other."""
    allocations: tuple[tuple[str, int, str | None], ...] = ()
    excess: int = 0
    closings: tuple[tuple[str, int, str], ...] = ()
    account: str | None = None
    owner: str | None = None
    is_new_money: bool = True
    fee: tuple[int | None, int] | None = None
    ticked: bool = False
    ways: Ranked = field(default=())


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


class Oracle:
    """One payment of one book, all ways at once."""

    def __init__(self, book: Row, pay: Row) -> None:
        self.book, self.pay = book, pay
        self.amount: int = pay["amount_cents"]
        self.today = day(pay["paid_on"])
        self.payer = pay.get("client_id")
        self.items = sorted(book["items"], key=lambda i: (day(i["issued_on"]), i["case_id"]))
        self.policy = book.get("policy", {})

    # -- facts

    def belongs(self, item: Row) -> bool:
        return (
            self.payer in [item["client_id"], *item.get("payer_ids", [])] if self.payer else False
        )

    def is_live(self, item: Row) -> bool:
        return item.get("is_open", True) and item["balance_cents"] > 0

    def waits(self, item: Row) -> bool:
        early, late = self.policy.get("before_issue_days", 1), self.policy.get("after_due_days", 45)
        window = range(day(item["issued_on"]) - early, day(item["due_on"]) + late + 1)
        return self.is_live(item) and self.belongs(item) and self.today in window

    def tolerance(self, balance: int) -> int:
        rule = self.policy.get("cheque")
        if not rule or self.pay.get("kind", "card") != "cheque" or balance <= 0:
            return 0
        share = Fraction(balance) * rule.get("basis_points_max", 50) / 10_000
        return min(rule.get("cents_max", 100), int(share))

    def part(self, item: Row) -> Row | None:
        if not item.get("is_open", True) or not self.belongs(item):
            return None
        early = self.policy.get("instalment_early_days", 3)
        late = self.policy.get("instalment_late_days", 10)
        fitting = [
            each
            for each in item.get("instalments", [])
            if not each.get("is_paid") and each["cents"] == self.amount
            if self.today in range(day(each["due_on"]) - early, day(each["due_on"]) + late + 1)
        ]
        fitting.sort(key=lambda each: (each["due_on"], each["instalment_id"]))
        return fitting[0] if fitting else None

    def subsets(self) -> list[list[Row]]:
        """Every set of two or more waiting items that sums, smallest then oldest first."""
        mine = [item for item in self.items if self.waits(item)]
        found = []
        for bits in product((1, 0), repeat=len(mine)):
            group = [item for item, bit in zip(mine, bits, strict=True) if bit]
            is_sized = 2 <= len(group) <= self.policy.get("group_size_max", 5)
            if is_sized and sum(item["balance_cents"] for item in group) == self.amount:
                found.append(group)
        return sorted(found, key=len)

    # -- points

    def points(self, group: list[Row]) -> int:
        balance = sum(item["balance_cents"] for item in group)
        amount = Fraction(0)
        short, allowed = balance - self.amount, self.tolerance(balance)
        unpaid = [p["cents"] for p in group[0].get("instalments", []) if not p.get("is_paid")]
        if short == 0 or (len(group) == 1 and self.amount in unpaid):
            amount = Fraction(1)
        elif 0 < short <= allowed:
            amount = Fraction(allowed + 1 - short, allowed + 1)
        payer = min(self.payer_weight(item) for item in group)
        days = max(abs(self.today - day(item["issued_on"])) for item in group)
        near = Fraction(1) if days <= 2 else max(Fraction(0), Fraction(30 - days, 28))
        memo = any(self.names(item["number"]) for item in group)
        return int(Fraction(45) * amount) + int(30 * payer) + int(15 * near) + (10 if memo else 0)

    def payer_weight(self, item: Row) -> Fraction:
        if self.belongs(item):
            return Fraction(1)
        hints, theirs = self.pay.get("payer") or {}, item.get("client") or {}
        for key in ("phone_hash", "email_hash"):
            if hints.get(key) and hints[key] == theirs.get(key):
                return Fraction(8, 10)
        one, other = plain(hints.get("name", "")), plain(theirs.get("name", ""))
        if (
            one
            and other
            and Fraction(2 * common(one, other), len(one) + len(other)) >= Fraction(92, 100)
        ):
            return Fraction(6, 10)
        return Fraction(0)

    def names(self, number: str) -> bool:
        memo = self.pay.get("memo", "").lower()
        words = "".join(c if c.isalnum() or c in "_-" else " " for c in memo).split()
        return number.lower() in words

    def best(self, items: list[Row], without: Collection[str] = ()) -> Ranked:
        scored = []
        for item in items:
            has_part = any(not p.get("is_paid") for p in item.get("instalments", []))
            is_owed = item["balance_cents"] > 0 or has_part
            is_shown = item.get("is_open", True) and is_owed and item["case_id"] not in without
            if is_shown and self.points([item]):
                scored.append((self.points([item]), item["case_id"]))
        top = sorted(scored, key=lambda pair: pair[0], reverse=True)[:3]
        return tuple(((case,), score) for score, case in top)

    # -- answers

    def held(self, code: str, ways: Ranked = (), *, new: bool = True) -> Said:
        account = "2090" if self.payer else "2095"
        return Said("held", code, account=account, owner=self.payer, is_new_money=new, ways=ways)

    def several(self, groups: list[list[Row]]) -> Said:
        shown = tuple((tuple(i["case_id"] for i in g), self.points(g)) for g in groups[:3])
        return self.held("AMBIGUOUS_GROUP", shown)

    def duplicate(self, cases: set[str], owner: str | None) -> Said | None:
        twins = [
            known
            for known in self.book.get("earlier", [])
            if known["case_id"] in cases and known["amount_cents"] == self.amount
            if abs(day(known["paid_on"]) - self.today) <= self.policy.get("duplicate_days", 7)
            if (known["source"], known["payment_id"])
            != (self.pay["source"], self.pay["payment_id"])
            if (
                known["source"] == self.pay["source"]
                if self.pay.get("funding")
                else self.payer and known["client_id"] == self.payer
            )
        ]
        if not self.pay.get("funding"):
            twins = [known for known in twins if not self.is_other_money(known, twins)]
        if not twins:
            return None
        last = max(twins, key=lambda k: (k["paid_on"], k["source"], k["payment_id"], k["case_id"]))
        return Said(
            "held",
            "DUPLICATE_SUSPECTED",
            account="2090",
            owner=owner,
            ways=(((last["case_id"],), 100),),
        )

    def is_other_money(self, known: Row, twins: list[Row]) -> bool:
        """Owed besides the other one, and nothing that two systems show of one payment."""
        systems = {known["source"], self.pay["source"]}
        kinds = {known.get("kind", "card"), self.pay.get("kind", "card")}
        if len(systems) == 2 and len(kinds) == 1:
            return False
        owed = sum(
            item["balance_cents"]
            for item in self.items
            if item["case_id"] == known["case_id"] and item.get("is_open", True)
        )
        for each in twins:
            counts_already = each.get("state", "settled") == "settled"
            if each["case_id"] == known["case_id"]:
                owed -= 0 if counts_already and each.get("is_applied", True) else self.amount
        return owed >= self.amount

    def may_book(self, tier: int) -> bool:
        rows = self.policy.get(
            "automatic", [{"tier": t, "accepted_min": 200 if t == 4 else 0} for t in range(1, 6)]
        )
        rows = [row for row in rows if row["tier"] == tier]
        if not rows:
            return False
        counts = [r for r in self.book.get("record", []) if r["tier"] == tier]
        good = sum(r.get("accepted", 0) for r in counts)
        bad = sum(r.get("corrected", 0) for r in counts)
        needed = rows[0].get("accepted_min", 0)
        if needed:
            return good >= needed and bad == 0
        return bad == 0 or (bad <= 3 and good + bad >= (0, 4_744, 6_296, 7_754)[bad])

    def paid(
        self,
        tier: int,
        group: list[Row],
        cents: list[int],
        *,
        sure: bool,
        excess: int = 0,
        part: Row | None = None,
        short: int = 0,
    ) -> Said:
        name = part["instalment_id"] if part else None
        rows = tuple((i["case_id"], c, name) for i, c in zip(group, cents, strict=True))
        closings = ((group[0]["case_id"], short, "6060"),) if short else ()
        if sure and self.may_book(tier):
            return Said("matched", str(tier), rows, excess, closings)
        rivals = self.best(self.items, {i["case_id"] for i in group})
        lead = self.points(group) - max((score for _, score in rivals), default=0)
        ticked = lead >= self.policy.get("margin_points", 25)
        return Said("proposed", str(tier), rows, excess, closings, ticked=ticked, ways=rivals)

    # -- the payment

    def answer(self) -> Said:
        stopped = self.gate()
        if stopped:
            return stopped
        if self.pay.get("funding") or self.pay.get("kind") == "lender":
            return self.lender()
        if self.pay.get("case_id") is not None:
            return self.referred()
        twin = self.duplicate({item["case_id"] for item in self.items}, self.payer)
        return twin or self.unreferred()

    def gate(self) -> Said | None:
        pay, book = self.pay, self.book
        states = [
            known.get("state", "settled")
            for known in book.get("earlier", [])
            if known["source"] == pay["source"] and known["payment_id"] == pay["payment_id"]
        ]
        closed = book.get("closed_until")
        accounts = {pay.get("account_id"), book.get("account_id")} - {None}
        if pay["currency"] != book["currency"]:
            return self.held("CURRENCY_MISMATCH")
        if pay["location_id"] != book["location_id"] or len(accounts) > 1:
            return self.held("WRONG_INVOICE")
        if self.amount < 0 and pay.get("funding"):
            return self.held("LENDER_REVERSED", new=False)
        if self.amount <= 0:
            return self.held("SANITY_BOUND", new=False)
        if "settled" in states or pay.get("state", "settled") in states:
            return self.held("LATE_EVENT", new=False)
        if closed and self.today <= day(closed):
            return self.held("LATE_EVENT")
        return None

    def lender(self) -> Said:
        funding = self.pay.get("funding")
        if not funding:
            return Said("held", "NO_REFERENCE", account="2095")
        all_loans = sorted(
            self.book.get("loans", []), key=lambda x: (x["signed_on"], x["case_id"], x["loan_id"])
        )
        ways = self.loans_ranked(all_loans, funding)
        mine = [
            loan
            for loan in all_loans
            if loan["lender"] == funding["lender"] and loan["loan_id"] == funding["loan_id"]
        ]
        if len(mine) != 1:
            code = "AMBIGUOUS_GROUP" if mine else "WRONG_INVOICE"
            return Said("held", code, account="2095", ways=ways)
        [loan] = mine
        owner = loan["client_id"]
        twin = self.duplicate({loan["case_id"]}, owner)
        if twin:
            return twin
        if self.pay.get("case_id") not in (None, loan["case_id"]) or not loan.get("is_open", True):
            return Said("held", "WRONG_INVOICE", account="2090", owner=owner, ways=ways)
        gross, fee = self.figures(funding, loan)
        off = Said("held", "LENDER_FEE_DIFF", account="2090", owner=owner, ways=ways)
        if gross != self.amount + fee:
            return with_fee(off, None, fee)
        if gross != loan["financed_cents"]:
            return Said("held", "WRONG_INVOICE", account="2090", owner=owner, ways=ways)
        schedule = self.schedule(loan)
        if schedule is None or fee < 0 or fee not in range(schedule - 1, schedule + 2):
            return with_fee(off, schedule, fee)
        closings = ((loan["case_id"], fee, "6020"),) if fee else ()
        rows = ((loan["case_id"], self.amount, None),)
        if self.may_book(2):
            return Said("matched", "2", rows, 0, closings)
        return Said("proposed", "2", rows, 0, closings, ticked=True)

    def figures(self, funding: Row, loan: Row) -> tuple[int, int]:
        gross, fee = funding.get("gross_cents"), funding.get("fee_cents")
        if gross is None and fee is None:
            return loan["financed_cents"], loan["financed_cents"] - self.amount
        if gross is None:
            return self.amount + fee, fee
        return gross, gross - self.amount if fee is None else fee

    def schedule(self, loan: Row) -> int | None:
        rules = [
            rule
            for rule in self.policy.get("fees", [])
            if rule["lender"] == loan["lender"] and rule["effective_from"] <= loan["signed_on"]
        ]
        own = [r for r in rules if r.get("programme", "") == loan.get("programme", "")]
        general = [r for r in rules if r.get("programme", "") == ""]
        for choice in (own, general):
            if choice:
                rule = max(choice, key=lambda r: r["effective_from"])
                exact = Fraction(rule["rate"]) * loan["financed_cents"]
                return int(exact + Fraction(1, 2)) + rule.get("fixed_cents", 0)
        return None

    def loans_ranked(self, loans: list[Row], funding: Row) -> Ranked:
        scored = []
        for loan in loans:
            if loan.get("is_open", True) and loan["lender"] == funding["lender"]:
                days = abs(self.today - day(loan["signed_on"]))
                near = Fraction(1) if days <= 2 else max(Fraction(0), Fraction(30 - days, 28))
                score = 30 + int(15 * near)
                has_figure = {funding.get("gross_cents"), funding.get("fee_cents")} != {None}
                if has_figure and self.figures(funding, loan)[0] == loan["financed_cents"]:
                    score += 45
                if loan["loan_id"] == funding["loan_id"]:
                    score += 10
                scored.append((score, loan["case_id"]))
        top = sorted(scored, key=lambda pair: pair[0], reverse=True)[:3]
        return tuple(((case,), score) for score, case in top)

    def referred(self) -> Said:
        item = {i["case_id"]: i for i in self.items}.get(self.pay["case_id"])
        ways = self.best(self.items)
        if item is None:
            return self.held("WRONG_INVOICE", ways)
        if not self.belongs(item):
            return self.held("WRONG_CLIENT", ways)
        twin = self.duplicate({item["case_id"]}, self.payer)
        if twin:
            return twin
        if not item.get("is_open", True):
            return self.held("WRONG_INVOICE", ways)
        part, owed = self.part(item), item["balance_cents"]
        if part and owed < self.amount:
            return self.paid(5, [item], [self.amount], sure=True, part=part)
        if owed <= 0:
            return self.held("OVERPAID", ways)
        short = owed - self.amount
        return self.paid(
            1,
            [item],
            [min(owed, self.amount)],
            sure=True,
            excess=max(0, -short),
            part=part,
            short=short if 0 < short <= self.tolerance(owed) else 0,
        )

    def unreferred(self) -> Said:
        mine = [item for item in self.items if self.waits(item)]
        exact = [item for item in mine if item["balance_cents"] == self.amount]
        is_desk = self.pay.get("is_from_pms") or self.pay.get("is_card_present")
        visit = self.pay.get("visit_id")
        here = [item for item in exact if is_desk and visit and visit == item["visit_id"]]
        if len(here) == 1:
            return self.paid(3, here, [self.amount], sure=True)
        parts = [item for item in self.items if self.part(item)]
        single = [item for item in self.items if item in exact or item in parts]
        too_many = len(mine) > self.policy.get("group_items_max", 24)
        groups = [] if too_many else self.subsets()
        if len(single) > 1:
            return self.several([[item] for item in single])
        if single and single[0] in parts:
            if groups:
                return self.several([single, *groups])
            part = self.part(single[0])
            return self.paid(5, single, [self.amount], sure=not too_many, part=part)
        if single:
            return self.paid(3, single, [self.amount], sure=False)
        if too_many:
            return self.held("NO_REFERENCE", self.best(mine))
        if len(groups) > 1:
            return self.several(groups)
        if groups:
            cents = [item["balance_cents"] for item in groups[0]]
            return self.paid(4, groups[0], cents, sure=True)
        return self.nearly(mine)

    def nearly(self, mine: list[Row]) -> Said:
        close = [
            item
            for item in mine
            if 0 < item["balance_cents"] - self.amount <= self.tolerance(item["balance_cents"])
        ]
        if len(close) > 1:
            return self.several([[item] for item in close])
        if close:
            short = close[0]["balance_cents"] - self.amount
            return self.paid(3, close, [self.amount], sure=False, short=short)
        return self.held("NO_REFERENCE", self.best(self.items))


def with_fee(said: Said, schedule: int | None, kept: int) -> Said:
    return Said(**{**said.__dict__, "fee": (schedule, kept)})


def plain(name: str) -> str:
    kept = [c for c in unicodedata.normalize("NFKD", name).lower() if not unicodedata.combining(c)]
    words = "".join(c if c.isalnum() else " " for c in kept).split()
    return " ".join(sorted(words))


def common(one: str, other: str) -> int:
    """The longest text that can be got from both by leaving letters out; a full table."""
    best = {(i, j): 0 for i in range(len(one) + 1) for j in range(len(other) + 1)}
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            if one[i] == other[j]:
                best[i, j] = 1 + best.get((i + 1, j + 1), 0)
            else:
                best[i, j] = max(best.get((i + 1, j), 0), best.get((i, j + 1), 0))
    return best[0, 0]
