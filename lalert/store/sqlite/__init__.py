"""The durability contract on SQLite: one file, nothing to install."""

from lalert.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
