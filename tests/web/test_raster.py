"""Maps as pictures."""

from __future__ import annotations

import pytest
import pyvips

from lalert.errors import Unavailable
from lalert.geo.boundaries import BoundarySet
from lalert.render.form import FORMS, Form
from lalert.render.map import alert_map
from lalert.web import raster
from tests.render.entries import entry

DOT = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="40">{}</svg>'
)


def opened(png: bytes) -> pyvips.Image:
    """Return a picture as a viewer reads it."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return pyvips.Image.pngload_buffer(png)


@pytest.mark.parametrize(("size", "form"), FORMS.items(), ids=FORMS)
def test_a_picture_has_the_size_that_was_asked_for(size: str, form: Form, japan: BoundarySet) -> None:
    """1920x1080 means exactly that: broadcast equipment takes nothing else."""
    image = opened(raster.png_of(alert_map(entry(), japan, form=form), zoom=form.zoom))
    assert f"{image.width}x{image.height}" == size


def test_letters_are_painted() -> None:
    """Japanese is written, not left out: different words give different pictures, and none is empty."""
    words = [
        opened(raster.png_of(DOT.format(f'<text y="30" font-size="20">{word}</text>').encode(), zoom=1)).avg()
        for word in ("災害", "避難")
    ]
    assert 0 < words[0] != words[1] > 0


def test_without_a_japanese_font_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map of empty boxes instead of names would be worse than none: the answer says what is missing."""
    raster.has_japanese.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(raster, "_painted", lambda svg, zoom: b"the box of a missing letter")
        with pytest.raises(Unavailable, match=r"map\.no_font.*fonts-noto-cjk"):
            raster.png_of(DOT.format("").encode(), zoom=1)
    raster.has_japanese.cache_clear()


def test_a_drawing_opens_no_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a drawing refers to, nothing of this machine gets into the picture."""
    secret = tmp_path_factory.mktemp("secret") / "dot.png"
    secret.write_bytes(raster.png_of(DOT.format('<rect width="40" height="40" fill="red"/>').encode(), zoom=1))
    for address in (secret.as_uri(), str(secret)):
        drawing = DOT.format(f'<image xlink:href="{address}" width="40" height="40"/>').encode()
        assert opened(raster.png_of(drawing, zoom=1)).max() == 0
