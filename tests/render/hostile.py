"""Texts that a CAP message may carry and that no face may stumble over."""

from __future__ import annotations

from hypothesis import strategies as st

SAMPLES = (
    "<script>alert(1)</script>",
    "]]><x/>",
    "a & b \"c\" 'd'",
    "行\r\n改行\u2028行",
    "\u202e逆さ\u2066x",
    "🌊🏃‍♀️",
    "\x00\x07\x1b[31m",
    "\ufffe\uffff",
    "　全角　",
    "",
)

texts = st.one_of(st.sampled_from(SAMPLES), st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
