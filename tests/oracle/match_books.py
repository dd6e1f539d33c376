"""Seeded match files with one payment each, made to meet every rule and its borders often."""

from datetime import date, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]

TODAY = date(2026, 5, 20)
CLIENTS = ("ann", "bea", "cid")
NAMES = (
    "Ann Ruiz",
    "Ruíz, Ann",
    "Ann Ruis",
    "Anna-Maria Ortega Lopez",
    "Ana-Maria Ortega Lopez",
    "",
)
BALANCES = (0, -500, *(3_000, 4_000, 5_000, 6_000, 7_000, 10_000, 10_000, 10_040, 25_000) * 2)


def near(random: Random, *offsets: int) -> str:
    return (TODAY + timedelta(days=random.choice(offsets))).isoformat()


def hints(random: Random) -> Row:
    return {
        "phone_hash": random.choice([None, "p1", "p2"]),
        "email_hash": random.choice([None, "e1", "e2"]),
        "name": random.choice(NAMES),
    }


def item_of(random: Random, at: int) -> Row:
    item = {
        "case_id": f"case-{at}",
        "client_id": random.choice(CLIENTS[: random.choice((1, 1, 1, 1, 3))]),
        "number": f"LUM-{at}",
        "visit_id": random.choice([None, f"visit-{at}"]),
        "balance_cents": random.choice(BALANCES),
        "issued_on": near(random, -40, -30, -29, -9, -9, -3, -3, -2, -2, 0, 0, 1, 2),
        "due_on": near(random, -46, -45, -44, *(12,) * 7),
        "is_open": random.random() < 0.9,
        "payer_ids": random.choice([[], [], [], ["bea"]]),
    }
    if random.random() < 0.3:
        item["client"] = hints(random)
    if random.random() < 0.25:
        item["instalments"] = [
            {
                "instalment_id": f"part-{n}",
                "due_on": near(random, -11, -10, -1, 0, 0, 3, 4),
                "cents": random.choice((5_000, 10_000, 12_000)),
                "is_paid": random.random() < 0.3,
            }
            for n in range(random.choice((1, 2, 2)))
        ]
    return item


def loan_of(random: Random, at: int) -> Row:
    return {
        "lender": random.choice((*("cherry",) * 5, "alphaeon")),
        "loan_id": f"loan-{random.randrange(3) if random.random() < 0.2 else at}",
        "programme": random.choice(("", "12-months")),
        "case_id": f"case-{at}",
        "client_id": random.choice(CLIENTS),
        "number": f"LUM-{at}",
        "financed_cents": random.choice((100_000, 280_000)),
        "signed_on": near(random, -200, -30, -4, -4, -2, -2),
        "is_open": random.random() < 0.9,
    }


FEES = (
    {"lender": "cherry", "rate": "0.099", "effective_from": "2025-12-01"},
    {"lender": "cherry", "rate": "0.0995", "fixed_cents": 5, "effective_from": "2026-05-01"},
    {
        "lender": "cherry",
        "programme": "12-months",
        "rate": "0.12905",
        "effective_from": "2026-04-01",
    },
)
NETS = {
    gross: [gross - fee + off for fee in fees for off in (-2, -1, 0, 0, 0, 1, 2)]
    for gross, fees in {
        100_000: (9_900, 9_955, 12_905),
        280_000: (27_720, 27_865, 36_134),
    }.items()
}


def usual_fee(loan: Row) -> int:
    """Mostly what the lender's schedule says, so that many fundings are close to it."""
    low, high = (9_900, 9_955) if loan["financed_cents"] == 100_000 else (27_720, 27_865)
    if loan["programme"]:
        return 12_905 if loan["financed_cents"] == 100_000 else 36_134
    return high if loan["signed_on"] >= "2026-05-01" else low


def funded(random: Random, book: Row, pay: Row) -> None:
    loan = random.choice(book["loans"])
    gross = loan["financed_cents"]
    net = random.choice(NETS[gross])
    if random.random() < 0.7:
        net = gross - usual_fee(loan) + random.choice((-2, -1, 0, 0, 0, 1, 2))
    said = random.choice((*(gross,) * 6, *(None,) * 4, gross - 5_000))
    pay |= {
        "source": loan["lender"],
        "kind": "lender",
        "amount_cents": random.choice((*(net,) * 12, gross, gross + 5, -net)),
        "client_id": None,
        "case_id": random.choice((None, None, None, None, loan["case_id"], "case-0")),
        "funding": {
            "lender": loan["lender"],
            "loan_id": random.choice((loan["loan_id"],) * 9 + ("loan-x",)),
            "gross_cents": said,
            "fee_cents": random.choice((*(None, gross - net) * 5, 9_900)),
        },
    }
    if random.random() < 0.05:
        pay["funding"] = None


def aim(random: Random, item: Row, pay: Row) -> None:
    """A payment that is nearly or just about certain for one item."""
    pay["client_id"] = item["client_id"]
    if random.random() < 0.3:
        pay |= {"case_id": item["case_id"], "kind": "cheque"}
        pay["amount_cents"] = item["balance_cents"] - random.choice((15, 20, 25, 30, 31, 50, 51))
    elif item.get("instalments") and random.random() < 0.7:
        pay |= {"case_id": random.choice((None, None, item["case_id"]))}
        pay["amount_cents"] = item["instalments"][0]["cents"]
    else:
        pay |= {"case_id": None, "visit_id": item["visit_id"]}
        pay["amount_cents"] = item["balance_cents"]


def policy_of(random: Random) -> Row:
    policy: Row = {"fees": list(FEES)}
    if random.random() < 0.6:
        policy["cheque"] = {"switched_on_by": "owner", **random.choice(({}, {"cents_max": 30}))}
    if random.random() < 0.15:
        tiers = random.sample((1, 2, 3, 4, 5), k=3)
        policy["automatic"] = [{"tier": t, "accepted_min": 200 if t == 4 else 0} for t in tiers]
    if random.random() < 0.15:
        policy |= random.choice(
            (
                {"margin_points": 60},
                {"group_size_max": 2},
                {"group_items_max": 2},
                {"duplicate_days": 10, "after_due_days": 30},
            )
        )
    return policy


def record_of(random: Random) -> list[Row]:
    if random.random() < 0.6:
        return []
    return [
        {
            "tier": tier,
            "accepted": random.choice(
                (0, 199, 200, 4_742, 4_743, 6_293, 6_294, 7_750, 7_751, 9_000)
            ),
            "corrected": random.choice((*(0,) * 6, 1, 2, 3, 4)),
        }
        for tier in random.choices((1, 2, 3, 4, 4, 4, 5), k=random.choice((1, 2, 3)))
    ]


def book_of(seed: int) -> Row:
    """A match file as plain data with exactly one payment."""
    random = Random(seed)
    items = [item_of(random, at) for at in range(random.choice((0, 1, 2, 3, 4, 5, 6, 7, 7)))]
    book: Row = {
        "location_id": "lumin",
        "currency": "USD",
        "account_id": random.choice((None, "acct-1")),
        "closed_until": near(random, -1, 0) if random.random() < 0.03 else None,
        "items": items,
        "loans": [loan_of(random, at) for at in range(random.choice((1, 2, 4)))],
        "policy": policy_of(random),
        "record": record_of(random),
    }
    case = None
    if random.random() < 0.25:
        case = f"case-{random.randrange(len(items) + (random.random() < 0.1) or 1)}"
    pay: Row = {
        "source": random.choice(("stripe", "boulevard")),
        "payment_id": "pay-1",
        "location_id": "lumin" if random.random() < 0.98 else "other",
        "amount_cents": amount_of(random, items),
        "currency": "USD" if random.random() < 0.98 else "EUR",
        "paid_on": TODAY.isoformat(),
        "client_id": random.choice((*("ann",) * 8, "bea", None)),
        "case_id": case,
        "visit_id": f"visit-{random.randrange(4)}" if random.random() < 0.7 else None,
        "is_from_pms": random.random() < 0.5,
        "is_card_present": random.random() < 0.1,
        "memo": random.choice(("", "", "for lum-1.", "LUM-2, thanks", "xLUM-1 LUM-12 lum-3-4")),
        "kind": random.choice(("card", "cheque", "cheque", "cash", "ach")),
        "state": random.choice(("settled", "settled", "settled", "in_flight")),
        "account_id": random.choice((*(None, "acct-1") * 8, "acct-2")),
        "payer": hints(random) if random.random() < 0.4 else None,
    }
    if random.random() < 0.2:
        funded(random, book, pay)
    elif items and random.random() < 0.3:
        aim(random, random.choice(items), pay)
    book["earlier"] = [earlier_of(random, pay) for _ in range(random.choice((0, 0, 0, 1, 2)))]
    book["payments"] = [pay]
    return book


def amount_of(random: Random, items: list[Row]) -> int:
    """Mostly the balance of one or some items, or just beside it."""
    chosen = random.sample(items, k=min(len(items), random.choice((1, 1, 1, 2, 2, 3, 4, 5, 6))))
    total = sum(item["balance_cents"] for item in chosen if item["balance_cents"] > 0) or 10_000
    beside = (total - 40, total - 30, total + 70, 10_000, 5_000, random.choice((-1, 0, 1)))
    return random.choice((*(total,) * 12, *beside))


def earlier_of(random: Random, pay: Row) -> Row:
    is_same = random.random() < 0.1
    return {
        "source": pay["source"] if is_same else random.choice(("stripe", "boulevard", "cherry")),
        "payment_id": pay["payment_id"] if is_same else f"pay-{random.randrange(2, 5)}",
        "client_id": random.choice(("ann", "ann", "bea", None)),
        "case_id": pay["case_id"] or f"case-{random.randrange(8)}",
        "amount_cents": random.choice((pay["amount_cents"], pay["amount_cents"], 10_000)),
        "paid_on": near(random, -11, -10, -8, -8, -7, -1, 0, 7, 8),
        "state": random.choice(("settled", "settled", "in_flight")),
        "kind": random.choice(("card", "card", "cash", "cheque")),
        "is_applied": random.random() < 0.8,
    }
