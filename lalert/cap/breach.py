"""How a rule speaks: it looks at one block of a message and returns its breaches, which become findings here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from lalert.cap.catalogue import finding
from lalert.errors import Finding


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach of a rule: its code, the element inside the block (`polygon[2]`), what stands there, further facts."""

    code: str
    where: str = ""
    found: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


Breaches = Sequence[Breach]
NONE: Breaches = ()

Block = TypeVar("Block")


def findings_of(rules: Sequence[Callable[[Block], Breaches]], block: Block, path: str) -> list[Finding]:
    """Return what `rules` find wrong in `block`, which stands at `path`.

    A rule that crashes is a finding of its own: it must never cost an alert.
    """
    found: list[Finding] = []
    for rule in rules:
        try:
            breaches = rule(block)
        except Exception as error:
            found.append(finding("cap.rule.crashed", path=path, facts={"rule": rule.__name__, "error": repr(error)}))
        else:
            if breaches:
                found += [_finding(breach, path) for breach in breaches]
    return found


def _finding(breach: Breach, path: str) -> Finding:
    where = f"{path}/{breach.where}" if breach.where else path
    return finding(breach.code, path=where, found=breach.found, facts=breach.facts)
