"""Settings: file, environment and flags become one frozen value, or a list of everything that is wrong."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from lalert import settings
from lalert.cap.parse import MAX_BYTES
from lalert.errors import Rejected
from lalert.settings import Settings, load


def _file(folder: Path, text: str) -> Path:
    file = folder / "lalert.toml"
    file.write_text(text, "utf-8")
    return file


def _wrong(file: Path | None = None, env: dict[str, str] | None = None, **overrides: object) -> Rejected:
    flags = {key.replace("__", "."): value for key, value in overrides.items()}
    with pytest.raises(Rejected) as caught:
        load(file, env or {}, flags)
    assert caught.value.code == "settings.invalid"
    return caught.value


def test_nothing_given_is_the_defaults() -> None:
    """A hub starts without any configuration, on the loopback address."""
    assert load(None, {}, {}) == Settings()
    assert Settings().server.host == "127.0.0.1"


def test_later_sources_win(tmp_path: Path) -> None:
    """Flags go before the environment, the environment before the file, the file before the defaults."""
    file = _file(tmp_path, "[server]\nhost = 'file'\nport = 1\nmax_connections = 17\n")
    env = {"LALERT_SERVER_HOST": "env", "LALERT_SERVER_PORT": "2"}
    server = load(file, env, {"server.host": "flag", "server.port": None}).server
    assert (server.host, server.port, server.max_connections) == ("flag", 2, 17)


def test_text_is_read_as_what_the_setting_is() -> None:
    """Variables are texts: numbers, paths and URLs are made of them."""
    env = {
        "LALERT_DATA": "/srv/lalert",
        "LALERT_HUB_KEY_PER_S": "2.5",
        "LALERT_QUEUE_BATCH": "8",
        "LALERT_SERVER_PUBLIC_URL": "https://alerts.example.jp",
    }
    loaded = load(None, env, {})
    assert loaded.store.data == Path("/srv/lalert")
    assert (loaded.hub.key_per_s, loaded.queue.batch) == (2.5, 8)
    assert loaded.server.public_url == "https://alerts.example.jp"


def test_a_path_may_be_given_as_a_path() -> None:
    """The command line gives paths, not texts."""
    assert load(None, {}, {"store.data": Path("x")}).store.data == Path("x")


def test_an_empty_variable_is_not_given() -> None:
    """`LALERT_SERVER_PORT=` leaves the default."""
    assert load(None, {"LALERT_SERVER_PORT": "", "LALERT_DATA": ""}, {}) == Settings()


@pytest.mark.parametrize(
    "name", ["PATH", "LALERT_CONFIG", "LALERT_PORT", "LALERT_PORT_80_TCP", "LALERT_SERVICE_HOST", "LALERT_TEST_DATA"]
)
def test_foreign_variables_are_left_alone(name: str) -> None:
    """What Kubernetes injects for a service of our name must not stop the hub."""
    assert load(None, {name: "tcp://10.0.0.1:80"}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "name", "advice"),
    [
        ("[server]\nprot = 1", "server.prot", "server.port"),
        ("[srever]\nport = 1", "srever", "server"),
        ("server = 1", "server", "[server]"),
        ("xyzzy = 1", "xyzzy", "Remove"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(tmp_path: Path, text: str, name: str, advice: str) -> None:
    """A misspelt setting that is silently ignored is worse than a hub that does not start."""
    (finding,) = _wrong(_file(tmp_path, text)).findings
    assert finding.code == "settings.unknown"
    assert finding.path == f"lalert.toml: {name}"
    assert advice in finding.advice.en


def test_an_unknown_variable_is_refused_by_its_own_name() -> None:
    """The suggestion is a variable, as the operator writes it."""
    (finding,) = _wrong(env={"LALERT_SERVER_PROT": "80"}).findings
    assert (finding.path, finding.advice.en) == ("LALERT_SERVER_PROT", "Did you mean LALERT_SERVER_PORT?")


def test_an_unknown_flag_is_refused() -> None:
    """Overrides use the same names."""
    assert [f.path for f in _wrong(server__prot=1).findings] == ["server.prot"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.port", 65_536),
        ("server.port", -1),
        ("server.port", "http"),
        ("server.host", ""),
        ("server.public_url", "alerts.example.jp"),
        ("server.public_url", "https://alerts.example.jp/?x"),
        ("server.shutdown_s", "nan"),
        ("server.shutdown_s", "inf"),
        ("store.data", " "),
        ("store.data", 3),
        ("store.retention_days", 0),
        ("store.url", "http://127.0.0.1"),
        ("store.url", "redis://127.0.0.1/live"),
        ("store.url", "unix://relative"),
        ("store.durability", "perhaps"),
        ("store.replicas", 0),
        ("store.timeout_s", 0),
        ("hub.key_per_s", 0),
        ("stream.ping_s", True),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    """Type and range are checked, whatever the source."""
    with pytest.raises(Rejected) as caught:
        load(None, {}, {key: value})
    (finding,) = caught.value.findings
    found = None if key == "store.url" else repr(value)  # it may hold a password
    assert (finding.code, finding.path, finding.found) == ("settings.value", key, found)


def test_a_file_says_numbers_as_numbers(tmp_path: Path) -> None:
    """TOML has types: a port in quotes is a mistake, and so is a number for a name."""
    wrong = _wrong(_file(tmp_path, "[server]\nport = '80'\nhost = 1\n"))
    assert {finding.path for finding in wrong.findings} == {"lalert.toml: server.port", "lalert.toml: server.host"}


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """File, environment and flags are all read before anything is refused."""
    wrong = _wrong(_file(tmp_path, "[server]\nprot = 1\nport = -1\n"), {"LALERT_HUB_CANARY_S": "x"}, queue__batch=0)
    assert len(wrong.findings) == 4
    assert "4" in wrong.message.ja


@pytest.mark.parametrize("content", [b"[server", b"\xff\xfe", b"# " + b"x" * settings.MAX_FILE_BYTES])
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path, content: bytes) -> None:
    """Broken TOML, another encoding, a file that is no configuration."""
    file = tmp_path / "lalert.toml"
    file.write_bytes(content)
    (finding,) = _wrong(file).findings
    assert (finding.code, finding.path) == ("settings.file", str(file))


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    """A missing file is not an empty one; the other sources are still checked."""
    wrong = _wrong(tmp_path / "lost.toml", {"LALERT_QUEUE_BATCH": "0"})
    assert {finding.code for finding in wrong.findings} == {"settings.file", "settings.value"}


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Windows editors write one."""
    file = tmp_path / "lalert.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\nport = 81\n")
    assert load(file, {}, {}).server.port == 81


def test_what_is_allowed_is_said_for_every_setting() -> None:
    """Whatever is wrong with whichever setting, the advice names what may stand there, in both languages."""
    keys = [
        f"{section.name}.{f.name}" for section in fields(Settings) for f in fields(getattr(Settings(), section.name))
    ]
    with pytest.raises(Rejected) as caught:
        load(None, {}, dict.fromkeys(keys, object()))
    advice = {finding.path: finding.advice for finding in caught.value.findings}
    assert set(advice) == set(keys)
    assert advice["server.port"].ja == "0 以上 65535 以下の整数を指定してください。"
    assert advice["hub.key_per_s"].en == "Give a number above 0 to 10000."
    assert all("None" not in text.en and text.ja.endswith("を指定してください。") for text in advice.values())


def test_no_post_may_be_larger_than_a_message() -> None:
    """What may be allowed of a post is what its reader takes: beyond that the option would do nothing."""
    assert load(None, {}, {"server.max_body_bytes": MAX_BYTES}).server.max_body_bytes == MAX_BYTES
    _wrong(server__max_body_bytes=MAX_BYTES + 1)


def test_settings_never_change() -> None:
    """One frozen value, built once."""
    with pytest.raises(FrozenInstanceError):
        Settings().server.port = 1  # type: ignore[misc]


def test_networks_are_an_array_or_a_comma_list(tmp_path: Path) -> None:
    """Private networks that pushes may reach: CIDR, in the file as an array, in a variable as a list."""
    file = _file(tmp_path, "[push]\nallow_networks = ['10.0.0.0/8', 'fd00::/8']\n")
    by_file = load(file, {}, {}).push.allow_networks
    by_variable = load(None, {"LALERT_PUSH_ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8"}, {}).push.allow_networks
    assert by_file == by_variable
    assert [str(network) for network in by_file] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize("value", ["10.0.0.1/8", "everything", "10.0.0.0/8;::1", ["10.0.0.0/8", 7], 7, {"a": 1}])
def test_networks_that_are_none_are_refused(value: object) -> None:
    """A range that cannot be read is an error that shows the right form, never an open door."""
    refused = _wrong(push__allow_networks=value)
    assert [finding.code for finding in refused.findings] == ["settings.value"]
    assert "10.0.0.0/8" in refused.findings[0].advice.ja
