"""What the desk does with questions, for the commands and the screen alike.

Every function takes open books; `Refusal` says in one sentence why something was not done.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from activities import previews
from domain import calendar
from domain.case import Decision
from domain.preview import Preview, PreviewLine
from domain.reviews import CONFIRM, REFUSE, in_words, same_person, topic_of
from starter.desk import answers, outcomes, undoing
from starter.desk.books import SHORT, Books
from starter.desk.records import Batch, Detail, Option, Outcome, Waiting
from starter.errors import Refusal
from store import review_acts, reviews
from store.reviews import Choice, Review

__all__ = [
    "Batch",
    "Detail",
    "Option",
    "Outcome",
    "Preview",
    "Waiting",
    "batch",
    "confirm",
    "decide",
    "decide_all",
    "detail",
    "preview",
    "queue",
    "refuse",
    "take",
    "undo",
]


async def queue(
    books: Books,
    location_id: str | None = None,
    code: str | None = None,
    owner: str | None = None,
) -> list[Waiting]:
    """Open questions, oldest first, narrowed by what is given."""
    waiting = await reviews.list_open(books.conn, await books.known_location(location_id))
    lines = [await line_of(books, review) for review in waiting if code in (None, review.code)]
    return [line for line in lines if owner is None or same_person(owner, line.owner or "")]


async def detail(books: Books, review_id: str) -> Detail:
    """One question by id or the beginning of it; raises LookupError."""
    review = await reviews.get(books.conn, review_id)
    topic = topic_of(review.code)
    given = review.decision or review.proposal
    return Detail(
        waiting=await line_of(books, review),
        state=review.state,
        meaning=in_words(topic.meaning, review.money_cents),
        if_ignored=in_words(topic.if_ignored, review.money_cents),
        ours=_side(review, "ours"),
        theirs=_side(review, "theirs"),
        facts=tuple(str(fact) for fact in review.shown.get("facts") or ()),
        options=tuple(_option(review, choice) for choice in review.choices),
        decision=Decision.model_validate(given) if given else None,
        confirmed_by=review.confirmed_by,
        undone_by=review.undone_by,
        failed=await _last_failure(books, review),
    )


async def preview(books: Books, decision: Decision) -> Preview:
    """What a choice would do; the books stay as they are."""
    review = await reviews.get(books.conn, decision.review_id)
    answers.choice_named(review, decision.choice)
    given = decision.model_copy(update={"review_id": review.review_id})
    return await previews.preview(books.conn, given, await books.now(review.location_id))


async def decide(books: Books, decision: Decision) -> Outcome:
    """Give an answer in a person's name and wait until the books show what became of it."""
    review = await reviews.get(books.conn, decision.review_id)
    await answers.must_be_open(books, review)
    given = decision.model_copy(update={"review_id": review.review_id})
    return await outcomes.give(books, review, given)


async def confirm(books: Books, review_id: str, by: str) -> Outcome:
    """A second person says yes to what was proposed."""
    review = await _waits_for(books, review_id, by)
    yes = Decision(review_id=review.review_id, choice=CONFIRM, by=by)
    return await outcomes.give(books, review, yes)


async def refuse(books: Books, review_id: str, by: str, reason: str) -> Outcome:
    """A second person says no to what was proposed; the question stays open."""
    review = await _waits_for(books, review_id, by)
    no = Decision(review_id=review.review_id, choice=REFUSE, by=by, reason=reason)
    return await outcomes.give(books, review, no)


async def undo(books: Books, review_id: str, by: str, reason: str) -> Outcome:
    """Take a decision back by counter-entries; `Refusal` when that is not possible any more.

    What two people have decided is proposed by one person here, and confirmed by another.
    """
    return await undoing.undo(books, review_id, by, reason)


async def take(books: Books, review_id: str, by: str) -> Waiting:
    """Say that somebody looks after an open question."""
    review = await reviews.get(books.conn, review_id)
    await answers.must_be_open(books, review)
    now = await books.now(review.location_id)
    await review_acts.take(books.conn, review.review_id, by, now)
    return await line_of(books, await reviews.get(books.conn, review.review_id))


async def batch(
    books: Books,
    decision: Decision,
    code: str,
    location_id: str | None = None,
    up_to_cents: int | None = None,
    among: Collection[str] | None = None,
) -> Batch:
    """What one answer would do to every open question of a code; `decision.review_id` is not read.

    Questions that differ are skipped and say why: more money than `up_to_cents`, an older
    choice, somebody's proposal, or an answer that their books do not allow.
    """
    found, skipped = [], []
    for line in await queue(books, location_id, code):
        if among is not None and line.review_id not in among:
            continue
        one = decision.model_copy(update={"review_id": line.review_id})
        shown = await _one_of_many(books, one, line, up_to_cents)
        if isinstance(shown, Preview):
            found.append(shown)
        else:
            skipped.append(Outcome(review_id=line.review_id, state="refused", sentence=shown))
    return Batch(
        code=code,
        choice=decision.choice,
        previews=tuple(found),
        totals=_totals(found),
        skipped=tuple(skipped),
    )


async def decide_all(books: Books, decision: Decision, review_ids: Sequence[str]) -> list[Outcome]:
    """Give the same answer to each question by itself; one that fails stops no other."""
    done = []
    for review_id in review_ids:
        try:
            done.append(await decide(books, decision.model_copy(update={"review_id": review_id})))
        except Refusal as refusal:
            done.append(Outcome(review_id=review_id, state="failed", sentence=str(refusal)))
    return done


async def _one_of_many(
    books: Books, decision: Decision, line: Waiting, up_to_cents: int | None
) -> Preview | str:
    if up_to_cents is not None and abs(line.money_cents) > up_to_cents:
        return "It is about more money."
    if line.proposed_by is not None:
        return f"An answer of {line.proposed_by} waits for a second person."
    try:
        shown = await preview(books, decision)
    except Refusal as refusal:
        return str(refusal)
    return shown.problem or shown


def _totals(found: Sequence[Preview]) -> tuple[PreviewLine, ...]:
    totals: dict[str, PreviewLine] = {}
    for posting in (line for one in found for entry in one.entries for line in entry.lines):
        known = totals.get(posting.account, PreviewLine(account=posting.account, name=posting.name))
        totals[posting.account] = known.model_copy(
            update={
                "debit_cents": known.debit_cents + posting.debit_cents,
                "credit_cents": known.credit_cents + posting.credit_cents,
            }
        )
    return tuple(totals[account] for account in sorted(totals))


async def _waits_for(books: Books, review_id: str, by: str) -> Review:
    """The question whose proposal this person may confirm or refuse."""
    review = await reviews.get(books.conn, review_id)
    await answers.must_be_open(books, review)
    if review.proposal is None:
        raise Refusal("Nothing waits for a second person here: see `tieout review show`.")
    if same_person(by, review.proposal["by"]):
        proposer = review.proposal["by"]
        raise Refusal(f"{proposer} proposed it; another person confirms or refuses.")
    return review


async def _last_failure(books: Books, review: Review) -> str | None:
    acts = await review_acts.of_review(books.conn, review.review_id)
    last = acts[-1] if acts and review.state == "open" else None
    return last.reason if last is not None and last.act == "failed" else None


async def line_of(books: Books, review: Review) -> Waiting:
    """The line of the queue for one question."""
    where, topic = await books.location(review.location_id), topic_of(review.code)
    due_at = calendar.staff_reminder_due(review.opened_at, topic.due_business_days, where.zone)
    if topic.due_business_days == 0:
        due_at = review.opened_at + timedelta(hours=1)
    proposal = review.proposal or {}
    return Waiting(
        review_id=review.review_id,
        short_id=review.review_id[:SHORT],
        code=review.code,
        title=topic.title,
        location_id=review.location_id,
        case_id=review.case_id,
        client_id=review.client_id,
        money_cents=review.money_cents,
        opened_at=review.opened_at,
        age_business_days=await books.business_age(review.location_id, review.opened_at),
        due_at=due_at,
        is_overdue=due_at < await books.now(review.location_id),
        owner=review.owner,
        proposed_by=proposal.get("by"),
        proposed=proposal.get("choice"),
        suggested=review.suggested,
    )


def _option(review: Review, choice: Choice) -> Option:
    return Option(
        name=choice.name,
        label=choice.label,
        effect=choice.effect,
        needs=tuple(choice.needs),
        second_person=choice.name in review.second_person,
        is_suggested=choice.name == review.suggested,
    )


def _side(review: Review, name: str) -> tuple[tuple[str, str], ...]:
    said = review.shown.get(name) or {}
    return tuple((str(key), str(value)) for key, value in said.items())
