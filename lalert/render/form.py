"""The formats of a map: how large its sheet is, and how large the picture that is made of it.

A picture for television is no enlarged picture for a page: its sheet is laid out anew, with letters read from a sofa;
the tall one is read on a phone at arm's length.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A sheet in drawing units, and its width in pixels.

    `overlay` leaves out what hides a camera's picture: the paper and the sea; bare land is a veil.
    """

    width: int
    height: int
    pixels: int
    legend_rows: int = 1
    head_rows: int = 1
    overlay: bool = False

    @property
    def veil(self) -> float:
        """How opaque land is where nothing is in force, 0 to 1: inland it covers all of a picture."""
        return 0.6 if self.overlay else 1.0

    @property
    def zoom(self) -> float:
        """How many pixels a drawing unit is."""
        return self.pixels / self.width


SQUARE = Form(width=800, height=800, pixels=1080)
FORMS = {
    "1080x1080": SQUARE,
    "1920x1080": Form(width=1120, height=630, pixels=1920),
    "1080x1350": Form(width=540, height=675, pixels=1080, legend_rows=2, head_rows=2),
}
"""By the size of the picture: for pages and social media, for television, for phones."""
