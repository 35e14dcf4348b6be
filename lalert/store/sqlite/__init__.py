"""The durability contract on SQLite: one file, nothing to install."""

from lalert.store.sqlite.store import SqliteStore, random_epoch

__all__ = ["SqliteStore", "random_epoch"]
