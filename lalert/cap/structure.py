"""What the schema says of a tree: libxml2 checks it in C, and its verdicts become findings with a path and advice."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from typing import Final

from lxml import etree

from lalert.cap.catalogue import finding
from lalert.cap.dictionary import ENUMERATIONS, REPEATED, XMLDSIG, tables
from lalert.errors import Finding

MAX_FINDINGS: Final = 500  # of one message; whoever has more wrong has one thing wrong many times

_NAMESPACE = re.compile(r"\{[^}]*\}")
_EXPECTED = re.compile(r"Expected is(?: one of)? \( (.*) \)\.")

# libxml2's error names, by the part that tells them apart. The first that fits counts.
_CODES: Final = (
    ("ENUMERATION", "cap.schema.enumeration"),
    ("ELEMENT_CONTENT", "cap.schema.element"),
    ("COMPLEX_TYPE_3_2", "cap.schema.attribute"),
    ("CVC_TYPE_3_1_1", "cap.schema.attribute"),
    ("COMPLEX_TYPE_2_3", "cap.schema.text"),
    ("", "cap.schema.type"),
)


class _Schemas(threading.local):
    """The compiled schemas of one thread: a validator's error log is its own, so threads must not share one."""

    def __init__(self) -> None:
        self.compiled: dict[str, etree.XMLSchema] = {}


_SCHEMAS = _Schemas()
_COMPILING = threading.Lock()  # libxml2 sets its type library up with the first schema, and without a lock


def _schema(version: str) -> etree.XMLSchema:
    """Return the compiled schema of a CAP version: made once a thread, used for every message."""
    if version not in _SCHEMAS.compiled:
        text = (files("lalert.cap") / "schema" / f"CAP-v{version}.xsd").read_bytes()
        with _COMPILING:
            _SCHEMAS.compiled[version] = etree.XMLSchema(etree.fromstring(text))
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
    """Return what the schema of `version` finds wrong in a tree that `is_valid` has refused, one finding a place."""
    missing = list(islice(_missing(root), MAX_FINDINGS))
    absent = {f.path for f in missing}
    found = missing + list(_verdicts(root, version, absent)) or [finding_at("cap.schema.element", root)]
    return list({f.path: f for f in reversed(found)}.values())[::-1][:MAX_FINDINGS]


def _missing(root: etree._Element) -> Iterator[Finding]:
    """Yield every required element that is not there: libxml2 stops at the first of each block."""
    namespace = etree.QName(root).namespace or ""
    for kind, table in tables(namespace).items():
        for block in [root] if kind == "alert" else root.iter(f"{{{namespace}}}{kind}"):
            for tag in table.required:
                if block.find(tag) is None:
                    yield _missing_finding(block, etree.QName(tag).localname)


def _missing_finding(block: etree._Element, name: str) -> Finding:
    path = f"{path_of(block)}/{name}"
    return finding("cap.schema.missing", path=path, line=block.sourceline, facts={"name": name})


def _verdicts(root: etree._Element, version: str, absent: set[str | None]) -> Iterator[Finding]:
    """Yield libxml2's errors as findings, less those that only echo a missing element."""
    tree = root.getroottree()
    schema = _schema(version)
    schema.validate(root)  # again, for its log
    for error in islice(schema.error_log, MAX_FINDINGS):
        element = _element(tree, error.path)
        if element is None:
            element = root
        if not _echoes(error.message, element, absent):
            code = next(code for part, code in _CODES if part in error.type_name)
            yield finding_at(code, element, _text_in(element))


def _text_in(element: etree._Element) -> str | None:
    """Return the text that stands in an element, its first words and those between its children; None for blanks."""
    texts = (element.text, *(child.tail for child in element))
    return " ".join(text for text in texts if text and not text.isspace()) or None


def _element(tree: etree._ElementTree, path: str | None) -> etree._Element | None:
    """Return the element at libxml2's node path; one that uses prefixes declared deeper than the root is not found."""
    prefixes = {prefix: uri for prefix, uri in tree.getroot().nsmap.items() if prefix}
    try:
        found = tree.xpath(path or "/*", namespaces=prefixes)
    except etree.XPathError:
        return None
    return found[0] if isinstance(found, list) and found and isinstance(found[0], etree._Element) else None


def _echoes(message: str, element: etree._Element, absent: set[str | None]) -> bool:
    """Whether the error is the shadow of a required element that is reported as missing."""
    expected = _EXPECTED.search(message)
    parent = element if "Missing child" in message else element.getparent()
    if expected is None or parent is None:
        return False
    names = (name.rpartition("}")[2] for name in expected[1].split(", "))
    return any(f"{path_of(parent)}/{name}" in absent for name in names)


def finding_at(code: str, element: etree._Element, found: str | None = None) -> Finding:
    """Return the finding `code` at `element`, with its path and line."""
    name = local_name(element)
    words = ", ".join(ENUMERATIONS.get(name, ())) if code == "cap.schema.enumeration" else ""
    return finding(
        code, path=path_of(element), line=element.sourceline, found=found, facts={"name": name, "words": words}
    )


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def path_of(element: etree._Element) -> str:
    """Return the path of an element by CAP's names, repeated ones numbered from 1: `/alert/info[2]/event`."""
    tree = element.getroottree()
    root = tree.getroot()
    path = f"/{local_name(root)}"
    if element is root:
        return path
    for step in _NAMESPACE.sub("", tree.getelementpath(element)).split("/"):
        name, _, number = step.partition("[")  # lxml numbers an element among several only
        path += f"/{name}[{number or '1]'}" if name in REPEATED else f"/{name}"
    return path


def line_of(root: etree._Element, path: str) -> int | None:
    """Return the line of the element at `path` (as `path_of` writes it), or of the nearest block above it."""
    tag = str(root.tag)
    prefix = tag[: tag.rfind("}") + 1]
    element = root
    for step in path.split("/")[2:]:
        name, _, number = step.rstrip("]").partition("[")
        found = next(islice(element.iterchildren(prefix + name), int(number or 1) - 1, None), None)
        if found is None:
            break
        element = found
    return element.sourceline
