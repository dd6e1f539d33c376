"""Temporal behind the port `CaseEngine`: client factory, payload encryption, start and signal."""
