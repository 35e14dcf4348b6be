"""The durability contract on Redis: one log that several hubs share."""

from lalert.store.redis.store import RedisStore

__all__ = ["RedisStore"]
