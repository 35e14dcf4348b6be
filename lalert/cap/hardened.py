"""The one way in which XML of others is parsed here: nothing is expanded, nothing is fetched, nothing is huge.

A DOCTYPE is still read by such a parser, with its entities left alone: whoever parses refuses it afterwards.

What a tree costs is bounded before there is one, by what the bytes show. One encoding does not show it: UTF-7 may write
any character, `<` too, as a code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from lalert.cap.catalogue import finding
from lalert.errors import Finding

_ATTRIBUTE: Final = re.compile(rb"=[ \t\r\n\0]*+[\"']")  # in UTF-16, too
_START: Final = 12  # bytes within which a declaration begins, in any encoding and behind any mark
_UTF_7: Final = re.compile(rb"utf-?7", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a document may hold: bytes, tags (counted as `<`), attributes (counted as `=` and a quote)."""

    size: int
    tags: int
    attributes: int

    def breach(self, raw: bytes) -> Finding | None:
        """Return why `raw` must not be parsed, or None. Linear, at memory's speed."""
        if len(raw) > self.size:
            return finding("cap.xml.size", facts={"limit": self.size})
        # Few bytes have no room for so many, and need not be counted.
        if len(raw) > self.tags and raw.count(b"<") > self.tags:
            return finding("cap.xml.elements", facts={"limit": self.tags})
        if len(raw) > 2 * self.attributes and raw.count(b"=") > self.attributes and self._has_more_attributes(raw):
            return finding("cap.xml.attributes", facts={"limit": self.attributes})
        if b"?" in raw[:_START] and _UTF_7.search(raw, 0, max(raw.find(b"?>"), 0)):
            return finding("cap.xml.syntax", line=1, found="UTF-7")
        return None

    def _has_more_attributes(self, raw: bytes) -> bool:
        return next(islice(_ATTRIBUTE.finditer(raw), self.attributes, None), None) is not None


def hardened(*, trimming: bool = False, instructions: bool = False) -> etree.XMLParser[etree._Element]:
    """Return a parser without comments; `trimming` drops what is blank between elements.

    `instructions` keeps processing instructions, for whoever must know of them.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=not instructions,
        huge_tree=False,
        remove_blank_text=trimming,
    )
