"""`lalert validate`: findings for people and for programs, without a hub."""

from __future__ import annotations

import json
from pathlib import Path

from tests.rig import hubs

FEEDS = hubs.ROOT / "sample_feeds"
GOOD = FEEDS / "good" / "01-level3-flood-geocode.xml"
BAD = FEEDS / "bad" / "sent-zulu.xml"
KEYS = {"code", "severity", "clause", "line", "path", "found", "message", "advice"}


async def test_good_is_0(tmp_path: Path) -> None:
    """A valid message leaves with 0, also from standard input."""
    code, out, err = await hubs.run("validate", str(GOOD))
    assert (code, err) == (0, "")
    assert "valid" in out
    code, out, _ = await hubs.run("validate", "--json", "-", stdin=GOOD.read_bytes())
    assert code == 0
    assert json.loads(out)["file"] == "-"


async def test_bad_is_3() -> None:
    """One finding of severity error leaves with 3, with the code, the line and the advice for people."""
    code, out, _ = await hubs.run("validate", str(GOOD), str(BAD))
    assert code == 3
    assert "cap.time.zulu" in out
    assert "→" in out


async def test_json_lines_are_the_documented_object() -> None:
    """`--json`: one object a file and line, with exactly the documented names."""
    code, out, _ = await hubs.run("validate", "--json", str(GOOD), str(BAD))
    good, bad = (json.loads(line) for line in out.splitlines())
    assert code == 3
    assert [(one["file"], one["verdict"]) for one in (good, bad)] == [(str(GOOD), "valid"), (str(BAD), "invalid")]
    for one in (good, bad):
        assert set(one) == {"file", "verdict", "findings"}
        for finding in one["findings"]:
            assert set(finding) == KEYS
            assert set(finding["message"]) == set(finding["advice"]) == {"ja", "en"}
            assert finding["severity"] in {"error", "warning", "info"}
    assert [f["line"] for f in bad["findings"] if f["code"] == "cap.time.zulu"] == [6]


async def test_core_profile_and_upstream_strictness() -> None:
    """`--profile core` asks CAP only; `--strictness upstream` turns what others do wrong into warnings."""
    abolished = str(FEEDS / "bad" / "abolished-term.xml")
    assert (await hubs.run("validate", abolished))[0] == 3
    assert (await hubs.run("validate", "--profile", "core", abolished))[0] == 0
    assert (await hubs.run("validate", "--strictness", "upstream", str(BAD)))[0] == 0


async def test_usage_and_missing_files(tmp_path: Path) -> None:
    """No file, a file that is not there and an unknown profile are usage errors: 2."""
    for arguments in ([], [str(tmp_path / "none.xml")], ["--profile", "us", str(GOOD)]):
        code, out, err = await hubs.run("validate", *arguments)
        assert (code, out) == (2, "")
        assert "Traceback" not in err


async def test_brackets_in_a_name_are_no_markup(tmp_path: Path) -> None:
    """A file is shown under its name, whatever a terminal's markup makes of it."""
    file = tmp_path / "x[bold].xml"
    file.write_bytes(BAD.read_bytes())
    code, out, err = await hubs.run("validate", str(file))
    assert code == 3
    assert "x[bold].xml" in out.replace("\n", "")  # a long path is broken where the terminal ends
    assert "Traceback" not in err
