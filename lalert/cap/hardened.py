"""The one way in which XML of others is parsed here: nothing is expanded, nothing is fetched, nothing is huge.

A DOCTYPE is still read by such a parser, with its entities left alone: whoever parses refuses it afterwards.
"""

from __future__ import annotations

from lxml import etree


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
