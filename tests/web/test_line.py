"""lalert.web.line: what is replayed to a reader is written in pieces of bearable size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lalert.web.line import pieces

MIB = 1 << 20


@given(st.lists(st.sampled_from([0, 1, 700, 65_536, MIB // 2, MIB - 1, MIB, 4 * MIB]), max_size=12))
def test_pieces_hold_whole_frames_in_order(sizes: list[int]) -> None:
    """No frame is cut, lost or moved; a piece holds no frame beyond its first MiB."""
    frames = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    cut = list(pieces(frames))
    assert b"".join(cut) == b"".join(frames)
    ends = {sum(sizes[:count]) for count in range(len(sizes) + 1)}
    at = 0
    for piece in cut:
        at += len(piece)
        assert at in ends
        assert len(piece) < MIB + max(sizes)
    assert len(cut) <= 1 + sum(sizes) // MIB
