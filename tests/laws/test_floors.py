"""The floors of the house, as setup.cfg draws them."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from tests.rig.hubs import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


def test_imports_go_down_the_floors_only() -> None:
    """Every contract of import-linter holds: floors, purity, and who may know aiohttp and SQL."""
    done = subprocess.run([LINTER, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_stands_on_a_floor() -> None:
    """A module that no floor names would be held to no rule."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    layers = config["importlinter:contract:floors"]["layers"].replace("|", " ").split()
    modules = {
        path.stem for path in (ROOT / "lalert").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert modules - {"__init__"} == {layer.removeprefix("lalert.") for layer in layers}
