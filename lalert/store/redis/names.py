"""The names of one realm's keys. They share one hash tag, so that one script may touch them all on any Redis.

Every script is given `origin`; it makes the other names from that one.
"""

from __future__ import annotations

from dataclasses import dataclass

from lalert.core.model import Realm


@dataclass(frozen=True, slots=True)
class Names:
    """What the keys of `realm` are called; `lua/prelude.lua` tells what is in them."""

    realm: Realm

    def __call__(self, noun: str) -> str:
        """Return the key that holds `noun`."""
        return f"lalert:{{{self.realm}}}:{noun}"

    @property
    def origin(self) -> str:
        """The key that every script is given."""
        return self("origin")
