"""Readers of opt-out signals: bytes and headers in, a small value out. They never raise; noise is never a yes."""

from langit.ledger.signals.reading import Document, Reading, absent, trouble

__all__ = ["Document", "Reading", "absent", "trouble"]
