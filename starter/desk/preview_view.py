"""A preview as a person reads it, inside 80 columns."""

from rich.console import Group, RenderableType

from domain.money import dollars
from domain.preview import Preview, PreviewEntry, PreviewLine, PreviewLot
from starter.desk.books import SHORT
from starter.desk.paper import LEFT, RIGHT, bullet, grid, heading, indented, plain
from starter.desk.records import Batch

_LOT_ACTS = {
    "granted": "is granted",
    "draw": "is drawn",
    "return": "gets back",
    "reserve": "is kept aside",
    "release": "is freed again",
    "reinstated": "may be used again",
    "refund": "is given back",
    "expire": "expires",
}


def preview_page(shown: Preview) -> RenderableType:
    """Postings, lots, documents, and what follows."""
    if shown.problem is not None:
        return Group(heading("Not possible"), indented(plain(shown.problem)))
    parts: list[RenderableType] = [heading("In the ledger")]
    parts.append(indented(_postings(shown) if shown.entries else plain("Nothing is booked.")))
    if shown.lots:
        parts.append(heading("Packages and credits"))
        parts += [indented(bullet(lot_words(lot))) for lot in shown.lots]
    if shown.documents:
        parts.append(heading("Documents"))
        parts += [indented(bullet(text)) for text in shown.documents]
    parts.append(heading("What follows"))
    parts += [indented(bullet(text)) for text in shown.follows]
    if shown.second_person:
        parts.append(indented(bullet("First, a second person has to confirm it.")))
    return Group(*parts)


def batch_page(found: Batch) -> RenderableType:
    """What one answer does to many questions, all together."""
    parts: list[RenderableType] = [
        plain(f"{len(found.previews)} questions of {found.code}, each answered {found.choice}.")
    ]
    second = sum(shown.second_person for shown in found.previews)
    if second:
        parts.append(plain(f"{second} of them wait for a second person then."))
    if found.totals:
        parts += [heading("In the ledger, all together"), indented(_table(found.totals))]
    if found.skipped:
        parts.append(heading("Left out"))
        parts += [
            indented(bullet(f"{one.review_id[:SHORT]}: {one.sentence}")) for one in found.skipped
        ]
    return Group(*parts)


def event_words(entry: PreviewEntry) -> str:
    """`written_off` as `written off`."""
    return entry.event.replace("_", " ")


def lot_words(lot: PreviewLot) -> str:
    """What happens to one lot, in one line."""
    kind = "package" if lot.kind == "unit" else lot.kind.replace("_", " ")
    what = f"{abs(lot.quantity).normalize():f} units, " if lot.quantity else ""
    worth = dollars(abs(lot.cents)) if lot.cents or lot.quantity else ""
    words = f"{kind} {lot.lot_id[:SHORT]} {_LOT_ACTS.get(lot.act, lot.act)}"
    return f"{words}: {what}{worth}" if worth else words


def _postings(shown: Preview) -> RenderableType:
    return Group(
        *(
            Group(plain(event_words(entry), "bold"), indented(_table(entry.lines)))
            for entry in shown.entries
        )
    )


def _table(lines: tuple[PreviewLine, ...]) -> RenderableType:
    rows = [
        (
            line.account,
            line.name,
            dollars(line.debit_cents) if line.debit_cents else "",
            dollars(line.credit_cents) if line.credit_cents else "",
        )
        for line in lines
    ]
    columns = (("", LEFT, False), ("account", LEFT, True), ("debit", RIGHT, False))
    return grid(*columns, ("credit", RIGHT, False), rows=rows)
