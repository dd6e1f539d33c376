"""What is known of money that no invoice of ours asked for: its payer, what it names, what it fits.

The matching rules decide (3.2). A number that somebody wrote on a payment is a reference like any
other: it is certain only when the payer belongs to that invoice.
"""

from collections.abc import Sequence

from activities.contracts import CaseRef, UnmatchedRef
from activities.posting import DUE_DAYS, earlier_of
from connectors.ports import LoosePayment
from domain import calendar
from domain.matching import HeldPayment, Match, OpenItem, PaymentToMatch, match
from domain.model import Record
from domain.references import number_in
from store import clients, invoices, ledger, payers, processor, refund_facts
from store.db import Conn
from store.invoices import Document
from store.payments import PaymentFact

_ASKED = frozenset(
    {"AMBIGUOUS_GROUP", "DUPLICATE_SUSPECTED", "OVERPAID", "WRONG_CLIENT", "WRONG_INVOICE"}
)
_NOT_OURS = "a number that is not one of ours"


class Known(Record):
    """What a payment says of itself. `payer_ref` is our id of the payer, else the processor's."""

    payer_id: str | None
    payer_ref: str | None
    number: str | None
    document: Document | None


class Found(Record):
    """The answer of the matching rules, and the open items that it was asked about."""

    answer: Match
    items: tuple[OpenItem, ...]

    @property
    def code(self) -> str:
        """What the desk is asked: one exact proposal is a question like one with none."""
        if isinstance(self.answer, HeldPayment) and self.answer.code in _ASKED:
            return self.answer.code
        return "NO_REFERENCE"

    @property
    def facts(self) -> tuple[str, ...]:
        """Why, as sentences."""
        return tuple(f"{why[:1].upper()}{why[1:]}." for why in self.answer.trace)

    @property
    def sets(self) -> dict[str, str]:
        """The sets that fit, for a person to read."""
        return {f"set {number}": ",".join(way) for number, way in enumerate(self.ways, 1)}

    @property
    def ways(self) -> list[list[str]]:
        """Numbers of the sets that fit exactly, where there are several."""
        if not isinstance(self.answer, HeldPayment) or self.answer.code != "AMBIGUOUS_GROUP":
            return []
        numbers = {item.case_id: item.number for item in self.items}
        return [[numbers[one] for one in way.case_ids] for way in self.answer.candidates]


async def known(conn: Conn, payment: UnmatchedRef, read: LoosePayment) -> Known:
    """The payer and the named invoice; locks the clients whose money it may become."""
    payer_id = await processor.client_of(conn, read.customer_id)
    number, document = number_in(read.reference), None
    if number is not None:
        document = await invoices.document_by_number(conn, payment.location_id, number)
    concerned = {payer_id, document.client_id if document else None}
    for client_id in sorted(one for one in concerned if one is not None):
        await clients.lock_client(conn, client_id)
    return Known(
        payer_id=payer_id,
        payer_ref=payer_id or read.customer_id,
        number=number,
        document=document,
    )


async def find(conn: Conn, payment: UnmatchedRef, fact: PaymentFact, said: Known) -> Found:
    """What the matching rules say of it; the order of what is open never matters."""
    items = await _items(conn, payment, said)
    named = said.document.case_id if said.document else said.number and _NOT_OURS
    earlier = [
        each
        for item in items
        for each in await earlier_of(conn, case_ref(payment, item.case_id), fact)
        if item.case_id == named or item.client_id == said.payer_id
    ]
    answer = match(
        PaymentToMatch(
            source=fact.source,
            payment_id=fact.payment_id,
            location_id=fact.location_id,
            amount_cents=fact.amount_cents,
            currency=fact.currency,
            paid_on=calendar.local_date(fact.occurred_at, payment.zone),
            client_id=said.payer_ref,
            case_id=named,
        ),
        items,
        earlier,
        location_id=payment.location_id,
        currency="USD",
    )
    return Found(answer=answer, items=tuple(items))


async def _items(conn: Conn, payment: UnmatchedRef, said: Known) -> Sequence[OpenItem]:
    """What the payer owes, what those owe whom they pay for, and the invoice that is named."""
    open_items = await invoices.open_items(conn, payment.location_id)
    owners = [item.client_id for item in open_items]
    named = said.document
    linked = await payers.payers_of(conn, [*owners, *([named.client_id] if named else [])])
    found = {
        item.case_id: OpenItem(
            case_id=item.case_id,
            client_id=item.client_id,
            number=item.number,
            visit_id=None,
            balance_cents=item.balance_cents,
            issued_on=item.issued_on,
            due_on=item.issued_on + DUE_DAYS,
            payer_ids=linked.get(item.client_id, ()),
        )
        for item in open_items
    }
    if named is not None and named.case_id not in found:
        found[named.case_id] = await _closed(conn, payment, named, linked)
    belongs = {said.payer_ref}
    theirs = [
        item
        for item in found.values()
        if item.case_id == (named.case_id if named else None)
        or belongs & {item.client_id, *item.payer_ids}
    ]
    # Of an unknown payer nothing is certain: all that is open may be shown.
    return theirs if said.payer_ref or named else list(found.values())


async def _closed(
    conn: Conn, payment: UnmatchedRef, named: Document, linked: dict[str, tuple[str, ...]]
) -> OpenItem:
    """A named invoice that owes nothing: paid, or void, or given up."""
    latest = await invoices.latest_document(conn, named.case_id)
    is_void = latest is not None and latest.priced.due_cents == 0
    issued_on = calendar.local_date(named.issued_at, payment.zone)
    return OpenItem(
        case_id=named.case_id,
        client_id=named.client_id,
        number=named.number,
        visit_id=None,
        balance_cents=await ledger.balance_of_case(conn, named.case_id),
        issued_on=issued_on,
        due_on=issued_on + DUE_DAYS,
        is_open=not is_void and not await refund_facts.written_off(conn, named.case_id),
        payer_ids=linked.get(named.client_id, ()),
    )


def case_ref(payment: UnmatchedRef, case_id: str) -> CaseRef:
    """A visit that money may belong to, as far as the books need to know it."""
    return CaseRef(
        case_id=case_id, location_id=payment.location_id, pms="", visit_id="", zone=payment.zone
    )
