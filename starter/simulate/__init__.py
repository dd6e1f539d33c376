"""The proof: a practice played for weeks under faults, and what its patients received checked."""
