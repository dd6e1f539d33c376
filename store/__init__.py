"""The books: PostgreSQL, raw SQL, one file of queries per table family.

Every function takes a connection first, so that a caller composes several in one transaction.
"""
