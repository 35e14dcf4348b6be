"""The invariant of lalert.cap, hunted by coverage: `python -m tests.cap.fuzz_atheris [FOLDER] [-max_total_time=600]`.

Needs `pip install -e '.[fuzz]'`. Starts from the samples; what it finds on its way is kept in FOLDER, if one is named.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lalert.cap"]):
    from tests.cap.test_fuzz import hold

from tests.cap.mutants import seeds


def main() -> None:
    """Fuzz until something breaks or the time is over."""
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(seeds()):
            if len(body) < 20_000:
                Path(folder, f"{number}.xml").write_bytes(body)
        atheris.Setup([*sys.argv, folder, "-max_len=20000", "-timeout=5"], hold)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
