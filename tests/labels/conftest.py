"""A model whose checkpoints are on a hub."""

import pytest
from labels.remote import make_remote, wait_for_fetches
from standin import Hub, connect


@pytest.fixture(scope="session")
def remote():
    """A model whose checkpoints are on a hub."""
    return make_remote()


@pytest.fixture
def hub(remote, monkeypatch, tmp_path):
    """The stand-in that serves them, with this process's clients pointed at it."""
    with Hub(remote.repositories()) as running:
        connect(monkeypatch, running.endpoint, tmp_path / "home")
        yield running
        wait_for_fetches()
