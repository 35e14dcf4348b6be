"""The sheet that a map is drawn on: title, as-of time, legend, scale, north, credit, and what marks a drill.

A sheet is one self-contained SVG: no script, no style, nothing from outside, every text escaped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lalert.errors import Text
from lalert.render.clock import as_of_day
from lalert.render.form import SQUARE, Form
from lalert.render.palette import NOTHING, OUTLINE, PAINTS, SEA, Look, badge, gravest_first
from lalert.render.plane import Plane, Rect
from lalert.render.words import pick
from lalert.render.xml import escaped

_HEAD, _FOOT, _NOTE, _BAND = 46, 60, 22, 34
_LINE, _ROW = 30, 32  # what each further line of the head and row of the legend takes
_MARGIN = 16
_SIGN, _LETTERS = 38.0, 16.0  # the sign of one look in the legend with the space around it; the size of its label
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
    form: Form = SQUARE

    @property
    def place(self) -> Rect:
        """Where the map goes."""
        form, band = self.form, _BAND if self.drill else 0
        top = band + _HEAD + _LINE * (form.head_rows - 1)
        foot = _FOOT + _ROW * (form.legend_rows - 1) + (_NOTE if self.note else 0)
        return Rect(x=0, y=top, width=form.width, height=form.height - top - foot - band)

    def plate(self, plane: Plane) -> Rect:
        """Where scale and north stand: in the lower right corner of the map."""
        rect, width = self.place, _bar_km(plane) * plane.units_per_km + 62
        corner_x, corner_y = rect.x + rect.width - _PAD, rect.y + rect.height - _PAD
        return Rect(x=corner_x - width, y=corner_y - _PLATE, width=width, height=_PLATE)

    def render(
        self, *, defs: str, drawing: str, facts: str, looks: Iterable[Look], plane: Plane, tags: str = ""
    ) -> bytes:
        """Return the document: `facts` is the map in words, for those who do not see it; `tags` lie above all."""
        rect, form = self.place, self.form
        width, height = form.width, form.height
        parts = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" aria-labelledby="title desc" lang="{escaped(self.lang)}" font-family="{_FONTS}">',
            f'<title id="title">{escaped(self._marked(self.title))}</title>',
            f'<desc id="desc">{escaped(self._marked(f"{self._as_of} {facts}"))}</desc>',
            f'<defs><clipPath id="place">{_rect(rect)}</clipPath>{_STRIPES if self.drill else ""}{defs}</defs>',
            self._paper(),
            f'<g clip-path="url(#place)">{drawing}{self._scale_bar(plane)}{tags}</g>',
            self._head(),
            self._foot(rect.y + rect.height, gravest_first(looks)),
            self._bands() if self.drill else "",
            "</svg>",
        )
        return "".join(parts).encode()

    @property
    def _as_of(self) -> str:
        return as_of_day(self.as_of, self.lang)

    def _marked(self, text: str) -> str:
        """Return `text` with the marks of a drill at both ends; a headline bears them already."""
        return f"【訓練】{text}【訓練】" if self.drill and not text.startswith("【訓練") else text

    def _paper(self) -> str:
        """Return what everything is drawn on: paper and sea; of an overlay only what letters stand on."""
        form, rect = self.form, self.place
        whole = Rect(x=0, y=0, width=form.width, height=form.height)
        if not form.overlay:
            return _rect(whole, "#FFF") + _rect(rect, SEA)
        foot = rect.y + rect.height
        head = Rect(x=0, y=0, width=form.width, height=rect.y)
        return _rect(head, "#FFF") + _rect(Rect(x=0, y=foot, width=form.width, height=form.height - foot), "#FFF")

    def _head(self) -> str:
        """Return the title and the time, beside it or below it."""
        width, y = self.form.width, _BAND if self.drill else 0
        below = _LINE * (self.form.head_rows - 1)
        room = width - 2 * _MARGIN - (0 if below else 9.5 * columns(self._as_of) + _MARGIN)
        return (
            f'<g font-weight="700" fill="{OUTLINE}"><text x="{_MARGIN}" y="{y + 31}" font-size="21">'
            f"{escaped(fitted(self.title, int(room / 10.5)))}</text>"
            f'<text x="{width - _MARGIN}" y="{y + 31 + below}" font-size="19" text-anchor="end">'
            f"{escaped(self._as_of)}</text></g>"
        )

    def _foot(self, y: float, looks: Sequence[Look]) -> str:
        """Return the legend of what is on the map, and the lines below it."""
        width, form = self.form.width, self.form
        items = [*((look, pick(PAINTS[look].label, self.lang)) for look in looks), (None, pick(self.rest, self.lang))]
        drawn = [_row(row, y + _ROW * number, width) for number, row in enumerate(_rows(items, form))]
        last = y + _ROW * (form.legend_rows - 1)
        below = last + 49 + (_NOTE if self.note else 0)
        drawn.append(
            f'<text x="{_MARGIN}" y="{last + 52:.0f}" font-size="14" font-weight="700">'
            f"{escaped(fitted(self.note, note_columns(form)))}</text>"
            f'<text x="{width - _MARGIN}" y="{below:.0f}" font-size="11" text-anchor="end" fill="#555560">'
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
        words, form = pick(_DRILL, self.lang), self.form
        size = min(15.0, 2 * (form.width - 60) / columns(words))
        wide = 0.52 * size * columns(words) + 30
        return "".join(
            f'<rect y="{y}" width="{form.width}" height="{_BAND}" fill="url(#drill)"/>'
            f'<rect x="{(form.width - wide) / 2:.0f}" y="{y + 4}" width="{wide:.0f}" height="26" rx="3" fill="#FFF"/>'
            f'<text x="{form.width / 2:.0f}" y="{y + 22}" font-size="{size:.3g}" font-weight="700"'
            f' text-anchor="middle" fill="#00344F">{escaped(words)}</text>'
            for y in (0, form.height - _BAND)
        )


_Item = tuple[Look | None, str]
"""What the legend explains: a look, or grey land."""


def _rows(items: Sequence[_Item], form: Form) -> list[Sequence[_Item]]:
    """Return the legend in one row if it fits, else in as many as the form has."""
    rows = 1 if _size(items, form.width) == _LETTERS else form.legend_rows
    each = -(-len(items) // rows)
    return [items[at : at + each] for at in range(0, len(items), each)]


def _size(items: Sequence[_Item], width: float) -> float:
    """Return how large the letters of a row of the legend can be."""
    room = width - 2 * _MARGIN - _SIGN * len(items)
    return min(_LETTERS, 2 * room / columns("".join(label for _, label in items)))


def _row(items: Sequence[_Item], y: float, width: float) -> str:
    x, size, drawn = float(_MARGIN), _size(items, width), []
    for look, label in items:
        drawn.append(
            badge(look, x + 13, y + 20)
            if look
            else f'<rect x="{x:.0f}" y="{y + 12:.0f}" width="22" height="17" fill="{NOTHING}" stroke="#77777F"/>'
        )
        drawn.append(f'<text x="{x + 30:.0f}" y="{y + 26:.0f}" font-size="{size:.3g}">{escaped(label)}</text>')
        x += _SIGN + size / 2 * columns(label)
    return "".join(drawn)


_STRIPES = (
    '<pattern id="drill" width="28" height="28" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="28" height="28" fill="#FFF"/><rect width="14" height="28" fill="#00507D"/></pattern>'
)


def note_columns(form: Form) -> int:
    """Return how many half-width characters the line for what the drawing cannot show holds."""
    return int((form.width - 2 * _MARGIN) / 7.1)


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
