"""A stand-in for the hub, with the client of this process pointed at it and an empty cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.small_hub import HASTY, LABELS, small_repositories
from standin import Hub, connect

from memorization.suite.hub import Repository, asking


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in HASTY.items():
        monkeypatch.setattr(asking, name, seconds)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with Hub(small_repositories(), page=2) as running:
        connect(monkeypatch, running.endpoint, tmp_path / "home")
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hub"


@pytest.fixture
def labels(hub: Hub) -> Repository:
    return Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))
