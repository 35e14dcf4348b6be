"""`lalert validate --trust`: what a message's signatures prove, before a hub is set up with them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.rig import hubs
from tests.rig.signers import identity, signed, subject

RAW = (hubs.ROOT / "sample_feeds" / "good" / "01-level3-flood-geocode.xml").read_bytes()
CITY = identity("city")


def trust_file(folder: Path) -> str:
    """Write a trust file in which everybody must sign, and return where."""
    (folder / "city.pem").write_bytes(CITY.pem)
    sender = RAW.partition(b"<sender>")[2].partition(b"<")[0].decode()
    file = folder / "trust.toml"
    file.write_text(f'required = true\n[[signer]]\nsender = "{sender}"\ncertificate = "city.pem"\n')
    return str(file)


async def test_verdicts(tmp_path: Path) -> None:
    """Signed: 0 and by whom; not signed: 3 and why; JSON has both."""
    trust = trust_file(tmp_path)
    code, out, _ = await hubs.run("validate", "--trust", trust, "-", stdin=signed(RAW, CITY))
    assert code == 0
    assert f"signed: {subject('city')}" in out
    code, out, _ = await hubs.run("validate", "--json", "--trust", trust, "-", stdin=signed(RAW, identity("other")))
    told = json.loads(out)
    assert (code, [one["verdict"] for one in told["signatures"]]) == (3, ["unverifiable"])
    assert {"cap.signature.unknown", "cap.signature.required"} <= {one["code"] for one in told["findings"]}


async def test_as_if_posted_with_a_key(tmp_path: Path) -> None:
    """Signers of one API key count with `--key-id`, and for nobody else."""
    (tmp_path / "city.pem").write_bytes(CITY.pem)
    file = tmp_path / "trust.toml"
    file.write_text('[[signer]]\nkey_id = "1f0c"\ncertificate = "city.pem"\nrequired = true\n')
    for more, expected in (((), "unverifiable"), (("--key-id", "1f0c"), "valid")):
        _, out, _ = await hubs.run("validate", "--json", "--trust", str(file), *more, "-", stdin=signed(RAW, CITY))
        assert [one["verdict"] for one in json.loads(out)["signatures"]] == [expected]
    code, out, err = await hubs.run("validate", "--key-id", "1f0c", "-", stdin=RAW)
    assert (code, out) == (2, "")
    assert "--trust" in err


async def test_a_wrong_trust_file(tmp_path: Path) -> None:
    """A trust file that is not right ends the command with its faults, and no message is judged."""
    file = tmp_path / "trust.toml"
    file.write_text("requird = true")
    code, out, err = await hubs.run("validate", "--trust", str(file), "-", stdin=RAW)
    assert (code, out) == (1, "")
    assert "trust.unknown" in err
