"""Questions about a draft that waits and about a chart that changed."""

from domain.topics import Need, Topic, choice, topic

_NOT_BILLED = "The visit stays unbilled and the patient hears nothing."

_CHART_FIXED = choice(
    "chart_fixed", "The chart was corrected", "The chart is read again and the visit priced anew."
)
_APPROVE = choice(
    "approve", "Bill it as it is", "The draft goes out as priced, {amount} due.", Need.REASON
)
_CHARGE = choice("charge", "Charge it", "Nothing is drawn; the line is billed at its price.")


def _unlikely(code: str, title: str, meaning: str) -> Topic:
    return topic(code, title, meaning, _NOT_BILLED, None, _APPROVE, _CHART_FIXED)


TOPICS: tuple[Topic, ...] = (
    topic(
        "CATALOG_UNMAPPED",
        "Unknown code on the chart",
        "The chart names a service, product or package that the price book does not know.",
        _NOT_BILLED,
        "map",
        choice(
            "map",
            "Map the code",
            "The code is billed as the chosen item, at this visit and from now on.",
            Need.SKU,
        ),
        choice(
            "one_off_price",
            "Price this line once",
            "This line alone is billed at the given price.",
            Need.AMOUNT,
            Need.ITEM_CLASS,
        ),
        choice(
            "not_billable",
            "Free of charge",
            "The code is never billed, at this visit and from now on.",
            Need.REASON,
        ),
        _CHART_FIXED,
    ),
    topic(
        "PRICE_MISSING",
        "No price on the day of service",
        "The item is known, but no price was in force on the day of service.",
        _NOT_BILLED,
        "one_off_price",
        choice(
            "one_off_price",
            "Price this line once",
            "This line alone is billed at the given price.",
            Need.AMOUNT,
        ),
        choice(
            "catalog_fixed",
            "The price book was completed",
            "The visit is priced anew from the newest price book.",
        ),
        _CHART_FIXED,
    ),
    topic(
        "TAX_UNCONFIRMED",
        "Tax not confirmed",
        "Nobody has confirmed how this kind of item is taxed at this location.",
        _NOT_BILLED,
        None,
        choice(
            "confirm_tax",
            "The tax row is right",
            "The tax row is confirmed in your name and used from now on.",
        ),
        _CHART_FIXED,
    ),
    topic(
        "TAX_DIFF",
        "Tax differs from the PMS",
        "Our tax and the tax in the PMS differ by more than rounding explains.",
        "Both figures stay as they are.",
        None,
        choice("take_ours", "Ours is right", "Our tax is billed; the PMS is corrected by hand."),
        choice(
            "tax_table_fixed",
            "The tax table was corrected",
            "The visit is priced anew from the newest price book.",
        ),
    ),
    topic(
        "QUANTITY_OFF_STEP",
        "Quantity that cannot be billed",
        "The charted quantity is not a whole number of the item's billing steps.",
        _NOT_BILLED,
        "chart_fixed",
        _CHART_FIXED,
    ),
    topic(
        "QUANTITY_BOUND",
        "Unlikely quantity",
        "The charted quantity is more than the item's limit for one visit.",
        _NOT_BILLED,
        "chart_fixed",
        _CHART_FIXED,
        _APPROVE,
    ),
    topic(
        "QUANTITY_NOT_POSITIVE",
        "Quantity of zero or less",
        "The charted quantity is zero or negative.",
        _NOT_BILLED,
        "chart_fixed",
        _CHART_FIXED,
    ),
    _unlikely("SANITY_BOUND", "Unlikely figures", "The figures are far from what is usual here."),
    _unlikely("SANITY_BOUND_LINE", "Unlikely line", "One line is over the limit for a line."),
    _unlikely("SANITY_BOUND_TOTAL", "Unlikely total", "The total is over the limit for a visit."),
    _unlikely(
        "SANITY_BOUND_HISTORY",
        "Far more than usual",
        "The total is several times what this client usually pays.",
    ),
    _unlikely(
        "SANITY_BOUND_DUPLICATE",
        "Charted twice",
        "The same item is on the chart more than once.",
    ),
    _unlikely(
        "SANITY_BOUND_ZERO_PRICE",
        "Price of nothing",
        "The price book has a price of zero and no package covers the item.",
    ),
    _unlikely(
        "SANITY_BOUND_INVOICES_PER_DAY",
        "Many invoices in a day",
        "The client already has as many invoices today as the limit allows.",
    ),
    topic(
        "LOCATION_MISMATCH",
        "Another location's price book",
        "The visit belongs to another location than the price book it would be priced from.",
        _NOT_BILLED,
        "chart_fixed",
        _CHART_FIXED,
        choice("stop", "Leave it alone", "Nothing is billed or booked.", Need.REASON),
    ),
    topic(
        "LOT_EXPIRED",
        "Package expired",
        "The client has units left in a package that had expired on the day of service.",
        _NOT_BILLED,
        None,
        choice(
            "reinstate",
            "Reinstate the package",
            "The units are drawn as if the package were valid.",
            Need.REASON,
            two_person=True,
        ),
        _CHARGE,
        _CHART_FIXED,
    ),
    topic(
        "LOT_PARTLY_PAID",
        "Package not fully paid",
        "The visit would draw more from a package than has been paid for.",
        _NOT_BILLED,
        "package_paid",
        choice(
            "package_paid",
            "The package was paid",
            "The package is read again and the visit priced anew.",
        ),
        _APPROVE,
        _CHART_FIXED,
    ),
    topic(
        "LOT_MISMATCH",
        "Package balance differs from the PMS",
        "The PMS has drawn units of a package for this visit, and our books have none to draw.",
        _NOT_BILLED,
        None,
        choice("recount", "Recounted", "Packages, chart and PMS are read again."),
        choice(
            "correct_ours",
            "The PMS is right",
            "Our books get the units of this item by a dated entry in your name, worth what the"
            " PMS drew; the visit draws them.",
            Need.SKU,
            Need.REASON,
            two_person=True,
        ),
        choice(
            "correct_pms",
            "Ours is right",
            "Nothing is drawn and the visit is billed; the PMS is corrected by hand.",
        ),
    ),
    topic(
        "MEMBERSHIP_SUSPENDED",
        "Membership suspended",
        "The client has membership credit, but the membership was suspended at service time.",
        _NOT_BILLED,
        "charge",
        choice(
            "allow",
            "Use the credit",
            "The credit pays its part although the membership is suspended.",
            Need.REASON,
        ),
        choice("charge", "Leave the credit", "The credit stays; the patient is billed in full."),
        _CHART_FIXED,
    ),
    topic(
        "PROMOTION_INVALID",
        "Promotion does not apply",
        "The promotion is unknown, over, lacks its reason, or fits no line of the visit.",
        _NOT_BILLED,
        "charge",
        choice("charge", "Bill without it", "The visit is billed without this promotion."),
        _CHART_FIXED,
    ),
    topic(
        "CURRENCY_MISMATCH",
        "Wrong currency",
        "The visit or the money is in another currency than the location's.",
        "Nothing is billed or booked.",
        "chart_fixed",
        _CHART_FIXED,
        choice("stop", "Leave it alone", "Nothing is billed or booked.", Need.REASON),
    ),
    topic(
        "CHART_CHANGED",
        "Chart changed after payment",
        "The chart was amended and the patient has paid {amount} more than the visit now costs.",
        "The patient's money stays in credit on this visit.",
        "credit",
        choice(
            "credit",
            "Keep as credit",
            "{amount} becomes credit on the client's account.",
            two_person=True,
        ),
        choice(
            "refund",
            "Refund",
            "{amount} is owed back to the patient and listed to be refunded.",
            two_person=True,
        ),
    ),
)
"""In the order in which a draft meets them."""
