"""CareCredit's export: what a file says, row by row, and whether it is whole.

A file's name gives its cut, and the cut is the time that its rows speak of: files may be imported
in any order and any number of times. Rows that cannot be used are named; they hold back no other.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime

from domain import calendar
from domain.bank import BadRow
from domain.lender_contracts import CONTRACTS
from domain.lender_news import FundingFact, FundingState, is_opaque
from domain.model import Record, input_hash
from domain.money import cents_of
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource, PlanFact

COLUMNS = (
    "ref_id", "merchant_number", "transaction_type", "status", "practice_memo", "ehr_patient_id",
    "patient_last", "patient_first_initial", "transaction_date", "posted_date", "promo_code",
    "gross_amount", "fee_amount", "net_amount", "funding_date", "funding_batch_id",
    "original_ref_id",
)  # fmt: skip
TRAILER = "TRAILER"
_NAME = re.compile(r"cc_(\d{16})_(\d{8})_([12])\.csv")
_CONTRACT = CONTRACTS[Lender.CARECREDIT]
_AHEAD = timedelta(days=1)
_FUNDS = frozenset({PlanStatus.ACCEPTED})


class Export(Record):
    """One file read. `rows` counts its transactions, good and bad; `whole` says what is wrong."""

    name: str
    merchant: str
    cut_at: AwareDatetime
    rows: int
    facts: tuple[PlanFact, ...]
    fundings: tuple[FundingFact, ...]
    bad: tuple[BadRow, ...]
    fault: str | None
    """Why the file is not whole, in a few words; None when its trailer fits."""


class _Bad(Exception):
    """A row that cannot be used; quotes nothing of it, since a row names a person."""


def cut_of(name: str, zone: str) -> tuple[str, datetime]:
    """Merchant number and instant of the cut that a file's name gives. Raises ValueError."""
    match = _NAME.fullmatch(name)
    try:
        day = datetime.strptime(match[2], "%Y%m%d").date() if match else None  # noqa: DTZ007
    except ValueError:
        day = None
    if match is None or day is None:
        raise ValueError("its name is not like cc_<16 digits>_<yyyymmdd>_<1 or 2>.csv")
    return match[1], calendar.instant(day, _CONTRACT.cuts[int(match[3]) - 1], zone)


def read_export(
    name: str, raw: bytes, *, location_id: str, zone: str, observed_at: datetime
) -> Export:
    """A file's facts and bad rows. Raises ValueError when it is no export at all."""
    merchant, cut_at = cut_of(name, zone)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    table = _Table(text)
    reader = _Reader(location_id, merchant, cut_at, observed_at)
    bad: list[BadRow] = []
    for line, cells in table.rows():
        try:
            if cells is None:
                raise _Bad("it has fewer columns than the first row")
            reader.take(cells)
        except _Bad as problem:
            bad.append(BadRow(row=line, why=str(problem)))
    return Export(
        name=name,
        merchant=merchant,
        cut_at=cut_at,
        rows=table.count,
        facts=tuple({fact.key: fact for fact in reader.facts}.values()),
        fundings=tuple({fact.key: fact for fact in reader.fundings}.values()),
        bad=tuple(bad),
        fault=table.fault(),
    )


class _Table:
    """The rows between header and trailer, and what the trailer counts."""

    def __init__(self, text: str) -> None:
        self._reader = csv.reader(io.StringIO(text, newline=""))
        head = [cell.strip().lower() for cell in next(self._reader, [])]
        lacking = [column for column in COLUMNS if column not in head]
        if lacking:
            raise ValueError(f"the first row lacks {', '.join(lacking)}")
        self._head = head
        self.count = 0
        self._sums = dict.fromkeys(("gross_amount", "fee_amount", "net_amount"), 0)
        self._trailer: Mapping[str, str] | None = None
        self._is_cut = False

    def rows(self) -> Iterator[tuple[int, Mapping[str, str] | None]]:
        """Line number and cells of each transaction; None for one that is cut off."""
        for values in self._reader:
            if not any(value.strip() for value in values):
                continue
            cells = dict(zip(self._head, (value.strip() for value in values), strict=False))
            if cells.get("ref_id") == TRAILER:
                self._trailer = cells
                continue
            self.count += 1
            self._is_cut = len(values) < len(self._head)
            for column in self._sums:
                self._sums[column] += cents_of(cells.get(column, "")) or 0
            yield self._reader.line_num, None if self._is_cut else cells

    def fault(self) -> str | None:
        """What the trailer says against the file; read after the rows."""
        if self._trailer is None:
            return "it ends without a trailer" + (", inside a row" if self._is_cut else "")
        if self._trailer.get("practice_memo") != str(self.count):
            return f"its trailer counts other than {self.count} rows"
        differ = [c for c, cents in self._sums.items() if cents_of(self._trailer[c]) != cents]
        return f"its trailer's {differ[0].replace('_', ' ')} differs" if differ else None


class _Reader:
    """Turns rows into facts; a row that it refuses raises _Bad."""

    def __init__(
        self, location_id: str, merchant: str, cut_at: datetime, observed_at: datetime
    ) -> None:
        self.facts: list[PlanFact] = []
        self.fundings: list[FundingFact] = []
        self._merchant = merchant
        self._cut_at = cut_at
        self._told = {
            "location_id": location_id,
            "lender": Lender.CARECREDIT,
            "source": FactSource.FILE,
            "as_of": cut_at,
            "observed_at": observed_at,
        }

    def take(self, cells: Mapping[str, str]) -> None:
        """One transaction."""
        ref_id = _ref(cells, "ref_id")
        if cells["merchant_number"] != self._merchant:
            raise _Bad("it is of another merchant number than the file")
        kind = cells["transaction_type"].lower()
        self._on(cells, "transaction_date")
        key = f"{self._cut_at.isoformat()}/{ref_id}/{input_hash(dict(cells))[:16]}"
        if kind == "purchase":
            self._purchase(cells, ref_id, key)
        elif kind == "refund":
            self._refund(cells, ref_id, key)
        elif kind == "adjustment":
            raise _Bad("it is an adjustment, which a person compares with the statement")
        else:
            raise _Bad("its transaction type is none of purchase, refund, adjustment")

    def _purchase(self, cells: Mapping[str, str], ref_id: str, key: str) -> None:
        gross, fee, net = (_amount(cells, name) for name in _AMOUNTS)
        if gross <= 0:
            raise _Bad("a purchase has a gross amount above zero")
        status = _CONTRACT.status_of(cells["status"])
        funded_on = self._on(cells, "funding_date") if cells["funding_date"] else None
        if status in _FUNDS and funded_on is not None and funded_on > self._cut_at.date():
            status = PlanStatus.FUNDING
        elif status in _FUNDS and funded_on is not None:
            status = PlanStatus.FUNDED
            self._funded(cells, ref_id, key, FundingState.COMPLETED, (gross, fee, net), funded_on)
        self.facts.append(
            PlanFact(
                plan_id=ref_id,
                key=key,
                status=status,
                status_word=re.sub(r"[^a-z_ ]", "", cells["status"].lower())[:40],
                contract_id=ref_id,
                patient_ref=_ours(cells["ehr_patient_id"]),
                visit_ref=_ours(cells["practice_memo"]),
                programme=_ours(cells["promo_code"]),
                financed_cents=gross,
                **self._told,
            )
        )

    def _refund(self, cells: Mapping[str, str], ref_id: str, key: str) -> None:
        gross, fee, net = (_amount(cells, name) for name in _AMOUNTS)
        original = _ref(cells, "original_ref_id")
        if gross >= 0:
            raise _Bad("a refund has a gross amount below zero")
        is_done = _CONTRACT.status_of(cells["status"]) in _FUNDS
        self.facts.append(
            PlanFact(
                plan_id=original,
                key=key,
                contract_id=original,
                refund_id=ref_id,
                refunded_cents=-gross if is_done else 0,
                **self._told,
            )
        )
        if is_done and cells["funding_date"]:
            on = self._on(cells, "funding_date")
            amounts = (-gross, -fee, -net)
            self._funded(cells, original, key, FundingState.REVERSED, amounts, on)

    def _funded(
        self,
        cells: Mapping[str, str],
        loan_id: str,
        key: str,
        state: FundingState,
        amounts: tuple[int, int, int],
        on: date,
    ) -> None:
        gross, fee, net = amounts
        if net < 0:
            raise _Bad("its net amount has the wrong sign")
        self.fundings.append(
            FundingFact(
                # A batch funds a transaction once, whatever file tells of it.
                funding_id=f"{_ref(cells, 'funding_batch_id')}.{cells['ref_id']}",
                loan_id=loan_id,
                key=key,
                state=state,
                gross_cents=gross,
                fee_cents=fee,
                net_cents=net,
                on=on,
                is_debit=state is FundingState.REVERSED,
                **self._told,
            )
        )

    def _on(self, cells: Mapping[str, str], name: str) -> date:
        """A civil date, also of a text that has a time behind it; never after the file's cut."""
        try:
            day = date.fromisoformat(cells[name][:10])
        except ValueError:
            raise _Bad(f"its {name.replace('_', ' ')} is no date like 2026-11-02") from None
        if name == "transaction_date" and day > self._cut_at.date() + _AHEAD:
            raise _Bad("its transaction date lies after the file's own day")
        return day


_AMOUNTS = ("gross_amount", "fee_amount", "net_amount")


def _amount(cells: Mapping[str, str], name: str) -> int:
    cents = cents_of(cells[name])
    if cents is None:
        raise _Bad(f"its {name.replace('_', ' ')} is no amount like 1,234.50")
    return cents


def _ref(cells: Mapping[str, str], name: str) -> str:
    if not is_opaque(cells[name]):
        raise _Bad(f"its {name} is missing or no id")
    return cells[name]


def _ours(text: str) -> str | None:
    """A reference that may be ours; a desk's free words are not."""
    return text if is_opaque(text) else None
