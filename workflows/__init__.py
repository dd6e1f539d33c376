"""What happens, in which order, and when: deterministic, without effects."""
