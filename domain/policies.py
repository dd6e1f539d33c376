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
