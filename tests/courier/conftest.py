"""A realm for every test of the dispatcher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.courier.desk import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An empty realm."""
    opened = await Desk.open(tmp_path)
    yield opened
    await opened.close()
