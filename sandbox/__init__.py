"""A practice in a box: the vendors' APIs over real HTTP, with their faults; knows nothing of tieout."""
