"""One thing that was looked at: how it is, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lalert.core.model import Realm
from lalert.errors import LalertError, Text

NOTHING: Final = Text("", "")
_MOST: Final = 8  # findings of one check
_PASSING: Final = frozenset({"store.unreachable", "store.timeout", "store.loading", "store.busy"})
_EXPLAINED: Final = Text(
    "[ ] の中のコードの意味と対処は docs/problems.md にあります。",
    "docs/problems.md explains the code in brackets, and what to do.",
)
REALMS: Final = {Realm.LIVE: Text("本番系", "live"), Realm.DRILL: Text("訓練系", "drill")}


class Grade(StrEnum):
    """How a thing is, the worst last. `unreachable` is what may be right again in a minute."""

    OK = "ok"
    WARNING = "warning"
    UNREACHABLE = "unreachable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `name` is stable: programs go by it."""

    name: str
    grade: Grade
    found: Text
    advice: Text = NOTHING

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "check": self.name,
            "grade": self.grade.value,
            "found": {"ja": self.found.ja, "en": self.found.en},
            "advice": {"ja": self.advice.ja, "en": self.advice.en},
        }


def ok(name: str, found: Text) -> Check:
    """Return that something is as it should be."""
    return Check(name, Grade.OK, found)


def warning(name: str, found: Text, advice: Text) -> Check:
    """Return what works, and may not for long."""
    return Check(name, Grade.WARNING, found, advice)


def error(name: str, found: Text, advice: Text) -> Check:
    """Return what keeps a hub from starting or alerts from going out."""
    return Check(name, Grade.ERROR, found, advice)


def failed(name: str, why: LalertError, *, where: str = "") -> Check:
    """Return what the hub itself says when it meets `why` at `where`, with every finding and its advice."""
    grade = Grade.UNREACHABLE if why.code in _PASSING else Grade.ERROR
    shown = why.findings[:_MOST]
    place = f"{where}: " if where else ""
    said = Text(f"{place}{why.message.ja} [{why.code}]", f"{place}{why.message.en} [{why.code}]")
    found = [said, *(one.message for one in shown)]
    advice = [one.advice for one in shown] or [_EXPLAINED]
    return Check(name, grade, _joined(found), _joined(list(dict.fromkeys(advice))))


def of_realm(realm: Realm, text: Text) -> Text:
    """Return `text` with the realm that it is about."""
    return Text(f"{REALMS[realm].ja}：{text.ja}", f"{REALMS[realm].en}: {text.en}")


def _joined(texts: list[Text]) -> Text:
    return Text("\n".join(text.ja for text in texts), "\n".join(text.en for text in texts))
