"""Card processors."""
