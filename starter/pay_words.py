"""The words of the pay page in English and Spanish, and in which of them a page is read."""

from collections.abc import Callable, Mapping
from datetime import date

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
DEFAULT = "en"

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
    " diciembre",
}

_EN: Mapping[str, str] = {
    "questions_phone": "Questions? Call us at",
    "questions": "Questions? Please call the practice.",
    "as_of_now": "This page shows the balance as of right now.",
    "back": "Back",
    "check_again": "Check again",
    "try_again": "Try again",
    "amount_due": "Amount due",
    "pay": "Pay {amount}",
    "secure": "You pay on a secure page of our card processor. Your card number never reaches us.",
    "open_invoices": "Your open invoices",
    "invoice": "Invoice {number}",
    "pay_this_one": "Pay only this one",
    "other_amount": "Pay a different amount",
    "amount_label": "Amount in US dollars",
    "amount_hint": "Between {least} and {most}.",
    "oldest_first": "It goes to your oldest invoice first.",
    "continue": "Continue",
    "bad_amount": "Please enter an amount between {least} and {most}, such as 25.00.",
    "bad_rest": "That would leave less than {least} to pay. Please pay all, or a little less.",
    "changed": "Your balance has changed since you opened this page. Please look again.",
    "returned": "Your bank did not make your last payment. Please pay another way.",
    "canceled": "You came back without paying. Nothing was charged.",
    "see_details": "See what this is for",
    "too_small": "This is too little to pay by card. You do not need to do anything.",
    "nothing_due": "Nothing due",
    "settled": "Everything is settled. Thank you.",
    "see_statement": "See the itemized statement",
    "confirm": "Confirm it is you",
    "private": "Your statement is private. Enter your date of birth or your ZIP code to see it.",
    "no_match": "That does not match our records. Please check and try again.",
    "birth_date": "Date of birth",
    "or": "or",
    "zip": "ZIP code",
    "show": "Show my statement",
    "too_many": "Too many tries",
    "locked_day": (
        "To keep your statement private, it stays closed until tomorrow."
        " You can still pay without it."
    ),
    "locked_minutes": (
        "To keep your statement private, please wait 15 minutes before the next try."
        " You can still pay without it."
    ),
    "slow_down": "Please wait a moment",
    "slow_down_text": "This page was asked for too often just now. Please try again in a minute.",
    "gone": "This link does not work",
    "gone_text": (
        "Please open the link from your message again, or call the practice and ask for a new one."
    ),
    "on_its_way": "Your payment is on its way",
    "on_its_way_text": (
        "A payment is being processed. There is nothing more to do, and no need to pay again."
    ),
    "paused": "Payments are paused for a moment",
    "paused_text": (
        "Our card processor is not answering. Nothing was charged."
        " Please try again in a few minutes."
    ),
    "one_moment": "One moment, please",
    "one_moment_text": (
        "We are bringing your balance up to date, so that you are not asked for too much."
        " Please try again in a minute."
    ),
    "unavailable": "This page is not available right now",
    "unavailable_text": "Nothing was charged. Please try again in a few minutes.",
    "thanks": "Thank you",
    "received": "We received your payment of {amount}.",
    "still_due": "Still due",
    "pay_rest": "Pay the rest",
    "all_paid": "Nothing more is due.",
    "your_statement": "Your statement",
    "items": "Services and products of this visit",
    "item": "Item",
    "amount": "Amount",
    "subtotal": "Subtotal",
    "discounts": "Discounts",
    "tax": "Tax",
    "gratuity": "Gratuity",
    "total": "Total",
    "payments": "Payments received",
    "preparing": "The statement of this visit is being prepared.",
    "discount": "Discount",
    "from_package": "From your package",
    "service": "Service",
    "membership_credit": "Membership credit",
    "promotional_credit": "Promotional credit",
    "gift_card": "Gift card",
    "deposit": "Deposit",
    "account_credit": "Account credit",
    "points": "Points",
    "lender": "Financing",
    "installment": "Installment of your plan",
    "your_plan": "Your plan",
    "plan_text": "Everything about your plan with us is here. It is private: confirm it is you.",
    "see_plan": "See my plan",
    "plan_call": "To pick a time, or to talk with us:",
    "plan_with": "Payments go to",
    "plan_amount": "Amount",
    "plan_limit": "You can use up to",
    "plan_monthly": "Each month",
    "plan_first": "First payment",
    "plan_final": "Last payment",
    "plan_sessions": "Sessions",
    "plan_done_of": "{done} of {planned} done",
    "toxin_unit": "unit|units",
    "syringe": "syringe|syringes",
    "session": "session|sessions",
    "unit_item": "item|items",
}

_ES: Mapping[str, str] = {
    "questions_phone": "¿Preguntas? Llámenos al",
    "questions": "¿Preguntas? Llame a la clínica.",
    "as_of_now": "Esta página muestra el saldo de este momento.",
    "back": "Volver",
    "check_again": "Comprobar de nuevo",
    "try_again": "Intentar de nuevo",
    "amount_due": "Saldo pendiente",
    "pay": "Pagar {amount}",
    "secure": (
        "Usted paga en una página segura de nuestro procesador de tarjetas."
        " Nunca recibimos el número de su tarjeta."
    ),
    "open_invoices": "Sus facturas pendientes",
    "invoice": "Factura {number}",
    "pay_this_one": "Pagar solo esta",
    "other_amount": "Pagar otra cantidad",
    "amount_label": "Cantidad en dólares",
    "amount_hint": "Entre {least} y {most}.",
    "oldest_first": "Se aplica primero a su factura más antigua.",
    "continue": "Continuar",
    "bad_amount": "Escriba una cantidad entre {least} y {most}, por ejemplo 25.00.",
    "bad_rest": "Quedarían menos de {least} por pagar. Pague todo o un poco menos.",
    "changed": "Su saldo cambió desde que abrió esta página. Revíselo de nuevo.",
    "returned": "Su banco no realizó su último pago. Pague de otra forma, por favor.",
    "canceled": "Usted volvió sin pagar. No se cobró nada.",
    "see_details": "Ver de qué se trata",
    "too_small": "Es muy poco para pagar con tarjeta. No tiene que hacer nada.",
    "nothing_due": "No debe nada",
    "settled": "Todo está pagado. Gracias.",
    "see_statement": "Ver el detalle de la factura",
    "confirm": "Confirme que es usted",
    "private": (
        "Su factura es privada. Escriba su fecha de nacimiento o su código postal para verla."
    ),
    "no_match": "No coincide con nuestros datos. Revíselo e inténtelo de nuevo.",
    "birth_date": "Fecha de nacimiento",
    "or": "o",
    "zip": "Código postal",
    "show": "Ver mi factura",
    "too_many": "Demasiados intentos",
    "locked_day": ("Para proteger su factura, queda cerrada hasta mañana. Puede pagar sin verla."),
    "locked_minutes": (
        "Para proteger su factura, espere 15 minutos antes de intentarlo otra vez."
        " Puede pagar sin verla."
    ),
    "slow_down": "Espere un momento",
    "slow_down_text": "Esta página se pidió demasiadas veces. Inténtelo de nuevo en un minuto.",
    "gone": "Este enlace no funciona",
    "gone_text": ("Abra otra vez el enlace de su mensaje, o llame a la clínica y pida uno nuevo."),
    "on_its_way": "Su pago está en camino",
    "on_its_way_text": (
        "Se está procesando un pago. No tiene que hacer nada más ni pagar otra vez."
    ),
    "paused": "Los pagos están en pausa",
    "paused_text": (
        "Nuestro procesador de tarjetas no responde. No se cobró nada."
        " Inténtelo de nuevo en unos minutos."
    ),
    "one_moment": "Un momento, por favor",
    "one_moment_text": (
        "Estamos actualizando su saldo para no pedirle de más. Inténtelo de nuevo en un minuto."
    ),
    "unavailable": "Esta página no está disponible ahora",
    "unavailable_text": "No se cobró nada. Inténtelo de nuevo en unos minutos.",
    "thanks": "Gracias",
    "received": "Recibimos su pago de {amount}.",
    "still_due": "Queda por pagar",
    "pay_rest": "Pagar el resto",
    "all_paid": "No debe nada más.",
    "your_statement": "Su factura",
    "items": "Servicios y productos de esta visita",
    "item": "Concepto",
    "amount": "Importe",
    "subtotal": "Subtotal",
    "discounts": "Descuentos",
    "tax": "Impuestos",
    "gratuity": "Propina",
    "total": "Total",
    "payments": "Pagos recibidos",
    "preparing": "El detalle de esta visita se está preparando.",
    "discount": "Descuento",
    "from_package": "De su paquete",
    "service": "Servicio",
    "membership_credit": "Crédito de membresía",
    "promotional_credit": "Crédito promocional",
    "gift_card": "Tarjeta de regalo",
    "deposit": "Depósito",
    "account_credit": "Crédito en cuenta",
    "points": "Puntos",
    "lender": "Financiamiento",
    "installment": "Cuota de su plan",
    "your_plan": "Su plan",
    "plan_text": "Aquí está todo sobre su plan con nosotros. Es privado: confirme que es usted.",
    "see_plan": "Ver mi plan",
    "plan_call": "Para elegir un momento o hablar con nosotros:",
    "plan_with": "Los pagos van a",
    "plan_amount": "Importe",
    "plan_limit": "Puede usar hasta",
    "plan_monthly": "Cada mes",
    "plan_first": "Primer pago",
    "plan_final": "Último pago",
    "plan_sessions": "Sesiones",
    "plan_done_of": "{done} de {planned}",
    "toxin_unit": "unidad|unidades",
    "syringe": "jeringa|jeringas",
    "session": "sesión|sesiones",
    "unit_item": "artículo|artículos",
}

WORDS: Mapping[str, Mapping[str, str]] = {"en": _EN, "es": _ES}

Words = Callable[..., str]
"""`t("pay", amount="$5.00")`: the sentence of a key, its gaps filled."""


def words(language: str) -> Words:
    """The words of a language. Raises KeyError for a key or a gap that nobody has written."""
    known = WORDS[language]

    def say(key: str, **gaps: str) -> str:
        return known[key].format(**gaps) if gaps else known[key]

    return say


def counted(language: str, key: str, *, one: bool) -> str:
    """A unit's name, for one or for many."""
    single, _, many = WORDS[language][key].partition("|")
    return single if one else many


def long_date(day: date, language: str) -> str:
    """`November 5, 2026`, `5 de noviembre de 2026`."""
    month = _MONTHS[language].split()[day.month - 1]
    if language == "es":
        return f"{day.day} de {month} de {day.year}"
    return f"{month} {day.day}, {day.year}"


def accepted(header: str) -> str | None:
    """The first language of an Accept-Language header that we speak, by its order of wish."""
    wishes = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = parameters.strip().removeprefix("q=").strip() if parameters else "1"
        if language in LANGUAGES and weight[:1] in "01" and weight.strip("0.") != "":
            wishes.append((weight if weight[:1] == "0" else "1", -place, language))
    return max(wishes)[2] if wishes else None


def language_of(asked: str | None, chosen: str | None, header: str, on_record: str | None) -> str:
    """The page's language: asked for now, chosen before, the browser's, the client's, English."""
    for wish in (asked, chosen, accepted(header), on_record):
        if wish in LANGUAGES:
            return str(wish)
    return DEFAULT
