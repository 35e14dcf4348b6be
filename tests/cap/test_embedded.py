"""lalert.cap.embedded: messages are found in other documents, and cut out as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from lalert.cap.embedded import MAX_BYTES, MAX_TAGS, messages_in, open_document
from lalert.cap.parse import decode, parse
from lalert.errors import Rejected
from tests.rig.author import as_received
from tests.rig.envelopes import bare

from .messages import order

CAP = "urn:oasis:names:tc:emergency:cap:1.2"


def cut(raw: bytes) -> list[bytes]:
    """Return the messages in `raw`."""
    return [message.raw for message in messages_in(open_document(raw))]


def refused(raw: bytes) -> set[str]:
    """Return why `raw` is no document."""
    with pytest.raises(Rejected) as error:
        messages_in(open_document(raw))
    assert (error.value.code, error.value.status) == ("xml.unreadable", 422)
    return {finding.code for finding in error.value.findings}


def test_message_is_cut_out_byte_by_byte() -> None:
    """Blanks, comments, character references, line ends: nothing of a message is written anew."""
    message = (
        f"<alert xmlns='{CAP}'  >\r\n <!-- signed --><?pi x?><identifier>a&#x62;&lt;</identifier ><x a='>'/></alert >"
    )
    assert cut(f"<feed>\n<entry>{message}</entry></feed>".encode()) == [message.encode()]


def test_messages_come_in_their_order_and_only_the_outermost() -> None:
    """A message inside another is a part of that one."""
    inner = f'<alert xmlns="{CAP}">inner</alert>'
    first = f'<alert xmlns="{CAP}"><note>{inner}</note></alert>'
    assert cut(f"<f>{first}<g/>{inner}</f>".encode()) == [first.encode(), inner.encode()]


def test_borrowed_prefixes_are_declared() -> None:
    """What the document around it declares, and only what the message uses, is put into its first tag."""
    around = f'<f xmlns="urn:f" xmlns:c="{CAP}" xmlns:x="urn:x?a&amp;b" xmlns:unused="urn:u">'
    (found,) = cut(f'{around}<c:alert><c:identifier x:a="1" xml:lang="ja">i</c:identifier></c:alert></f>'.encode())
    assert found.startswith(f'<c:alert xmlns:c="{CAP}" xmlns:x="urn:x?a&amp;b">'.encode())
    assert etree.fromstring(found)[0].attrib == {
        "{urn:x?a&b}a": "1",
        "{http://www.w3.org/XML/1998/namespace}lang": "ja",
    }


def test_own_declarations_are_left_alone() -> None:
    """A prefix that the message declares is not declared twice, whatever it means outside."""
    message = f'<c:alert xmlns:c="{CAP}"><d:x xmlns:d="urn:d"/></c:alert>'
    assert cut(f'<f xmlns:c="urn:other" xmlns:d="urn:other">{message}</f>'.encode()) == [message.encode()]


def test_empty_message_has_its_end() -> None:
    """`<alert/>` is no message, but it does not swallow what follows."""
    assert cut(f'<f><alert xmlns="{CAP}"/><alert xmlns="{CAP}"></alert></f>'.encode()) == [
        f'<alert xmlns="{CAP}"/>'.encode(),
        f'<alert xmlns="{CAP}"></alert>'.encode(),
    ]


@pytest.mark.parametrize("namespace", ["urn:oasis:names:tc:emergency:cap:1.1", "http://www.incident.com/cap/1.0"])
def test_older_versions_are_messages(namespace: str) -> None:
    """CAP 1.0 and 1.1 are found, too; an `alert` of anybody else is not."""
    assert len(cut(f'<f><alert xmlns="{namespace}"/><alert xmlns="urn:x"/><alert/></f>'.encode())) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc-jp", "utf-16"])
def test_piece_of_a_document_reads_alone(encoding: str) -> None:
    """A piece of a document in another encoding is UTF-8: it has no declaration that could say otherwise."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><f>{bare(as_received(order())).decode()}</f>'
    (found,) = cut(text.encode(encoding))
    assert decode(found).alert is not None
    assert "避難" in found.decode()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "cap.xml.syntax"),
        (b"<f>", "cap.xml.syntax"),
        (b"<f>" * 300 + b"</f>" * 300, "cap.xml.depth"),
        (b"<!DOCTYPE f [<!ENTITY a 'b'>]><f>&a;</f>", "cap.xml.doctype"),
        ("<!DOCTYPE f><f/>".encode("utf-16"), "cap.xml.doctype"),
        (b"<f>" + b" " * MAX_BYTES + b"</f>", "cap.xml.size"),
        (b"<f>" + b"<g/>" * MAX_TAGS + b"</f>", "cap.xml.elements"),
        ('<?xml version="1.0" encoding="IBM277"?><f/>'.encode("cp037"), "cap.xml.syntax"),
    ],
    ids=["empty", "open", "deep", "entity", "doctype-16", "large", "crowded", "encoding"],
)
def test_what_is_no_document(raw: bytes, code: str) -> None:
    """What cannot be read, or is out of bounds, is refused with its reason."""
    assert refused(raw) == {code}


def test_doctype_in_a_text_is_none() -> None:
    """Feeds carry pages of people as text: only a DOCTYPE of the document itself is refused."""
    page = "<![CDATA[<!DOCTYPE html><p>]]>"
    assert len(cut(f'<f><t>{page}</t><alert xmlns="{CAP}"/></f>'.encode())) == 1


def test_message_reads_the_same_inside_and_alone() -> None:
    """What was cut out says what it said before."""
    message = as_received(order())
    (found,) = cut(b"<feed xmlns='http://www.w3.org/2005/Atom'>" + bare(message) + b"</feed>")
    assert parse(found) == message


@given(st.binary(max_size=200) | st.text(alphabet="<>/ac='\"&;! xmln:-?[]", max_size=200).map(str.encode))
def test_never_anything_but_messages_or_a_refusal(noise: bytes) -> None:
    """Whatever the bytes: pieces that were in them, or Rejected."""
    raw = f'<f xmlns="{CAP}">'.encode() + noise + b"<alert>x</alert></f>"
    try:
        found = cut(raw)
    except Rejected:
        return
    assert all(piece.startswith(b"<") for piece in found)
