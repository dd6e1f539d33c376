"""The hosted invoice page: what a patient sees on a phone, and what a test posts to."""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.payments import pay_invoice
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, integer, parse_form

_DAY = 86400

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Invoice {number}</title>
<style>
body{{font:17px/1.5 system-ui,sans-serif;margin:0 auto;max-width:26rem;padding:1.5rem}}
h1{{font-size:2rem;margin:.2rem 0}} label{{display:block;margin:1rem 0 .3rem}}
input,select,button{{font:inherit;width:100%;box-sizing:border-box;padding:.7rem;border-radius:8px;
border:1px solid #8792a2}} button{{background:#1f4fd8;color:#fff;border:0;margin-top:1.2rem}}
table{{width:100%;border-top:1px solid #d5dbe3;margin-top:1rem}} td:last-child{{text-align:right}}
[role=alert]{{background:#fdecea;padding:.7rem;border-radius:8px}}
[role=status]{{background:#e7f6ec;padding:.7rem;border-radius:8px}}
small{{color:#556}}
</style></head><body><main>
<p>Invoice {number}</p><h1>{headline}</h1>{notice}
<table>{rows}</table>{form}
<p><small>Sandbox page. No real card is charged.</small></p>
</main></body></html>"""

_FORM = """<form method="post">
<label for="amount">Amount in USD</label>
<input id="amount" name="amount" inputmode="decimal" value="{amount}" required>
<label for="card">Card number</label>
<input id="card" name="card" inputmode="numeric" autocomplete="off" value="4242 4242 4242 4242">
<label for="method">Pay with</label>
<select id="method" name="method"><option value="card">Card</option>
<option value="us_bank_account">Bank account (ACH)</option></select>
<button type="submit">Pay</button></form>"""


def in_dollars(cents: int) -> str:
    """`1,234.00`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def _cents(form: Doc) -> int | None:
    """`amount_cents` from a program, `amount` in dollars from the page's own form."""
    if "amount" not in form:
        return integer(form, "amount_cents")
    whole, dot, part = form["amount"].replace(",", "").replace("$", "").strip().partition(".")
    if not whole.isdigit() or (dot and not (part.isdigit() and len(part) <= 2)):
        raise StripeError(400, "Please enter an amount such as 120.00.", param="amount")
    return int(whole) * 100 + int(part.ljust(2, "0") or "0")


def _render(bill: Doc, notice: str = "", alert: bool = False, status: int = 200) -> Response:
    left = bill["amount_remaining"]
    payable = bill["status"] in ("open", "uncollectible")
    headline = f"${in_dollars(left)} due" if payable else f"Invoice {bill['status']}"
    lines = [(line["description"] or "Line", line["amount"]) for line in bill["lines"]["data"]]
    lines += [("Credits", -bill["pre_payment_credit_notes_amount"]), ("Paid", -bill["amount_paid"])]
    rows = "".join(
        f"<tr><td>{escape(text)}</td><td>${in_dollars(cents)}</td></tr>" for text, cents in lines
    )
    role = "alert" if alert else "status"
    return HTMLResponse(
        _PAGE.format(
            number=escape(bill["number"] or ""),
            headline=headline,
            notice=f'<p role="{role}">{escape(notice)}</p>' if notice else "",
            rows=rows,
            form=_FORM.format(amount=in_dollars(left).replace(",", "")) if payable else "",
        ),
        status,
        {"Cache-Control": "no-store"},
    )


def expired(bill: Doc, now: int) -> bool:
    """Links live until 30 days after the due date, 120 days from finalisation at most."""
    opened = bill["status_transitions"]["finalized_at"]
    due = bill["due_date"] or opened
    return bool(now > min(due + 30 * _DAY, opened + 120 * _DAY))


def pay_routes(t: Twin) -> list[Route]:
    """GET shows the invoice, POST tries to pay; a program gets JSON by its Accept header."""

    def found(request: Request) -> Doc | None:
        page = t.box.state.get("stripe_page", request.path_params["page"])
        bill = page and t.get("invoice", page["invoice"])
        return None if not bill or bill["status"] == "void" or expired(bill, t.now()) else bill

    async def show(request: Request) -> Response:
        bill = found(request)
        return _render(bill) if bill else HTMLResponse("This link is not valid any more.", 410)

    async def pay(request: Request) -> Response:
        bill = found(request)
        if bill is None:
            return HTMLResponse("This link is not valid any more.", 410)
        program = "text/html" not in request.headers.get("accept", "")
        form = parse_form((await request.body()).decode())
        card = (form.get("card") or "4242424242424242").replace(" ", "")
        try:
            result = pay_invoice(
                t, bill["id"], _cents(form), card, ach=form.get("method") == "us_bank_account"
            )
        except StripeError as error:
            if program:
                return JSONResponse(error.body, error.status)
            return _render(bill, str(error), alert=True, status=400)
        outcome, bill = result["outcome"], result["invoice"]
        if program:
            return JSONResponse(_summary(result), 402 if outcome == "declined" else 200)
        text = {
            "paid": "Thank you, your payment was received.",
            "processing": "Your bank is processing the payment. This takes a few days.",
            "declined": "Your card was declined. Please try another one.",
        }[outcome]
        declined = outcome == "declined"
        return _render(bill, text, alert=declined, status=402 if declined else 200)

    return [
        Route("/pay/{page}", guarded(show), methods=["GET"]),
        Route("/pay/{page}", guarded(pay), methods=["POST"]),
    ]


def guarded(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Answer a refusal of the twin as JSON."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except StripeError as error:
            return JSONResponse(error.body, error.status)

    return endpoint


def _summary(result: Doc) -> Doc:
    bill = result["invoice"]
    names = ("id", "status", "amount_paid", "amount_remaining")
    return {"outcome": result["outcome"], "invoice": {name: bill[name] for name in names}}
