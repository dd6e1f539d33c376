"""`tieout refund visit|credit|list`: asks for a refund; a decision in the queue carries it out."""

import asyncio
from typing import Annotated
from uuid import uuid4

import typer

from domain import ids
from domain.money import dollars
from domain.refund_case import RefundInput, RefundRequest
from domain.refund_types import RefundAsk
from starter.desk.answers import cents_of
from starter.desk.books import SHORT, Books, open_books
from starter.desk.paper import bullet, command, console, grid, plain, print_json, usage
from starter.errors import Refusal
from store import client_log, invoices, refunds
from store.refunds import OpenMove

app = typer.Typer(help="Refunds: of a visit, of credit, and those under way.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; holds no names.")]
By = Annotated[str, typer.Option(envvar="TIEOUT_STAFF", help="Who answers for it.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why; name no patient.", metavar="WHY")]
Amount = Annotated[str | None, typer.Option(help="Only so much, in dollars.")]


@app.command()
def visit(
    name: Annotated[str, typer.Argument(metavar="VISIT", help="Invoice number, order or case id.")],
    amount: Amount = None,
    line: Annotated[
        list[int] | None, typer.Option(help="Only this line, counted as `visit show` lists them.")
    ] = None,
    with_tip: Annotated[bool, typer.Option("--with-tip", help="The tip goes back, too.")] = False,
    list_price: Annotated[
        bool, typer.Option("--list-price", help="A package less what was used, at list price.")
    ] = False,
    to_expired: Annotated[
        bool, typer.Option("--to-expired", help="Units may go back to a lot that has expired.")
    ] = False,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Ask to refund a paid visit: all, an amount, or lines. Nothing moves before the decision.

    Example: tieout refund visit LUM-000004 --line 2 --by dana --reason "not satisfied"
    """
    _answerable(by, reason)
    ask = RefundAsk(
        amount_cents=cents_of(amount),
        with_tip=with_tip,
        formula="list_price" if list_price else "unused",
        to_expired_lots=to_expired,
    )
    asyncio.run(_visit(name, ask, line or [], by.strip(), reason.strip(), as_json))


async def _visit(
    name: str, ask: RefundAsk, numbers: list[int], by: str, reason: str, as_json: bool
) -> None:
    async with open_books() as books:
        case_id = await books.case_named(name)
        document = await invoices.latest_document(books.conn, case_id)
        if document is None:
            raise Refusal(f"{name} has no invoice yet, so nothing was paid for it.")
        lines = document.priced.lines
        if any(not 1 <= number <= len(lines) for number in numbers):
            raise Refusal(f"{document.number} has {len(lines)} lines; give numbers of these.")
        chosen = tuple(lines[number - 1].line_id for number in numbers)
        request = RefundRequest(
            client_id=document.client_id,
            by=by,
            reason=reason,
            case_id=case_id,
            ask=ask.model_copy(update={"line_ids": chosen}),
        )
        await _ask(books, document.location_id, request, as_json)


@app.command()
def credit(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Client id or an invoice.")],
    amount: Amount = None,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Ask to pay a client's unused credit back.

    Example: tieout refund credit LUM-000004 --amount 50 --by dana --reason "moves away"
    """
    _answerable(by, reason)
    cents = cents_of(amount)
    if cents is None:
        usage("Say how much: --amount DOLLARS.")
    asyncio.run(_credit(client, cents, by.strip(), reason.strip(), as_json))


async def _credit(client: str, cents: int, by: str, reason: str, as_json: bool) -> None:
    async with open_books() as books:
        client_id = await books.client_named(client)
        location_id = await client_log.location_of(books.conn, client_id)
        request = RefundRequest(client_id=client_id, by=by, reason=reason, credit_cents=cents)
        await _ask(books, location_id, request, as_json)


async def _ask(books: Books, location_id: str, request: RefundRequest, as_json: bool) -> None:
    from starter.desk.engine import ask_refund

    place = await books.location(location_id)
    workflow_id = ids.refund_workflow_id(location_id, str(uuid4()))
    start = RefundInput(
        location_id=location_id,
        zone=place.zone,
        request=request,
        clock_shift_seconds=place.clock_shift_seconds,
    )
    review = await ask_refund(books.settings, books.conn, workflow_id, start)
    facts = [str(fact) for fact in review.shown.get("facts") or ()]
    if as_json:
        money = {"money_cents": review.money_cents, "facts": facts}
        print_json({"case_id": workflow_id, "review_id": review.review_id, **money})
        return
    console().print(plain(f"{dollars(review.money_cents)} would go back:", "bold"))
    for fact in facts:
        console().print(bullet(fact))
    console().print(plain("Nothing has moved yet. A person decides:"))
    console().print(command(f"tieout review decide {review.review_id[:SHORT]} pay_back"))


@app.command("list")
def list_(
    location: Annotated[str | None, typer.Option(help="Of one location alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show money that is still to go back, came back, or went back and nobody has said why.

    Example: tieout refund list --location lumin
    """
    asyncio.run(_list(location, as_json))


async def _list(location: str | None, as_json: bool) -> None:
    async with open_books() as books:
        place = await books.known_location(location)
        moves = await refunds.unfinished(books.conn, place)
        if as_json:
            print_json([move.model_dump(mode="json") for move in moves])
        elif moves:
            rows = [await _row(books, move) for move in moves]
            columns = ("since", "left", True), ("amount", "right", False), ("by", "left", False)
            console().print(
                grid(*columns, ("client", "left", True), ("state", "left", True), rows=rows)
            )
        else:
            console().print(plain("No refund is under way."))


async def _row(books: Books, move: OpenMove) -> tuple[str, ...]:
    state = "not explained" if move.refund_id is None else move.state
    return (
        await books.local(move.location_id, move.recorded_at),
        dollars(move.amount_cents),
        move.way,
        await books.name(move.client_id),
        state + (f", {move.code}" if move.code else ""),
    )


def _answerable(by: str, reason: str) -> None:
    if not by.strip():
        usage("Say who asks for it: --by NAME, or set TIEOUT_STAFF.")
    if not reason.strip():
        usage("Say why: --reason WHY.")
