"""When a client may be written to: the allowed hours in every zone that may be theirs."""

from datetime import datetime, time, timedelta

from domain import calendar, quiet_hours
from domain.case import ChasePolicy, MessageClass
from domain.quiet_hours import QUIET
from store.clients import Contact


class Hours:
    """The allowed hours of one client for one class of message under one location's policy."""

    def __init__(
        self,
        chase: ChasePolicy,
        location_zone: str,
        contact: Contact | None,
        message_class: MessageClass,
    ) -> None:
        self._zone, self._never_on = location_zone, chase.never_on
        ours = QUIET[message_class]
        postal_code = contact.postal_code if contact else None
        phone_e164 = contact.phone_e164 if contact else None
        self.zones = quiet_hours.plausible_zones(None, postal_code, phone_e164, location_zone)
        self._states = quiet_hours.plausible_states(postal_code, phone_e164)
        # A location may have shorter hours than the product, never longer ones.
        self._policy = ours.model_copy(
            update={
                "opens_at": max(ours.opens_at, chase.window_opens_at),
                "closes_at": min(ours.closes_at, chase.window_closes_at),
                "holidays": chase.holidays or ours.holidays,
                "sundays": chase.sundays or ours.sundays,
            }
        )

    def opens(self, at: datetime) -> datetime:
        """`at` itself when a message may go then, else the next time that it may."""
        opens = quiet_hours.next_allowed(at, self.zones, self._states, self._policy)
        never_on = self._never_on
        if never_on is None or calendar.local_date(opens, self._zone) != never_on:
            return opens
        tomorrow = calendar.instant(never_on + timedelta(days=1), time(0), self._zone)
        return quiet_hours.next_allowed(tomorrow, self.zones, self._states, self._policy)

    def seconds_left(self, at: datetime) -> int:
        """Whole seconds until the window closes that is open, or the next one that opens."""
        closes = quiet_hours.closes_at(at, self.zones, self._states, self._policy)
        return max(0, (closes - at) // timedelta(seconds=1))
