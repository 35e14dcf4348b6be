"""`lalert validate`: findings for people and for programs, without a hub."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth, web
from click.testing import CliRunner

from lalert.cli import main, material
from tests.rig import hubs
from tests.rig.author import CHIYODA, CHUO, Author
from tests.rig.envelopes import envelope

FEEDS = hubs.ROOT / "sample_feeds"
GOOD = FEEDS / "good" / "01-level3-flood-geocode.xml"
BAD = FEEDS / "bad" / "sent-zulu.xml"
KEYS = {"code", "severity", "clause", "line", "path", "found", "message", "advice"}
ENGLISH = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


async def validate(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run the command in a thread of this process; return exit code, stdout and stderr."""
    runner = CliRunner(env=ENGLISH)
    done = await asyncio.to_thread(runner.invoke, main, ["validate", *arguments], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


async def test_good_is_0(tmp_path: Path) -> None:
    """A valid message leaves with 0, also from standard input."""
    code, out, err = await validate(str(GOOD))
    assert (code, err) == (0, "")
    assert "valid" in out
    code, out, err = await hubs.run("validate", "--json", "-", stdin=GOOD.read_bytes())
    assert (code, err) == (0, "")
    assert json.loads(out)["file"] == "-"


async def test_bad_is_3() -> None:
    """One finding of severity error leaves with 3, with the code, the line and the advice for people."""
    code, out, _ = await validate(str(GOOD), str(BAD))
    assert code == 3
    assert "cap.time.zulu" in out
    assert "→" in out


async def test_json_lines_are_the_documented_object() -> None:
    """`--json`: one object a file and line, with exactly the documented names."""
    code, out, _ = await validate("--json", str(GOOD), str(BAD))
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
    assert (await validate(abolished))[0] == 3
    assert (await validate("--profile", "core", abolished))[0] == 0
    assert (await validate("--strictness", "upstream", str(BAD)))[0] == 0


async def test_usage_and_missing_files(tmp_path: Path) -> None:
    """No file, a file that is not there and an unknown profile are usage errors: 2."""
    for arguments in ([], [str(tmp_path / "none.xml")], ["--profile", "us", str(GOOD)]):
        code, out, err = await validate(*arguments)
        assert (code, out) == (2, "")
        assert "Traceback" not in err


async def test_brackets_in_a_name_are_no_markup(tmp_path: Path) -> None:
    """A file is shown under its name, whatever a terminal's markup makes of it."""
    file = tmp_path / "x[bold].xml"
    file.write_bytes(BAD.read_bytes())
    code, out, err = await validate(str(file))
    assert code == 3
    assert "x[bold].xml" in out
    assert "Traceback" not in err


async def test_area_that_does_not_exist() -> None:
    """What the intake would refuse for its area is found here, with its line; CAP alone knows no codes."""
    bad = str(FEEDS / "bad" / "area-unknown-code.xml")
    code, out, _ = await validate("--json", bad)
    (area,) = (one for one in json.loads(out)["findings"] if one["code"] == "area.code_unknown")
    assert (code, area["severity"]) == (3, "error")
    assert area["line"] > 1
    assert (await validate("--profile", "core", bad))[0] == 0


async def test_envelope() -> None:
    """Each message of an envelope is judged by itself; one that is wrong makes it 3."""
    bad = Author().order(CHUO).raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    raw = envelope(Author().order(CHIYODA), bad)
    code, out, _ = await validate("--json", "-", stdin=raw)
    told = json.loads(out)
    assert (code, told["verdict"], told["distributionId"]) == (3, "invalid", "env-1")
    assert [message["verdict"] for message in told["messages"]] == ["valid", "invalid"]
    code, out, _ = await validate("-", stdin=raw)
    assert (code, "message 2" in out) == (3, True)


async def test_folder(tmp_path: Path) -> None:
    """In place of a folder its XML and CAP files are checked, by name; an empty one is a failure, not a success."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.CAP").write_bytes(GOOD.read_bytes())
    (tmp_path / "a.xml").write_bytes(GOOD.read_bytes())
    (tmp_path / "notes.txt").write_text("nothing to check")
    code, out, _ = await validate("--json", str(tmp_path))
    assert (code, [json.loads(line)["file"][len(str(tmp_path)) :] for line in out.splitlines()]) == (
        0,
        ["/a.xml", "/b/2.CAP"],
    )
    (tmp_path / "empty").mkdir()
    assert (await validate(str(tmp_path / "empty")))[0] == 1


async def test_terminal_is_safe(tmp_path: Path) -> None:
    """What a message says cannot steer the terminal: U+009B begins a control sequence, and XML allows it."""
    file = tmp_path / "x.xml"
    file.write_bytes(GOOD.read_bytes().replace(b"<urgency>", "<urgency>\x9b31m".encode()))
    code, out, _ = await validate(str(file))
    assert code == 3
    assert "\x9b" not in out


ORDER = Author().order(CHIYODA).raw


async def good(_: web.Request) -> web.Response:
    """Answer with a message."""
    return web.Response(body=ORDER, content_type="application/cap+xml")


async def closed(request: web.Request) -> web.Response:
    """Answer only whoever knows the word."""
    known = request.headers.get("Authorization") == encode_basic_auth("name", "s3cret")
    return await good(request) if known else web.Response(status=401)


async def moved(_: web.Request) -> web.Response:
    """Lead to where the message is."""
    raise web.HTTPFound("/good.cap?token=s3cret")


async def in_circles(_: web.Request) -> web.Response:
    """Lead to itself."""
    raise web.HTTPFound("/circle")


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer without an end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * (1 << 16))


ROUTES = [
    web.get("/good.cap", good),
    web.get("/closed.cap", closed),
    web.get("/moved", moved),
    web.get("/circle", in_circles),
    web.get("/endless", endless),
]


async def test_url() -> None:
    """A message behind an address, redirects followed; name, password and query are used and never shown."""
    async with hubs.misbehaving(ROUTES) as url:
        secret = url.replace("://", "://name:s3cret@") + "/closed.cap?key=s3cret"
        code, out, err = await validate("--json", secret, f"{url}/moved")
    assert (code, err) == (0, "")
    assert [json.loads(line)["file"] for line in out.splitlines()] == [f"{url}/closed.cap", f"{url}/moved"]


async def test_url_that_cannot_be_had() -> None:
    """75 and one clear line without secrets; what else was named is checked all the same."""
    async with hubs.misbehaving(ROUTES) as url:
        nowhere = "http://name:s3cret@127.0.0.1:1/x?key=s3cret"
        addresses = [f"{url}/missing?key=s3cret", f"{url}/circle", f"{url}/endless", nowhere]
        code, out, err = await validate("--json", *addresses, f"{url}/good.cap", str(BAD))
    assert code == 75
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["valid", "invalid"]
    assert [line.rpartition(": ")[2] for line in err.splitlines()] == [
        "answer 404. [cli.url]",
        "its redirects lead nowhere. [cli.url]",
        "it is too large. [cli.url]",
        "no connection. [cli.url]",
    ]
    assert "s3cret" not in err


async def test_address_without_a_server() -> None:
    """What is no address is a usage error: 2."""
    code, out, err = await validate("https:///x.cap")
    assert (code, out, "Traceback" in err) == (2, "", False)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a/b@c?d.xml", "a/b@c?d.xml"),
        ("https://example.jp/a.cap", "https://example.jp/a.cap"),
        ("https://u:p@example.jp:8443/a@b/c.cap?key=1#x", "https://example.jp:8443/a@b/c.cap"),
        ("HTTP://u:p@example.jp?key=1", "HTTP://example.jp"),
        ("http://u:p@[::1]:80/#k", "http://[::1]:80/"),
        ("https://u:p?q@example.jp/x", "https://example.jp/x"),
    ],
)
def test_shown_without_secrets(name: str, shown: str) -> None:
    """A path is shown as it is, an address without what may be secret."""
    assert material.shown(name) == shown


async def test_advice_is_whole_at_80_columns() -> None:
    """In a pipe, in Japanese, every sentence is there to its end: rich would cut it with an ellipsis."""
    bad = FEEDS / "bad" / "area-unsupported-geocode.xml"
    runner = CliRunner(env=ENGLISH | {"LC_ALL": "ja_JP.UTF-8", "COLUMNS": "80"})
    done = await asyncio.to_thread(runner.invoke, main, ["validate", str(bad)])
    assert "…" not in done.stdout
    assert "取り込むと使えます。" in "".join(
        line.split("│")[3].strip() for line in done.stdout.splitlines() if "│" in line
    )


async def test_several_are_summed_up(tmp_path: Path) -> None:
    """Of several documents the last line says how many are right, on stderr; their names are never broken."""
    long = tmp_path / ("x" * 100 + ".xml")
    long.write_bytes(GOOD.read_bytes())
    code, out, err = await validate(str(long), str(BAD), "http://127.0.0.1:1/")
    assert code == 75
    assert err.splitlines()[-1] == "3 documents: 1 valid, 1 invalid, 1 not read"
    assert str(long) in out
    assert "documents" not in (await validate("--json", str(long), str(BAD)))[2]


def test_output_that_cannot_be_written() -> None:
    """A terminal of Shift_JIS gets what it has letters for, JSON stays UTF-8; a full disk is a failure."""
    given = {"LANG": "ja_JP.SJIS", "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp932", "PATH": "/usr/bin:/bin"}
    lalert = [sys.executable, "-m", "lalert", "validate", str(BAD)]
    done = subprocess.run(lalert, env=given, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"")
    assert "協定世界時" in done.stdout.decode("cp932")
    done = subprocess.run([*lalert, "--json"], env=given, capture_output=True, check=False)
    assert "協定世界時" in done.stdout.decode()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(lalert, env=given, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode not in {0, 3}
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
