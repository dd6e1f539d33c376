"""The queue's cursor: where it stands when questions come, leave, are decided or filtered."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from starter.desk.records import Waiting
from starter.screen.session import Line, Session

AT = datetime(2026, 3, 5, 18, 40, tzinfo=UTC)


def line(name, code="UNDERPAID", who="Fern Abbott", invoice="LUM-000001", **extra):
    waiting = Waiting(
        review_id=name,
        short_id=name[:8],
        code=code,
        title=code.title(),
        location_id="lumin",
        case_id=f"visit/lumin/boulevard/{name}",
        client_id=None,
        money_cents=100,
        opened_at=AT,
        age_business_days=1,
        **extra,
    )
    return Line(waiting, who, invoice, "")


def lines(names):
    return [line(name) for name in names]


def at(names, current):
    session = Session()
    session.arrived(lines(names), reading=False)
    session.go_to(current)
    return session


def test_the_first_question_is_under_the_cursor():
    assert at("abc", "a").current_id == "a"
    assert Session().current is None


def test_in_the_list_the_next_question_takes_the_place_of_one_that_left():
    session = at("abc", "b")
    session.arrived(lines("ac"), reading=False)
    assert session.current_id == "c"
    session.arrived(lines("a"), reading=False)
    assert session.current_id == "a"
    session.arrived([], reading=False)
    assert session.current_id == ""


def test_what_somebody_reads_stays_when_it_leaves_and_down_leads_to_its_place():
    session = at("abc", "b")
    session.arrived(lines("ac"), reading=True)
    assert (session.current_id, session.current) == ("b", None)
    session.move(1)
    assert session.current_id == "c"
    session = at("abc", "b")
    session.arrived(lines("ac"), reading=True)
    session.move(-1)
    assert session.current_id == "a"


def test_new_questions_do_not_move_the_cursor():
    session = at("bd", "d")
    session.arrived(lines("abcd"), reading=False)
    assert (session.current_id, session.place) == ("d", 3)


def test_after_a_decision_comes_the_next_and_after_the_last_the_first():
    session = at("abc", "b")
    session.go_on("b")
    assert session.current_id == "c"
    session.go_on("c")
    assert session.current_id == "a"


def test_a_question_that_is_under_way_is_not_opened_again():
    session = at("abc", "a")
    session.under_way = {"a", "b"}
    session.go_on("a")
    assert session.current_id == "c"
    session.under_way = {"a", "b", "c"}
    session.go_on("c")
    assert session.current_id == ""


def test_filters_narrow_by_code_and_by_every_word():
    session = Session()
    one, two = line("one", invoice="LUM-000007"), line("two", "OVERPAID", "Robin Vale")
    session.arrived([one, two], reading=False)
    session.narrow(words="FERN 07")
    assert session.shown == [one]
    session.narrow(words="fern vale")
    assert (session.shown, session.is_narrow) == ([], True)
    session.narrow(words="", code="OVERPAID")
    assert (session.shown, session.current_id) == ([two], "two")
    session.narrow(words="boulevard/one", code="")
    assert session.shown == [one]


def test_the_codes_are_counted_most_first():
    session = Session()
    session.arrived([line("a"), line("b", "OVERPAID"), line("c")], reading=False)
    assert [(code, count) for code, _, count in session.codes()] == [
        ("UNDERPAID", 2),
        ("OVERPAID", 1),
    ]


def test_alike_are_the_shown_questions_of_the_same_code():
    session = Session()
    others = [line("b", "OVERPAID"), line("c", who="Robin Vale")]
    session.arrived([line("a"), *others, line("d")], reading=False)
    assert session.alike("a") == ["a", "c", "d"]
    session.narrow(words="abbott")
    assert session.alike("a") == ["a", "d"]


def test_reasons_are_offered_again_newest_first_and_once():
    session = Session()
    for reason in ("checked", "called", " ", "checked"):
        session.gave_reason(reason)
    assert session.reasons == ["checked", "called"]


def test_a_proposal_shows_that_it_waits_for_a_second_person():
    assert line("a", owner="dana").owner == "dana"
    assert line("a", owner="dana", proposed_by="robin").owner == "confirm"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.sets(st.sampled_from("abcdefgh")), min_size=1, max_size=8),
    st.lists(st.integers(-3, 3), min_size=8, max_size=8),
)
def test_in_the_list_the_cursor_is_on_a_waiting_question_whenever_one_waits(queues, steps):
    session = Session()
    for names, by in zip(queues, steps, strict=False):
        session.arrived(lines(sorted(names)), reading=False)
        session.move(by)
        assert (session.current is not None) == bool(names)
        assert 0 <= session.place < max(1, len(names))
