"""Lenders, one per file: who they are, how they sign, what they are asked."""
