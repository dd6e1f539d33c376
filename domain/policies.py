"""Policies that ship with the product, as data. A running case keeps the one it started with."""

from domain.case import Channel, ChasePolicy, Tone

DEFAULT_CHASE = ChasePolicy.model_validate(
    {
        "version": 1,
        "steps": [
            {
                "name": "invoice",
                "day": 0,
                "tone": Tone.NEUTRAL,
                "channels": [Channel.SMS, Channel.EMAIL],
            },
            {"name": "day-3", "day": 3, "tone": Tone.FRIENDLY, "channels": [Channel.SMS]},
            {
                "name": "day-7",
                "day": 7,
                "tone": Tone.FIRM,
                "channels": [Channel.SMS, Channel.EMAIL],
            },
            {"name": "day-14", "day": 14, "tone": Tone.FINAL, "channels": [Channel.EMAIL]},
        ],
    }
)
"""Days 0, 3, 7 and 14 after the first delivered invoice, with rising tone (D1)."""

INSTALLMENT_CHASE = ChasePolicy.model_validate(
    {
        "version": 1,
        "due_days": 3,
        "steps": [
            {
                "name": "invoice",
                "day": 0,
                "tone": Tone.NEUTRAL,
                "channels": [Channel.SMS, Channel.EMAIL],
            },
            {"name": "day-2", "day": 2, "tone": Tone.FRIENDLY, "channels": [Channel.SMS]},
            {"name": "day-6", "day": 6, "tone": Tone.FRIENDLY, "channels": [Channel.SMS]},
            {
                "name": "day-10",
                "day": 10,
                "tone": Tone.FIRM,
                "channels": [Channel.SMS, Channel.EMAIL],
            },
            {"name": "day-17", "day": 17, "tone": Tone.FINAL, "channels": [Channel.EMAIL]},
        ],
    }
)
"""Of an instalment that falls due on day 3: told three days and one day before, never on the day,
then chased 3, 7 and 14 days after (F2, F8)."""
