"""Questions about financing plans: what is missing or odd, and who stopped coming."""

from domain.topics import Need, Topic, choice, topic

_ASK_LENDER = choice(
    "ask_lender", "Ask the lender", "Nothing changes; the question comes back in 2 days."
)
_CALLED = choice("called", "Patient was called", "Nothing is sent; the plan goes on.")
_STOP = choice("stop", "End the sequence", "No message of this plan is sent any more.")
_WAIT = choice("wait", "Give it time", "The question comes back in 14 days.")

TOPICS: tuple[Topic, ...] = (
    topic(
        "NULL_DATE",
        "A payment date is missing",
        "The plan is signed and a date that its reminders count from is not known.",
        "Nobody is reminded of the payment; everything else goes on.",
        "ask_lender",
        choice(
            "enter_date",
            "Enter the date",
            "The reminders that are still to come go out by this date.",
            Need.UNTIL,
        ),
        _ASK_LENDER,
        choice("no_reminder", "Remind nobody", "Nothing is sent about this date.", Need.REASON),
    ),
    topic(
        "ABSURD_DATE",
        "A payment date looks wrong",
        "The first payment lies in the past, or more than 90 days ahead.",
        "Nobody is reminded of the payment; everything else goes on.",
        "ask_lender",
        choice("confirm_date", "It is right", "The reminders go out by this date."),
        choice(
            "enter_date",
            "Enter the right date",
            "The reminders that are still to come go out by this date.",
            Need.UNTIL,
        ),
        _ASK_LENDER,
        choice("no_reminder", "Remind nobody", "Nothing is sent about this date.", Need.REASON),
    ),
    topic(
        "PLAN_UNKNOWN_CLIENT",
        "Whose plan is it?",
        "A lender tells of a plan, and nothing says which client it belongs to.",
        "Nobody hears anything about this plan.",
        None,
        choice("link_client", "Link to a client", "The plan belongs to this client.", Need.CLIENT),
        _ASK_LENDER,
        _STOP,
    ),
    topic(
        "PLAN_STATUS_UNKNOWN",
        "The lender's word is unknown",
        "The lender reports a status that nobody has described.",
        "Nothing is sent about this plan until its status is known.",
        "ask_lender",
        choice("set_status", "Enter the status", "The plan goes on by this status.", Need.STATUS),
        _ASK_LENDER,
        _STOP,
    ),
    topic(
        "INSTALLMENTS_MISSED",
        "Two instalments missed",
        "More than one instalment of a plan of ours is past due.",
        "Each overdue instalment is still asked for by itself.",
        "called",
        _CALLED,
        _WAIT,
        _STOP,
    ),
    topic(
        "CARD_DECLINED",
        "Card declined for good",
        "The patient's bank has declined the card and will not accept it later.",
        "The next reminder goes out as planned.",
        "new_link",
        choice(
            "new_link",
            "Ask for another card",
            "The next reminder asks for it: its link takes any card.",
        ),
        choice("called", "I called the patient", "Reminders go on as planned."),
        choice(
            "plan",
            "Patient agreed to other instalments",
            "Nothing is sent. `tieout plan add` enters them, `tieout plan cancel` ends this plan;"
            " while it runs, the question comes back in 7 days.",
        ),
        _STOP,
    ),
    topic(
        "PLAN_OVER_BALANCE",
        "Plan over more than is owed",
        "The patient signed instalments over more than the visit still owes.",
        "The instalments are billed as signed; the difference stands on no visit.",
        None,
        choice("called", "It is as it should be", "The instalments are billed as signed."),
        _STOP,
    ),
    topic(
        "PLAN_REST",
        "Plan over, a part never billed",
        "A plan of ours has ended, and {amount} that the patient signed for were not billed yet.",
        "It stays owed, and the patient is not asked for it.",
        None,
        choice(
            "bill",
            "Bill it now",
            "{amount} are billed as one last instalment, due by the location's terms, and asked"
            " for as instalments are.",
        ),
        choice(
            "write_off",
            "Write it off",
            "{amount} are given up as bad debt.",
            Need.REASON,
            two_person=True,
        ),
        choice(
            "leave_open",
            "Leave it open",
            "Nothing is booked or sent; the question comes back on the day given.",
            Need.UNTIL,
        ),
    ),
    topic(
        "APPROVAL_EXPIRED",
        "The approval has expired",
        "The patient was approved, and the time in which to use it is over.",
        "Nothing is sent; the patient may apply anew.",
        "called",
        _CALLED,
        _WAIT,
        _STOP,
    ),
    topic(
        "NOT_BOOKED",
        "Approved and not booked",
        "The patient was approved, was written to, and has booked nothing.",
        "The approval may run out.",
        "called",
        _CALLED,
        _WAIT,
        _STOP,
    ),
    topic(
        "PLAN_DROPPED",
        "Stopped coming",
        "The patient has sessions left, has booked nothing, and did not answer our message.",
        "The sessions stay owed; whether the patient pays the lender is another matter.",
        "called",
        _CALLED,
        _WAIT,
        _STOP,
    ),
)
