"""`lalert preview`: what a message would look like, in the words of the hub itself, and nothing sent."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from lalert.cli import main
from lalert.web.server import serving
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, Author
from tests.rig.caller import Caller
from tests.rig.envelopes import envelope

FEEDS = hubs.ROOT / "sample_feeds"
JAPANESE = {"LANG": "ja_JP.UTF-8", "LC_ALL": "ja_JP.UTF-8", "NO_COLOR": "1", "COLUMNS": "80"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the commands away from the data folder of the checkout."""
    monkeypatch.setenv("LALERT_DATA", str(tmp_path / "none"))


def preview(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run the command in this process; return exit code, stdout and stderr."""
    done = CliRunner(env=JAPANESE).invoke(main, ["preview", *map(str, arguments)], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def previewed(raw: bytes, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the one object of `--json`."""
    code, out, _ = preview("--json", *arguments, "-", stdin=raw)
    (line,) = out.splitlines()
    return code, json.loads(line)


def test_every_face_in_both_languages() -> None:
    """For people: verdict, level, area, each ticker, the notification and the feed's title, at 80 columns."""
    code, out, _ = preview("-", stdin=Author().order(CHIYODA, CHUO, level=4).raw)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "適正 -"
    assert all(cell_len(line) <= 80 for line in lines)
    for label in ("系", "優先度", "テロップ 20字", "テロップ 80字", "見出し", "通知の題", "フィードの題", "全文"):
        assert any(line.startswith(label) and line.removeprefix(label).strip() for line in lines), label
    assert any(line.startswith("区域") and "警戒レベル4" in line and "千代田区・中央区" in line for line in lines)
    assert "Alert level 4" in out


def test_parts_with_levels_of_their_own() -> None:
    """Where a message says different things of different places, each is told with its municipalities and its size."""
    _, out, _ = preview(FEEDS / "good" / "05-partial-lift-two-zones.xml")
    areas = [line for line in out.splitlines() if line.startswith("区域")]
    assert len(areas) == 2
    assert any("解除" in line and "km²" in line for line in areas)


def test_a_drill_is_marked_everywhere() -> None:
    """A drill goes to the drill realm, and no text of it that people see stands without its mark."""
    code, told = previewed(Author(drill=True).order(CHIYODA).raw)
    assert (code, told["receipt"]["realm"]) == (0, "drill")
    faces = told["faces"]
    texts = [*faces["speech"].values(), *faces["text"].values(), *faces["entry"]["wording"]["ja"]["ticker"].values()]
    texts += [push["notification"][part] for push in faces["push"].values() for part in ("title", "body")]
    assert all(text.startswith("【訓練") and text.endswith("】") for text in texts)


async def test_the_object_is_that_of_a_dry_run(tmp_path: Path) -> None:
    """`--json`: receipt and faces have the names and the words that `?dry_run=true` answers with."""
    alert = Author().order(CHIYODA)
    _, told = await asyncio.to_thread(previewed, alert.raw)
    async with serving(hubs.settings_for(tmp_path)) as server, Caller(server.url, await hubs.issue(server)) as live:
        answer = (await live.post(alert, path="/api/v1/alerts?dry_run=true")).json
    assert set(told) == {"file", "verdict", "findings", "receipt", "faces"}
    assert set(told["receipt"]) == set(answer["receipt"])
    assert set(told["faces"]) == set(answer["faces"])
    for name in ("area", "priority", "level", "state", "findings"):
        assert told["receipt"][name] == answer["receipt"][name]
    assert told["faces"]["entry"]["wording"] == answer["faces"]["entry"]["wording"]


def test_what_would_be_refused_is_3() -> None:
    """A message with an error shows what `validate` shows, and no face that could be taken for one that goes out."""
    bad = FEEDS / "bad" / "sent-zulu.xml"
    code, out, _ = preview(bad)
    assert code == 3
    assert out.splitlines()[0] == f"誤りあり {bad}"
    assert "cap.time.zulu" in out
    assert "テロップ" not in out
    code, told = previewed(bad.read_bytes())
    assert (code, told["verdict"], "faces" in told) == (3, "invalid", False)


def test_the_wrong_realm_is_3() -> None:
    """A right message that a realm would not publish is refused there, with the reason."""
    raw = Author(drill=True).order(CHIYODA).raw
    code, told = previewed(raw, "--realm", "live")
    assert (code, told["verdict"], "faces" in told) == (3, "invalid", False)
    assert "audience.status.exercise" in {finding["code"] for finding in told["findings"]}
    code, out, _ = preview("--realm", "live", "-", stdin=raw)
    assert (code, "audience.status.exercise" in out) == (3, True)


def test_an_envelope_is_shown_message_by_message() -> None:
    """Each message of an envelope has its own faces, and one map would not say whose it is."""
    author = Author()
    raw = envelope(author.order(CHIYODA), author.order(CHUO))
    code, told = previewed(raw)
    places = [message["receipt"]["area"]["municipalities"][0]["code"] for message in told["messages"]]
    assert (code, places) == (0, [CHIYODA, CHUO])
    assert preview("--map", "never.svg", "-", stdin=raw)[0] == 2


def test_the_map_is_a_file_that_was_asked_for(tmp_path: Path) -> None:
    """`--map` writes one SVG; of a message that is refused there is none."""
    raw, file = Author().order(CHIYODA).raw, tmp_path / "map.svg"
    assert preview("--map", file, "-", stdin=raw)[0] == 0
    assert file.read_bytes().startswith(b"<svg")
    file.unlink()
    assert preview("--map", file, "-", stdin=raw.replace(b"<urgency>Immediate", b"<urgency>Now"))[0] == 3
    assert not file.exists()


@pytest.mark.parametrize("raw", [b"", b"\0", b"<alert/>", b"<a>" * 5_000, b"<![CDATA[" + b"[red]" * 9])
def test_rubbish_is_answered(raw: bytes) -> None:
    """Whatever is given, the answer is findings and 3, never a traceback."""
    code, told = previewed(raw)
    assert (code, told["verdict"]) == (3, "invalid")
    assert preview("-", stdin=raw)[0] == 3
