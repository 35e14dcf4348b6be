"""Files that are followed: read again when they have changed, and when they rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lalert.errors import Rejected, Text
from lalert.web.followed import Followed, Note


class Desk:
    """A list that names a second file, as a trust file names certificates."""

    def __init__(self, folder: Path) -> None:
        self.list, self.other = folder / "list", folder / "other"
        self.followed = Followed(self.read)
        self._written = 0

    def read(self, note: Note) -> str:
        """Return what both say. Raises `Rejected` for a second file that is absent."""
        note(self.list)
        note(self.other)
        if not self.other.exists():
            raise Rejected(Text("ありません。", "There is none."), code="test.absent")
        return self.list.read_text() + self.other.read_text()

    def write(self, file: Path, text: str) -> None:
        """Write `file` at a time of its own: the clock of a file system may stand still between two steps."""
        self._written += 1
        file.write_text(text)
        os.utime(file, ns=(self._written, self._written))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Both files, read."""
    made = Desk(tmp_path)
    made.write(made.list, "a")
    made.write(made.other, "b")
    assert made.followed.read() == "ab"
    return made


def test_what_stays_as_it_was_is_not_read_again(desk: Desk) -> None:
    """Looking is all that is done."""
    assert [desk.followed.is_due() for _ in range(3)] == [False] * 3


def test_a_change_counts_when_it_rests(desk: Desk) -> None:
    """A file that is written piece by piece is left alone until two looks find it the same."""
    for piece in ("c", "cd"):
        desk.write(desk.list, piece)
        assert not desk.followed.is_due()
    assert desk.followed.is_due()
    assert desk.followed.read() == "cdb"
    assert not desk.followed.is_due()


def test_files_that_are_named_count_too(desk: Desk) -> None:
    """A certificate that is renewed under its name is a change."""
    desk.write(desk.other, "x")
    assert [desk.followed.is_due() for _ in range(2)] == [False, True]


def test_what_failed_is_tried_again_when_it_changes(desk: Desk) -> None:
    """A file that came late makes the whole right, without another touch of the list."""
    desk.other.unlink()
    assert [desk.followed.is_due() for _ in range(2)] == [False, True]
    with pytest.raises(Rejected):
        desk.followed.read()
    assert [desk.followed.is_due() for _ in range(3)] == [False] * 3
    desk.write(desk.other, "late")
    assert [desk.followed.is_due() for _ in range(2)] == [False, True]
    assert desk.followed.read() == "alate"


def test_a_change_while_it_is_read_is_seen_next_time(tmp_path: Path) -> None:
    """What is noted is the file as it was before it was opened."""
    desk = Desk(tmp_path)
    desk.write(desk.list, "a")
    desk.write(desk.other, "b")

    def slow(note: Note) -> str:
        said = desk.read(note)
        desk.write(desk.list, "changed")
        return said

    followed = Followed(slow)
    assert followed.read() == "ab"
    assert [followed.is_due() for _ in range(2)] == [False, True]


def test_where_nothing_is_named_nothing_is_due() -> None:
    """A hub without such files never reads any."""
    followed = Followed(lambda _: "")
    assert followed.read() == ""
    assert [followed.is_due() for _ in range(2)] == [False, False]
