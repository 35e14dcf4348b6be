"""One enveloped XML-DSig signature: whether it is of the form that can count, and whether a key has made it.

signxml does the work. What is decided here is what it is asked: about which bytes, which key, which algorithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cryptography import x509
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    InvalidDigest,
    InvalidSignature,
    SignatureConfiguration,
    SignatureMethod,
    XMLVerifier,
)

from lalert.cap.dictionary import XMLDSIG
from lalert.cap.hardened import hardened

_ENVELOPED: Final = f"{XMLDSIG}enveloped-signature"
_C14N: Final = frozenset(
    method + comments
    for method in (
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    )
    for comments in ("", "WithComments" if method.endswith("#") else "#WithComments")
)
_METHODS: Final = frozenset(
    {
        *(SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512),
        *(SignatureMethod.SHA256_RSA_MGF1, SignatureMethod.SHA384_RSA_MGF1, SignatureMethod.SHA512_RSA_MGF1),
        *(SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512),
    }
)
_DIGESTS: Final = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHOD_URIS: Final = frozenset(method.value for method in _METHODS)
_DIGEST_URIS: Final = frozenset(digest.value for digest in _DIGESTS)

# Comments are no part of what `URI=""` refers to (XMLDSig §4.4.3.2), nor of what the hub reads.
_PARSER: Final = hardened(instructions=True)


def _ds(name: str) -> str:
    return f"{{{XMLDSIG}}}{name}"


_SIGNED_INFO: Final = _ds("SignedInfo")
_REFERENCE: Final = f"{_SIGNED_INFO}/{_ds('Reference')}"


def tree_of(raw: bytes) -> etree._Element:
    """Return the root of a message, as what its signatures are over. Raises `etree.XMLSyntaxError`."""
    return etree.fromstring(raw, _PARSER)


def signatures_of(root: etree._Element) -> list[etree._Element]:
    """Return the signatures that belong to the message: what is called so further down is none of it."""
    return root.findall(f"{{{XMLDSIG}}}Signature")


def method_of(element: etree._Element) -> str:
    """Return the name of the signature's algorithm (`ecdsa-sha256`), as far as it says one."""
    return _algorithm_of(element, f"{_SIGNED_INFO}/{_ds('SignatureMethod')}").rpartition("#")[2][:40]


def flaw_of(element: etree._Element) -> str | None:
    """Return the code of why a signature cannot count whoever made it, or None."""
    if not _covers_all(element):
        return "cap.signature.cover"
    strong = (
        _algorithm_of(element, f"{_SIGNED_INFO}/{_ds('CanonicalizationMethod')}") in _C14N
        and _algorithm_of(element, f"{_SIGNED_INFO}/{_ds('SignatureMethod')}") in _METHOD_URIS
        and _algorithm_of(element, f"{_REFERENCE}/{_ds('DigestMethod')}") in _DIGEST_URIS
    )
    return None if strong else "cap.signature.algorithm"


def fits(raw: bytes, number: int, count: int, certificate: x509.Certificate) -> bool | None:
    """Whether the key in `certificate` signed this message; None when it did not make this signature at all.

    The signature is that at `number`, from 0, of the `count` that the message bears.
    """
    for later in _later(number, count):
        try:
            _Verifier().verify(
                _arranged(raw, number, later),
                x509_cert=certificate,
                validate_schema=False,  # real signatures have an Id that is no name; the form was looked at before
                parser=_PARSER,
                expect_config=SignatureConfiguration(
                    location="./",
                    signature_methods=_METHODS,
                    digest_algorithms=_DIGESTS,
                    ignore_ambiguous_key_info=True,  # KeyInfo is not where trust comes from
                    verification_time=certificate.not_valid_before_utc,  # its dates are judged apart
                ),
            )
        except InvalidDigest:
            continue
        except InvalidSignature:
            return None
        except Exception:  # whatever made the verifier stumble, it has not said that the signature is right
            return None
        return True
    return False


def has_company(raw: bytes) -> bool:
    """Whether processing instructions stand beside the alert: by the letter they are signed with it.

    signxml, and whoever signs with it, leaves them out; of others' signatures nothing can be said then.
    """
    root = tree_of(raw)
    return root.getprevious() is not None or root.getnext() is not None


class _Verifier(XMLVerifier):
    """signxml's, with the canonical form of an element that inherits its namespace, and faster for Japanese.

    lxml takes the element out of its tree and loses sight of a default namespace declared above: C14N 1.0 and 1.1 then
    have an `xmlns=""` too many, and true signatures look wrong. Between two steps signxml writes the tree as ASCII,
    where each of our letters takes eight bytes.
    """

    def _tostring(self, xml_node: etree._Element, **_: object) -> bytes:
        return etree.tostring(xml_node, encoding="utf-8", with_tail=False)

    def _c14n(
        self,
        nodes: etree._Element,
        algorithm: CanonicalizationMethod,
        inclusive_ns_prefixes: list[str] | None = None,
    ) -> bytes:
        own = etree.fromstring(self._tostring(nodes), _PARSER)  # declares what it inherited
        canonical: bytes = super()._c14n(own, algorithm, inclusive_ns_prefixes)
        return canonical


def _algorithm_of(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else str(found.get("Algorithm", ""))


def _covers_all(element: etree._Element) -> bool:
    """Whether there is one reference, to the whole document less this signature, and one value of everything."""
    once = (_SIGNED_INFO, _REFERENCE, _ds("SignatureValue"), f"{_REFERENCE}/{_ds('Transforms')}")
    if any(len(element.findall(path)) != 1 for path in once):
        return False
    reference = element.findall(_REFERENCE)[0]
    transforms = [str(each.get("Algorithm")) for each in reference.iterfind(f"{_ds('Transforms')}/*")]
    return reference.get("URI") == "" and transforms[:1] == [_ENVELOPED] and _is_at_most_one(transforms[1:])


def _is_at_most_one(transforms: Sequence[str]) -> bool:
    return not transforms or (len(transforms) == 1 and transforms[0] in _C14N)


def _later(number: int, count: int) -> Iterator[frozenset[int]]:
    """Yield which other signatures may not have been there for the one at `number`, the likeliest first."""
    before, after = frozenset(range(number)), frozenset(range(number + 1, count))
    yield from dict.fromkeys([frozenset[int](), after, before, before | after])


def _arranged(raw: bytes, number: int, later: Iterable[int]) -> etree._Element:
    """Return the alert without the signatures in `later`, and the one at `number` first of all, where signxml looks.

    Its own place does not matter: its transform takes it out.
    """
    root = tree_of(raw)
    signatures = signatures_of(root)
    for index in later:
        _take_out(signatures[index])
    own, first = signatures[number], signatures_of(root)[0]
    if first is not own:
        _take_out(own)
        first.addprevious(own)
    return root


def _take_out(element: etree._Element) -> None:
    """Remove an element, and leave the text that follows it where it is."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail
    assert parent is not None
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)
