"""Importing: from an operator's files to an edition that may be kept, with everything that was noticed on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from lalert.errors import Finding, Rejected, Severity, Text, rejected
from lalert.geo import mapfile, packed
from lalert.geo.comparison import Difference, compared
from lalert.geo.edition import Edition, composed, source_of
from lalert.geo.legend import Drawing, Fields, understood
from lalert.geo.notices import Notice, Step, noticed
from lalert.geo.packed import Packed
from lalert.geo.source import Source
from lalert.geo.survey import Survey, survey, unfit

TOLERANCE_M: Final = 10.0
MAX_FILES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A new edition: its bytes and source, what it holds, what was noticed and how it differs from the set in use."""

    data: bytes
    source: Source
    survey: Survey
    notices: tuple[Notice, ...]
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON has it."""
        return {
            "version": self.source.version,
            "counts": dict(self.survey.counts),
            "areaKm2": round(self.survey.area_km2, 1),
            "sha256": self.source.sha256,
            "notices": [notice.to_dict() for notice in self.notices],
            "differences": [difference.to_dict() for difference in self.differences],
        }

    def checked(self, accepted: Collection[str]) -> Imported:
        """Return the edition if it may be kept. Raises Rejected `boundaries.unfit` or `boundaries.differs`.

        `accepted` are the codes of large differences that the operator takes.
        """
        if self.survey.problems:
            raise unfit([*self.survey.problems, _INCOMPLETE])
        large = [one for one in self.differences if one.is_large and one.code not in accepted]
        if large:
            raise _differs(large)
        return self


def imported(
    files: Sequence[Path],
    fields: Fields,
    base: tuple[Packed, Source],
    *,
    version: str,
    tolerance_m: float = TOLERANCE_M,
    step: Step,
) -> Imported:
    """Return what `files` make of the set in use.

    Raises Rejected `boundaries.file`, `boundaries.columns` or `boundaries.place` for files that cannot become a set.
    """
    if len(files) > MAX_FILES:
        raise Rejected(
            Text(f"ファイルは{MAX_FILES}個までです。", f"At most {MAX_FILES} files."), code="boundaries.file"
        )
    # GEOS leaves the flag for "invalid" behind on broken shapes; what is wrong with them is told as a notice.
    with np.errstate(invalid="ignore"):
        step("read")
        drawings, notices = _read(files, fields)
        edition = composed(drawings, base[0], tolerance_m=tolerance_m, step=step)
        step("compare")
        return _judged(edition, base, [path.name for path in files], notices, version)


def _judged(
    edition: Edition, base: tuple[Packed, Source], names: Sequence[str], notices: Sequence[Notice], version: str
) -> Imported:
    content = packed.decode(edition.data)  # as it will be loaded
    result, is_japan = survey(content), bool(content.names.prefectures)
    return Imported(
        data=edition.data,
        source=source_of(edition, base[1], version=version, files=names, counts=result.counts),
        survey=result,
        notices=(*notices, *edition.notices),
        differences=compared(content, base[0]) if is_japan and not result.problems else (),
    )


def _read(files: Sequence[Path], fields: Fields) -> tuple[list[Drawing], list[Notice]]:
    """Return every sheet that draws something; raises everything that is wrong with any file at once."""
    drawings: list[Drawing] = []
    skipped: list[str] = []
    findings: list[Finding] = []
    for path in files:
        try:
            for sheet in mapfile.read(path):
                drawing = understood(sheet, fields)
                if drawing is None:
                    skipped.append(sheet.label)
                else:
                    drawings.append(drawing)
        except Rejected as refused:
            findings += refused.findings
            code, message = refused.code, refused.message
    if findings:
        raise rejected(findings, code=code, message=message)
    return drawings, list(noticed("skipped.layer", _SKIPPED, skipped))


_SKIPPED: Final = Text("市区町村のない層(都道府県・振興局など)は使わない", "layers without municipalities are not used")


_INCOMPLETE: Final = Text("全国のファイルをそろえてください", "give the files of the whole country")


def _differs(large: Sequence[Difference]) -> Rejected:
    findings = [
        Finding(
            code="boundaries.differs",
            severity=Severity.ERROR,
            message=difference.what,
            advice=Text(
                f"正しい変化だと確かめたら、--accept {difference.code} を付けてください。",
                f"If you have made sure that this is right, add --accept {difference.code}.",
            ),
            path=difference.code,
            found=", ".join(difference.examples[:5]) or None,
        )
        for difference in large
    ]
    message = Text(
        "使用中の境界データと大きく異なります。取り込んでいません。",
        "It differs much from the boundary set in use. Nothing was imported.",
    )
    return rejected(findings, code="boundaries.differs", message=message)
