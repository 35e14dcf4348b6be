"""`lalert vocabulary check`: a new edition is judged before it is in force."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from click.testing import CliRunner

from lalert.cli import main

NEWEST = (files("lalert.cap") / "vocabulary" / "2026-05.toml").read_text("utf-8")


def check(file: Path) -> tuple[int, str, str]:
    """Return the exit code, what is printed, and what is said aside."""
    done = CliRunner().invoke(main, ["vocabulary", "check", str(file)])
    return done.exit_code, done.stdout, done.stderr


def test_a_sound_edition_is_0_and_a_broken_one_3(tmp_path: Path) -> None:
    """A sound edition tells from when it holds; of a broken one every fault is a line, and it leaves with 3."""
    file = tmp_path / "2029-04.toml"
    file.write_text(NEWEST.replace("since = 2026-05-28", "since = 2029-04-01"), "utf-8")
    code, out, err = check(file)
    assert (code, err) == (0, "")
    assert "2029-04-01T00:00:00+09:00" in out
    file.write_text(
        NEWEST.replace('"避難勧告" = "避難指示"', '"避難勧告" = "避難命令"').replace("level = 3\n", ""), "utf-8"
    )
    code, out, err = check(file)
    assert (code, out) == (3, "")
    assert {line.split(":")[0] for line in err.splitlines()} == {"abolished", "acts"}


def test_rubbish_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    """Bytes that are no text, and an empty file, are told as what they are."""
    file = tmp_path / "x.toml"
    for content in (b"\xff\xfe\0", b""):
        file.write_bytes(content)
        code, _, err = check(file)
        assert code == 3
        assert "Traceback" not in err
