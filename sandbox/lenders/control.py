"""What happens at a lender, told by a test or the demo, below /_control/lenders/<lender>.

    POST /apply     {patient, id?}              an application, submitted
    POST /decide    {id, status, …}             approved | approved_partial | declined | in_review …
    POST /transact  {application, amount, visit?, …}  a contract that waits for the patient
    POST /answer    {id, status, …}             accepted | rejected | cancelled | any other word
    POST /fund      {id, parts?, extra_fee?}    money arrives, in one deposit or several
    POST /refund    {id, amount}                in part, whole, or more than there was
    POST /claw_back {id}                        the lender takes its money back
    PUT  /settings  {limits?, key?, empty?, skew?}
    GET  /calls                                 the fullest window, refusals, calls
    POST /transaction {ref_id, …}, POST /cut {day, no, faults}, POST /release   CareCredit alone

Any verb takes `quiet`: no webhook tells of it. Fields that are null stay null: a missing
`first_payment_date` is told as null.
"""

from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from sandbox.box import Box
from sandbox.lenders.carecredit import Exports
from sandbox.lenders.limits import Limits, limits_of
from sandbox.lenders.platform import PLATFORMS, Books
from sandbox.state import Doc

FEE_PER_MILLE = 99
SETTINGS = ("limits", "key", "empty", "skew")


class Acts:
    """The verbs of one lender that is a web service."""

    def __init__(self, box: Box, name: str) -> None:
        self._books = Books(box, PLATFORMS[name])

    def apply(self, patient: str, id: str = "", quiet: bool = False, **fields: Any) -> Doc:
        """A patient applies."""
        told = {"external_reference": patient, "status": "submitted", **fields}
        return self._books.change("application", id or _new("app"), told, quiet)

    def decide(self, id: str, quiet: bool = False, **fields: Any) -> Doc:
        """The lender decides, shrinks its limit, or lets it end."""
        return self._books.change("application", id, fields, quiet)

    def transact(self, amount: int, id: str = "", quiet: bool = False, **fields: Any) -> Doc:
        """The practice asks for an amount, on an application or without one."""
        told = {
            "application_id": fields.pop("application", None),
            "visit_reference": fields.pop("visit", None),
            "amount": amount,
            "status": "pending_patient",
            "first_payment_date": None,
            "plan_end_date": None,
            **fields,
        }
        return self._books.change("contract", id or _new("tx"), told, quiet)

    def answer(self, id: str, quiet: bool = False, **fields: Any) -> Doc:
        """The patient, or somebody at the lender, answers."""
        if fields.get("status") == "accepted":
            now = self._books.change("contract", id, {}, quiet=True)["updated_at"]
            fields.setdefault("accepted_at", now)
        return self._books.change("contract", id, fields, quiet)

    def fund(
        self, id: str, parts: int = 1, extra_fee: int = 0, quiet: bool = False, **fields: Any
    ) -> list[Doc]:
        """Deposits that sum to the contract, each less its fee."""
        contract = self._books.find("contract", id) or {}
        if "merchant_id" in contract:
            fields["merchant_id"] = contract["merchant_id"]
        shares = [contract["amount"] // parts] * parts
        shares[0] += contract["amount"] - sum(shares)
        deposits = []
        for gross in shares:
            fee = (gross * FEE_PER_MILLE + 500) // 1000 + extra_fee
            deposit_id, told = _new("dep"), {"transaction_id": id, "gross_amount": gross}
            told |= {"fee_amount": fee, "net_amount": gross - fee, **fields}
            self._books.change("funding", deposit_id, told | {"status": "processing"}, quiet=True)
            deposits.append(
                self._books.change("funding", deposit_id, {"status": "completed"}, quiet)
            )
        self._books.change("contract", id, {"status": "funded"}, quiet)
        return deposits

    def refund(self, id: str, amount: int, quiet: bool = False) -> Doc:
        """A refund through the lender; of more than there was, too."""
        contract = self._books.find("contract", id) or {}
        whole = contract.get("refunded_amount", 0) + amount
        word = "refunded" if whole >= contract["amount"] else "partially_refunded"
        told = {"status": word, "refunded_amount": whole}
        return self._books.change("contract", id, told, quiet)

    def claw_back(self, id: str, quiet: bool = False) -> list[Doc]:
        """Every deposit of a contract is taken back."""
        taken = [d for d in self._books.all("funding") if d["transaction_id"] == id]
        return [
            self._books.change("funding", each["id"], {"status": "reversed"}, quiet)
            for each in taken
        ]


def _new(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex[:16]}"


def lenders_control(box: Box) -> Starlette:
    """The verbs of every lender."""
    limits = limits_of(box)
    return Starlette(
        routes=[
            *(Mount(f"/{name}", _platform(box, name, limits)) for name in PLATFORMS),
            Mount("/carecredit", _carecredit(box, limits)),
        ]
    )


def _platform(box: Box, name: str, limits: Limits) -> Starlette:
    acts = Acts(box, name)
    verbs = ("apply", "decide", "transact", "answer", "fund", "refund", "claw_back")

    async def act(request: Request) -> JSONResponse:
        verb = request.path_params["verb"]
        if verb not in verbs:
            return JSONResponse({"error": f"no verb {verb}; one of {', '.join(verbs)}"}, 404)
        return JSONResponse(getattr(acts, verb)(**await request.json()))

    return Starlette(routes=[*_common(box, name, limits), Route("/{verb}", act, methods=["POST"])])


def _carecredit(box: Box, limits: Limits) -> Starlette:
    exports = Exports(box)

    async def transaction(request: Request) -> JSONResponse:
        return JSONResponse(exports.transact(await request.json()))

    async def cut(request: Request) -> JSONResponse:
        asked = await request.json()
        return JSONResponse(exports.cut(asked["day"], asked["no"], asked.get("faults", [])))

    async def release(_: Request) -> JSONResponse:
        return JSONResponse({"listed": exports.release()})

    return Starlette(
        routes=[
            *_common(box, "carecredit", limits),
            Route("/transaction", transaction, methods=["POST"]),
            Route("/cut", cut, methods=["POST"]),
            Route("/release", release, methods=["POST"]),
        ]
    )


def _common(box: Box, name: str, limits: Limits) -> list[Route]:
    async def settings(request: Request) -> JSONResponse:
        asked = await request.json()
        for key in SETTINGS:
            if key in asked:
                box.state.put("setting", f"{name}_{key}", asked[key])
        return JSONResponse(limits.setting(name))

    async def calls(_: Request) -> JSONResponse:
        return JSONResponse(limits.count(name))

    return [
        Route("/settings", settings, methods=["PUT"]),
        Route("/calls", calls),
    ]
