"""Readers of opt-out signals: bytes and headers in, a small value out. They never raise; noise never permits."""

from langit.ledger.signals.reading import Document, SignalReading, is_absent, read_problem

__all__ = ["Document", "SignalReading", "is_absent", "read_problem"]
