"""What the schema says of a tree: libxml2 gives the verdict, in C; why it refuses becomes findings with advice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Final

from lxml import etree

from lalert.cap import order
from lalert.cap.dictionary import XMLDSIG
from lalert.cap.places import finding_at
from lalert.errors import Finding

MAX_FINDINGS: Final = 500  # of one message; whoever has more wrong has one thing wrong many times

# The parts of libxml2's error names that say: an element, an attribute or a text stands where it may not.
_CONTENT: Final = ("ELEMENT_CONTENT", "COMPLEX_TYPE_2_3", "COMPLEX_TYPE_3_2", "CVC_TYPE_3_1_1", "CVC_TYPE_3_1_2")


class _Schemas(threading.local):
    """The compiled schemas of one thread: a validator's error log is its own, so threads must not share one."""

    def __init__(self) -> None:
        self.compiled: dict[str, etree.XMLSchema] = {}


_SCHEMAS = _Schemas()
_COMPILING = threading.Lock()  # libxml2 sets its type library up with the first schema, and without a lock


def _schema(version: str) -> etree.XMLSchema:
    """Return the compiled schema of a CAP version: made once a thread, used for every message."""
    if version not in _SCHEMAS.compiled:
        with _COMPILING:
            _SCHEMAS.compiled[version] = etree.XMLSchema(order.schema_of(version))
    return _SCHEMAS.compiled[version]


def is_valid(root: etree._Element, version: str) -> bool:
    """Whether the schema of `version` accepts the tree. CAP 1.0 and 1.1 know no signature: it is set aside."""
    if version != "1.2":
        _set_signatures_aside(root)
    return _schema(version).validate(root)


def _set_signatures_aside(root: etree._Element) -> None:
    for signature in root.findall(f"{{{XMLDSIG}}}Signature"):
        root.remove(signature)


def findings(root: etree._Element, version: str) -> list[Finding]:
    """Return all that is wrong in a tree that `is_valid` has refused: each place once for each code."""
    told = list(islice(order.findings(root, version), MAX_FINDINGS))
    told += islice(_verdicts(root, version), MAX_FINDINGS - len(told))
    told = told or [finding_at("cap.schema.type", root)]  # nobody can say why: it is refused all the same
    return list({(f.code, f.path): f for f in reversed(told)}.values())[::-1]


def _verdicts(root: etree._Element, version: str) -> Iterator[Finding]:
    """Yield libxml2's errors as findings, less those about what stands where: `order` tells them, and all of them."""
    tree = root.getroottree()
    schema = _schema(version)
    schema.validate(root)  # again, for its log
    for error in schema.error_log:
        if not any(part in error.type_name for part in _CONTENT):
            element = _element(tree, error.path)
            code = "cap.schema.enumeration" if "ENUMERATION" in error.type_name else "cap.schema.type"
            yield finding_at(code, root if element is None else element, None if element is None else element.text)


def _element(tree: etree._ElementTree, path: str | None) -> etree._Element | None:
    """Return the element at libxml2's node path; one that uses prefixes declared deeper than the root is not found."""
    prefixes = {prefix: uri for prefix, uri in tree.getroot().nsmap.items() if prefix}
    try:
        found = tree.xpath(path or "/*", namespaces=prefixes)
    except etree.XPathError:
        return None
    return found[0] if isinstance(found, list) and found and isinstance(found[0], etree._Element) else None
