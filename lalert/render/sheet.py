"""The sheet that a map is drawn on: title, as-of time, legend, scale, north, credit, and what marks a drill.

A sheet is one self-contained SVG: no script, no style, nothing from outside, every text escaped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lalert.errors import Text
from lalert.render.clock import as_of as as_of_text
from lalert.render.palette import NOTHING, OUTLINE, PAINTS, SEA, Look, badge, gravest_first
from lalert.render.plane import Plane, Rect
from lalert.render.words import pick
from lalert.render.xml import escaped

WIDTH, HEIGHT = 800, 800
NOTE_COLUMNS = 108
"""How many half-width characters the line for what the drawing cannot show holds."""

_HEAD, _FOOT, _NOTE, _BAND = 46, 60, 22, 34
_PLATE, _PAD = 34, 8  # the height of what scale and north stand on, and the space around it
_FONTS = "'Noto Sans JP','Noto Sans CJK JP','Hiragino Sans','Yu Gothic UI',Meiryo,sans-serif"
_DRILL = Text(
    "【訓練】これは訓練です　実際の災害ではありません【訓練】",
    "【訓練】 DRILL - NOT A REAL EMERGENCY 【訓練】",
)

_NONE = Text("情報なし", "None")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What stands around a map.

    `rest` says what grey land means; `note` is one more line for what the drawing cannot show.
    """

    title: str
    as_of: datetime
    credit: str
    lang: str = "ja"
    drill: bool = False
    rest: Text = _NONE
    note: str = ""

    @property
    def place(self) -> Rect:
        """Where the map goes."""
        band = _BAND if self.drill else 0
        foot = _FOOT + (_NOTE if self.note else 0)
        return Rect(x=0, y=band + _HEAD, width=WIDTH, height=HEIGHT - _HEAD - foot - 2 * band)

    def plate(self, plane: Plane) -> Rect:
        """Where scale and north stand: in the lower right corner of the map."""
        rect, width = self.place, _bar_km(plane) * plane.units_per_km + 62
        corner_x, corner_y = rect.x + rect.width - _PAD, rect.y + rect.height - _PAD
        return Rect(x=corner_x - width, y=corner_y - _PLATE, width=width, height=_PLATE)

    def render(
        self, *, defs: str, drawing: str, facts: str, looks: Iterable[Look], plane: Plane, tags: str = ""
    ) -> bytes:
        """Return the document: `facts` is the map in words, for those who do not see it; `tags` lie above all."""
        rect = self.place
        parts = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
            f' role="img" aria-labelledby="title desc" lang="{escaped(self.lang)}" font-family="{_FONTS}">',
            f'<title id="title">{escaped(self._marked(self.title))}</title>',
            f'<desc id="desc">{escaped(self._marked(f"{as_of_text(self.as_of, self.lang)} {facts}"))}</desc>',
            f'<defs><clipPath id="place">{_rect(rect)}</clipPath>{_STRIPES if self.drill else ""}{defs}</defs>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFF"/>{_rect(rect, SEA)}',
            f'<g clip-path="url(#place)">{drawing}{self._scale_bar(plane)}{tags}</g>',
            self._head(rect.y - _HEAD),
            self._foot(rect.y + rect.height, gravest_first(looks)),
            self._bands() if self.drill else "",
            "</svg>",
        )
        return "".join(parts).encode()

    def _marked(self, text: str) -> str:
        """Return `text` with the marks of a drill at both ends; a headline bears them already."""
        return f"【訓練】{text}【訓練】" if self.drill and not text.startswith("【訓練") else text

    def _head(self, y: float) -> str:
        looked = escaped(as_of_text(self.as_of, self.lang))
        return (
            f'<g font-weight="700" fill="{OUTLINE}"><text x="16" y="{y + 31}" font-size="21">'
            f"{escaped(fitted(self.title, 50))}</text>"
            f'<text x="{WIDTH - 16}" y="{y + 31}" font-size="19" text-anchor="end">{looked}</text></g>'
        )

    def _foot(self, y: float, looks: Sequence[Look]) -> str:
        """Return the legend of what is on the map, and the lines below it."""
        labels = [pick(PAINTS[look].label, self.lang) for look in looks]
        rest = pick(self.rest, self.lang)
        room = WIDTH - 32 - 38 * len(labels) - 30
        size = min(16.0, 2 * room / columns("".join((*labels, rest))))
        x, drawn = 16.0, []
        for look, label in zip(looks, labels, strict=True):
            drawn.append(badge(look, x + 13, y + 20))
            drawn.append(f'<text x="{x + 30:.0f}" y="{y + 26:.0f}" font-size="{size:.3g}">{escaped(label)}</text>')
            x += 38 + size / 2 * columns(label)
        below = y + 49 + (_NOTE if self.note else 0)
        drawn.append(
            f'<rect x="{x:.0f}" y="{y + 12:.0f}" width="22" height="17" fill="{NOTHING}" stroke="#77777F"/>'
            f'<text x="{x + 30:.0f}" y="{y + 26:.0f}" font-size="{size:.3g}">{escaped(rest)}</text>'
            f'<text x="16" y="{y + 52:.0f}" font-size="14" font-weight="700">'
            f"{escaped(fitted(self.note, NOTE_COLUMNS))}</text>"
            f'<text x="{WIDTH - 16}" y="{below:.0f}" font-size="11" text-anchor="end" fill="#555560">'
            f"{escaped(fitted(self.credit, 60))}</text>"
        )
        return f'<g fill="{OUTLINE}">{"".join(drawn)}</g>'

    def _scale_bar(self, plane: Plane) -> str:
        """Return a bar of a round length and where north is, on a light plate: they are read on any colour."""
        length_km, plate = _bar_km(plane), self.plate(plane)
        length = length_km * plane.units_per_km
        x, y, north_x = plate.x + 10, plate.y + 26, plate.x + plate.width - 18
        label = f"{length_km:g} km" if length_km >= 1 else f"{length_km * 1000:g} m"
        north = pick(Text("北", "N"), self.lang)
        arrow = f"M{north_x:.0f} {plate.y + 30:.0f}v-12l-4 5M{north_x:.0f} {plate.y + 18:.0f}l4 5"
        return (
            f'<rect x="{plate.x:.0f}" y="{plate.y:.0f}" width="{plate.width:.0f}" height="{plate.height:g}" rx="5"'
            f' fill="#FFF" fill-opacity="0.94" stroke="{OUTLINE}" stroke-width="0.7"/>'
            f'<g fill="none" stroke="{OUTLINE}" stroke-width="1.6">'
            f'<path d="M{x:.0f} {y - 6:.0f}v6h{length:.0f}v-6"/><path d="{arrow}"/></g>'
            f'<g font-size="14" text-anchor="middle" fill="{OUTLINE}">'
            f'<text x="{x + length / 2:.0f}" y="{y - 7:.0f}">{label}</text>'
            f'<text x="{north_x:.0f}" y="{plate.y + 14:.0f}" font-weight="700">{north}</text></g>'
        )

    def _bands(self) -> str:
        words = pick(_DRILL, self.lang)
        wide = 7.8 * columns(words) + 30
        return "".join(
            f'<rect y="{y}" width="{WIDTH}" height="{_BAND}" fill="url(#drill)"/>'
            f'<rect x="{(WIDTH - wide) / 2:.0f}" y="{y + 4}" width="{wide:.0f}" height="26" rx="3" fill="#FFF"/>'
            f'<text x="{WIDTH / 2:.0f}" y="{y + 22}" font-size="15" font-weight="700" text-anchor="middle"'
            f' fill="#00344F">{escaped(words)}</text>'
            for y in (0, HEIGHT - _BAND)
        )


_STRIPES = (
    '<pattern id="drill" width="28" height="28" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="28" height="28" fill="#FFF"/><rect width="14" height="28" fill="#00507D"/></pattern>'
)


def columns(text: str) -> int:
    """Return the width of `text` in half-width characters."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


def fitted(text: str, limit: int) -> str:
    """Return `text`, cut so that it takes at most `limit` half-width characters."""
    if columns(text) <= limit:
        return text
    kept = text
    while columns(kept) > limit - 2:
        kept = kept[:-1]
    return kept + "…"


def _rect(rect: Rect, fill: str = "") -> str:
    paint = f' fill="{fill}"' if fill else ""
    return f'<rect x="{rect.x:g}" y="{rect.y:g}" width="{rect.width:g}" height="{rect.height:g}"{paint}/>'


def _bar_km(plane: Plane) -> float:
    """Return a round length of about a seventh of the sheet."""
    return _round_km(115 / plane.units_per_km)


def _round_km(most_km: float) -> float:
    """Return the greatest of 1, 2, 5 times a power of ten kilometres up to `most_km`."""
    steps = [step * 10.0**power for power in range(-3, 4) for step in (1, 2, 5)]
    return max((step for step in steps if step <= most_km), default=steps[0])
