"""Every verdict is that of the schema and of CAP's rules as somebody else reads them (`second_reading`)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib.resources import files
from random import Random

from lxml import etree

from lalert.cap.reader import read

from .messages import SOUND
from .second_reading import NAMESPACE, broken

CASES = 4_000
FULL = (
    SOUND.replace("</scope>", "</scope><references>a,b,2026-09-01T11:00:00+09:00</references><incidents>i</incidents>")
    .replace(
        "<expires>", "<effective>2026-09-01T12:00:00+09:00</effective><onset>2026-09-01T12:00:00+09:00</onset><expires>"
    )
    .replace("<resource>", "<web>https://example.jp/</web><resource>", 1)
    .replace("<msgType>Alert<", "<msgType>Update<")
    .replace(
        "</resource>",
        "</resource><resource><resourceDesc>r</resourceDesc><mimeType>a/b</mimeType><uri>a:b</uri></resource>",
    )
    .replace("</uri>", "</uri><derefUri>QUJD</derefUri><digest>2jmj7l5rSw0yVb/vlWAYkK/YBwk=</digest>", 1)
    .replace("</altitude>", "</altitude><ceiling>10</ceiling>")
)

_TIMES = (
    "2026-09-01T12:00:00-00:00",
    "2026-09-01T12:00:00+00:00",
    "2026-09-01T24:00:00+09:00",
    "2026-09-01T24:00:01+09:00",
    "2026-09-01T12:00:00Z",
    "2026-09-01T12:00:00",
    "2026-09-01T12:00:00.5+09:00",
    "2026-02-29T12:00:00+09:00",
    "2028-02-29T12:00:00+09:00",
    "2026-12-31T23:59:60+00:00",
    "2026-09-01T12:00:00+14:00",
    "2026-09-01T12:00:00+14:01",
    "2026-09-01T12:00:00+09:60",
    "2026-09-01 12:00:00+09:00",
    "2026-09-01T12:00:00+0900",
    "２０２６-09-01T12:00:00+09:00",
    "0000-09-01T12:00:00+09:00",
    "\n2026-09-01T12:00:00+09:00 ",
    "\u00a02026-09-01T12:00:00+09:00",
    "",
)
_NAMES = ("a b", "a,b", "a<b", "a&b", "", " a", "a\n", "a\u00a0b", "a\u3000b", "市", 'a"b', "a>b", "\t")
_URIS = ("www.example.jp", "/a", "", "mailto:a@b.jp", "urn:oid:1.2", " https://example.jp ", "http://a b", "1http://x")
_TEXTS: dict[str, tuple[str, ...] | list[str]] = {
    **dict.fromkeys(("sent", "effective", "onset", "expires"), _TIMES),
    **dict.fromkeys(("identifier", "sender"), _NAMES),
    **dict.fromkeys(("web", "uri"), _URIS),
    "references": [
        "",
        " ",
        *(f"a,b,{time}" for time in _TIMES),
        *(f"{name},b,2026-09-01T11:00:00+09:00" for name in _NAMES),
        "a,b,2026-09-01T11:00:00+09:00\n\ta,c,2026-09-01T11:00:00+09:00",
        "a,b,2026-09-01T11:00:00+09:00\u3000a,c,2026-09-01T11:00:00+09:00",
        "a,b",
        "a,b,c,2026-09-01T11:00:00+09:00",
        "a, b, 2026-09-01T11:00:00+09:00",
    ],
    "status": ("Draft", "Exercise", "actual", "Actual ", ""),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error", "Reply"),
    "scope": ("Public", "Restricted", "Private", "public"),
    "certainty": ("Observed", "Very Likely", "likely"),
    "incidents": ('"a b" c', '"a b', ""),
    "language": ("", " ja ", "ja_JP", "ja-x-easy", "i-klingon", "ja JP"),
    "mimeType": ("", "image", "image/", "text/plain; charset=utf-8", "IMAGE/PNG", "a b/c"),
    "derefUri": ("", "QU\nJD", "QU!J", "QUJ", "QU-_"),
    "digest": ("", "abc", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39"),
    "polygon": (
        "",
        " \n",
        "35,135 35,136 36,136 35,135",
        "35,135\t35,136\n36,136  35.0,135.00",
        "35,135 35,136 36,136 36,135",
        "35,135 35,136 35,135",
        "135,35 136,35 136,36 135,35",
        "35, 135 35, 136 36, 136 35, 135",
        "3.5e1,135 35,136 36,136 3.5e1,135",
        "nan,1 35,136 36,136 nan,1",
        "３５,135 35,136 36,136 ３５,135",
        "35,135\u300035,136 36,136 35,135",
        "+.5,-.5 1.,1 1,2 .5,-0.5",
        "90,-180 -90,180 0,0 90,-180",
        "90,-180.01 -90,180 0,0 90,-180.01",
        "[35,135] 35,136 36,136 [35,135]",
        "35,135,0 35,136,0 36,136,0 35,135,0",
    ),
    "circle": (
        "",
        "35,135 0",
        "35,135 -1",
        "35,135",
        "35,135,1",
        "35,135\n1.5",
        "91,1 1",
        "35,135 1e1",
        "35,135\u00a01",
    ),
    "altitude": ("-5", " 20 ", "20.5", "", "1e1", "INF", ".5"),
    "ceiling": ("-5", "0", "20", "x"),
}


def changed(root: etree._Element, chance: Random) -> etree._Element:
    """Return a copy of the message in which one place, or several, say something else, twice, nothing, or elsewhere."""
    tree = copy.deepcopy(root)
    for _ in range(chance.choice((1, 1, 2, 3))):
        element = chance.choice([e for e in tree.iter(etree.Element) if e is not tree])
        parent = element.getparent()
        assert parent is not None
        texts = _TEXTS.get(str(element.tag).removeprefix(NAMESPACE))
        way = chance.random()
        if texts and way < 0.75:
            element.text = chance.choice(texts)
        elif way < 0.85:
            parent.remove(element)
        elif way < 0.9:
            parent.insert(parent.index(element), copy.deepcopy(element))
        elif way < 0.95:
            parent.insert(chance.randrange(len(parent)), element)
        elif way < 0.97:
            element.set("x", "1")
        else:
            element.tail = "x"
    return tree


def mutants() -> Iterator[etree._Element]:
    """Yield changed messages, the same ones every time."""
    chance = Random(20261123)
    root = etree.fromstring(FULL.encode())
    yield root
    for _ in range(CASES):
        yield changed(root, chance)


def test_verdict_is_that_of_a_second_reading() -> None:
    """A producer's message passes exactly where the schema and the rules, read by somebody else, let it pass."""
    schema = etree.XMLSchema(etree.fromstring((files("lalert.cap") / "schema" / "CAP-v1.2.xsd").read_bytes()))
    passed = 0
    for tree in mutants():
        raw = etree.tostring(tree, encoding="utf-8")
        expected = schema.validate(etree.fromstring(raw)) and not broken(tree)
        reading = read(raw, profile="core")
        assert (reading.verdict == "valid") == expected, (raw.decode(), reading.findings)
        passed += expected
    assert CASES / 10 < passed < CASES / 2  # both verdicts are met often
