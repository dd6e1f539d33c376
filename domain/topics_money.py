"""Questions about money that does not fit and about other systems' books."""

from domain.topics import Need, Topic, choice, topic

_NOT_BOOKED = "The money stays in suspense and on the month-end list."

_APPLY = choice(
    "apply", "Apply to an invoice", "{amount} is applied to the chosen invoice.", Need.INVOICE
)
_CREDIT = choice(
    "credit",
    "Keep as credit",
    "{amount} becomes credit on the client's account.",
    two_person=True,
)
_REFUND = choice(
    "refund", "Refund", "{amount} is owed back and listed to be refunded.", two_person=True
)
_ENTERED = choice("done", "Done by hand", "The PMS is read again and must show the payment.")


_CALL_PROCESSOR = choice(
    "call_processor", "Ask the processor", "Nothing is booked; the question comes back in 7 days."
)


_HOLD = choice(
    "hold_30_days",
    "Hold for 30 days",
    "{amount} stays in suspense; the question comes back in 30 days.",
)
_ASK_PAYER = choice(
    "ask_payer",
    "I ask the payer",
    "Nothing is booked and nothing is sent; the question comes back in 7 days.",
)


TOPICS: tuple[Topic, ...] = (
    topic(
        "NO_REFERENCE",
        "Money without a reference",
        "{amount} arrived and nothing says for certain what it pays.",
        _NOT_BOOKED,
        None,
        _APPLY,
        _HOLD,
        _ASK_PAYER,
        _REFUND,
    ),
    topic(
        "AMBIGUOUS_GROUP",
        "Two ways to match",
        "{amount} fits more than one set of open invoices exactly.",
        _NOT_BOOKED,
        None,
        choice(
            "choose",
            "Choose a set",
            "{amount} pays every invoice of the set, named with commas between.",
            Need.INVOICE,
        ),
        _APPLY,
        _HOLD,
        _ASK_PAYER,
        _REFUND,
    ),
    topic(
        "WRONG_CLIENT",
        "Paid by somebody else",
        "The payment names an invoice, but its payer is not known for that client.",
        _NOT_BOOKED,
        None,
        choice(
            "link_payer",
            "They pay for this client",
            "{amount} is applied to the named invoice; from now on this payer pays for its client"
            " without a question.",
            Need.REASON,
        ),
        _APPLY,
        _ASK_PAYER,
        _REFUND,
    ),
    topic(
        "WRONG_INVOICE",
        "Reference does not fit",
        "The payment names an invoice that is void, closed or not ours.",
        _NOT_BOOKED,
        None,
        choice(
            "as_named",
            "It is for that invoice",
            "{amount} pays what the named invoice owes, or what was given up of it; the rest"
            " becomes its client's credit.",
        ),
        _APPLY,
        _ASK_PAYER,
        _REFUND,
    ),
    topic(
        "DUPLICATE_SUSPECTED",
        "Probably paid twice",
        "The same payer paid the same amount for the same invoice within seven days.",
        _NOT_BOOKED,
        "keep_as_credit",
        choice(
            "keep_as_credit",
            "Keep as credit",
            "{amount} becomes credit on the client's account.",
            two_person=True,
        ),
        choice(
            "refund",
            "Refund this one",
            "{amount} is owed back and listed to be refunded.",
            two_person=True,
        ),
        choice("not_duplicate", "Not a duplicate", "{amount} is applied to the invoice."),
    ),
    topic(
        "OVERPAID",
        "Paid more than owed",
        "The patient has paid {amount} more than is owed.",
        _NOT_BOOKED,
        "credit",
        _CREDIT,
        _APPLY,
        _REFUND,
    ),
    topic(
        "PMS_CONFIRM",
        "Record the payment in the PMS",
        "{amount} was collected here and the PMS still shows it as unpaid.",
        "The PMS shows a debt that does not exist.",
        "done",
        _ENTERED,
        choice("not_possible", "Cannot be recorded", "The difference is listed.", Need.REASON),
    ),
    topic(
        "PMS_WRITE_FAILED",
        "PMS did not take our note",
        "Writing to the PMS failed, or reading it back showed something else.",
        "The PMS lacks our note.",
        "retry",
        choice("retry", "Try again", "The PMS is read, and written only if it lacks our note."),
        _ENTERED,
        choice("not_possible", "Leave it", "The difference is listed.", Need.REASON),
        choice(
            "suspend",
            "Suspend write-back",
            "Nothing is written to this location's PMS until `tieout switch set LOCATION"
            " write-back live`; until then each payment is a task for the desk.",
            Need.REASON,
        ),
    ),
    topic(
        "PMS_DISAGREES",
        "PMS and books differ",
        "The PMS shows another amount than our books for a payment that it took; {amount} apart.",
        "Both systems stay as they are; nothing is overwritten.",
        None,
        choice("take_ours", "Ours is right", "The PMS is corrected by hand."),
        choice("take_pms", "It was taken back", "{amount} is owed again on the visit."),
        choice(
            "was_refunded",
            "It was refunded",
            "{amount} comes off the invoice for good.",
            Need.REASON,
            two_person=True,
        ),
        choice("stop", "Leave it", "The difference is listed.", Need.REASON),
    ),
    topic(
        "LATE_EVENT",
        "News older than the books",
        "A system reported something older than the state that we already have.",
        "The books stay as they are.",
        "ignore",
        choice("ignore", "Ignore it", "The books stay as they are."),
        choice("read_again", "Read it again", "The object is read anew and booked as it stands."),
    ),
    topic(
        "PAYOUT_DIFF",
        "Payout does not add up",
        "The parts of a payout differ from what reached the bank by {amount}.",
        "The payout stays unreconciled and the month cannot close.",
        None,
        choice("read_again", "Read it again", "The payout's parts are read anew."),
        choice(
            "add_missing",
            "Add the missing payments",
            "Each payment that the books lack is booked in suspense and asked about by itself.",
        ),
        choice(
            "accept",
            "Accept the difference",
            "{amount} is booked as a processing cost, once no payment is missing.",
            Need.REASON,
            two_person=True,
        ),
        _CALL_PROCESSOR,
    ),
    topic(
        "PAYOUT_MANUAL",
        "Payout by hand",
        "Somebody sent {amount} to the bank by hand; the processor does not say what is in it.",
        "The payout stays unreconciled and the month cannot close.",
        None,
        choice("book", "Book it as it is", "{amount} moves from the processor to the bank."),
        choice("read_again", "Read it again", "The payout is read anew."),
        _CALL_PROCESSOR,
    ),
)
