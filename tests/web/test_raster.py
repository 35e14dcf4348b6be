"""Maps as pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pyvips

from lalert.errors import Unavailable
from lalert.geo.boundaries import BoundarySet
from lalert.render.form import FORMS, Form
from lalert.render.map import alert_map, area_map
from lalert.web import raster
from tests.render.entries import SENT, entry
from tests.render.test_map import posted

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


@pytest.mark.parametrize("code", ["01", "17", "134210"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_land_looks_like_land(code: str, form: Form, japan: BoundarySet) -> None:
    """Where nothing is in force there is grey, not sea: the same is covered as when all of it is in force."""
    bare, covered = replace(form, overlay=True), []
    everything = posted(*japan.expand(code))
    for in_force in ([], [everything]):
        svg = area_map(code, in_force, japan, title="", as_of=SENT, form=bare)
        covered.append((opened(raster.png_of(svg, zoom=0.5))[3] > 0).avg() / 255)  # bare land is a veil
    assert covered[0] == pytest.approx(covered[1], abs=0.02)  # signs reach over the coast


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
