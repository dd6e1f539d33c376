"""What a patient's words are read as: whatever is not certain goes to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import reply_words
from domain.replies import HOLDS, QUESTIONS, Reply, ReplyKind, classify
from domain.reviews import TOPICS

STOPS = [
    *("STOP", " Stop. ", "STOP!!", "S T O P", "stopall", "Stop all", "UNSUBSCRIBE", "End", "QUIT"),
    *("REVOKE", "OPTOUT", "opt-out", "Opt out please", "opt me out", "CANCEL", "I revoke consent"),
    *("stopp", "sotp", "stpo", "stoop", "stp", "atop", "unsuscribe", "cancle", "revoek", "optuot"),
    *("stop please", "Please stop texting me", "pls stop", "no more texts", "don't text me"),
    *("Don’t contact me again", "take me off this list", "leave me alone", "remove my number"),
    *("no mas", "No más, por favor", "ALTO", "para", "Pare", "parar", "cancelar", "basta ya"),
    *("no me escriban", "dejen de mandar mensajes", "no quiero mensajes"),
    *("STOP STOP STOP", "Stop, thank you", "STOP - not mine", "stop this", "I said STOP"),
    *("stop bothering me", "end texts", "CANCEL ALL", "revoke all", "no more", "No texts please"),
    *("don't send me these", "I want to stop getting texts", "I don't want these anymore"),
    *("no quiero recibir mensajes", "déjeme en paz", "darme de baja", "quíteme de la lista"),
]
NO_STOPS = [
    *("", "yes", "👍", "ok thanks", "step", "Shop", "top", "quiet", "cancer", "who is this?"),
    *("Can I stop by tomorrow to pay?", "Please stop by my car", "When does this end?"),
    *("I had to cancel my card, please wait", "I can't stop laughing", "cancel my appointment"),
    *(
        "para cuando es la cita",
        "salto",
        "Stop by at 3?",
        "no",
        "no thanks",
        "I will stop in to pay",
    ),
]
READ = {
    ReplyKind.ADVERSE_EVENT: [
        *("My lips are swollen", "it HURTS", "is this pain normal?", "I think it's infected"),
        *("there is pus", "I have a fever", "my eyelid is drooping", "can't see well, blurry"),
        *("trouble breathing", "allergic reaction", "skin turned white", "it's bruised and numb"),
        *("my lip is going black", "a white patch on my nose", "hot to the touch", "throbbing"),
        *("I feel really sick", "me siento mal", "there is a bump on my cheek"),
        *("Estoy hinchada", "me duele mucho", "tengo fiebre", "creo que hay infección"),
        *("I paid but my face is swollen", "wrong amount and it hurts"),
    ],
    ReplyKind.WRONG_PERSON: [
        *("Wrong number", "you have the wrong person", "this is not her number"),
        *(
            "wrong #",
            "wrong no.",
            "Ana doesn't have this number anymore",
            "no longer at this number",
        ),
        *("número equivocado", "Wrong number, I paid nothing to you"),
    ],
    ReplyKind.DISPUTE: [
        *("I dispute this", "this is wrong, call me", "you charged me twice", "I don't owe this"),
        *("The amount is not right", "I want a refund", "my lawyer will write", "no debo nada"),
        *("I paid but the amount is wrong", "me cobraron de más", "quiero poner una queja"),
    ],
    ReplyKind.PAID: [
        *("I paid", "paid", "Already paid this!", "I've paid it yesterday", "payment sent"),
        *(
            "i payed",
            "I mailed a check",
            "my husband paid at the desk",
            "Ya pagué",
            "ya está pagado",
        ),
    ],
    ReplyKind.CALL_ME: [
        *("call me", "Please call", "can someone call me back", "I have a question"),
        *("can I talk to someone", "payment plan?", "llámame", "quiero hablar con alguien"),
    ],
    ReplyKind.UNCLEAR: [
        *("", "ok", "👍", "yes", "I will pay tomorrow", "I haven't paid yet", "when I get paid"),
        *("did I pay?", "have I paid this?", "who is this?", "I got a new number", "no he pagado"),
        *("that is right", "I don't have the money", "cancel my appointment", "asdf"),
    ],
    ReplyKind.START: ["START", "unstop", " start "],
    ReplyKind.HELP: ["HELP", "info", "Ayuda"],
}


@pytest.mark.parametrize("text", STOPS)
def test_any_reasonable_stop_ends_every_text(text: str) -> None:
    assert classify(text) == Reply(kind=ReplyKind.STOP, stop_scope="all")


@pytest.mark.parametrize("text", NO_STOPS)
def test_what_only_looks_like_a_stop_ends_nothing(text: str) -> None:
    assert classify(text).stop_scope is None


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in READ.items() for text in texts]
)
def test_a_reply_is_read_as_what_it_is_about(kind: ReplyKind, text: str) -> None:
    assert classify(text) == Reply(kind=kind)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("stop sending me offers", "marketing"),
        ("no more promotions", "marketing"),
        ("please stop the ads", "marketing"),
        ("stop sending me bills", "billing"),
        ("stop sending bills and offers", "all"),
        ("stop texting me offers", "all"),
        ("stop all the ads", "all"),
    ],
)
def test_a_stop_that_names_a_purpose_ends_that_purpose(text: str, scope: str) -> None:
    assert classify(text).stop_scope == scope


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("stop texting me, my face is swollen", ReplyKind.ADVERSE_EVENT),
        ("wrong number, remove me", ReplyKind.WRONG_PERSON),
        ("I already paid, stop texting me", ReplyKind.PAID),
        ("STOP. I already paid", ReplyKind.PAID),
        ("stop emailing me", ReplyKind.UNCLEAR),
        ("Stop all texts and e-mails", ReplyKind.UNCLEAR),
        ("do not call or text me", ReplyKind.UNCLEAR),
        ("please stop charging me late fees", ReplyKind.DISPUTE),
        ("STOP this bill is wrong", ReplyKind.DISPUTE),
    ],
)
def test_a_stop_with_a_reason_stops_and_goes_to_a_person(text: str, kind: ReplyKind) -> None:
    assert classify(text) == Reply(kind=kind, stop_scope="all")


@pytest.mark.parametrize(
    ("text", "is_barred"),
    [
        ("wrong number", True),
        ("Wrong number, and my head hurts from these", True),
        ("my head hurts", False),
        ("I paid", False),
    ],
)
def test_a_wrong_number_is_barred_whatever_else_is_said(text: str, is_barred: bool) -> None:
    assert classify(text).bars_number is is_barred


@pytest.mark.parametrize(
    ("text", "hint", "kind"),
    [
        ("basta ya amigos", "stop", ReplyKind.STOP),
        ("yes", "start", ReplyKind.START),
        ("yes", None, ReplyKind.UNCLEAR),
        ("halp", "help", ReplyKind.HELP),
        ("stop", "unheard-of", ReplyKind.STOP),
        ("START my lips hurt", "start", ReplyKind.ADVERSE_EVENT),
    ],
)
def test_the_providers_verdict_wins_but_never_over_a_reaction(
    text: str, hint: str | None, kind: ReplyKind
) -> None:
    assert classify(text, hint).kind == kind


@given(st.sampled_from(sorted(reply_words.TYPED_BADLY)), st.data())
def test_one_slip_in_a_keyword_is_a_stop(keyword: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(keyword) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    swapped = keyword[:at] + keyword[at : at + 2][::-1] + keyword[at + 2 :]
    slips = {
        keyword[:at] + keyword[at + 1 :],
        keyword[:at] + letter + keyword[at + 1 :],
        keyword[:at] + letter + keyword[at:],
        swapped,
    }
    for typed in slips - reply_words.NOT_TYPOS - reply_words.START_WORDS:
        assert classify(typed).stop_scope == "all", typed


@given(st.text(max_size=200))
def test_every_text_has_a_reading(text: str) -> None:
    reply = classify(text)
    assert (reply.question is None) == (reply.kind in ("stop", "start", "help"))


def test_every_reply_for_a_person_has_its_question_and_its_hold() -> None:
    assert set(QUESTIONS.values()) <= set(TOPICS)
    assert set(HOLDS) <= set(QUESTIONS)
    for kind in QUESTIONS:
        assert Reply(kind=kind).hold in ("reply", "dispute", "adverse_event")
