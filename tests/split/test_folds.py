import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorization.errors import UserError
from memorization.split.folds import assign_folds


@given(
    st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=20, max_size=80),
    st.integers(2, 4),
)
def test_no_cluster_in_two_folds(rows, n_folds):
    cluster, case = (np.array(column) for column in zip(*rows, strict=True))
    if len(np.unique(cluster)) < n_folds:
        with pytest.raises(UserError, match=f"split.folds={n_folds}: .* fewer folds"):
            assign_folds(cluster, case, n_folds, np.random.default_rng(0))
        return
    fold = assign_folds(cluster, case, n_folds, np.random.default_rng(0))
    assert fold.dtype == np.int32
    assert set(np.unique(fold)) <= set(range(n_folds))
    assert len(np.unique(np.c_[cluster, fold], axis=0)) == len(np.unique(cluster))


def test_rows_alone_are_dealt_evenly():
    case = np.arange(103) < 17
    fold = assign_folds(np.arange(103), case, 5, np.random.default_rng(0))
    for stratum in (case, ~case):
        counts = np.bincount(fold[stratum], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_both_strata_are_balanced_around_large_clusters():
    rng = np.random.default_rng(1)
    sizes = np.r_[300, 120, 60, rng.integers(2, 12, size=60), np.ones(1500, dtype=int)]
    cluster = np.arange(len(sizes)).repeat(sizes)
    # The largest clusters hold cases only; the cases of others are spread.
    case = (cluster < 3) | (rng.random(len(cluster)) < 0.2)
    fold = assign_folds(cluster, case, 5, rng)
    others = np.bincount(fold[~case], minlength=5)
    assert others.max() - others.min() <= 1
    cases = np.bincount(fold[case], minlength=5)
    # The cluster of 300 is larger than a fifth of the cases; the other folds share the rest.
    assert cases.max() <= 310
    assert np.sort(cases)[:-1].max() - cases.min() <= 2


def test_only_the_generator_decides_ties():
    cluster, case = np.arange(50), np.arange(50) < 10
    first, again, other = (
        assign_folds(cluster, case, 5, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    # Every fold is the first to be filled for some seed: no row is bound to a fold.
    of_first_row = [assign_folds(cluster, case, 5, np.random.default_rng(s))[0] for s in range(40)]
    assert set(of_first_row) == set(range(5))
