"""Money on its way: the processor's balance, its payouts, the bank, the drawer and suspense."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from domain import ids
from domain.bank import DAYS_APART_MAX, BankLine, Expected, pair
from domain.month_keys import DECIDED, NO_PAYOUT_YET, is_under_way, thing_of
from domain.month_rows import Applied, BookLine, Moved, Paid, PaidOut, StatementLine
from domain.tie import Side, Tie, tie

NEAR_CENTS = 100
"""A line of the bank and an entry this near to each other are shown as one thing that differs."""

CLEARED, IN_DRAWER = frozenset({"card", "ach"}), frozenset({"cash", "cheque", "other"})


def by_thing(lines: Sequence[BookLine], until: date) -> Side:
    """Entries by what they are about."""
    side = Side(until)
    for line in lines:
        side.add(thing_of(line.key, line.entry_id), line.cents, line.on)
    return side


def charges(
    paid: Sequence[Paid],
    moves: Sequence[Moved],
    sources: Collection[str],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """Payments that we booked against the charges in the processor's balance."""
    ours, theirs = Side(until), Side(until)
    charge_of = {
        payment_id: f"movement:{move.movement_id}"
        for move in moves
        if move.kind == "charge"
        for payment_id in move.payment_ids
    }
    shown, known = dict(names), {}
    for each in paid:
        if each.outside or each.source not in sources or each.kind not in CLEARED:
            continue
        key = charge_of.get(each.payment_id, f"payment:{each.payment_id}")
        ours.add(key, each.cents, each.on)
        shown[key] = names.get(f"payment:{each.payment_id}", key)
        if is_under_way(key, each.on, until) and key not in charge_of.values():
            known[key] = (each.cents, NO_PAYOUT_YET)
    for move in moves:
        if move.kind == "charge":
            theirs.add(f"movement:{move.movement_id}", move.amount_cents, move.on)
    return tie(
        "CHARGES",
        "Charges at the processor",
        ("our payments", ours),
        ("the processor's balance", theirs),
        names=shown,
        known=known,
    )


def payout_parts(moves: Sequence[Moved], payouts: Sequence[PaidOut], until: date) -> Tie:
    """Each payout against the movements that it consists of."""
    parts, sent = Side(until), Side(until)
    days = {each.payout_id: each.arrival_on for each in payouts}
    known = {}
    for move in moves:
        parts.add(f"payout {move.payout_id}", move.net_cents, days[move.payout_id])
    for each in payouts:
        if each.state not in ("paid", "failed"):
            parts.cents.pop(key := f"payout {each.payout_id}", None)
            parts.ever.pop(key, None)
            continue
        key = f"payout {each.payout_id}"
        sent.add(key, each.amount_cents, each.arrival_on)
        if each.accepted_by:
            off_cents = parts.ever.get(key, 0) - each.amount_cents
            known[key] = (off_cents, f"Accepted by {each.accepted_by}.")
    return tie(
        "PAYOUTS",
        "Payouts and their parts",
        ("the processor's balance", parts),
        ("the payouts", sent),
        known=known,
    )


def clearing(
    lines: Sequence[BookLine],
    paid: Sequence[Paid],
    moves: Sequence[Moved],
    payouts: Sequence[PaidOut],
    places: Collection[str],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """1020: what was charged, less fees and what went back, less what reached the bank."""
    facts = Side(until)
    for each in paid:
        if each.kind in CLEARED:
            facts.add(f"payment:{each.payment_id}", each.cents, each.on)
    here = {each.payment_id for each in paid}
    homes = {each.payout_id: each.location_id for each in payouts}
    for move in moves:
        is_ours = here.intersection(move.payment_ids) or (
            not move.payment_ids and homes[move.payout_id] in places
        )
        if is_ours:
            _movement(facts, move)
    for out in payouts:
        _payout(facts, out, places)
    for line in lines:
        # A card at the desk is no business of our processor: its refund is a person's word.
        if line.decided_by and (thing := thing_of(line.key, line.entry_id)).startswith("move:"):
            facts.add(thing, line.cents, line.on)
    books = by_thing(lines, until)
    known = {
        thing: (books.cents.get(thing, 0), NO_PAYOUT_YET)
        for line in lines
        if (thing := thing_of(line.key, line.entry_id)) not in facts.ever
        and not thing.startswith("payment:")
        and is_under_way(thing, line.on, until)
    }
    return tie(
        "CLEARING",
        "Processor clearing (1020)",
        ("the ledger", books),
        ("payments, movements and payouts", facts),
        names=names,
        known=known,
        note="Its balance is what was charged and has not reached the bank.",
    )


def _movement(facts: Side, move: Moved) -> None:
    key = f"movement:{move.movement_id}"
    if move.kind in ("refund", "refund_returned"):
        facts.add(f"refund:{move.object_id or move.movement_id}", move.amount_cents, move.on)
    elif move.kind not in ("charge", "payout_returned"):
        facts.add(key, move.amount_cents, move.on)
    if move.fee_cents:
        facts.add(key, -move.fee_cents, move.on)


def _payout(facts: Side, out: PaidOut, places: Collection[str]) -> None:
    if out.state not in ("paid", "failed"):
        return
    shares = out.shares if out.shares is not None else {out.location_id: out.amount_cents}
    cents = sum(share for place, share in shares.items() if place in places)
    key = f"payout:{out.payout_id}"
    facts.add(key, -cents, out.arrival_on)
    if out.state == "failed":
        facts.add(key, cents, out.failed_on or out.arrival_on)
    if out.accepted_cents and out.location_id in places:
        facts.add(f"difference:{out.payout_id}", out.accepted_cents, out.arrival_on)


def drawer(
    lines: Sequence[BookLine],
    paid: Sequence[Paid],
    statement: Sequence[StatementLine],
    places: Collection[str],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """1040: cash and cheques that the PMS shows, less what was taken to the bank."""
    facts = Side(until)
    for each in paid:
        if each.kind in IN_DRAWER:
            facts.add(f"payment:{each.payment_id}", each.cents, each.on)
    for row in statement:
        if row.claim == "drawer" and row.location_id in places:
            facts.add(f"line:{row.line_id}", -row.cents, row.on)
    for line in lines:
        # Given back by hand, or moved by a person: the decision is the second source.
        if line.decided_by and (thing := thing_of(line.key, line.entry_id)).startswith(DECIDED):
            facts.add(thing, line.cents, line.on)
    return tie(
        "DRAWER",
        "Cash drawer (1040)",
        ("the ledger", by_thing(lines, until)),
        ("the PMS and the bank", facts),
        names=names,
        note="What lies in the drawer is not counted here.",
    )


def bank(
    lines: Sequence[BookLine],
    statement: Sequence[StatementLine],
    until: date,
    shown_until: date | None,
) -> Tie:
    """1010 against the bank's statement, line by line; incoming money that nobody knows is off."""
    books, shown = Side(until), Side(until)
    open_books: dict[str, tuple[int, date]] = {}
    for line in lines:
        key = _bank_key(line)
        books.add(key, line.cents, line.on)
        cents, on = open_books.get(key, (0, line.on))
        open_books[key] = (cents + line.cents, on)
    loose: dict[str, StatementLine] = {}
    outgoing = 0
    for row in statement:
        if row.payout_id is not None:
            _take(shown, open_books, f"payout:{row.payout_id} {row.leg}", row)
        elif row.claim == "drawer":
            _take(shown, open_books, f"line:{row.line_id}", row)
        elif row.claim is None:
            loose[row.line_id] = row
    for line_id, key in _partners(loose, open_books).items():
        _take(shown, open_books, key, loose.pop(line_id))
    for row in loose.values():
        if row.cents > 0:
            shown.add(f"bank line {row.line_id}", row.cents, row.on)
        else:
            outgoing += row.on <= until
    known = {}
    last_shown = shown_until - timedelta(days=DAYS_APART_MAX) if shown_until else date.min
    for key, (cents, on) in open_books.items():
        if on > last_shown and key not in shown.ever:
            known[key] = (cents, "On no statement yet.")
    found = tie(
        "BANK",
        "Bank (1010)",
        ("the ledger", books),
        ("the bank's statement", shown),
        names={key: key.replace(":", " ") for key in books.ever},
        known=known,
        note=f"Lines out of the account that are not the books' business: {outgoing}."
        if outgoing
        else None,
    )
    has_money = any(books.cents.values())
    if has_money and (shown_until is None or shown_until < until):
        ends = f"ends on {shown_until}" if shown_until else "was never imported"
        return found.model_copy(
            update={"unchecked": f"The bank's statement {ends}; see `tieout import bank`."}
        )
    return found


def _bank_key(line: BookLine) -> str:
    thing = thing_of(line.key, line.entry_id)
    if line.key.startswith("lender-taken-back|"):
        return f"{thing} back"
    if thing.startswith("payout:"):
        is_back = line.event.endswith("_reversed")
        return f"{thing} {'back' if is_back else 'in'}"
    return thing


def _take(
    shown: Side, open_books: dict[str, tuple[int, date]], key: str, row: StatementLine
) -> None:
    shown.add(key, row.cents, row.on)
    open_books.pop(key, None)


def _partners(
    loose: Mapping[str, StatementLine], open_books: Mapping[str, tuple[int, date]]
) -> dict[str, str]:
    """Line id -> what of the books it is: by exact amount and day first, then nearly."""
    wanted = [
        Expected(source="", payout_id=key, leg="", amount_cents=cents, on=on)
        for key, (cents, on) in open_books.items()
        if cents
    ]
    rows = [
        BankLine(line_id=row.line_id, row=0, on=row.on, amount_cents=row.cents, words="")
        for row in loose.values()
    ]
    found = {line_id: each.payout_id for line_id, each in pair(rows, wanted).items()}
    taken = set(found.values())
    for row in rows:
        near = [
            (abs(row.amount_cents - each.amount_cents), each.payout_id)
            for each in wanted
            if each.payout_id not in taken
            and abs(row.on - each.on) <= timedelta(days=DAYS_APART_MAX)
            and abs(row.amount_cents - each.amount_cents) <= NEAR_CENTS
        ]
        if row.line_id not in found and near:
            found[row.line_id] = min(near)[1]
            taken.add(found[row.line_id])
    return found


def suspense(
    lines: Sequence[BookLine],
    paid: Sequence[Paid],
    applied: Sequence[Applied],
    credits: Mapping[str, Sequence[tuple[int, date]]],
    names: Mapping[str, str],
    until: date,
) -> Tie:
    """2090 and 2095: money that has no place yet, payment by payment, as it is held."""
    books, facts = Side(until), Side(until)
    for line in lines:
        books.add(thing_of(line.key, line.entry_id), -line.cents, line.on)
    keys = {thing_of(line.key, line.entry_id) for line in lines}
    for each in paid:
        key = f"payment:{each.payment_id}"
        if key not in keys:
            continue
        facts.add(key, each.cents, each.on)
        for lot_id in ids.credit_lot_ids(each.payment_id):
            for cents, on in credits.get(lot_id, ()):
                facts.add(key, -cents, on)
    for part in applied:
        # What the payer got back did not return to suspense.
        if f"payment:{part.payment_id}" in keys and not part.is_given_back:
            facts.add(f"payment:{part.payment_id}", -part.cents, part.on)
    for line in lines:
        thing = thing_of(line.key, line.entry_id)
        if thing.startswith("deposit:"):
            # What a lender sent and does not fit: LENDERS holds it against what the lender says.
            facts.add(thing, -line.cents, line.on)
        elif line.decided_by and (line.key.startswith("held-refund|") or thing.startswith(DECIDED)):
            facts.add(thing, -line.cents, line.on)
    return tie(
        "SUSPENSE",
        "Cash without a place (2090, 2095)",
        ("the ledger", books),
        ("the payments", facts),
        names=names,
    )
