"""The hosted Checkout page: one amount, a card or a bank account, and a way back."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe.checkout import KIND, current, pay_session
from sandbox.stripe.pages import guarded, in_dollars
from sandbox.stripe.twin import Twin
from sandbox.stripe.wire import Doc, StripeError, parse_form

_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>Checkout</title>
<style>
body{{font:17px/1.5 system-ui,sans-serif;margin:0 auto;max-width:26rem;padding:1.5rem}}
h1{{font-size:2.2rem;margin:.2rem 0}} label{{display:block;margin:1rem 0 .3rem}}
input,select,button{{font:inherit;width:100%;box-sizing:border-box;padding:.7rem;border-radius:8px;
border:1px solid #8792a2}} button{{background:#1f4fd8;color:#fff;border:0;margin-top:1.2rem}}
[role=alert]{{background:#fdecea;padding:.7rem;border-radius:8px}} small{{color:#556}}
</style></head><body><main>
<p><a href="{back}">&larr; {back_word}</a></p>
<p>Services</p><h1>${amount}</h1>{notice}
<form method="post">
<label for="card">{card_word}</label>
<input id="card" name="card" inputmode="numeric" autocomplete="off" value="{card}">
<label for="method">{method_word}</label>
<select id="method" name="method"><option value="card">Card</option>
<option value="us_bank_account">Bank account (ACH)</option></select>
<button type="submit">{pay_word}</button></form>
<p><small>Sandbox page. No real card is charged.</small></p>
</main></body></html>"""

_WORDS = {
    "en": {
        "back_word": "Back",
        "card_word": "Card number",
        "method_word": "Pay with",
        "pay_word": "Pay",
    },
    "es": {
        "back_word": "Volver",
        "card_word": "Número de tarjeta",
        "method_word": "Pagar con",
        "pay_word": "Pagar",
    },
}
DECLINED = "Your card was declined. Please try another one."
GONE = "This checkout page is not valid any more."


def _render(
    doc: Doc, notice: str = "", status: int = 200, card: str = "4242 4242 4242 4242"
) -> Response:
    lang = doc["locale"] if doc["locale"] in _WORDS else "en"
    text = _PAGE.format(
        lang=lang,
        back=escape(doc["cancel_url"] or "#"),
        amount=in_dollars(doc["amount_total"]),
        card=escape(card),
        notice=f'<p role="alert">{escape(notice)}</p>' if notice else "",
        **_WORDS[lang],
    )
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


def checkout_routes(t: Twin) -> list[Route]:
    """GET shows the page, POST tries to pay; a program gets JSON by its Accept header."""

    def found(request: Request) -> Doc | None:
        page = t.box.state.get("stripe_checkout_page", request.path_params["page"])
        doc = page and t.get(KIND, page["session"])
        return current(t, doc) if doc else None

    async def show(request: Request) -> Response:
        doc = found(request)
        if doc is None or doc["status"] != "open":
            return HTMLResponse(GONE, 410)
        return _render(doc)

    async def pay(request: Request) -> Response:
        doc = found(request)
        if doc is None or doc["status"] != "open":
            return HTMLResponse(GONE, 410)
        form = parse_form((await request.body()).decode())
        card = (form.get("card") or "4242424242424242").replace(" ", "")
        program = "text/html" not in request.headers.get("accept", "")
        try:
            ach = form.get("method") == "us_bank_account"
            result = pay_session(t, doc["id"], card, ach)
        except StripeError as error:
            if program:
                return JSONResponse(error.body, error.status)
            return _render(doc, str(error), error.status)
        outcome = result["outcome"]
        if program:
            body = {"outcome": outcome, "session": doc["id"]}
            return JSONResponse(body, 402 if outcome == "declined" else 200)
        if outcome == "declined":
            return _render(doc, DECLINED, 402, form.get("card") or "")
        back = doc["success_url"].replace("{CHECKOUT_SESSION_ID}", doc["id"])
        return RedirectResponse(back, 303)

    return [
        Route("/checkout/{page}", guarded(show), methods=["GET"]),
        Route("/checkout/{page}", guarded(pay), methods=["POST"]),
    ]
