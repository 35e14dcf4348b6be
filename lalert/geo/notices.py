"""Notices: what an import repaired, left out or could not tell, and why. For the operator, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lalert.errors import Text

_EXAMPLES = 5

Step = Callable[[str], None]
"""Hears the name of each step of an import as it begins."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One kind of thing that happened to `count` rows or places; `examples` are the first of them."""

    code: str
    count: int
    what: Text
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        what = {"ja": self.what.ja, "en": self.what.en}
        return {"code": self.code, "count": self.count, "what": what, "examples": list(self.examples)}


def noticed(code: str, what: Text, found: Sequence[str]) -> Iterable[Notice]:
    """Yield the notice of what was found, if anything was."""
    if found:
        yield Notice(code, len(found), what, tuple(found[:_EXAMPLES]))
