import shutil

import numpy as np
import pytest
from miniature_study import MEMORIZED, POPULATION, TARGET, sample

from memorization import tables
from memorization.errors import UserError
from memorization.harness import Sample
from memorization.harness.sample import studied_target


def test_a_sample_is_read_whatever_the_order_of_its_tables(study):
    index, weight = sample()
    found = Sample.read(study)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.weight, weight)
    np.testing.assert_array_equal(found.cluster, index // 3)
    np.testing.assert_array_equal(found.fold, index // 3 % 4)


def test_without_splits_there_are_folds_but_no_clusters(study, tmp_path):
    shutil.copy(study / "sequences.parquet", tmp_path)
    found = Sample.read(tmp_path)
    assert found.cluster is None
    assert set(found.fold) == set(range(5))


def test_tables_of_two_runs_are_not_mixed(study, tmp_path):
    shutil.copy(study / "sequences.parquet", tmp_path)
    splits = tables.read_table(study / "splits.parquet", tables.SPLITS)
    tables.write_table(splits.iloc[1:], tmp_path / "splits.parquet", tables.SPLITS)
    with pytest.raises(UserError, match="different runs"):
        Sample.read(tmp_path)


def test_no_study_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="dvc repro"):
        Sample.read(tmp_path)
    assert studied_target(tmp_path) is None


@pytest.mark.parametrize("target", [TARGET, "micro-b"])
def test_weights_recover_what_is_known_of_any_target(study, target):
    found = Sample.read(study)
    memorized = np.isin(found.index, MEMORIZED[target])
    weight = found.weights_for(memorized, POPULATION, len(MEMORIZED[target]))
    assert weight[memorized].sum() == pytest.approx(len(MEMORIZED[target]))
    assert weight.sum() == pytest.approx(POPULATION)
    # Within a class the odds of the design stay as they are.
    for rows in (memorized, ~memorized):
        assert np.ptp(weight[rows] / found.weight[rows]) == pytest.approx(0, abs=1e-12)
    if target == TARGET:
        np.testing.assert_allclose(weight, found.weight)


def test_a_target_of_which_the_sample_holds_nothing(study):
    found = Sample.read(study)
    nothing = np.zeros(len(found.index), bool)
    np.testing.assert_allclose(
        found.weights_for(nothing, POPULATION, 0).sum(),
        POPULATION,
        err_msg="none in the population",
    )
    with pytest.raises(UserError, match="holds none of the 7 sequences"):
        found.weights_for(nothing, POPULATION, 7)
