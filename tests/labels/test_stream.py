import threading
import time

import pytest

from memorization.errors import UserError
from memorization.labels.checkpoints import streamed

STEPS = [40, 10, 20, 30]


class Store:
    """Fetches folders, and remembers the most that were on disk at a time."""

    def __init__(self, folder, fail_at=None, error=None):
        self.folder, self.fail_at, self.error = folder, fail_at, error
        self.fetched, self.most, self.threads = [], 0, set()

    def fetch(self, step, place):
        self.fetched.append(step)
        self.threads.add(threading.current_thread())
        if step == self.fail_at:
            raise self.error
        (place / "weights").write_text((self._read(place) or "") + f"{step}")
        self.most = max(self.most, len(list(self.folder.iterdir())))

    def _read(self, place):
        return (place / "weights").read_text() if (place / "weights").exists() else None

    def stream(self, steps=STEPS):
        return streamed(steps, self.fetch, self._read, self.folder)


def test_every_step_in_order_and_at_most_two_on_disk(tmp_path):
    store = Store(tmp_path / "checkpoints")
    seen = []
    for step, content in store.stream():
        time.sleep(0.02)  # the next is there meanwhile
        on_disk = sorted(path.name for path in store.folder.iterdir())
        assert f"step{step}" in on_disk
        assert len(on_disk) == (2 if step != STEPS[-1] else 1)
        seen.append((step, content))
    assert seen == [(step, str(step)) for step in STEPS]
    assert store.most == 2
    assert list(store.folder.iterdir()) == []
    assert threading.main_thread() not in store.threads
    assert list(Store(tmp_path / "none").stream([])) == []


def test_a_half_fetched_step_is_gone_on_with_and_never_taken_for_a_whole_one(tmp_path):
    store = Store(tmp_path / "checkpoints")
    half = store.folder / "step40.partial"
    half.mkdir(parents=True)
    (half / "weights").write_text("half of ")
    assert list(store.stream([40])) == [(40, "half of 40")]


def test_a_failure_comes_when_its_step_is_asked_for(tmp_path):
    store = Store(tmp_path / "checkpoints", 20, UserError("EleutherAI/pythia: no revision"))
    stream = store.stream()
    assert [next(stream)[0], next(stream)[0]] == [40, 10]
    with pytest.raises(UserError, match="no revision"):
        next(stream)


def test_a_full_disk_is_one_line(tmp_path):
    store = Store(tmp_path / "checkpoints", 10, OSError(28, "No space left on device"))
    stream = store.stream()
    assert next(stream)[0] == 40
    with pytest.raises(UserError, match=r"No space left.*two checkpoints must fit") as caught:
        next(stream)
    assert "\n" not in str(caught.value)
