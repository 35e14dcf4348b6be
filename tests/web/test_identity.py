"""Who a node is: a name that lasts, an id for each life, and one life at a time in a folder."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lalert.errors import Unavailable
from lalert.web.identity import taken

URL = "http://127.0.0.1:8081"


def test_each_life_knows_the_one_before(tmp_path: Path) -> None:
    """The first has none; the next, also after a crash, has the id of the last as one that is dead."""
    with taken(tmp_path / "data", name="a", url=URL) as first:
        assert (first.name, first.predecessor) == ("a", "")
    with taken(tmp_path / "data", name="a", url=URL) as second:
        assert second.predecessor == first.id
        assert second.id != first.id
    assert (tmp_path / "data" / "node").read_text().strip() == second.id


def test_a_folder_has_one_hub(tmp_path: Path) -> None:
    """While one lives there another is refused; the id of the living stays."""
    with taken(tmp_path, name=None, url=URL) as living:
        with pytest.raises(Unavailable) as refused, taken(tmp_path, name="b", url=URL):
            pass
        assert refused.value.code == "store.locked"
        assert (tmp_path / "node").read_text().strip() == living.id


def test_without_a_name_it_is_called_after_where_it_is(tmp_path: Path) -> None:
    """Machine and port: several nodes on one machine differ."""
    with taken(tmp_path, name=None, url=URL) as one:
        assert one.name == one.where == f"{socket.gethostname()}:8081"
