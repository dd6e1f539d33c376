"""A practice in a box: the vendors' APIs over real HTTP, with their faults.

It knows nothing of the product, and the product never imports it.
"""
