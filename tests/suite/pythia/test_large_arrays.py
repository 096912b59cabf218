import numpy as np
import pytest

from memorization.suite.pythia.pieces import growing

ROWS = np.arange(12, dtype=np.uint16).reshape(4, 3)


def fill(path, until, state=None, shape=(4, 3)):
    with growing(path, shape) as file:
        seen = file.done, file.state
        for row in range(file.done, until):
            file.append(ROWS[row : row + 1], state)
        if until < 4:
            file.file.write(b"more")  # written, but not said to be
            raise KeyboardInterrupt
    return seen


def test_an_interrupted_array_goes_on(tmp_path):
    whole, path = tmp_path / "whole.npy", tmp_path / "a.npy"
    assert fill(whole, 4) == (0, None)
    for until in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            fill(path, until, {"documents": until})
        assert not path.exists()
    assert fill(path, 4) == (3, {"documents": 3})
    assert path.read_bytes() == whole.read_bytes()
    np.testing.assert_array_equal(np.load(path), ROWS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "whole.npy"]


def test_what_was_kept_of_another_shape_is_not_taken_up(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a.npy", 2, shape=(5, 3))
    assert fill(tmp_path / "a.npy", 4) == (0, None)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS)


@pytest.mark.parametrize("lost", ["a.growing", "a.done"])
def test_half_of_what_was_kept_is_lost(tmp_path, lost):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a.npy", 2)
    (tmp_path / lost).unlink()
    assert fill(tmp_path / "a.npy", 4) == (0, None)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS)


def test_fewer_rows_than_announced(tmp_path):
    with growing(tmp_path / "a.npy", (4, 3)) as file:
        file.append(ROWS[:2])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS[:2])
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


def test_what_was_kept_is_shorter_than_said(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a.npy", 2)
    (tmp_path / "a.growing").write_bytes(b"sh")
    assert fill(tmp_path / "a.npy", 4) == (0, None)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS)
