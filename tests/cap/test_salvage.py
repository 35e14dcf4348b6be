"""lalert.cap.salvage: bytes of others that are no XML, and the one thing that they may have been meant to be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap import salvage
from lalert.cap.model import Status
from lalert.cap.reader import Strictness, read
from tests.cap.messages import SOUND

UP = Strictness.UPSTREAM
HEADLINE = "千代田区に避難指示"
CAP = ' xmlns="urn:oasis:names:tc:emergency:cap:1.2"'


def headline(raw: bytes) -> str | None:
    """Return what others are told by an upstream's message, and that a sender of ours would be told to mend it."""
    reading = read(raw, profile="core", strictness=UP)
    assert read(raw, profile="core").alert is None
    if reading.alert is None:
        return None
    assert reading.alert.status is Status.ACTUAL
    assert reading.alert.raw == raw
    return reading.alert.infos[0].headline


def codes(raw: bytes) -> set[str]:
    """Return the repairs that an upstream's message took."""
    return {f.code for f in read(raw, profile="core", strictness=UP).findings if f.code.startswith("cap.repair.")}


def says(text: str) -> str:
    """Return the sound message with this headline, as it is written in XML."""
    assert HEADLINE in SOUND
    return SOUND.replace(HEADLINE, text)


def prefixed(namespace: str) -> bytes:
    """Return the sound message with a prefix everywhere, and `namespace` as its only declaration."""
    return re.sub(r"<(/?)(?=[a-z])", r"<\1cap:", SOUND.replace(CAP, namespace)).encode()


@pytest.mark.parametrize("declared", ["UTF8MB4", "utf-8;", "unicode"])
def test_utf_8_under_a_wrong_name_is_utf_8(declared: str) -> None:
    """Text in UTF-8 can be read as Shift_JIS, too, and says nothing then: UTF-8 comes first."""
    assert headline(SOUND.replace("UTF-8", declared).encode()) == HEADLINE


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
@pytest.mark.parametrize("text", [HEADLINE, "高台へ避難してください"])
def test_japanese_is_read_in_its_own_encoding(encoding: str, text: str) -> None:
    """EUC-JP passes for Shift_JIS full of half-width kana: the reading with more true kana counts."""
    raw = says(text).encode(encoding)
    assert headline(raw) == text
    assert codes(raw) == {"cap.repair.encoding"}


def test_characters_of_the_makers_are_read() -> None:
    """What Windows calls Shift_JIS has ① and 髙; one of them must not turn a whole message into rubbish."""
    assert headline(says("①髙台へ避難").encode("cp932")) == "①髙台へ避難"


def test_french_is_not_taken_for_japanese() -> None:
    """é and the letter behind it are one character in Shift_JIS: without kana it is Japanese only if it says so."""
    french = re.sub(r"[^\x00-\x7f]", "x", SOUND).replace(">ja<", ">fr<")
    raw = re.sub("<headline>.*?<", "<headline>météo à côté<", french).encode("latin-1")
    assert headline(raw) == "météo à côté"
    short = re.sub("<headline>.*?<", "<headline>避難<", french.replace(">fr<", ">ja<")).encode("cp932")
    assert headline(short) == "避難"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("A & B", "A & B"),
        ("A &amp; B &#38; C", None),
        ("&nbsp;x&eacute;", "\u00a0xé"),
        ("&unheard;", "&unheard;"),
        ("A &#38; &", "A & &"),
        ("A\x01\x0bB", "AB"),
        ("A&#1;&#xFFFF;B", "AB"),
        ("A&#99999999999999999999999999;B", "AB"),
        ("A&#xyz;B", "AB"),
        ("<![CDATA[A & &nbsp;]]> &", "A & &nbsp; &"),
        ("A<!-- & -->B &", "AB &"),
    ],
)
def test_characters_that_xml_does_not_allow(written: str, read_as: str | None) -> None:
    """A bare `&` is one, `&nbsp;` is what HTML says, control characters are nothing; sections and comments stay."""
    raw = says(written).encode()
    if read_as is None:
        assert read(raw, profile="core").alert is not None
    else:
        assert headline(raw) == read_as
        assert codes(raw) == {"cap.repair.characters"}


def test_several_defects_are_mended_one_after_another() -> None:
    """What is mended in one step is the text that the next one begins with."""
    raw = b"\n" + says("避難してください & 高台へ").encode("cp932")
    assert headline(raw) == "避難してください & 高台へ"
    assert codes(raw) == {"cap.repair.wrapping", "cap.repair.encoding", "cap.repair.characters"}


@pytest.mark.parametrize("namespace", [CAP, ""])
def test_prefix_that_nobody_declared_is_that_of_cap(namespace: str) -> None:
    """`<cap:alert xmlns=…>` is a common mistake, and what is meant is plain."""
    assert headline(prefixed(namespace)) == HEADLINE
    assert codes(prefixed(namespace)) == {"cap.repair.prefix"}


def test_version_of_a_bound_prefix_is_the_one_that_is_named() -> None:
    """The namespace that stands in the first tag says which CAP it is."""
    reading = read(prefixed(CAP.replace("1.2", "1.1")), profile="core", strictness=UP)
    assert reading.alert is not None
    assert reading.alert.version == "1.1"


def test_what_follows_the_only_end_is_set_aside() -> None:
    """The words of a broken server behind a message are no part of it; of two messages nobody knows which is meant."""
    raw = SOUND.encode()
    assert headline(raw + b"<br />\n<b>Warning</b>: x in <b>y</b>") == HEADLINE
    assert codes(raw + b"\0\0") == {"cap.repair.wrapping"}
    assert headline(raw + raw) is None


def test_number_of_mended_characters_is_bounded() -> None:
    """No message keeps the mender busy: one with more of them than any message has is left as it is."""
    assert headline(says("&" * (salvage.MAX_AMPERSANDS + 1)).encode()) is None


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_attempts_differ_from_what_came(before: bytes, inside: bytes) -> None:
    """Whatever comes, each attempt is another text, and says what it took."""
    raw = before + b"<c:alert>" + inside + b"</c:alert>"
    seen = [raw]
    for count, (body, told) in enumerate(salvage.attempts(raw), 1):
        assert body != seen[-1]
        assert len(told) == count
        seen.append(body)
