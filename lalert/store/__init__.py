"""Durability: the only place that knows SQL or Redis commands."""
