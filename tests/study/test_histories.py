"""Histories are those of the sequences that are asked for, whatever the order of the tables."""

import numpy as np
import pandas as pd
import pytest

from memorization import tables
from memorization.errors import UserError
from memorization.labels.trajectories import Trajectories
from memorization.study import Histories
from memorization.study.histories import rows_of

N = 200
STEPS = np.array([10, 20, 30])


def made_up():
    rng = np.random.default_rng(0)
    length = rng.integers(0, 33, (N, 3)).astype(np.int8)
    observed = np.arange(3) >= rng.integers(0, 2, N)[:, None]
    return Trajectories(3 * np.arange(N), STEPS, length, length * -1.0, observed)


def test_rows_follow_the_index():
    trajectories = made_up()
    order = np.random.default_rng(5).permutation(N)[:50]
    found = rows_of(trajectories, trajectories.index[order])
    np.testing.assert_array_equal(found.match_length, trajectories.match_length[order])
    np.testing.assert_array_equal(found.observed, trajectories.observed[order])
    for unknown in (np.array([1]), np.array([0, 3 * N])):
        with pytest.raises(UserError, match="different runs"):
            rows_of(trajectories, unknown)


def write(folder, trajectories, rows, steps=STEPS):
    trajectories.write(folder / "trajectories.npz")
    index = trajectories.index[rows]
    table = pd.DataFrame(
        {
            "index": np.repeat(index, len(steps)),
            "step": np.tile(steps, len(index)).astype(np.int32),
            "count": np.int32(1),
            "continuation_count": (np.repeat(index, len(steps)) % 50).astype(np.int32),
        }
    )
    tables.write_table(table, folder / "exposures.parquet", tables.EXPOSURES)


def test_exposures_are_those_of_the_rows(tmp_path):
    trajectories = made_up()
    write(tmp_path, trajectories, np.arange(N)[::-1])
    order = np.random.default_rng(1).permutation(N)
    index = trajectories.index[order]
    found = Histories.read(tmp_path, index)
    assert found.seen.tolist() == [[own % 50] * 3 for own in index]
    np.testing.assert_array_equal(found.memorized, trajectories.memorized[order])
    assert len(found.take(np.array([5, 7]))) == 2
    assert found.unseen().seen is None


def test_tables_of_another_run_are_refused(tmp_path):
    trajectories = made_up()
    write(tmp_path, trajectories, np.arange(N), STEPS + 1)
    with pytest.raises(UserError, match="not about the sequences and checkpoints"):
        Histories.read(tmp_path, trajectories.index[:5])
    write(tmp_path, trajectories, np.arange(20))
    with pytest.raises(UserError, match=r"exposures\.parquet: .* run `dvc repro`"):
        Histories.read(tmp_path, trajectories.index[:10])
    with pytest.raises(UserError, match="not about the sequences and checkpoints"):
        Histories.read(tmp_path, trajectories.index[:30])


def test_without_the_training_data_no_exposures_are_known(tmp_path):
    trajectories = made_up()
    trajectories.write(tmp_path / "trajectories.npz")
    tables.write_table(
        tables.empty_table(tables.EXPOSURES), tmp_path / "exposures.parquet", tables.EXPOSURES
    )
    assert Histories.read(tmp_path, trajectories.index[:5]).seen is None
