"""A worker with planted bugs: `python -m tests.simulate.buggy_worker NAME...`.

Each bug breaks one promise in the place where the product keeps it. Only the tests of the
simulation's checkers run this; the product has no switch for any of it.
"""

import sys
from collections.abc import Callable
from typing import Any


def money_after_settlement() -> None:
    """The balance is read and not looked at."""
    from activities import permission

    real = permission.after_balance

    def blind(*args: Any) -> Any:
        verdict = real(*args)
        return None if verdict is not None and verdict.status == "settled" else verdict

    permission.after_balance = blind


def doubled() -> None:
    """There is no cap and no statement: every visit's step goes by itself."""
    from activities import permission

    permission.capped = lambda *_: None


def lost_step() -> None:
    """The second reminder counts as done with the first, and nothing is written."""
    from domain.dunning import Dunning

    real = Dunning.took

    def took(self: Dunning, step: Any, *rest: Any, **more: Any) -> Any:
        answer = real(self, step, *rest, **more)
        self.done.update(name for name in ("day-7",) if step.name == "day-3")
        return answer

    Dunning.took = took  # type: ignore[method-assign]


def night() -> None:
    """Quiet hours are those of the location."""
    from activities import hours

    real = hours.quiet_hours.plausible_zones
    hours.quiet_hours.plausible_zones = lambda *args: real(None, None, None, args[3])
    hours.quiet_hours.plausible_states = lambda *_: ()


def lender_chased() -> None:
    """What a lender paid at the PMS is not seen as money."""
    from activities import outside

    outside.PMS_MONEY = frozenset({"card", "cash"})


def no_consent() -> None:
    """Nobody's word counts."""
    from domain import consent

    real = consent.permission

    def always(*args: Any) -> Any:
        return real(*args).model_copy(update={"ok": True, "reason": None})

    consent.permission = always


def leak() -> None:
    """A line of debugging says who gets a message."""
    from connectors.messaging.smtp import SmtpEmails

    real = SmtpEmails.send

    async def send(self: SmtpEmails, email: Any) -> Any:
        print("sending to", email.to_address, flush=True)
        return await real(self, email)

    SmtpEmails.send = send  # type: ignore[method-assign]


def dead_switch() -> None:
    """The kill switch is read once, when a case starts; that is, never."""
    from activities import permission
    from store import touchpoints

    permission.switched_off = lambda *_: None
    real = touchpoints.begin

    async def begin(conn: Any, words: Any, _: str, *rest: Any) -> Any:
        return await real(conn, words, "build", *rest)

    touchpoints.begin = begin


BUGS: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        money_after_settlement,
        doubled,
        lost_step,
        night,
        lender_chased,
        no_consent,
        leak,
        dead_switch,
    )
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        BUGS[name]()
    from starter import cli
    from starter.exit import end

    end(cli.run(["worker"]))
