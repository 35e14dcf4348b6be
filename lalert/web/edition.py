"""The edition of the boundary data that a running server works with: it follows what the data folder names.

Nothing is restarted and nobody waits: the new set is read beside the loop, one reference is swapped, and the pages made
from the old one are forgotten. A set that cannot be read leaves the old one in use, and is told to the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from lalert.geo.atlas import Atlas
from lalert.web.context import Context

log = structlog.get_logger("lalert.edition")


async def follow(atlas: Atlas, contexts: Iterable[Context]) -> None:
    """Take the set that is named now, if it is another one."""
    before = atlas.current
    if not await asyncio.to_thread(atlas.refresh):
        return
    if atlas.current is not before:
        for ctx in contexts:
            ctx.hub.cache.forget()
            ctx.bulky.forget()
        groups = len(atlas.current.groups.by_name)
        log.info("boundaries.swapped", before=before.version, version=atlas.current.version, groups=groups)
    tell_fault(atlas)


def tell_fault(atlas: Atlas) -> None:
    """Say aloud that the set which was asked for, or a named area, cannot be had."""
    version, fault = atlas.current.version, atlas.fault
    if fault is not None:
        log.error("boundaries.kept", version=version, code=fault.code, reason=fault.message.en)
    for why in atlas.current.groups.faults:
        log.error("groups.unusable", reason=why.en)
