"""The seal: one key beside the data, and what happens when it is lost or is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lalert.core.model import Realm
from lalert.errors import Unavailable
from lalert.store import seal
from lalert.store.sqlite import SqliteStore
from tests.contract.making import START, message
from tests.contract.test_recipients import endpoint, resident


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the data of this test lie."""
    return tmp_path / "live.sqlite"


def test_what_is_sealed_opens_with_the_same_key(path: Path) -> None:
    """The key outlives the process, for nobody but the owner to read; the same text is never sealed alike."""
    sealed = seal.beside(path, is_needed=False).seal(b"secret", about="a")
    again = seal.beside(path, is_needed=True)
    assert again.open(sealed, about="a") == b"secret"
    assert again.seal(b"secret", about="a") != sealed
    assert [file.name for file in path.parent.iterdir()] == ["live.seal"]
    assert (path.parent / "live.seal").stat().st_mode & 0o777 == 0o600


def test_what_is_sealed_for_one_place_does_not_open_in_another(path: Path) -> None:
    """Who may write to the data cannot give one endpoint the secret of another."""
    kept = seal.beside(path, is_needed=False)
    with pytest.raises(Unavailable) as refused:
        kept.open(kept.seal(b"secret", about="a"), about="b")
    assert refused.value.code == "store.seal"


@pytest.mark.parametrize("damaged", [b"", b"short", bytes(40)])
def test_what_is_no_sealed_value_does_not_open(path: Path, damaged: bytes) -> None:
    """Damaged data are told as such."""
    with pytest.raises(Unavailable):
        seal.beside(path, is_needed=False).open(damaged, about="a")


@pytest.mark.parametrize("left", [None, b"half a key"])
def test_a_lost_key_is_not_replaced(path: Path, left: bytes | None) -> None:
    """A new key would open nothing, and hide that the right one must be restored."""
    if left is not None:
        path.with_suffix(".seal").write_bytes(left)
    lost = seal.beside(path, is_needed=True)
    with pytest.raises(Unavailable):
        lost.seal(b"secret", about="a")
    assert path.with_suffix(".seal").exists() == (left is not None)


def test_of_two_programs_that_make_a_key_one_wins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both seal with the key that was there first."""
    first = seal.beside(path, is_needed=False)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # the second looked before the first was done
    second = seal.beside(path, is_needed=False)
    assert second.open(first.seal(b"secret", about="a"), about="a") == b"secret"
    assert len(list(path.parent.iterdir())) == 1


async def test_alerts_go_on_without_the_key(path: Path) -> None:
    """A hub restored without its seal keeps alerts; it only cannot say whom it delivers to."""
    store = await SqliteStore.open(path, Realm.LIVE)
    await store.add_endpoint(endpoint())
    await store.add_resident(resident())
    await store.close()
    path.with_suffix(".seal").unlink()
    store = await SqliteStore.open(path, Realm.LIVE)
    await store.append([message("a", at=START)])
    for ask in (store.endpoints, lambda: store.residents(0, 1)):
        with pytest.raises(Unavailable) as refused:
            await ask()
        assert refused.value.code == "store.seal"
    assert len(await store.read(0, 10)) == 1
    await store.close()
