"""Maps as PNG: the same sheet as the SVG, painted by librsvg (in libvips), for television and social media.

libvips lets go of Python's lock while it paints, and opens nothing that a drawing refers to: it reads a buffer, which
has no folder beside it. Letters need a Japanese font on this machine; without one there is no picture rather than one
full of empty boxes.
"""

from __future__ import annotations

from functools import cache

import pyvips

from lalert.errors import Text, Unavailable

_RETRY_S = 3600  # a font does not come by itself
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><text y="30" font-size="30">{}</text></svg>'
_NO_SUCH_LETTER = "\u0378"  # Unicode has none here: what is painted is what a missing letter looks like

pyvips.cache_set_max(0)  # the hub keeps what is asked for twice


def png_of(svg: bytes, *, zoom: float) -> bytes:
    """Return the drawing as a PNG, `zoom` pixels a unit. Raises `Unavailable` where Japanese cannot be written."""
    if not has_japanese():
        raise Unavailable(
            Text(
                ja="このサーバーには日本語の書体がないため、画像(PNG)を作れません。SVG の地図をご覧ください。"
                "管理者の方: fonts-noto-cjk をインストールし、ハブを起動し直してください。",
                en="This server has no Japanese font, so there is no PNG. See the SVG map instead. "
                "Operators: install fonts-noto-cjk and restart the hub.",
            ),
            code="map.no_font",
            retry_after_s=_RETRY_S,
        )
    return _painted(svg, zoom)


@cache
def has_japanese() -> bool:
    """Whether a font of this machine has Japanese letters; it is looked for once."""
    return _painted(_PROBE.format("災").encode(), 1.0) != _painted(_PROBE.format(_NO_SUCH_LETTER).encode(), 1.0)


def _painted(svg: bytes, zoom: float) -> bytes:
    picture: bytes = pyvips.Image.svgload_buffer(svg, scale=zoom).pngsave_buffer(compression=6)
    return picture
