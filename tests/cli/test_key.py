"""`lalert key`: issued once, listed without secrets, revoked while the hub runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lalert.core import keys
from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess


def files_in(folder: Path) -> list[Path]:
    """Return the files of a data folder."""
    return [path for path in folder.iterdir() if path.is_file()]


async def issue(data: Path, *more: str, realm: str = "live") -> tuple[int, str, str]:
    """Run `lalert key issue`."""
    return await hubs.run("key", "issue", "--data", str(data), "--realm", realm, "--name", "試験市", *more)


async def test_issue_prints_the_key_alone(tmp_path: Path) -> None:
    """Standard output is the key and a line end, so that `KEY=$(lalert key issue ...)` works; talk is on stderr."""
    code, out, err = await issue(tmp_path, "--area", "13")
    assert code == 0
    assert out.count("\n") == 1
    assert keys.maybe_parse(out.strip()) is not None
    assert err
    assert out.strip() not in err


async def test_only_a_digest_is_kept(tmp_path: Path) -> None:
    """The secret is in no file of the data folder, and `list` does not know it."""
    _, out, _ = await issue(tmp_path, "--area", "131016,14")
    secret = out.strip().rpartition("_")[2]
    assert not [path for path in files_in(tmp_path) if secret.encode() in path.read_bytes()]
    code, listed, _ = await hubs.run("key", "list", "--data", str(tmp_path), "--realm", "live", "--json")
    (line,) = [json.loads(text) for text in listed.splitlines()]
    assert code == 0
    assert secret not in listed
    assert (line["name"], line["role"], line["areas"], line["revokedAt"]) == (
        "試験市",
        "sender",
        ["131016", "14"],
        None,
    )
    _, table, _ = await hubs.run("key", "list", "--data", str(tmp_path), "--realm", "live")
    assert line["id"] in table


async def test_table_leaves_nothing_out(tmp_path: Path) -> None:
    """On 80 columns every code of a key is whole, and a name with brackets is no markup."""
    codes = ["131016", "131024", "131032", "131041", "131059"]
    await issue(tmp_path, "--area", ",".join(codes), "--name", "[red]")  # the last name counts
    _, table, _ = await hubs.run("key", "list", "--data", str(tmp_path), "--realm", "live")
    for whole in ("[red]", *codes):
        assert whole in table


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "--area"),
        (["--area", "999999"], 1, "999999"),
        (["--area", "131017"], 1, "131017"),
        (["--area", "13", "--role", "mayor"], 2, "mayor"),
    ],
)
async def test_mistakes(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    """A key for nowhere, for a place that is not or for an unknown role is not issued."""
    got, out, err = await issue(tmp_path, *arguments)
    assert (got, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


async def test_media_key_needs_no_area(tmp_path: Path) -> None:
    """Only senders have an area."""
    code, out, _ = await issue(tmp_path, "--role", "media", realm="drill")
    assert code == 0
    assert out.startswith("lalert_drill_")


async def test_works_on_a_running_hub(hub_process: HubProcess) -> None:
    """A key that is issued beside a running hub is valid at once; a revoked one is refused soon after."""
    await hub_process.start()
    _, out, _ = await issue(hub_process.data, "--area", "*")
    key = out.strip()
    async with Caller(hub_process.url, key) as caller:
        await caller.publish(Author().order())
        of_hub = ("--data", str(hub_process.data), "--realm", "live")
        code, _, _ = await hubs.run("key", "revoke", *of_hub, key.split("_")[2])
        assert code == 0
        async with hubs.patience():
            while (answer := await caller.post(Author().order())).status == 201:
                pass  # the ring is refreshed within seconds
        assert (answer.status, answer.json["title"]) == (401, "key.unknown")
        code, _, err = await hubs.run("key", "revoke", *of_hub, key.split("_")[2])
    assert code == 1
    assert key.split("_")[2] in err
