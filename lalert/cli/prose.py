"""Sentences in the cells of a table. Japanese has no spaces: rich takes a clause for one word, and cuts it.

Here a line may end behind any full-width character, but none begins with what must not (JIS X 4051), and an opening
bracket stays with what follows. Whatever is wider than its cell is broken: nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.text import Text

_NARROWEST: Final = 12  # cells
_WIDE: Final = "\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60"
_OPENING: Final = "「『（〔［｛〈《【"
_CLOSING: Final = "、。，．・：；？！ー々」』）〕］｝〉》】ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
# One full-width character with what clings to it, or a run of narrow ones; the blanks behind it.
_PIECE: Final = re.compile(rf"([{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSING}]*)(\s*)")


@dataclass(frozen=True, slots=True)
class Prose:
    """A plain text, no markup, that a table may make narrow."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield its lines."""
        for line in lines_of(self.text, options.max_width):
            yield Text(line)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return how narrow and how wide it may be, in cells."""
        widest = max(map(cell_len, self.text.splitlines()), default=0)
        return Measurement(min(_NARROWEST, widest), widest).with_maximum(options.max_width)


def lines_of(text: str, width: int) -> Iterator[str]:
    """Yield `text` in lines of at most `width` cells."""
    for paragraph in text.splitlines():
        line = ""
        for piece, blank in _PIECE.findall(paragraph.strip()):
            if line and cell_len(line) + cell_len(piece) > width:
                yield line.rstrip()
                line = ""
            *full, rest = chop_cells(piece, width)
            yield from full
            line += rest + blank
        yield line.rstrip()


def plain(text: str) -> str:
    """Return `text` as it may go to a terminal: what a message says is neither markup nor a control sequence."""
    return escape(printable(text))


def printable(text: str) -> str:
    """Return `text` with U+FFFD for every control; its lines stay."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
