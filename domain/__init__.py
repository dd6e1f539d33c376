"""The rules of the trade: pure functions and frozen models, nothing else."""
