import numpy as np
import pytest

from memorization.errors import UserError
from memorization.labels.trajectories import Trajectories, published_trajectories

FOUND = published_trajectories(np.array([1, 9]), {2: np.array([1]), 3: np.array([9])}, 4)


def test_written_and_read(tmp_path):
    FOUND.write(tmp_path / "a.npz")
    again = Trajectories.read(tmp_path / "a.npz")
    for name, array in vars(FOUND).items():
        np.testing.assert_array_equal(getattr(again, name), array)
        assert getattr(again, name).dtype == array.dtype
    with np.load(tmp_path / "a.npz") as saved:
        np.testing.assert_array_equal(saved["memorized"], [[True, False], [False, True]])
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    FOUND.write(tmp_path / "a.npz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    FOUND.write(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("damage", ["empty", "cut", "garbled", "zip", "arrays", "text"])
def test_damaged(tmp_path, damage):
    path = tmp_path / "a.npz"
    FOUND.write(path)
    whole = path.read_bytes()
    content = {
        "empty": b"",
        "cut": whole[:-40],
        "garbled": whole[:60] + bytes(30) + whole[90:],
        "zip": b"PK\x03\x04broken",
        "text": b"no archive at all",
    }
    if damage == "arrays":
        np.savez(path, index=FOUND.index)
    else:
        path.write_bytes(content[damage])
    with pytest.raises(UserError, match=r"damaged \(.*\); run `dvc repro labels`") as caught:
        Trajectories.read(path)
    assert "\n" not in str(caught.value)


def test_missing(tmp_path):
    with pytest.raises(UserError, match="not found; run `dvc repro labels`"):
        Trajectories.read(tmp_path / "none.npz")
