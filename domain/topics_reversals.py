"""Questions about money that goes back: refunds, disputes and debits that were returned."""

from domain.topics import Need, Topic, choice, topic

_PAY_AGAIN = choice(
    "pay_again", "Send it again", "{amount} is sent once more along the same payment."
)
_BY_HAND = choice(
    "by_hand",
    "Give it back by hand",
    "{amount} becomes a task of the desk: cash, cheque or transfer.",
    Need.REASON,
    two_person=True,
)
_TO_CREDIT = choice(
    "refund_to_credit",
    "Keep as credit",
    "{amount} becomes credit on the client's account instead.",
    Need.REASON,
)
_OWE_AGAIN = choice(
    "owe_again",
    "The patient owes it again",
    "{amount} is owed again on what the payment had paid.",
    Need.REASON,
)
_EXPENSE = choice(
    "accept",
    "Book as a cost",
    "{amount} is booked as goodwill.",
    Need.REASON,
    two_person=True,
)

TOPICS: tuple[Topic, ...] = (
    topic(
        "REFUND_ASKED",
        "Refund asked for",
        "{amount} is to go back; the facts say along which payments, and what else returns.",
        "Nothing goes back.",
        "pay_back",
        choice(
            "pay_back",
            "Refund",
            "It is booked as shown; then {amount} is sent back.",
            two_person=True,
        ),
        choice("drop", "Leave it", "Nothing is booked and nothing goes back."),
    ),
    topic(
        "REFUND_BY_HAND",
        "Refund to be given by hand",
        "{amount} is owed back and no program can send it.",
        "The patient waits for their money; it stays listed as owed back.",
        "given_back",
        choice("given_back", "Given back", "{amount} has left the drawer, the terminal or us."),
        _TO_CREDIT,
    ),
    topic(
        "REFUND_TO_LENDER",
        "Refund through the lender",
        "{amount} was financed: it goes back through the lender's own portal, never to the"
        " patient.",
        "The patient goes on paying the lender for it.",
        "given_back",
        choice(
            "given_back",
            "Entered at the lender",
            "{amount} is what the lender will take from its next funding.",
        ),
    ),
    topic(
        "REFUND_FAILED",
        "Refund did not arrive",
        "{amount} was refused by the processor, or came back from the bank.",
        "The patient waits for their money; it stays listed as owed back.",
        None,
        _PAY_AGAIN,
        _BY_HAND,
        _TO_CREDIT,
    ),
    topic(
        "REFUND_OUTSIDE",
        "Refund that nobody here started",
        "{amount} of a payment was refunded in the processor's own pages.",
        "The money has gone, and the books do not say what for.",
        None,
        choice(
            "allow",
            "It was given back for good",
            "{amount} comes off what the payment had paid; nothing is owed for it.",
            Need.REASON,
        ),
        _OWE_AGAIN,
    ),
    topic(
        "REFUND_UNLINKED",
        "Refund of an unknown payment",
        "The processor refunded {amount} of a payment that is not in the books.",
        "The money has gone, and the books do not say what for.",
        None,
        choice(
            "link",
            "Link to an invoice",
            "{amount} is booked as an allowance on the invoice.",
            Need.INVOICE,
        ),
        _EXPENSE,
    ),
    topic(
        "REFUND_AFTER_CLOSE",
        "Refund of a payment in a closed month",
        "{amount} was refunded in the processor's own pages; the month of its payment is closed.",
        "The money has gone, and the books do not say what for.",
        "post_now",
        choice(
            "post_now",
            "Book it in the open month",
            "{amount} comes off what the payment had paid, as a dated adjustment.",
            Need.REASON,
        ),
        _OWE_AGAIN,
    ),
    topic(
        "DISPUTE_OPEN",
        "Payment disputed",
        "The payer's bank has taken {amount} back; every message about it has stopped.",
        "The bank decides by its deadline, usually for the payer.",
        None,
        choice(
            "contest",
            "Contest it",
            "The list of records that the practice holds goes to the bank: days and ids alone.",
        ),
        choice(
            "accept",
            "Accept it",
            "The money is lost; whether to bill again is asked next.",
            Need.REASON,
            two_person=True,
        ),
    ),
    topic(
        "DISPUTE_LOST",
        "Dispute lost",
        "The bank has decided for the payer: {amount} is gone.",
        "The money stays in the books as disputed, and nobody is asked for it.",
        None,
        choice(
            "rebill",
            "Bill it again",
            "{amount} is owed again on what it had paid; messages may go on.",
            Need.REASON,
        ),
        choice(
            "write_off",
            "Write it off",
            "{amount} is given up; nobody is asked for it.",
            Need.REASON,
            two_person=True,
        ),
        choice(
            "block",
            "Write it off and send nothing more",
            "{amount} is given up, and the client gets no message until a person lifts it.",
            Need.REASON,
            two_person=True,
        ),
    ),
    topic(
        "SETTLEMENT_FAILED",
        "Bank transfer came back",
        "A bank debit over {amount} was returned after it had looked paid.",
        "{amount} is owed again and nobody is reminded.",
        "resume",
        choice("resume", "Go on reminding", "Reminders go on at the step where they stopped."),
        choice("called", "I called the patient", "Reminders wait for the patient's answer."),
        choice(
            "new_method",
            "Ask for another way to pay",
            "The last message goes out once more with its link, on which the patient can pay"
            " another way.",
        ),
        choice("stop", "Stop", "No message follows; what is owed stays.", Need.REASON),
    ),
)
