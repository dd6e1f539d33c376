"""Practice management systems, each behind `PmsPort`."""
