"""CareCredit: transactions that nobody sees until a cut writes them to a file.

Documents: `carecredit_row` by its file's cut and place, `carecredit_file` by name (text, made_at).
The control verb `cut` makes a file of what changed since the last one, whole or with a fault:
`truncate` (no trailer, half a row), `trailer` (counts one row more), `bom`, `crlf`, `repeat` (the
rows of the file before come again), `missing` (no file; its rows come with the next cut), `late`
(listed only after the `release` verb).
"""

import csv
import io
import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.box import Box
from sandbox.lenders.limits import limits_of
from sandbox.state import Doc

COLUMNS = (
    "ref_id", "merchant_number", "transaction_type", "status", "practice_memo", "ehr_patient_id",
    "patient_last", "patient_first_initial", "transaction_date", "posted_date", "promo_code",
    "gross_amount", "fee_amount", "net_amount", "funding_date", "funding_batch_id",
    "original_ref_id",
)  # fmt: skip
SUMS = ("gross_amount", "fee_amount", "net_amount")
NAME = "carecredit"


class Exports:
    """The bank's side of the drop."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def transact(self, cells: dict[str, Any]) -> Doc:
        """Make or change a transaction; it waits for the next cut."""
        ref = cells["ref_id"]
        known = self._box.state.get("carecredit_row", ref) or {}
        usual = {"merchant_number": self._box.credentials["carecredit_account"]}
        row = dict.fromkeys(COLUMNS, "") | usual | known | cells | {"waits": True}
        return self._box.state.put("carecredit_row", ref, row)

    def cut(self, day: str, no: int, faults: list[str]) -> Doc:
        """Write the file of a cut."""
        account = self._box.credentials["carecredit_account"]
        name = f"cc_{account}_{day.replace('-', '')}_{no}.csv"
        fresh = self._box.state.list("carecredit_row", lambda row: row["waits"])
        if "missing" in faults:
            return {"name": None, "rows": len(fresh)}
        before = self._box.state.list("carecredit_file")
        repeated = before[-1]["refs"] if "repeat" in faults and before else []
        rows = [*self._rows(repeated), *fresh]
        for row in fresh:
            self._box.state.put("carecredit_row", row["ref_id"], row | {"waits": False})
        file = {
            "name": name,
            "made_at": self._box.now().isoformat(),
            "refs": [row["ref_id"] for row in fresh],
            "text": written(rows, faults, account),
            "listed": "late" not in faults,
        }
        return self._box.state.put("carecredit_file", name, file)

    def release(self) -> int:
        """List the files that are late."""
        late = self._box.state.list("carecredit_file", lambda file: not file["listed"])
        for file in late:
            self._box.state.put("carecredit_file", file["name"], file | {"listed": True})
        return len(late)

    def _rows(self, refs: list[str]) -> list[Doc]:
        found = (self._box.state.get("carecredit_row", ref) for ref in refs)
        return [row for row in found if row is not None]


def written(rows: list[Doc], faults: list[str], account: str) -> str:
    """The file's text, with its faults."""
    out = io.StringIO(newline="")
    ends = "\r\n" if "crlf" in faults else "\n"
    writer = csv.DictWriter(out, COLUMNS, lineterminator=ends, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    if "truncate" in faults:
        text = out.getvalue().rstrip("\r\n")
        text = text[: text.rindex(",")]
    else:
        count = len(rows) + ("trailer" in faults)
        sums = {name: _dollars(sum(_cents(row[name]) for row in rows)) for name in SUMS}
        trailer = {"ref_id": "TRAILER", "merchant_number": account, "practice_memo": str(count)}
        writer.writerow(trailer | sums)
        text = out.getvalue()
    return ("\ufeff" if "bom" in faults else "") + text


def _cents(text: str) -> int:
    whole, _, part = text.replace(",", "").lstrip("-").partition(".")
    cents = int(whole or 0) * 100 + int(f"{part}00"[:2])
    return -cents if text.startswith("-") else cents


def _dollars(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def carecredit_app(box: Box) -> Starlette:
    """`/exports` and `/exports/{name}`."""
    limits = limits_of(box)

    def listing() -> Response:
        files = box.state.list("carecredit_file", lambda file: file["listed"])
        shown = [{"name": file["name"], "made_at": file["made_at"]} for file in files]
        return JSONResponse({"files": shown})

    def content(name: str) -> Response:
        file = box.state.get("carecredit_file", name) if re.fullmatch(r"[\w.]+", name) else None
        if file is None:
            return JSONResponse({"code": "not_found"}, 404)
        return Response(file["text"].encode(), media_type="text/csv")

    async def exports(request: Request) -> Response:
        name = request.path_params.get("name")

        async def answer() -> Response:
            refused = limits.refusal(NAME) or _signed_in(box, request)
            return refused or (listing() if name is None else content(name))

        operation = "files.list" if name is None else "files.read"
        box.record_call(NAME, operation, {"name": name})
        return await box.faults.around(NAME, operation, request, answer)

    return Starlette(routes=[Route("/exports", exports), Route("/exports/{name}", exports)])


def _signed_in(box: Box, request: Request) -> Response | None:
    if request.headers.get("authorization") != f"Bearer {box.credentials['carecredit_api_key']}":
        return JSONResponse({"code": "unauthorized"}, 401)
    if request.query_params.get("merchant") != box.credentials["carecredit_account"]:
        return JSONResponse({"code": "forbidden"}, 403)
    return None
